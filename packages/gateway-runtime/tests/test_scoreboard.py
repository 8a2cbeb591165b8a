"""The shared memory: what one process writes, another reads, whatever it finds there."""

from __future__ import annotations

import math
import os
import random
import struct
import time

import pytest

from gateway_runtime.scoreboard import Scoreboard, State, ThreadLine, WorkerLine
from gateway_runtime.slots import MANAGERS

EMPTY = WorkerLine(0, State.EMPTY, 0, 0.0, 0, 0.0, 0.0, [ThreadLine(0, 0.0, "")])


def taken(board, index=0, pid=4242):
    worker = board.worker(index)
    worker.take(pid, 1)
    worker.state = State.IDLE
    return worker


@pytest.mark.parametrize(("threads", "slots"), [(1, 1), (2, 3), (32, 33)])
def test_the_thread_that_polls_has_a_slot_beside_those_that_serve(threads, slots):
    board = Scoreboard(2, threads)
    assert (board.workers, board.threads, board.slots) == (2, threads, slots)
    assert board.worker(1).slots == slots
    assert len(board.read(1).threads) == slots
    board.worker(1).thread(slots - 1)
    with pytest.raises(AssertionError):
        board.worker(1).thread(slots)
    with pytest.raises(AssertionError):
        board.worker(2)


def test_new_memory_is_empty():
    board = Scoreboard(3, 1)
    assert [board.read(index) for index in range(3)] == [EMPTY] * 3
    assert board.lines() == []


def test_a_worker_from_take_to_bury():
    board = Scoreboard(1, 1)
    worker = board.worker(0)
    before = time.monotonic()
    worker.take(4242, 3)
    line = board.read(0)
    assert (line.pid, line.state, line.generation) == (4242, State.STARTING, 3)
    assert before <= line.started <= time.monotonic()
    thread = worker.thread(0)
    worker.state = State.IDLE
    assert board.read(0).state is worker.state is State.IDLE
    thread.begin("GET /a", 12.5)
    assert board.read(0).state is State.BUSY
    assert board.read(0).threads == [ThreadLine(0, 12.5, "GET /a")]
    assert board.read(0).threads[0].state is State.BUSY
    worker.state = State.RETIRING
    assert board.read(0).state is State.RETIRING
    thread.end()
    assert board.read(0).threads == [ThreadLine(1, 0.0, "GET /a")]
    assert board.read(0).threads[0].state is State.IDLE
    assert board.lines() == [board.read(0)]
    board.bury(0)
    assert board.read(0) == EMPTY


def test_a_worker_knows_whether_it_is_alone():
    board = Scoreboard(3, 2)
    slots = [board.worker(index) for index in range(3)]
    slots[1].take(11, 1)
    assert slots[1].alone
    slots[2].take(12, 1)
    assert not slots[1].alone
    assert not slots[2].alone
    slots[1].state = State.RETIRING
    assert not slots[2].alone  # it may still accept a last one
    board.bury(1)
    assert slots[2].alone


def test_a_slot_says_the_present_or_the_last_request():
    board = Scoreboard(1, 1)
    thread = taken(board).thread(0)
    for count, request in enumerate(["GET /a", "GET /longer", "GET", "GET", ""]):
        thread.begin(request, 1.0)
        assert board.read(0).threads == [ThreadLine(count, 1.0, request)]
        thread.end()
        assert board.read(0).threads == [ThreadLine(count + 1, 0.0, request)]


def test_a_worker_has_served_what_its_threads_have():
    board = Scoreboard(1, 3)
    worker = taken(board)
    for index in range(4):
        thread = worker.thread(index)
        for _ in range(index):
            thread.begin("GET /", 1.0)
            thread.end()
    assert [thread.requests for thread in board.read(0).threads] == [0, 1, 2, 3]
    assert board.read(0).requests == 6


def test_a_slot_that_is_taken_again_begins_from_zero():
    board = Scoreboard(1, 1)
    for pid in (1, 2):
        worker = taken(board, pid=pid)
        worker.connections(3)
        worker.lag(0.5)
        thread = worker.thread(0)
        thread.begin("GET /the-same", 1.0)
        thread.end()
        line = board.read(0)
        assert (line.pid, line.requests, line.threads[0].request) == (pid, 1, "GET /the-same")
        board.worker(0).take(3, 1)
        line = board.read(0)
        assert (line.requests, line.connections, line.wait_recent, line.wait_max) == (0, 0, 0.0, 0.0)


def test_totals_do_not_go_down_when_workers_end():
    board = Scoreboard(2, 2)
    nobody = board.read(0)
    for count in range(5):
        thread = taken(board, count % 2).thread(count % 3)
        thread.begin("GET /", 1.0)
        thread.end()
        assert board.read(count % 2).requests == 1
        assert board.requests == count + 1
        if count < 3:  # of the others nobody has told the board that they died
            board.bury(count % 2)
            assert board.read(count % 2) == nobody
        assert board.requests == count + 1


