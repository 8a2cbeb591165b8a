"""A team without its processes: shares that add up, yields put together, who may join and what they can reach."""

from __future__ import annotations

import random
from dataclasses import dataclass
from socket import gethostname

import pytest

from gateway_bench.errors import BenchError
from gateway_bench.load.address import parse_address
from gateway_bench.load.job import Job, Moment, Warmup, Yield
from gateway_bench.load.latency import Latencies, Latency
from gateway_bench.load.shapes import ramp, spike
from gateway_bench.load.team import busiest, shares, together
from gateway_bench.load.team_hello import Hello, hello, invitation, parse_master, refusal
from gateway_bench.load.team_reach import neighbours, place, within_reach

JOB = Job(
    address="http://10.0.0.1:8000",
    keep_alive=True,
    scenario="hello",
    users=10,
    warmup=0.5,
    seconds=2.0,
    min_requests=101,
    max_seconds=8.0,
    rate=1000.0,
    seed=7,
)


@dataclass
class Told:
    """What a worker measured, for `yielded`."""

    seconds: float = 2.0
    latencies: tuple[int, ...] = (100,)
    errors: tuple[tuple[str, int], ...] = ()
    cpu: float = 1.0
    waited: float | None = 0.0
    rates: tuple[float, ...] = (10.0,)
    settled: bool = True
    late: tuple[int, ...] | None = None
    timeline: tuple[Moment, ...] = ()
    name: str = "GET /hello"


def distribution(values: tuple[int, ...]) -> Latency:
    latencies = Latencies()
    for value in values:
        latencies.record("", value)
    return latencies.together()


def yielded(told: Told) -> Yield:
    latency = distribution(told.latencies)
    return Yield(
        seconds=told.seconds,
        requests=len(told.latencies) + sum(count for _, count in told.errors),
        errors=dict(told.errors),
        content_bytes=14 * len(told.latencies),
        latency=latency,
        exchanges={told.name: latency},
        generator_cpu=told.cpu,
        generator_wait=told.waited,
        warmup=Warmup(seconds=0.25 * len(told.rates), rates=list(told.rates), settled=told.settled),
        lateness=None if told.late is None else distribution(told.late),
        timeline=list(told.timeline),
    )


def whole(*parts: Told) -> Yield:
    """Put together what each of the workers w0, w1, ... told of its share."""
    split = shares(JOB, len(parts))
    return together(
        [(f"w{number}", share, yielded(told)) for number, (share, told) in enumerate(zip(split, parts, strict=True))]
    )


@pytest.mark.parametrize(
    ("users", "workers", "split"),
    [(10, 1, [10]), (10, 2, [5, 5]), (10, 3, [4, 3, 3]), (10, 4, [3, 3, 2, 2]), (3, 5, [1, 1, 1]), (1, 4, [1])],
)
def test_users_are_shared_evenly_and_who_gets_none_gets_no_share(users: int, workers: int, split: list[int]) -> None:
    assert [share["users"] for share in shares({**JOB, "users": users}, workers)] == split


