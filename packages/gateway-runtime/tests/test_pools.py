"""How the number of workers follows the load, the signals and the clock: whole servers."""

from __future__ import annotations

import os
import re
import signal
import socket
from http.client import HTTPException
from pathlib import Path

import pytest

from gateway_runtime.testing import DEADLINE, wait_until
from master_world import TWO, Asking, change, get, go, serve

pytestmark = pytest.mark.usefixtures("served")


def workers(server, number):
    """Wait until there are so many."""
    wait_until(lambda: len(server.workers()) == number, f"{number} workers\n{server.stderr}")


def hold(server, *numbers):
    return [Asking(server, f"hold{number}") for number in numbers]


def release(asking):
    for one in asking:
        go(one.path)
        assert one.result() == "hello"


# -- static -----------------------------------------------------------------------------------------------------------


def test_ttin_and_ttou():
    with serve() as server:
        server.signal(signal.SIGTTIN)
        server.wait_for_line("TTIN: workers from now on: 2")
        workers(server, 2)
        server.signal(signal.SIGTTIN)
        workers(server, 3)
        for number in (2, 1):
            server.signal(signal.SIGTTOU)
            server.wait_for_line(f"TTOU: workers from now on: {number}$")
            workers(server, number)
        server.signal(signal.SIGTTOU)
        wait_until(lambda: server.stderr.count("TTOU: workers from now on: 1") == 2)
        workers(server, 1)
        assert get(server, "hello") == "hello"
    assert "takes its place" not in server.stderr


def test_ttou_ends_who_is_idle():
    with serve("--workers", "3") as server:
        asking = hold(server, 1)
        for number in (2, 1):
            server.signal(signal.SIGTTOU)
            workers(server, number)
        release(asking)
        assert get(server, "hello") == "hello"


def test_ttou_lets_a_request_finish():
    with serve("--workers", "2") as server:
        asking = hold(server, 1, 2)
        server.signal(signal.SIGTTOU)
        server.wait_for_line("TTOU")
        assert len(server.workers()) == 2
        release(asking)
        workers(server, 1)


def test_there_is_an_end_to_ttin():
    with serve("--manager", "ondemand") as server:
        for number in range(2, 65):
            server.signal(signal.SIGTTIN)
            server.wait_for_line(f"TTIN: workers from now on: 0 to {number}")
        server.signal(signal.SIGTTIN)
        server.wait_for_line("TTIN is refused: there can be 1 to 64 workers")


# -- dynamic ----------------------------------------------------------------------------------------------------------

DYNAMIC = ["--manager", "dynamic", "--max-workers", "5", "--spare", "1:2"]


def test_the_number_follows_the_load():
    with serve(*DYNAMIC, hasty=True) as server:
        workers(server, 1)
        asking = []
        for number in range(4):
            asking += hold(server, number)
            workers(server, number + 2)  # one of them is free
        asking += hold(server, 4)
        server.wait_for_line("all 5 workers are busy, and there must not be more: see --max-workers")
        assert len(server.workers()) == 5
        release(asking)
        workers(server, 2)
        assert get(server, "hello") == "hello"
        assert server.stderr.count("all 5 workers are busy") == 1
    assert "takes its place" not in server.stderr


def test_it_never_falls_below_the_least():
    with serve(*DYNAMIC, "--workers", "5", "--min-workers", "4", hasty=True) as server:
        workers(server, 4)
        os.kill(server.workers()[0], signal.SIGKILL)
        server.wait_for_line("was killed by SIGKILL.*; another takes its place")
        workers(server, 4)


def test_who_was_spare_is_not_replaced():
    with serve(*DYNAMIC, "--workers", "2", hasty=True) as server:
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        line = server.wait_for_line(f"worker {killed} was killed by SIGKILL")
        assert "takes its place" not in line
        assert get(server, "hello") == "hello"


def test_signals_move_the_bounds():
    with serve(*DYNAMIC, hasty=True) as server:
        server.signal(signal.SIGTTIN)
        server.wait_for_line("TTIN: workers from now on: 2 to 6")
        workers(server, 2)
        for least, most in ((1, 5), (1, 4), (1, 3), (1, 2)):
            server.signal(signal.SIGTTOU)
            server.wait_for_line(f"TTOU: workers from now on: {least} to {most}")
        server.signal(signal.SIGTTOU)
        server.wait_for_line("TTOU: workers from now on: 1$")
        workers(server, 1)


