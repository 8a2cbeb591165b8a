"""Requests that take too long, found in lines of the scoreboard. Times are numbers."""

from __future__ import annotations

import pytest

from gateway_runtime.scoreboard import State, ThreadLine, WorkerLine
from gateway_runtime.stalls import Patience, Stall


def worker(*since):
    threads = [ThreadLine(0, start, f"GET /{index}") for index, start in enumerate(since)]
    return WorkerLine(7, State.BUSY, 1, 0.0, 0, 0.0, 0.0, threads)


@pytest.mark.parametrize(
    ("slow", "kill", "since", "found"),
    [
        (0, 0, [1.0], []),
        (5, 0, [0.0], []),
        (5, 0, [95.0], []),
        (5, 0, [94.0], [Stall("GET /0", 6.0, False)]),
        (0, 5, [94.0], [Stall("GET /0", 6.0, True)]),
        (5, 20, [94.0], [Stall("GET /0", 6.0, False)]),
        (5, 20, [70.0], [Stall("GET /0", 30.0, True)]),
        (5, 20, [70.0, 0.0, 94.0, 99.0], [Stall("GET /0", 30.0, True), Stall("GET /2", 6.0, False)]),
    ],
)
def test_what_takes_too_long(slow, kill, since, found):
    assert Patience(slow, kill).look(worker(*since), 100.0, set()) == found


def test_each_is_found_once():
    patience, found = Patience(5, 20), set()
    seen = [patience.look(worker(90.0, since), now, found) for now, since in ((96, 95), (97, 95), (98, 0), (101, 95))]
    assert seen == [[Stall("GET /0", 6, False)], [], [], [Stall("GET /1", 6, False)]]
    assert patience.look(worker(90.0, 95.0), 111, found) == [Stall("GET /0", 21, True)]
    assert patience.look(worker(90.0, 95.0), 112, found) == []
    assert patience.look(worker(0.0, 0.0), 113, found) == []
    assert found == set()


def test_the_next_request_of_a_thread_is_another():
    patience, found = Patience(5), set()
    assert patience.look(worker(90.0), 96, found)
    assert patience.look(worker(91.0), 97, found) == [Stall("GET /0", 6, False)]


def test_who_else_is_served():
    assert Patience(5, 20).others(worker(70.0, 0.0, 94.0, 99.0), 100.0) == ["GET /2", "GET /3"]
    assert Patience(5, 20).others(worker(70.0), 100.0) == []
    assert Patience(5, 0).others(worker(70.0), 100.0) == ["GET /0"]
