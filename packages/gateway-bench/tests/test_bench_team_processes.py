"""A team of real processes on this machine: jobs, workers that are lost, and those that may not or cannot join."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from gateway_bench.errors import BenchError, LoadFailed
from gateway_bench.load.job import Job
from gateway_bench.load.shapes import arrivals, ramp
from gateway_bench.load.team import busiest, shares
from gateway_bench.load.team_crew import run_workers
from gateway_bench.load.team_process import TeamProcess
from gateway_bench.servers.service import server_environment, started

READY = re.compile(r"ready (\S+)")
HERE = "127.0.0.1"
LIMIT = 30
"""Seconds for anything here, on a machine that has much else to do."""

WORKER = "import sys, gateway_bench.load.team_worker as w; {}; sys.exit(w.main('127.0.0.1', int(sys.argv[1])))"
CREW = "import sys, gateway_bench.load.team_crew as w; w.run_workers('127.0.0.1:' + sys.argv[1], int(sys.argv[2]))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of our WSGI server."""
    command = [sys.executable, "-m", "wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0"]
    environment = server_environment(tmp_path_factory.mktemp("team") / "guestbook.sqlite3")
    with started(command, READY, environment, Path.cwd()) as (_, address):
        yield str(address)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process of its own."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.terminate()  # a crew then ends its own processes
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()


def worker(port: int, changed: str = "pass") -> Any:
    """A worker for the master at that port, with something changed first."""
    return running("-c", WORKER.format(changed), str(port))


def crew(port: int, processes: int) -> Any:
    """What `gateway-bench worker` runs."""
    return running("-c", CREW, str(port), str(processes))


def workers_of(host: subprocess.Popen[str]) -> set[int]:
    return {child.pid for child in psutil.Process(host.pid).children()}


def team(expected: int, limit: float = LIMIT) -> TeamProcess:
    return TeamProcess(expected, HERE, 0, limit)


def job(address: str, **changes: Any) -> Job:
    small = Job(
        address=address,
        keep_alive=True,
        scenario="hello",
        users=3,
        warmup=0.2,
        seconds=0.3,
        min_requests=10,
        max_seconds=5.0,
        seed=11,
    )
    return {**small, **changes}  # type: ignore[typeddict-item]  # changes are of its keys


def ignore(_awaited: str, _present: int) -> None:
    pass


def pid_of(name: str) -> int:
    return int(name.rpartition("/")[2])


def test_a_team_does_closed_and_open_loops_and_outlives_a_worker(server: str) -> None:
    shape = ramp(20, 200, 0.4)
    with team(2) as load, crew(load.port, 2) as host:
        told: list[tuple[str, int]] = []
        names = load.gather(lambda awaited, present: told.append((awaited, present)))
        awaited = f"2 times `gateway-bench worker --master {HERE}:{load.port}`"
        assert told == [(awaited, 0), (awaited, 1), (awaited, 2)]
        assert {pid_of(name) for name in names} == workers_of(host)

        load.prepare(job(server))
        load.warm_up()
        closed = load.go()
        assert closed["errors"] == {}
        assert closed["requests"] == closed["latency"]["count"] == sum(part["requests"] for part in closed["team"])
        assert [(part["worker"], part["users"]) for part in closed["team"]] == [(names[0], 2), (names[1], 1)]
        assert closed["warmup"]["rates"]
        assert busiest(closed) > 0

        load.prepare(job(server, shape=shape))
        load.warm_up()
        shaped = load.go()
        due = [len(list(arrivals(part["shape"], part["seed"]))) for part in shares(job(server, shape=shape), 2)]
        assert [part["requests"] for part in shaped["team"]] == due  # every visit of both seeds, and no other
        assert shaped["lateness"]
        assert sum(window["offered"] for window in shaped["timeline"]) > 0

        guests = job(server, scenario="guestbook", warmup=0.0, rate=40.0, min_requests=2, users=2)
        load.prepare(guests)
        load.warm_up()
        signed = load.go()
        with urlopen(f"{server}/guestbook", timeout=LIMIT) as page:
            found = re.findall(r"I was here: ([0-9]+)-[0-9]+", page.read().decode())
        assert len(found) == signed["exchanges"]["POST /guestbook"]["count"] <= 20  # all of them on the first page
        assert sorted(int(number) > 1_000_000 for number in set(found)) == [False, True]  # each has numbers of its own

        load.prepare(job(server, seconds=LIMIT, max_seconds=LIMIT))
        load.warm_up()
        load.begin()
        os.kill(pid_of(names[1]), signal.SIGKILL)
        with pytest.raises(LoadFailed, match=f"the worker {names[1]} has been silent for 3 s in the middle of a job"):
            load.finish()
        load.prepare(job(server))
        with pytest.raises(LoadFailed, match=f"1 of 2 workers are left; start one with: .* --master .*:{load.port}"):
            load.warm_up()

        with worker(load.port) as another:
            assert another.stdout
            assert "joined" in another.stdout.readline()
            load.prepare(job(server, rate=200.0))
            load.warm_up()
            opened = load.go()
            assert [pid_of(part["worker"]) for part in opened["team"]] == [pid_of(names[0]), another.pid]
            assert opened["errors"] == {}
            load.prepare(job(server, seconds=LIMIT, max_seconds=LIMIT))
            load.warm_up()
            load.begin()
            another.terminate()  # it says goodbye, so nobody waits for its silence
            with pytest.raises(LoadFailed, match=f"/{another.pid} has ended in the middle of a job"):
                load.finish()

        load.close()
        told_at_the_end, complaints = host.communicate(timeout=LIMIT)
        assert f"{names[0]}: the run is over: 4 jobs" in told_at_the_end
        assert "1 of 2 workers did not see the end of the run" in complaints