def test_a_reload_needs_as_many_as_there_are():
    with serve(*DYNAMIC, hasty=True) as server:
        asking = hold(server, 1, 2, 3)
        workers(server, 4)
        change(TWO)
        server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded: 4 new workers serve, 4 old ones finish")
        wait_until(lambda: get(server, "version") == "two", "the old ones accept no more")
        release(asking)
        workers(server, 2)


# -- ondemand ---------------------------------------------------------------------------------------------------------

ONDEMAND = ["--manager", "ondemand", "--workers", "3", "--idle-worker-timeout"]


def test_there_is_nobody_until_somebody_asks():
    with serve(*ONDEMAND, "0.2", hasty=True, bind="unix:x.sock") as server:
        for _ in range(3):
            assert server.workers() == []
            assert get(server, "hello") == "hello"
            assert len(server.workers()) == 1
            workers(server, 0)
    assert server.stderr == f"\nready {server.url}"


def test_as_many_as_are_needed_and_no_more():
    with serve(*ONDEMAND, "0.2", hasty=True) as server:
        asking = []
        for number in range(3):
            asking += hold(server, number)
            workers(server, number + 1)
        late = socket.create_connection((server.address.host, server.address.port), DEADLINE)
        late.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        server.wait_for_line("all 3 workers are busy, and there must not be more")
        assert len(server.workers()) == 3
        release(asking)
        assert late.makefile("rb").read().endswith(b"hello")
        late.close()
        workers(server, 0)


def test_a_busy_worker_is_not_idle():
    with serve(*ONDEMAND, "0.05", hasty=True) as server:
        (asking,) = hold(server, 1)
        (worker,) = server.workers()
        server.signal(signal.SIGUSR1)
        server.wait_for_line("USR1")
        release([asking])
        assert asking.result() == "hello"
        wait_until(lambda: worker not in server.workers(), "now it is idle")


def test_an_application_that_does_not_load_does_not_spin():
    change("def app(:\n")
    with serve(*ONDEMAND, "1", hasty=True) as server:  # ready: nobody knows yet
        sock = socket.create_connection((server.address.host, server.address.port), DEADLINE)
        sock.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        server.wait_for_line("a new worker cannot start: the module 'served' cannot be imported: .*; trying again$")
        server.wait_for_line(
            "a new worker cannot start: the module 'served' cannot be imported: .*; trying again in 1 s"
        )
        change(TWO)
        assert sock.makefile("rb").read().endswith(b"two")
        sock.close()


def test_a_worker_that_dies_is_replaced_for_whoever_waits():
    with serve(*ONDEMAND, "10", hasty=True) as server:
        (asking,) = hold(server, 1)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        assert isinstance(asking.result(), (OSError, HTTPException))
        server.wait_for_line(f"worker {worker} was killed by SIGKILL while it served GET /hold1")
        assert server.workers() == []
        assert get(server, "hello") == "hello"


@pytest.mark.parametrize("running", [False, True])
def test_a_reload(running):
    with serve(*ONDEMAND, "10", hasty=True) as server:
        asking = hold(server, 1) if running else []
        change(TWO)
        server.signal(signal.SIGHUP)
        server.wait_for_line(f"reloaded: {int(running)} new workers serve, {int(running)} old ones finish")
        assert get(server, "version") == "two"
        release(asking)


def test_an_upgrade_with_nobody_there():
    with serve(*ONDEMAND, "0.1", hasty=True, bind="unix:x.sock") as server:
        change(TWO)
        server.signal(signal.SIGUSR2)
        line = server.wait_for_line("the new program serves, as process")
        assert server.wait() == 0
        assert get(server, "version") == "two"
        os.kill(int(re.search("process ([0-9]+)", line)[1]), signal.SIGTERM)
        wait_until(lambda: not server.alive())
    assert not Path("x.sock").exists()


def test_the_end_with_nobody_there():
    with serve(*ONDEMAND, "1") as server:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
