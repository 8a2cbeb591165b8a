"""The keeper by itself: what it does when no worker can be started. No process is forked here."""

from __future__ import annotations

import errno
import os

import pytest

from gateway_runtime import children, keeper
from gateway_runtime.keeper import Keeper
from gateway_runtime.pool import Counts, Kind, Pool
from gateway_runtime.testing import run_to_end


class NoFamily:
    """Workers that cannot be started, because of `error`, or because there is no room."""

    def __init__(self):
        self.error = OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self.has_room = True
        self.tried = 0

    def of(self, generation):
        return []

    def look(self, generation, now):
        pass

    def counts(self, generation, pool, now, *, waiting=False):
        return Counts(waiting=waiting)

    def spawn(self, generation):
        self.tried += 1
        if self.error:
            raise self.error


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(keeper, "time", clock)
    return clock


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(keeper, "line", lines.append)
    return lines


def test_a_fork_that_fails_is_tried_again_later_and_later(clock, said):
    family = NoFamily()
    keep = Keeper(family, Pool(Kind.STATIC, 4, 4, 4))
    for clock.now in range(100, 140):
        keep.repair(1)
    assert said == [
        f"cannot fork a worker: {os.strerror(errno.EAGAIN)}; trying again in {n} s" for n in (1, 2, 4, 8, 16, 32)
    ]
    assert family.tried == 7
    assert keep.trouble == f"cannot fork a worker: {os.strerror(errno.EAGAIN)}"
    family.error = None
    clock.now = keep.brake.until
    keep.repair(1)
    assert family.tried == 11


def test_without_room_nobody_is_started(clock, said):
    family = NoFamily()
    family.has_room = False
    keep = Keeper(family, Pool(Kind.ONDEMAND, 0, 0, 4))
    keep.adjust(1, waiting=True)
    assert family.tried == 0
    assert not keep.wants_connections(1)
    family.has_room = True
    assert keep.wants_connections(1)
    keep.adjust(1, waiting=True)
    assert family.tried == 1
    assert said == []


def open_files():
    return sorted(os.listdir("/dev/fd"))  # noqa: PTH208 - their numbers are what matters


@pytest.mark.parametrize("failing", ["fork", "first pipe", "second pipe"])
def test_a_fork_that_fails_leaves_nothing_behind(monkeypatch, failing):
    real, left = os.pipe, {"first pipe": 0, "second pipe": 1}.get(failing, 9)

    def pipe():
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.EMFILE, "full")
        return real()

    def fork():
        raise OSError(errno.EAGAIN, "full")

    monkeypatch.setattr(children.os, "pipe", pipe)
    monkeypatch.setattr(children.os, "fork", fork)
    before = open_files()
    with pytest.raises(OSError, match="full"):
        children.fork(lambda: None, lambda control, status: 0)
    assert open_files() == before


NO_FORK = """
import errno, os, sys
def fork():
    raise OSError(errno.EAGAIN, "no more processes")
os.fork = fork
from gateway_runtime.cli import main
from wsgi_server.server import GATEWAY
sys.exit(main(GATEWAY))
"""


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_server_that_cannot_fork_does_not_start(served, workers):
    (served / "no_fork.py").write_text(NO_FORK)
    code, said = run_to_end("no_fork", "served:app", "--bind", "unix:x.sock", "--workers", workers)
    assert (code, said) == (2, "wsgi_server: cannot fork a worker: no more processes\n")
    assert not (served / "x.sock").exists()