def test_the_queue_wait_fades_and_its_peak_stays():
    board = Scoreboard(1, 1)
    worker = taken(board)
    recent = []
    for seconds in (0.0, 1.0, 0.0, 0.0):
        worker.lag(seconds)
        recent.append(board.read(0).wait_recent)
    assert recent[0] == 0.0
    assert recent[1] > recent[2] > recent[3] > 0.0
    for _ in range(200):
        worker.lag(0.0)
    assert board.read(0).wait_recent < 0.0001
    assert board.read(0).wait_max == 1.0
    for _ in range(200):
        worker.lag(0.25)
    assert math.isclose(board.read(0).wait_recent, 0.25, rel_tol=0.01)
    assert board.read(0).wait_max == 1.0


def test_connections():
    board = Scoreboard(1, 1)
    worker = taken(board)
    for number in (0, 1, 10_000, 7):
        worker.connections(number)
        assert board.read(0).connections == number


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("", ""),
        ("GET /\xe9", "GET /\xe9"),
        ("x" * 224, "x" * 224),
        ("x" * 225, "x" * 224),
        ("x" * 100_000, "x" * 224),
        ("x" * 223 + "\xe9", "x" * 223 + "\ufffd"),
        ("\ud800", "?"),
        ("a\x00b", "a\x00b"),
    ],
)
def test_any_request_fits(request_, said):
    board = Scoreboard(3, 2)
    before = [board.read(index) for index in (0, 2)]
    thread = taken(board, 1).thread(1)
    thread.begin(request_, 1.0)
    empty = ThreadLine(0, 0.0, "")
    assert board.read(1).threads == [empty, ThreadLine(0, 1.0, said), empty]
    thread.end()
    assert [board.read(index) for index in (0, 2)] == before


def test_slots_do_not_touch_each_other():
    board = Scoreboard(5, 2)
    workers = [taken(board, index, pid=index + 1) for index in range(5)]
    for number, worker in enumerate(workers):
        for thread in [worker.thread(index) for index in range(3)]:
            for _ in range(number):
                thread.begin(f"GET /{number}" + "x" * 300, 1.0)
                thread.end()
    board.master.died = 9
    board.bury(2)
    assert [board.read(number).requests for number in range(5)] == [0, 3, 0, 9, 12]
    assert [board.read(number).pid for number in range(5)] == [1, 2, 0, 4, 5]
    assert (board.master.died, board.requests, board.master.pid) == (9, 30, 0)


COUNTS = [
    "pid", "generation", "configured", "least", "most", "spawned", "died", "reloads", "slow_requests", "timed_out"
]  # fmt: skip


def test_the_master_s_line():
    board = Scoreboard(1, 1)
    before = time.time(), time.monotonic()
    board.master.take(99)
    assert before[0] <= board.master.started <= time.time()
    assert before[1] <= board.master.since <= time.monotonic()
    assert board.master.pid == 99
    for number, name in enumerate(COUNTS, 1):
        setattr(board.master, name, number)
    assert [getattr(board.master, name) for name in COUNTS] == list(range(1, len(COUNTS) + 1))
    board.master.died += 5
    assert board.master.died == COUNTS.index("died") + 6
    assert board.master.manager == "static"
    for kind in MANAGERS:
        board.master.manager = kind
        assert board.master.manager == kind
    assert before[0] <= board.master.started <= time.time()
    assert board.read(0) == EMPTY
    with pytest.raises(ValueError):
        board.master.manager = "magic"


def test_another_process_reads_it():
    board = Scoreboard(1, 1)
    pid = os.fork()
    if pid == 0:
        taken(board, pid=os.getpid()).thread(0).begin("GET /from-the-child", 1.0)
        os._exit(0)
    os.waitpid(pid, 0)
    line = board.read(0)
    assert (line.pid, line.state, line.threads[0].request) == (pid, State.BUSY, "GET /from-the-child")


def odd_words():
    """Memory such as no writer leaves it: what a reader could see between two stores, and worse."""
    for word in (math.nan, math.inf, -math.inf, -1.0, 0.5, 3.0, 4.0, 5.0, 1e300, 2.0**53, 5e-324):
        yield lambda size, word=word: struct.pack("d", word) * (size // 8)
    for seed in range(50):
        yield lambda size, seed=seed: random.Random(seed).randbytes(size)
    yield lambda size: b"\xff" * size


@pytest.mark.parametrize("odd", list(odd_words()))
def test_a_reader_takes_whatever_it_finds(odd):
    board = Scoreboard(2, 2)
    board._memory[:] = odd(len(board._memory))
    master = board.master
    numbers = [getattr(master, name) for name in (*COUNTS, "started", "since")] + [board.requests]
    for line in (board.read(0), board.read(1)):
        assert line.state in State
        numbers += [line.pid, line.generation, line.started, line.connections, line.wait_recent, line.wait_max]
        for thread in line.threads:
            assert len(thread.request) <= 224
            numbers += [thread.requests, thread.since]
    assert master.manager in MANAGERS
    assert all(math.isfinite(number) and number >= 0 for number in numbers)
    board.bury(0)
    board.worker(0).take(1, 1)
    assert board.read(0).pid == 1