def test_who_may_not_join_and_who_cannot_reach_the_server_and_who_is_left_alone(server: str) -> None:
    other = "w.hello = lambda h=w.hello: {**h(), 'code': 'gateway-bench 0.0.9'}"
    away = "w.hello = lambda h=w.hello: {**h(), 'place': 'another machine'}; w.MASTER_SILENCE = 2.5"
    with team(1) as load, worker(load.port, other) as refused:
        assert refused.wait(LIMIT) == 1
        assert refused.stderr
        assert "runs gateway-bench 0.0.9, and the bench gateway-bench " in refused.stderr.read()
        with worker(load.port, away) as distant:
            assert [pid_of(name) for name in load.gather(ignore)] == [distant.pid]
            load.prepare(job(server))
            with pytest.raises(LoadFailed, match=f"cannot reach {server}.* --listen"):
                load.warm_up()
            load.prepare(job("http://server.invalid:80", scenario="none"))
            with pytest.raises(LoadFailed, match="could not do it: KeyError: 'none'"):
                load.warm_up()
            os.kill(load.pid, signal.SIGKILL)
            assert distant.wait(LIMIT) == 1
            assert distant.stderr
            assert f"the bench at {HERE}:{load.port} has been silent for 2 s; it has gone" in distant.stderr.read()


def test_who_is_at_a_job_ends_with_the_bench(server: str) -> None:
    with team(1) as load, worker(load.port) as busy:
        load.gather(ignore)
        load.prepare(job(server, seconds=LIMIT, max_seconds=LIMIT))
        load.warm_up()
        load.begin()
        load.close()
        assert busy.stdout
        assert "the run is over: 0 jobs" in busy.stdout.read()
        assert busy.wait(LIMIT) == 0


def test_a_team_that_does_not_come_together() -> None:
    with socket.create_server((HERE, 0)) as mute:
        port = mute.getsockname()[1]
        with worker(port, "w.JOIN_LIMIT = 0.5") as lonely, crew(port, 1) as host:
            alone = r"0 of 3 workers came in 0 s; start one with: gateway-bench worker "
            with pytest.raises(LoadFailed, match=alone), team(3, limit=0) as nobody:
                nobody.gather(ignore)
            taken = rf"cannot be waited for at {HERE}, port {port} \(.*Address already in use.*: --master-host takes an"
            with pytest.raises(LoadFailed, match=taken), TeamProcess(1, HERE, port):
                pass
            assert lonely.wait(LIMIT) == 1
            assert lonely.stderr
            assert "takes connections but gave no answer in 0 s: is it a bench" in lonely.stderr.read()
            ended = workers_of(host)
            assert ended
            host.send_signal(signal.SIGINT)
            assert host.wait(LIMIT) != 0
            assert not any(psutil.pid_exists(pid) for pid in ended)


@pytest.mark.parametrize(
    ("master", "processes", "sentence"),
    [
        ("no.such.host.invalid:1", 1, "nobody knows a host named 'no.such.host.invalid'"),
        ("bench:x", 1, "is not HOST or HOST:PORT"),
        ("127.0.0.1:1", 0, "a host runs 1 to 256 workers, not 0"),
        (
            "127.0.0.1:1",
            1,
            r"no bench at 127.0.0.1:1 in 0 s \(Connection refused\): start it there with --expect-worker",
        ),
    ],
)
def test_a_worker_that_cannot_begin_says_why(master: str, processes: int, sentence: str) -> None:
    with pytest.raises(BenchError, match=sentence):
        run_workers(master, processes, limit=0.1)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TeamProcess(0), "a team has 1 to 1000 workers, not 0"),
        (lambda: TeamProcess(1, port=65_536), "65536 is no port"),
    ],
)
def test_a_team_that_cannot_be_is_refused(make: Callable[[], TeamProcess], sentence: str) -> None:
    with pytest.raises(BenchError, match=sentence):
        make()
