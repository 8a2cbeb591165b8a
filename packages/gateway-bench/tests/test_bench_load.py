"""The load: jobs one after another, the warm-up, the schedule of an open loop, distributions, the journey."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway_bench.errors import BenchError, LoadFailed
from gateway_bench.load import visitor
from gateway_bench.load.address import Address
from gateway_bench.load.crowd_load import drive
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Job, serve_jobs
from gateway_bench.load.latency import Latencies, Latency, curve, described, summarize
from gateway_bench.load.scenarios import SCENARIOS, Answer
from gateway_bench.load.schedule import Schedule, Timeline, intended
from gateway_bench.load.shapes import step
from gateway_bench.load.visitor import Failure, Visitor
from gateway_bench.load.warming import WINDOW, Warming
from gateway_bench.load.wrk import read_wrk, uncorrected, warm_up
from gateway_bench.servers.service import server_environment, started

DATA = Path(__file__).parent / "data"
READY = re.compile(r"ready (\S+)")
LOCUST = "gateway_bench.load.locust_load"
CROWD = "gateway_bench.load.crowd_load"


@contextmanager
def server(name: str, mode: str) -> Iterator[Address]:
    """A server of data/, behaving as `mode` says."""
    with started([sys.executable, str(DATA / name), mode], READY, dict(os.environ), DATA) as (_, address):
        yield address


def job(address: Address | None = None, **fields: Any) -> Any:
    return {
        "address": str(address), "keep_alive": True, "scenario": "hello", "users": 2, "warmup": 0.0, "seconds": 0.1,
        "min_requests": 1, "max_seconds": 5.0,
    } | fields  # fmt: skip


# -- one process, many jobs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [LOCUST, CROWD])
def test_one_process_does_many_jobs(module: str) -> None:
    with server("small_server.py", "good") as address, LoadProcess(module) as load:
        pids, scenarios = set(), ("hello", "guestbook", "hello")
        for scenario in scenarios:
            load.prepare(job(address, scenario=scenario, warmup=0.02))
            load.warm_up()
            told = load.go()
            pids.add(load.pid)
            assert told["errors"] == {}
            assert told["requests"] >= 1
            assert list(told["exchanges"]) == [exchange.name for exchange in sorted_by_name(scenario)]
            assert told["lateness"] is None
            assert told["timeline"] == []
            assert 0 < told["warmup"]["seconds"] < 5
            assert (told.get("generator_wait") is None) == (not sys.platform.startswith("linux"))
        assert pids == {load.pid} != {0}
    assert load.pid == 0
    assert psutil.Process().children() == []


def sorted_by_name(scenario: str) -> list[Any]:
    return sorted(SCENARIOS[scenario].visit("1"), key=lambda exchange: exchange.name)


@pytest.mark.parametrize("module", [LOCUST, CROWD])
def test_a_load_process_ends_with_its_input(module: str) -> None:
    with server("small_server.py", "good") as address, LoadProcess(module) as load:
        load.prepare(job(address))
        load.warm_up()
        process = load._process
        assert process
        assert process.stdin
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("module", "fields", "sentence"),
    [
        (LOCUST, {"users": 901}, "has 1 to 900 visitors, not 901"),
        (LOCUST, {"scenario": "nonsense"}, "KeyError: 'nonsense'"),
        (CROWD, {"rate": 9.0}, "closed loops only"),
        (CROWD, {"shape": step(1, 2, 2, 1)}, "closed loops only"),
    ],
)
def test_a_job_that_cannot_be_done_is_answered_in_one_sentence(
    module: str, fields: dict[str, Any], sentence: str
) -> None:
    with server("small_server.py", "good") as address, LoadProcess(module) as load:
        load.prepare(job(address) | fields)
        with pytest.raises(LoadFailed, match=sentence):
            load.warm_up()
        assert load.pid == 0
        load.prepare(job(address))  # another process
        load.warm_up()
        assert load.go()["errors"] == {}


def test_the_words_of_a_load_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    monkeypatch.setattr("gateway_bench.load.generator.START_LIMIT", 1.0)
    monkeypatch.setattr("gateway_bench.load.generator.REQUEST_LIMIT", 0.0)
    with LoadProcess("odd_load") as load:
        for _ in range(2):
            load.prepare(job(scenario="long"))
            load.warm_up()
            told: dict[str, Any] = dict(load.go())
            assert len(told["filling"]) == 3_000_000
        load.prepare(job(scenario="sentence"))
        with pytest.raises(LoadFailed, match="could not do it: nobody is at home"):
            load.warm_up()
        with pytest.raises(LoadFailed, match="no job"):
            load.warm_up()
        with pytest.raises(LoadFailed, match="ended early"):
            load.begin()
        load.prepare(job(scenario="crash"))
        with pytest.raises(LoadFailed, match="without an answer") as crashed:
            load.warm_up()
        assert "this was to come" in crashed.value.output
        load.prepare(job(scenario="silent"))
        with pytest.raises(LoadFailed, match="silent for 1 s"):
            load.warm_up()
        assert load.pid == 0


def test_what_comes_between_two_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["stop\n", json.dumps({"n": 1}) + "\n", "go\n", "stop\n", json.dumps({"n": 2}) + "\n", ""])
    done: list[Any] = []

    def do(job: Job, wait_for_go: Any) -> Any:
        done.append(job)
        wait_for_go()
        return {"number": len(done)}

    with pytest.raises(SystemExit) as ended:
        serve_jobs(do, lambda: next(lines))
    assert ended.value.code == 0  # whoever started it left before the second "go"
    assert done == [{"n": 1}, {"n": 2}]
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"phase": "warm"}, {"number": 1}, {"phase": "warm"},
    ]  # fmt: skip


STUMBLE = """
import sys
from gateway_bench.load.locust_load import main
from gateway_bench.load.scenarios import SCENARIOS, Exchange, Scenario
SCENARIOS["hello"] = Scenario("hello", "", "", lambda token: (Exchange("GET", "/hello", lambda answer: str(1 / 0)),))
sys.exit(main())
"""


def test_a_fault_of_our_own_is_no_visit_that_nobody_counts() -> None:
    with server("small_server.py", "good") as address:
        words = json.dumps(job(address, max_seconds=0.2)) + "\ngo\n"
        done = subprocess.run([sys.executable, "-c", STUMBLE], input=words, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout.splitlines()[-1]) == {"failed": "RuntimeError: a visitor stumbled: division by zero"}
    assert "lambda answer" in done.stderr or "<lambda>" in done.stderr
    assert done.returncode == 1


# -- the warm-up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "limit", "windows", "settled"),
    [
        ([10] * 30, 90, 10, True),
        ([1] * 5 + [10] * 30, 90, 15, True),  # after 14, four of 10 and one of 1 are before five of 10: +22 %
        ([10, 20, 30, 40, 50, 60, 70] + [80] * 30, 90, 16, True),
        ([80] * 5 + [10] * 30, 90, 10, True),  # it falls: that is no reason to go on
        ([10] * 30, 5, 5, False),
        (list(range(0, 900, 10)), 30, 30, False),  # it rises all the time
        ([0] * 30, 20, 20, False),  # nobody answers
    ],
)
def test_a_warm_up_ends_when_the_rate_has_stopped_rising(
    counts: list[int], limit: int, windows: int, settled: bool
) -> None:
    """Counts are answers in each window, the limit is a number of windows."""
    now = 50.0
    answered = [0, *itertools.accumulate(counts)]
    warming = Warming(limit * WINDOW, lambda: answered[int((now - 50.0) / WINDOW + 1e-6)], lambda: now)
    for tick in range(1000):
        now = 50.0 + tick * WINDOW / 10 + 1e-9
        if not warming.lasts():
            break
    told = warming.told()
    assert (len(told["rates"]), told["settled"]) == (windows, settled)
    assert told["seconds"] == pytest.approx(windows * WINDOW, abs=0.11 * WINDOW)
    assert told["rates"] == [pytest.approx(count / WINDOW) for count in counts[:windows]]
    assert not warming.lasts()


def test_windows_that_nobody_looked_at_have_what_was_answered_in_them_together() -> None:
    now = 0.0
    warming = Warming(9.0, lambda: int(now * 1000), lambda: now)
    now = 3.5 * WINDOW
    assert warming.lasts()
    assert warming.told()["rates"] == [3500.0, 0.0, 0.0]


def test_a_warm_up_for_another_generator() -> None:
    with server("small_server.py", "good") as address, LoadProcess(CROWD) as crowd:
        told = warm_up(
            crowd, job(address, warmup=3.5 * WINDOW, rate=9.0, seconds=60.0, min_requests=10**6, max_seconds=60.0)
        )
    assert len(told["rates"]) == 3
    assert sum(told["rates"]) > 0


# -- the open loop ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "least", "most"),
    [
        ({"rate": 1000.0, "seconds": 2.0}, 1.5, 2.0),
        ({"rate": 100.0, "seconds": 0.1, "min_requests": 300}, 2.0, 4.5),  # until enough are intended
        ({"rate": 100.0, "seconds": 0.1, "min_requests": 9_000, "max_seconds": 3.0}, 2.5, 3.0),
        ({"shape": step(100, 300, 2, 2.0)}, 1.5, 2.0),
        ({"shape": step(100, 300, 2, 20.0), "max_seconds": 3.0}, 2.5, 3.0),
    ],
)
def test_intended_times(fields: dict[str, Any], least: float, most: float) -> None:
    times = list(intended(job(**fields, seed=5)))
    assert times == sorted(times) == list(intended(job(**fields, seed=5)))
    assert times != list(intended(job(**fields, seed=6)))
    assert times[0] >= 0
    assert least <= times[-1] < most
    if fields.get("min_requests") == 300:
        assert len(times) == 300


def test_a_schedule_gives_each_time_once_and_counts_what_it_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10**9
    monkeypatch.setattr("time.perf_counter_ns", lambda: now)
    the_job = job(shape=step(40, 80, 2, 1.0), max_seconds=2.0, seed=9)
    times = list(intended(the_job))
    schedule = Schedule(the_job, each=3)
    start = 10**9 + 20_000_000
    assert [schedule.next() for _ in range(10)] == [start + round(at * 1e9) for at in times[:10]]
    now = start + 2_100_000_000
    assert schedule.next() is None
    assert schedule.next() is None
    assert schedule.unanswered == len(times) - 10
    assert schedule.span() == 1.0
    assert schedule.timeline
    moments = schedule.timeline.moments()
    assert sum(moment["offered"] for moment in moments) * 0.25 == len(times) * 3
    assert sum(moment["errors"] for moment in moments) == len(times) - 10


def test_a_timeline() -> None:
    timeline = Timeline(start=5_000_000_000, each=2)
    for due in (5.01, 5.02, 5.6):
        timeline.offer(round(due * 1e9))
    for number in range(1, 101):
        timeline.answered(5_100_000_000, number)
    timeline.failed(5_900_000_000)
    zero = {"answered": 0.0, "p50": 0, "p99": 0}
    assert timeline.moments() == [
        {"at": 0.0, "offered": 16.0, "answered": 400.0, "p50": 50, "p99": 99, "errors": 0},
        {"at": 0.25, "offered": 0.0, "errors": 0} | zero,
        {"at": 0.5, "offered": 8.0, "errors": 0} | zero,
        {"at": 0.75, "offered": 0.0, "errors": 1} | zero,
    ]
    assert Timeline(0, 1).moments() == []


def test_every_intended_visit_is_made_and_counted() -> None:
    with server("small_server.py", "good") as address, LoadProcess() as load:
        for fields in (
            {"rate": 200.0, "seed": 1, "seconds": 0.5},
            {"rate": 100.0, "seed": 2, "seconds": 0.1, "min_requests": 20, "scenario": "guestbook", "users": 7},
            {"shape": step(50, 100, 2, 0.5), "seed": 3},
        ):
            the_job = job(address, **fields)
            visits, each = len(list(intended(the_job))), len(SCENARIOS[the_job["scenario"]].visit("1"))
            load.prepare(the_job)
            load.warm_up()
            told = load.go()
            assert (told["requests"], told["errors"]) == (visits * each, {})
            assert told["latency"]["count"] == visits * each
            assert told["lateness"]
            assert 0 < told["lateness"]["count"] <= visits
            offered = sum(moment["offered"] for moment in told["timeline"]) * 0.25
            answered = sum(moment["answered"] for moment in told["timeline"]) * 0.25
            assert offered == answered == (visits if "shape" in fields else 0)
            assert told["seconds"] >= 0.1


def test_visits_that_a_slow_server_has_no_time_for_are_errors() -> None:
    with server("known_server.py", "single") as address, LoadProcess() as load:  # it answers 200 a second
        the_job = job(address, rate=2_000.0, seconds=0.5, max_seconds=0.5, users=4)
        load.prepare(the_job)
        load.warm_up()
        told = load.go()
    assert list(told["errors"]) == ["unanswered"]
    assert told["requests"] == len(list(intended(the_job)))
    assert told["latency"]["count"] == told["requests"] - told["errors"]["unanswered"] > 0
    assert told["latency"]["max"] > 100_000  # they were behind by most of the time


def test_a_visitor_looks_at_an_idle_connection_before_it_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor, "A_WHILE", 0.0)
    (hello,) = SCENARIOS["hello"].visit("1")
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n"
    closed = threading.Event()

    def serve(listener: socket.socket) -> None:
        for words in (b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n", b""):
            with listener.accept()[0] as connection:
                for _ in range(2 - bool(words)):  # the first one is used twice
                    connection.recv(65_536)
                    connection.sendall(answer)
                connection.sendall(words)
            closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        someone = Visitor(Address("http", "127.0.0.1", listener.getsockname()[1]))
        for number in range(5):
            assert someone.fetch(hello) == Answer(200, b"Hello, world!\n")
            if number in (1, 2):
                assert closed.wait(10)
                closed.clear()
        someone.close()
        thread.join()
    with pytest.raises(Failure, match="connect"):
        someone.fetch(hello)


# -- distributions ---------------------------------------------------------------------------------------------------


def test_latencies_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_bench.load.latency.DIFFERENT_MAX", 50)  # so that some go into the histogram early
    draw = random.Random(4)
    latencies = Latencies()
    values = [round(draw.expovariate(1 / 900)) + 1 for _ in range(5_000)]
    for number, value in enumerate(values):
        latencies.record("ab"[number % 2], value)
    whole, parts = latencies.together(), latencies.by_name()
    assert list(parts) == ["a", "b"]
    assert (whole["count"], parts["a"]["count"]) == (5_000, 2_500)
    assert whole == described((value, 1) for value in values) == latencies.together()
    again = summarize(parts.values())
    assert {**again, "max": 0, "histogram": ""} == {**whole, "max": 0, "histogram": ""}
    for name, place in (("p50", 2_500), ("p90", 4_500), ("p99", 4_950), ("p999", 4_995)):
        told: int = whole[name]  # type: ignore[literal-required]  # the names are those above
        assert told == pytest.approx(sorted(values)[place - 1], rel=0.002)
    assert whole["max"] == pytest.approx(max(values), rel=0.001)


def test_latencies_at_the_ends() -> None:
    latencies = Latencies()
    nothing = latencies.together()
    assert {**nothing, "histogram": ""} == Latency(count=0, p50=0, p90=0, p99=0, p999=0, max=0, histogram="")
    latencies.record("x", -5)
    latencies.record("x", 10**12, count=3)
    told = latencies.together()
    assert told["count"] == 4
    assert told["max"] == pytest.approx(120_000_000, rel=0.001)
    assert summarize([nothing, told])["count"] == 4
    assert curve(nothing) == curve(told) == []


@pytest.mark.parametrize(
    ("count", "last"), [(9, None), (10, 0.0), (20, 50.0), (999, 95.0), (1_000, 99.0), (9_999, 99.5), (10_000, 99.9)]
)
def test_a_curve_goes_as_far_as_the_count_supports(count: int, last: float | None) -> None:
    told = curve(described((value, 1) for value in range(1, count + 1)))
    assert (told[-1][0] if told else None) == last
    assert [value for _, value in told] == sorted(value for _, value in told)
    if count == 10_000:
        assert dict(told)[50.0] == pytest.approx(5_000, rel=0.002)
        assert told[0] == (0.0, 1)


def corrected(counts: dict[int, int], usual: int) -> Counter[int]:
    """What wrk makes of a distribution before it prints it."""
    added = Counter(counts)
    for latency in range(2 * usual + 1, max(counts) + 1):
        for more in range(latency - usual, usual, -usual):
            added[more] += added[latency]
    return added


@pytest.mark.parametrize("seed", range(6))
def test_what_wrk_has_added_is_taken_away(seed: int) -> None:
    draw = random.Random(seed)
    counts = Counter(round(draw.expovariate(1 / 80)) + 5 for _ in range(400))
    counts.update(draw.randrange(1_000, 9_000) for _ in range(9))
    requests, connections, duration = sum(counts.values()), 4, 400 // 4 * 90
    usual = duration // (requests // connections)
    printed = corrected(dict(counts), usual)
    assert sum(printed.values()) > requests
    assert uncorrected(dict(printed), requests, connections, duration) == counts
    assert uncorrected(dict(counts), requests, connections, duration) == counts  # of a wrk that adds nothing


def test_figures_of_wrk() -> None:
    told = read_wrk(
        {"requests": 1000, "bytes": 99, "duration_us": 2_000_000, "latencies": [[80, 900], [99, 100]],
         "errors": {"connect": 1, "closed": 0, "write": 0, "status": 10, "timeout": 2}}, 8, 0.5,
    )  # fmt: skip
    assert (told["requests"], told["seconds"], told["generator_cpu"]) == (1003, 2.0, 0.5)
    assert told["errors"] == {"connect": 1, "status": 10, "timeout": 2}
    assert (told["latency"]["count"], told["latency"]["p50"], told["latency"]["p99"]) == (1000, 80, 99)


# -- the journey -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "wsgi_server demo_app:app",
        "fastcgi_server demo_app:app",
        "scgi_server demo_app:app",
        "uwsgi_gateway demo_app:app",
        "cgi_runner --app demo_app:app --env DEMO_APP_DB",
    ],
)
def test_the_journey_goes_through_every_gateway(command: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", *command.split(), "--bind", "127.0.0.1:0"]
    environment = server_environment(tmp_path / "guestbook.sqlite3")
    with started(argv, READY, environment, tmp_path) as (_, address):
        someone = Visitor(address)
        for exchange in SCENARIOS["journey"].visit("7-1"):
            answer = someone.fetch(exchange)
            assert exchange.check(answer) is None, exchange.name
            assert exchange.check(Answer(500, answer.content)) == "status 500"
            if answer.status == 200:
                assert exchange.check(Answer(200, answer.content[:-20])) == "content"
        asleep = someone.fetch(SCENARIOS["sleep"].visit("1")[0])  # the only one with a query
        assert asleep == Answer(200, b"slept 200 ms\n")
        someone.close()


def test_the_crowd_makes_the_journey(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0"]
    with started(argv, READY, server_environment(tmp_path / "guestbook.sqlite3"), tmp_path) as (_, address):
        told = drive(
            job(address, scenario="journey", max_visits=3, users=1, seconds=60.0, max_seconds=60.0), lambda: None
        )
    assert (told["requests"], told["errors"]) == (18, {})
    with pytest.raises(BenchError, match="locust"):
        drive(job(address, rate=1.0), lambda: None)
