"""Places for programs, and the guard that ends those whose worker is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from cgi_runner.places import Full, Places
from gateway_runtime.testing import wait_until


def test_places_are_given_back_and_taken_again() -> None:
    places = Places(2, 0)
    first, second = places.take(0), places.take(0)
    assert {first, second} == {0, 1}
    with pytest.raises(Full):
        places.take(60)  # nobody may wait, so nobody waits
    places.give(second)
    assert places.take(0) == second


def test_who_waits_gets_the_next_place_and_the_others_are_refused_at_once() -> None:
    places = Places(1, 1)
    place = places.take(0)
    got: list[int] = []
    waiting = threading.Thread(target=lambda: got.append(places.take(10)))
    waiting.start()

    def refused() -> bool:
        try:
            places.give(places.take(0))
        except Full:
            return True
        return False

    wait_until(lambda: places._line is not None and not places._line._value)  # it stands in line
    assert refused()
    places.give(place)
    waiting.join()
    assert got == [place]
    with pytest.raises(Full):
        places.take(0.01)
    places.give(place)
    assert places.take(0) == place


GUARDED = """
import os, subprocess, sys
from cgi_runner.guard import Guard
guard = Guard(3)
guard.start()
sleepers = [subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) for _ in range(3)]
for place, sleeper in enumerate(sleepers):
    guard.started(place, sleeper.pid)
guard.ended(1)
print(*[sleeper.pid for sleeper in sleepers], flush=True)
sys.stdin.read()
"""


def test_the_guard_ends_what_runs_when_the_worker_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GUARDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        first, let_go, last = map(int, worker.stdout.readline().split())
        worker.kill()

    def lives(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    wait_until(lambda: not lives(first) and not lives(last))
    assert lives(let_go)
    os.kill(let_go, signal.SIGKILL)
