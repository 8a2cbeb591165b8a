"""The shared page: what one process writes, another reads."""

from __future__ import annotations

import os
import time

import pytest

from gateway_runtime.scoreboard import Line, Scoreboard, State

EMPTY = Line(0, State.EMPTY, 0, 0.0, "")


def test_a_new_page_is_empty():
    board = Scoreboard(3)
    assert board.size == 3
    assert [board.read(index) for index in range(3)] == [EMPTY] * 3


def test_a_slot_from_take_to_clear():
    board = Scoreboard(1)
    slot = board.slot(0)
    slot.take(4242)
    assert board.read(0) == Line(4242, State.IDLE, 0, 0.0, "")
    slot.begin("GET /a")
    line = board.read(0)
    assert (line.pid, line.state, line.requests, line.request) == (4242, State.BUSY, 0, "GET /a")
    slot.end()
    assert board.read(0) == Line(4242, State.IDLE, 1, 0.0, "GET /a")
    slot.begin("GET /longer")
    slot.end()
    slot.begin("GET")
    slot.end()
    slot.begin("GET")
    slot.end()
    assert board.read(0) == Line(4242, State.IDLE, 4, 0.0, "GET")
    board.clear(0)
    assert board.read(0) == EMPTY


def test_a_slot_that_is_taken_again_begins_from_zero():
    board = Scoreboard(1)
    slot = board.slot(0)
    for pid in (1, 2):
        slot.take(pid)
        slot.begin("GET /the-same")
        assert board.read(0).request == "GET /the-same"
        slot.end()
        assert board.read(0).requests == 1


def test_how_long_it_is_busy():
    board = Scoreboard(1)
    slot = board.slot(0)
    slot.take(1)
    before = time.monotonic()
    slot.begin("GET /")
    first = board.read(0).busy_for
    second = board.read(0).busy_for
    assert 0 <= first <= second <= time.monotonic() - before


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("", ""),
        ("GET /\xe9", "GET /\xe9"),
        ("x" * 216, "x" * 216),
        ("x" * 217, "x" * 216),
        ("x" * 100_000, "x" * 216),
        ("x" * 215 + "\xe9", "x" * 215 + "\ufffd"),
        ("\ud800", "?"),
        ("a\x00b", "a\x00b"),
    ],
)
def test_any_request_fits(request_, said):
    board = Scoreboard(3)
    for index in (0, 2):
        board.slot(index).take(7)
    slot = board.slot(1)
    slot.take(7)
    slot.begin(request_)
    assert board.read(1).request == said
    slot.end()
    for index in (0, 2):
        assert board.read(index) == Line(7, State.IDLE, 0, 0.0, "")


def test_slots_do_not_touch_each_other():
    board = Scoreboard(5)
    slots = [board.slot(index) for index in range(5)]
    for number, slot in enumerate(slots):
        slot.take(number + 1)
    for number, slot in enumerate(slots):
        for _ in range(number):
            slot.begin(f"GET /{number}")
            slot.end()
    board.clear(2)
    assert [board.read(number).requests for number in range(5)] == [0, 1, 0, 3, 4]
    assert [board.read(number).pid for number in range(5)] == [1, 2, 0, 4, 5]


def test_another_process_reads_it():
    board = Scoreboard(1)
    pid = os.fork()
    if pid == 0:
        slot = board.slot(0)
        slot.take(os.getpid())
        slot.begin("GET /from-the-child")
        os._exit(0)
    os.waitpid(pid, 0)
    line = board.read(0)
    assert (line.pid, line.state, line.request) == (pid, State.BUSY, "GET /from-the-child")
