"""Events on a datagram socket."""

from __future__ import annotations

import json
import os
import socket
import time

import pytest

from gateway_runtime import events
from gateway_runtime.errors import StartupError


@pytest.fixture
def watcher(tmp_path, monkeypatch):
    """A socket that is watched, and a module as it was at the start."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(events, "_socket", None)
    monkeypatch.setattr(events, "_kinds", frozenset())
    events._counts.clear()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("events")
        sock.setblocking(False)
        yield sock
    if events._socket is not None:
        events._socket.close()


def told(sock):
    """Return the events that have come."""
    found = []
    while True:
        try:
            found.append(json.loads(sock.recv(65536)))
        except BlockingIOError:
            return found


def test_nothing_is_told_without_a_watcher(watcher):
    for kind in events.KINDS:
        assert not events.wanted(kind)
        events.emit(kind)
    assert told(watcher) == []


def test_an_event_has_time_process_and_number(watcher):
    events.configure("events")
    before = time.time()
    events.emit("begin", request="GET /\xe9")
    events.emit("end")
    events.emit("begin")
    first, second, third = told(watcher)
    assert before <= first.pop("t") <= time.time()
    assert first == {
        "event": "begin", "pid": os.getpid(), "ppid": os.getppid(), "n": 1, "request": "GET /\xe9",
    }  # fmt: skip
    assert (second["event"], second["n"]) == ("end", 1)
    assert (third["event"], third["n"]) == ("begin", 2)


def test_fields_may_name_another_process(watcher):
    events.configure("events")
    events.emit("spawn", pid=1, ppid=2, role="cgi")
    (event,) = told(watcher)
    assert (event["pid"], event["ppid"], event["role"]) == (1, 2, "cgi")


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [("", set(events.KINDS)), ("spawn", {"spawn"}), ("spawn,exit", {"spawn", "exit"}), ("end,end", {"end"})],
)
def test_kinds_can_be_chosen(watcher, kinds, wanted):
    events.configure("events", kinds)
    for kind in events.KINDS:
        assert events.wanted(kind) is (kind in wanted)
        events.emit(kind)
    assert {event["event"] for event in told(watcher)} == wanted


@pytest.mark.parametrize("kinds", ["nope", "spawn,nope", ",", "spawn,", "SPAWN"])
def test_kinds_that_there_are_not(watcher, kinds):
    with pytest.raises(StartupError, match="--event-kinds knows spawn, ready, begin, end, exit, not"):
        events.configure("events", kinds)
    assert not events.wanted("spawn")


@pytest.mark.parametrize("what", ["nothing", "file", "stream", "deserted"])
def test_nobody_listens(watcher, what, tmp_path):
    path = tmp_path / "other"
    if what == "file":
        path.touch()
    elif what in ("stream", "deserted"):
        kind = socket.SOCK_STREAM if what == "stream" else socket.SOCK_DGRAM
        with socket.socket(socket.AF_UNIX, kind) as sock:
            sock.bind("other")
    with pytest.raises(StartupError, match="nobody listens for events at other"):
        events.configure("other")


def test_a_watcher_that_does_not_read_blocks_nobody_and_sees_the_gap(watcher):
    events.configure("events")
    for _ in range(5000):
        events.emit("begin", request="x" * 1000)
    seen = [event["n"] for event in told(watcher)]
    assert 0 < len(seen) < 5000
    events.emit("begin")
    (last,) = told(watcher)
    assert last["n"] == 5001


def test_a_watcher_that_has_gone_is_nobody_s_fault(watcher):
    events.configure("events")
    watcher.close()
    events.emit("begin")


def test_an_event_too_large_for_a_datagram_is_nobody_s_fault(watcher):
    events.configure("events")
    events.emit("begin", request="x" * 10_000_000)
    assert told(watcher) == []


def test_a_forked_process_counts_from_one(watcher):
    events.configure("events")
    events.emit("begin")
    events.emit("begin")
    pid = os.fork()
    if pid == 0:
        events.emit("begin")
        os._exit(0)
    os.waitpid(pid, 0)
    events.emit("begin")
    assert [(event["pid"] == pid, event["n"]) for event in told(watcher)] == [
        (False, 1), (False, 2), (True, 1), (False, 3),
    ]  # fmt: skip