@pytest.mark.parametrize("seed", range(20))
def test_shares_add_up_to_the_job_exactly(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(50):
        users, workers, rate = draw.randint(1, 300), draw.randint(1, 40), draw.choice([0.0, 0.1, 1e-9, 1 / 3, 1e6])
        rate *= draw.random()
        shape = ramp(draw.random() * 100, draw.random() * 1e5, 10)
        parts = shares({**JOB, "users": users, "rate": rate, "shape": shape}, workers)
        assert sum(part["users"] for part in parts) == users
        assert sum(part["min_requests"] for part in parts) == JOB["min_requests"]
        assert sum(part["rate"] for part in parts) == rate
        assert sum(part["shape"]["start"] for part in parts) == shape["start"]
        assert sum(part["shape"]["top"] for part in parts) == shape["top"]
        for part in parts:
            assert part["rate"] == pytest.approx(rate * part["users"] / users)


def test_a_share_is_the_job_in_all_that_is_not_shared() -> None:
    job: Job = {**JOB, "shape": spike(10, 100, 3)}
    for share in shares(job, 4):
        assert share["shape"]["kind"] == "spike"
        assert share["shape"]["seconds"] == 3
        shared = ("users", "rate", "seed", "min_requests", "shape")
        assert {k: v for k, v in share.items() if k not in shared} == {k: v for k, v in job.items() if k not in shared}
    assert job["users"] == 10  # and the job is what it was


def test_no_two_shares_of_any_jobs_have_a_seed_in_common() -> None:
    seeds = [share["seed"] for seed in range(50) for share in shares({**JOB, "seed": seed}, 4)]
    assert len(set(seeds)) == len(seeds)


def test_a_closed_loop_has_no_rate_to_share() -> None:
    job = JOB.copy()
    del job["rate"], job["seed"]
    assert [share["rate"] for share in shares(job, 3)] == [0, 0, 0]
    assert len({share["seed"] for share in shares(job, 3)}) == 3


def test_what_can_be_added_is_added() -> None:
    found = whole(
        Told(latencies=(100, 200), errors=(("closed", 2), ("timeout", 1)), cpu=1.5),
        Told(latencies=(300,), errors=(("closed", 3),), cpu=0.5, seconds=2.5),
    )
    assert (found["requests"], found["content_bytes"], found["generator_cpu"]) == (9, 42, 2.0)
    assert found["errors"] == {"closed": 5, "timeout": 1}
    assert found["seconds"] == 2.5


def test_percentiles_of_the_whole_are_those_of_all_values_and_not_a_mean() -> None:
    slow, fast = tuple(range(10_000, 10_100)), tuple(range(100, 1000))
    found = whole(Told(latencies=slow), Told(latencies=fast))
    assert found["latency"] == distribution(slow + fast)
    assert found["latency"]["count"] == 1000
    assert found["latency"]["p50"] < 1000


def test_each_exchange_is_put_together_by_its_name() -> None:
    found = whole(Told(latencies=(5, 6), name="GET /a"), Told(latencies=(7,), name="GET /b"), Told(name="GET /a"))
    assert {name: latency["count"] for name, latency in found["exchanges"].items()} == {"GET /a": 3, "GET /b": 1}


@pytest.mark.parametrize(
    ("late", "count"), [([None, None], None), ([(1, 2), (3,)], 3), ([(1, 2), None], 2)], ids=["closed", "open", "mixed"]
)
def test_lateness_is_put_together_where_there_is_one(late: list[tuple[int, ...] | None], count: int | None) -> None:
    found = whole(*(Told(late=part) for part in late))["lateness"]
    assert (found and found["count"]) == count


def test_a_warm_up_has_settled_when_all_have() -> None:
    found = whole(Told(rates=(1, 2, 3)), Told(rates=(10, 20), settled=False))["warmup"]
    assert found == {"seconds": 0.75, "rates": [11, 22], "settled": False}
    assert whole(Told(), Told())["warmup"]["settled"]


def moment(at: float, offered: float, answered: float, p50: int, p99: int, errors: int = 0) -> Moment:
    return Moment(at=at, offered=offered, answered=answered, p50=p50, p99=p99, errors=errors)


def test_timelines_are_put_together_window_by_window() -> None:
    first = (moment(0, 10, 9, 100, 900, 1), moment(0.5, 20, 20, 200, 300))
    second = (moment(0, 5, 5, 120, 700), moment(0.5, 6, 6, 90, 400, 2), moment(1, 7, 7, 80, 100))
    assert whole(Told(timeline=first), Told(timeline=second))["timeline"] == [
        moment(0, 15, 14, 120, 900, 1),
        moment(0.5, 26, 26, 200, 400, 2),
        moment(1, 7, 7, 80, 100),
    ]
    assert whole(Told(), Told())["timeline"] == []


def test_a_team_is_as_busy_as_its_busiest_worker() -> None:
    found = whole(Told(cpu=0.4), Told(cpu=1.9), Told(cpu=0.2, seconds=4))
    assert busiest(found) == 0.95
    assert [(member["worker"], member["users"], member["cpu_seconds"]) for member in found["team"]] == [
        ("w0", 4, 0.4),
        ("w1", 3, 1.9),
        ("w2", 3, 0.2),
    ]


def test_time_in_line_for_a_core_is_no_rest() -> None:
    found = whole(Told(cpu=1.0, waited=0.9), Told(cpu=1.2, waited=0.1))
    assert found["generator_wait"] == 1.0
    assert busiest(found) == 0.95
    found = whole(Told(cpu=1.0, waited=0.9), Told(cpu=1.2, waited=None))
    assert found["generator_wait"] is None  # a sum of which a part is not known is not known
    assert busiest(found) == 0.95


def test_one_load_process_is_as_busy_as_it_is() -> None:
    assert busiest(yielded(Told(cpu=1.5))) == 0.75
    assert busiest(yielded(Told(seconds=0.0))) == 0


@pytest.mark.parametrize(
    ("text", "master"),
    [
        ("bench", ("bench", 5557)),
        ("bench.example:99", ("bench.example", 99)),
        ("10.0.0.1:5557", ("10.0.0.1", 5557)),
        ("[fd00::1]", ("fd00::1", 5557)),
        ("[fd00::1]:80", ("fd00::1", 80)),
    ],
)
def test_where_the_master_is(text: str, master: tuple[str, int]) -> None:
    assert parse_master(text) == master


@pytest.mark.parametrize("text", ["", ":5557", "bench:", "bench:x", "bench:0", "bench:65536", "fd00::1", "http://b:1"])
def test_where_no_master_can_be(text: str) -> None:
    with pytest.raises(BenchError, match="is not HOST or HOST:PORT of a bench"):
        parse_master(text)


@pytest.mark.parametrize(
    ("host", "master"),
    [
        ("10.0.0.1", "10.0.0.1:99"),
        ("fd00::1", "[fd00::1]:99"),
        ("*", f"{gethostname()}:99"),
        ("::", f"{gethostname()}:99"),
    ],
)
def test_the_command_for_a_worker_names_a_master_that_can_be_found(host: str, master: str) -> None:
    assert invitation(host, 99) == f"gateway-bench worker --master {master}"
    assert parse_master(master)[1] == 99


def test_a_worker_with_other_code_is_refused_in_a_sentence_that_names_it() -> None:
    me = hello()
    assert refusal({**me, "name": "b/17", "place": "elsewhere"}, me) is None
    sentence = refusal(Hello(name="b/17", place="", code="gateway-bench 9"), me)
    assert sentence
    assert sentence.startswith(f"the worker b/17 runs gateway-bench 9, and the bench {me['code']}: ")


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("http://127.0.0.1:80", False),
        ("http://127.8.8.8:80", False),
        ("http://localhost:80", False),
        ("http://[::1]:80", False),
        ("fastcgi+unix:/run/app.sock", False),
        ("http://10.1.2.3:80", True),
        ("http://[fd00::1]:80", True),
        ("http://server.example:80", True),
    ],
)
def test_what_a_worker_on_another_machine_can_reach(address: str, reached: bool) -> None:
    assert within_reach(parse_address(address), "elsewhere", place()) is reached
    assert within_reach(parse_address(address), place(), place())


def test_neighbours_are_those_in_the_network_of_an_address_of_this_machine() -> None:
    assert neighbours("127.0.0.1") == "127.0.0.0/8"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "198.51.100.200", "no-address", ""])
def test_servers_cannot_listen_for_others_where_nobody_finds_them(host: str) -> None:
    with pytest.raises(BenchError, match=rf"cannot listen at {host} for others; .*127\.0\.0\.1"):
        neighbours(host)
