"""The status report: what the scoreboard and the kernel say, as one JSON object."""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import time
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from gateway_runtime.scoreboard import Scoreboard, State
from gateway_runtime.status import report

SCHEMA = json.loads(files("gateway_runtime").joinpath("status.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def closed(schema):
    """Return the schema with every object closed: here a field that it does not know is a mistake."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    more = {"additionalProperties": False} if "properties" in schema else {}
    return {name: closed(value) for name, value in schema.items()} | more


def check(found):
    Draft202012Validator(closed(SCHEMA)).validate(found)
    json.dumps(found, allow_nan=False)
    return found


@pytest.fixture
def board():
    board = Scoreboard(4, 2)
    board.master.take(77)
    return board


def serving(board, index, pid, generation=1):
    worker = board.worker(index)
    worker.take(pid, generation)
    worker.state = State.IDLE
    return worker


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_a_server_without_workers(board):
    before = time.time()
    found = check(report(board, "wsgi_server", "1.2", []))
    assert abs(found.pop("started") - before) < 60
    assert found.pop("uptime_s") >= 0
    assert found == {
        "format": 1, "program": "wsgi_server", "version": "1.2", "pid": 77, "manager": "static",
        "workers": {
            "configured": 0, "least": 0, "most": 0, "alive": 0, "idle": 0, "busy": 0, "starting": 0, "retiring": 0
        },
        "threads": 2, "generation": 0, "requests": 0, "spawned": 0, "died": 0, "reloads": 0, "slow_requests": 0,
        "timed_out": 0, "listeners": [], "worker": [],
    }  # fmt: skip


def test_what_the_master_tells(board):
    names = ["generation", "spawned", "died", "reloads", "slow_requests", "timed_out"]
    bounds = ["configured", "least", "most"]
    for number, name in enumerate(names + bounds, 1):
        setattr(board.master, name, number)
    board.master.manager = "ondemand"
    found = check(report(board, "x", "1", []))
    assert [found[name] for name in names] == [1, 2, 3, 4, 5, 6]
    assert [found["workers"][name] for name in bounds] == [7, 8, 9]
    assert found["manager"] == "ondemand"


def test_a_busy_worker(board):
    worker = serving(board, 2, os.getpid(), 3)
    worker.connections(12)
    worker.lag(0.5)
    worker.lag(0.0)
    thread = worker.thread(1)
    thread.begin("GET /first", time.monotonic())
    thread.end()
    thread.begin("GET /slow", time.monotonic() - 7.5)
    (one,) = check(report(board, "x", "1", []))["worker"]
    assert (one["pid"], one["state"], one["generation"]) == (os.getpid(), "busy", 3)
    assert (one["requests"], one["connections"]) == (1, 12)
    assert one["rss_bytes"] > 1 << 20
    assert one["queue_wait_ms"]["max"] == 500
    assert 0 < one["queue_wait_ms"]["recent"] < 500
    assert one["age_s"] >= 0
    idle = {"state": "idle", "requests": 0, "request": "", "busy_s": 0.0}
    assert [one["threads"][0], one["threads"][2]] == [idle, idle]
    busy = one["threads"][1]
    assert busy.pop("busy_s") >= 7.5
    assert busy == {"state": "busy", "requests": 1, "request": "GET /slow"}


def test_workers_are_counted_by_state(board):
    serving(board, 0, 1).thread(0).begin("GET /", 1.0)
    serving(board, 1, 2)
    board.worker(2).take(3, 1)
    serving(board, 3, 4).state = State.RETIRING
    found = check(report(board, "x", "1", []))
    counts = {name: found["workers"][name] for name in ("alive", "idle", "busy", "starting", "retiring")}
    assert counts == {"alive": 4, "idle": 1, "busy": 1, "starting": 1, "retiring": 1}
    assert [one["state"] for one in found["worker"]] == ["busy", "idle", "starting", "retiring"]
    board.bury(0)
    found = check(report(board, "x", "1", []))
    assert [one["pid"] for one in found["worker"]] == [2, 3, 4]


def test_requests_of_the_dead_are_counted(board):
    thread = serving(board, 0, 1).thread(0)
    for _ in range(5):
        thread.begin("GET /", 1.0)
        thread.end()
    board.bury(0)
    found = check(report(board, "x", "1", []))
    assert (found["requests"], found["worker"]) == (5, [])


def test_a_process_that_has_gone_holds_nothing(board):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    serving(board, 0, pid)
    assert check(report(board, "x", "1", []))["worker"][0]["rss_bytes"] is None


def test_the_moment_of_another_process_may_lie_ahead(board):
    worker = serving(board, 0, 1)
    worker.thread(0).begin("GET /", time.monotonic() + 1000)
    assert check(report(board, "x", "1", []))["worker"][0]["threads"][0]["busy_s"] == 0.0


def test_listeners(board):
    with socket.create_server(("127.0.0.1", 0), backlog=7) as sock:
        found = check(report(board, "x", "1", [("http://127.0.0.1:1", sock)]))
    limit = 7 if sys.platform == "linux" else None
    queue = 0 if sys.platform == "linux" else None
    assert found["listeners"] == [{"url": "http://127.0.0.1:1", "queue": queue, "queue_max": limit}]


def test_another_process_makes_the_same_report(board):
    serving(board, 0, 1).thread(0).begin("GET /", time.monotonic())
    board.master.died = 3
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, json.dumps(report(board, "x", "1", [])).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        theirs = json.loads(pipe.read())
    os.waitpid(pid, 0)
    ours = report(board, "x", "1", [])
    for one in (ours, theirs):
        check(one)
        del one["uptime_s"], one["worker"][0]["age_s"], one["worker"][0]["threads"][0]["busy_s"]
    assert ours == theirs


@pytest.mark.parametrize("seed", range(30))
def test_odd_memory_gives_a_report_all_the_same(seed):
    board = Scoreboard(3, 2)
    board._memory[:] = random.Random(seed).randbytes(len(board._memory))
    for index in range(3):
        board.worker(index).state = State.IDLE
    found = check(report(board, "x", "1", []))
    assert len(found["worker"]) == 3


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (["format"], 2),
        (["started"], -1),
        (["manager"], "magic"),
        (["workers", "idle"], 1.5),
        (["worker", 0, "state"], "empty"),
        (["worker", 0, "rss_bytes"], "1"),
        (["worker", 0, "threads", 0, "busy_s"], None),
        (["listeners", 0, "queue"], -1),
    ],
)
def test_the_schema_finds_what_is_wrong(board, path, wrong):
    serving(board, 0, 1)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        found = report(board, "x", "1", [("http://127.0.0.1:1", sock)])
    assert VALIDATOR.is_valid(found)
    *way, last = path
    place = found
    for step in way:
        place = place[step]
    place[last] = wrong
    assert not VALIDATOR.is_valid(found)
    del place[last]
    assert not VALIDATOR.is_valid(found)
