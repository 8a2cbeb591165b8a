"""Requests that take too long: the log says where they are, and their worker is ended or not. Whole servers."""

from __future__ import annotations

import os
import re
import signal
import time
from http.client import HTTPException
from pathlib import Path

import pytest

from gateway_runtime.testing import wait_until
from master_world import Asking, get, go, serve

pytestmark = pytest.mark.usefixtures("served")


@pytest.mark.parametrize("threads", ["1", "3"])
def test_slow_log(threads):
    with serve("--slow-log", "0.1", "--threads", threads, hasty=True) as server:
        (worker,) = server.workers()
        asking = Asking(server, "hold")
        server.wait_for_line(f"worker {worker} has been serving GET /hold for .* s, which is slow; where its thr")
        server.wait_for_line(r'File ".*served\.py", line [0-9]+ in app$')
        assert threads == "1" or get(server, "hello") == "hello"
        go("hold")
        assert asking.result() == "hello"
        assert get(server, "pid") == str(worker)
        other = Asking(server, "hold2")
        server.wait_for_line("GET /hold2 for")
        go("hold2")
        assert other.result() == "hello"
    assert server.stderr.count("which is slow") == 2  # each once


def test_all_threads_are_shown():
    with serve("--slow-log", "0.1", "--threads", "3", hasty=True) as server:
        asking = [Asking(server, f"hold{number}") for number in range(3)]
        for number in range(3):
            server.wait_for_line(f"GET /hold{number} for")
        wait_until(lambda: len(re.findall(r'served\.py", line [0-9]+ in app', server.stderr)) >= 3)
        for number, one in enumerate(asking):
            go(f"hold{number}")
            assert one.result() == "hello"


def test_request_timeout():
    with serve("--request-timeout", "0.2", hasty=True) as server:
        (worker,) = server.workers()
        asking = Asking(server, "hold")
        server.wait_for_line(
            f"worker {worker} has been serving GET /hold for .* s, which is too long: it will be killed; where"
        )
        assert isinstance(asking.result(), (OSError, HTTPException))
        server.wait_for_line(f"worker {worker} is killed for a request that took too long; lost: GET /hold, for .* s")
        assert get(server, "hello") == "hello"
        wait_until(lambda: worker not in server.workers() and len(server.workers()) == 1)
    lines = server.stderr.split("\n")
    (said,) = [index for index, line in enumerate(lines) if "which is too long" in line]
    (killed,) = [index for index, line in enumerate(lines) if "is killed for" in line]
    assert any(re.search(r'File ".*served\.py", line [0-9]+ in app$', line) for line in lines[said:killed])
    assert "another takes its place" not in server.stderr  # it was meant to end


def test_another_serves_meanwhile():
    with serve("--request-timeout", "0.2", hasty=True) as server:
        (worker,) = server.workers()
        asking = Asking(server, "hold")
        server.wait_for_line("which is too long")
        assert get(server, "pid") != str(worker)
        assert isinstance(asking.result(), (OSError, HTTPException))


def test_it_works_on_a_worker_that_is_stuck_in_c():
    """No Python can run in it: not its loop, and no handler of a signal."""
    with serve("--request-timeout", "0.2", "--threads", "3", hasty=True) as server:
        (worker,) = server.workers()
        asking = Asking(server, "stuck")
        server.wait_for_line(f"worker {worker} has been serving GET /stuck for .* s, which is too long")
        server.wait_for_line(r'File ".*/re/__init__\.py", line [0-9]+ in match')
        server.wait_for_line(f"worker {worker} is killed for a request that took too long; lost: GET /stuck")
        assert isinstance(asking.result(), (OSError, HTTPException))
        assert get(server, "hello") == "hello"


def test_other_requests_of_the_worker_are_finished():
    with serve("--request-timeout", "0.5", "--threads", "3", hasty=True) as server:
        stuck = Asking(server, "hold")
        server.wait_for_line("which is too long")
        assert isinstance(stuck.result(), (OSError, HTTPException))
        other = Asking(server, "hold1")
        go("hold1")
        assert other.result() == "hello"


def test_a_request_beside_it_is_given_time():
    with serve("--request-timeout", "1", "--threads", "3", hasty=True) as server:
        (worker,) = server.workers()
        stuck = Asking(server, "hold")
        wait_until(lambda: time.monotonic() - stuck.began > 0.9)
        beside = Asking(server, "hold1")
        server.wait_for_line("which is too long")
        go("hold1")
        assert beside.result() == "hello"
        server.wait_for_line(f"worker {worker} is killed for a request that took too long; lost: GET /hold, ")
        assert isinstance(stuck.result(), (OSError, HTTPException))


def test_a_request_beside_it_is_not_given_for_ever():
    with serve("--request-timeout", "1", "--threads", "3", hasty=True) as server:
        (worker,) = server.workers()
        stuck = Asking(server, "hold")
        wait_until(lambda: time.monotonic() - stuck.began > 0.9)
        beside = Asking(server, "hold1")
        line = server.wait_for_line(f"worker {worker} is killed")
        assert "GET /hold, for" in line
        assert "GET /hold1, for" in line
        assert isinstance(beside.result(), (OSError, HTTPException))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_while_the_worker_is_to_end_anyway(number):
    with serve("--request-timeout", "0.3", hasty=True) as server:
        (worker,) = server.workers()
        asking = Asking(server, "stuck")
        server.signal(number)
        server.wait_for_line(f"worker {worker} is killed for a request that took too long")
        assert isinstance(asking.result(), (OSError, HTTPException))
        if number == signal.SIGTERM:
            assert server.wait() == 0


def test_a_request_that_ends_in_time_costs_nothing():
    with serve("--request-timeout", "0.5", "--slow-log", "0.5", hasty=True) as server:
        (worker,) = server.workers()
        for number in range(20):
            Path(f"hold{number}.go").touch()
            get(server, f"hold{number}")
        assert server.workers() == [worker]
    assert server.stderr == f"\nready {server.url}"


def test_a_stopped_worker_is_killed_too():
    """It cannot even write a traceback."""
    with serve("--request-timeout", "0.2", hasty=True) as server:
        (worker,) = server.workers()
        asking = Asking(server, "hold")
        os.kill(worker, signal.SIGSTOP)
        server.wait_for_line(f"worker {worker} is killed for a request that took too long")
        assert isinstance(asking.result(), (OSError, HTTPException))
        assert get(server, "hello") == "hello"
