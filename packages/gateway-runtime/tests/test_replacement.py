"""Workers that have lived for long enough: another is ready before they go. Whole servers."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from gateway_runtime.testing import wait_until
from master_world import APP, SLOW, Asking, Visitor, answers_to, change, get, go, serve

pytestmark = pytest.mark.usefixtures("served")


@pytest.mark.parametrize("arguments", [[], ["--threads", "3"], ["--preload"]])
def test_after_so_many_requests(arguments):
    with serve("--max-requests", "5", *arguments) as server:
        (first,) = server.workers()
        answers = [get(server, "pid") for _ in range(5)]
        assert answers == [str(first)] * 5
        server.wait_for_line(f"worker {first} has served its 5 requests: another takes its place$")
        wait_until(lambda: first not in server.workers() and len(server.workers()) == 1, "another has taken its place")
        assert get(server, "pid") == str(server.workers()[0])


def test_no_request_is_lost_on_the_way():
    with serve("--max-requests", "20:10", "--workers", "2") as server:
        visitors = [Visitor(server) for _ in range(3)]
        wait_until(lambda: len(set(re.findall("worker ([0-9]+) has served its", server.stderr))) >= 6)
        for visitor in visitors:
            assert answers_to(visitor) == {"one"}
        wait_until(lambda: len(server.workers()) == 2)
    numbers = {int(number) for number in re.findall("has served its ([0-9]+) requests", server.stderr)}
    assert all(20 <= number <= 30 for number in numbers)
    assert "was killed" not in server.stderr


def test_it_serves_until_the_other_can():
    with serve("--max-requests", "2") as server:
        (first,) = server.workers()
        change(SLOW + APP)
        for _ in range(2):
            get(server, "hello")
        wait_until(Path("importing").exists, "the other one loads")
        assert [get(server, "pid") for _ in range(5)] == [str(first)] * 5
        assert len(server.workers()) == 2
        Path("go").touch()
        wait_until(lambda: first not in server.workers(), "it has ended")
        assert get(server, "pid") == str(server.workers()[0])


def test_it_serves_on_if_the_other_cannot_start():
    with serve("--max-requests", "2") as server:
        (first,) = server.workers()
        change("def app(:\n")
        for _ in range(2):
            get(server, "hello")
        server.wait_for_line(
            "a new worker cannot start: the module 'served' cannot be imported: .*; trying again in 1 s"
        )
        assert get(server, "pid") == str(first)
        change(APP)
        wait_until(lambda: first not in server.workers(), "another has taken its place")
        assert get(server, "hello") == "hello"


def test_it_is_killed_while_the_other_loads():
    with serve("--max-requests", "1") as server:
        (first,) = server.workers()
        change(SLOW + APP)
        get(server, "hello")
        wait_until(Path("importing").exists, "the other one loads")
        os.kill(first, signal.SIGKILL)
        server.wait_for_line(f"worker {first} was killed by SIGKILL.*; another takes its place")
        Path("go").touch()
        assert get(server, "hello") == "hello"
        wait_until(lambda: len(server.workers()) == 1)


def test_the_other_is_killed_while_it_loads():
    with serve("--max-requests", "2") as server:
        (first,) = server.workers()
        change(SLOW + APP)
        for _ in range(2):
            get(server, "hello")
        wait_until(lambda: len(server.workers()) == 2)
        wait_until(Path("importing").exists, "the other one loads")
        (other,) = set(server.workers()) - {first}
        os.kill(other, signal.SIGKILL)
        server.wait_for_line("a new worker cannot start: it was killed by SIGKILL; trying again$")
        assert get(server, "pid") == str(first)
        Path("go").touch()
        wait_until(lambda: first not in server.workers() and len(server.workers()) == 1, "a third has taken its place")


def test_a_request_under_way_is_finished():
    with serve("--max-requests", "1", "--threads", "2") as server:
        (first,) = server.workers()
        asking = Asking(server, "hold")
        get(server, "hello")
        server.wait_for_line("another takes its place")
        wait_until(lambda: get(server, "pid") != str(first), "another serves")
        assert first in server.workers()
        go("hold")
        assert asking.result() == "hello"
        wait_until(lambda: first not in server.workers(), "it has ended")


def test_after_so_long():
    with serve("--max-age", "0.3", "--workers", "2", hasty=True) as server:
        first = server.workers()
        visitor = Visitor(server)
        for pid in first:
            server.wait_for_line(f"worker {pid} is [0-9]+ s old: another takes its place")
        wait_until(lambda: not set(first) & set(server.workers()), "others have taken their places")
        assert answers_to(visitor) == {"one"}


def test_after_so_much_memory():
    with serve("--max-rss", "100M", hasty=True) as server:
        (first,) = server.workers()
        get(server, "hello")
        assert server.workers() == [first]
        get(server, "leak")
        server.wait_for_line(rf"worker {first} holds [0-9.]+ MiB of memory: another takes its place")
        wait_until(lambda: first not in server.workers() and len(server.workers()) == 1, "another has taken its place")
        assert get(server, "hello") == "hello"


@pytest.mark.parametrize("pool", [["--manager", "dynamic", "--workers", "2"], ["--manager", "ondemand"]])
def test_in_other_pools(pool):
    with serve("--max-requests", "3", *pool, hasty=True) as server:
        get(server, "hello")
        visitor = Visitor(server)
        wait_until(lambda: len(set(re.findall("worker ([0-9]+) has served its", server.stderr))) >= 4)
        assert answers_to(visitor) == {"one"}
        wait_until(lambda: len(server.workers()) <= 2)


def test_a_reload_meanwhile():
    with serve("--max-requests", "1", "--workers", "2") as server:
        before = set(server.workers())
        change(SLOW + APP)
        get(server, "hello")
        wait_until(Path("importing").exists, "another loads")
        server.signal(signal.SIGHUP)
        wait_until(lambda: len(server.workers()) == 5, "so do those of the next generation")
        Path("go").touch()
        server.wait_for_line("reloaded: 2 new workers serve")
        wait_until(lambda: len(server.workers()) == 2 and not before & set(server.workers()), "the others have ended")
        assert get(server, "hello") == "hello"
