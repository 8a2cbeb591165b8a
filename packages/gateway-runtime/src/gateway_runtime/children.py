"""A worker as its master knows it, and the fork that makes one.

To each worker lead two pipes::

    master  ---- control ---->  worker     never a byte: its end of file, when the master closes it or dies, says "end"
    master  <---- status -----  worker     lines: READY, later perhaps SPENT; any other is why it cannot start

    STARTING --READY--> SERVING --told to end--> RETIRING --dies--> buried
        |                                            ^
        +--------------told to end-------------------+

A worker that is SERVING may be *due*: it has lived for long enough, and serves on until another can take its place.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import NoReturn

from .errors import EXIT_FAILED
from .lifetime import Span
from .log import line
from .signals import HELD
from .stalls import Found

__all__ = ["READY", "SPENT", "Child", "Stage", "fork"]

READY = b"ready"
"""The worker can serve."""

SPENT = b"spent"
"""The worker has served as many requests as it should."""


class Stage(Enum):
    """How far a worker has come."""

    STARTING = "loads the application"
    SERVING = "has said that it can serve"
    RETIRING = "was told to end"


@dataclass(slots=True, eq=False)
class Child:
    """One worker: who it is, how to reach it, what is to become of it. Times are monotonic."""

    pid: int
    generation: int
    place: int
    """On the scoreboard."""
    control: int
    status: int
    started: float
    span: Span = field(default_factory=Span)
    stage: Stage = Stage.STARTING
    ready_at: float = inf
    due: str = ""
    """Why another is to take its place, or ""."""
    doomed_at: float = inf
    """Since when it is to be killed, for a request that takes too long."""
    kill_at: float = inf
    why: str = ""
    """Its own words, if it cannot start."""
    requests: int = 0
    idle_since: float = inf
    """Since when it has had no request; inf: it has one now."""
    stalls: Found = field(default_factory=set)

    @property
    def retiring(self) -> bool:
        """Was it told to end?"""
        return self.stage is Stage.RETIRING

    def retire(self, kill_at: float) -> None:
        """Tell it to finish what is under way and end; from `kill_at` on it may be killed."""
        self.stage = Stage.RETIRING
        self.kill_at = min(self.kill_at, kill_at)
        self.close_control()

    def kill(self) -> None:
        """End it at once."""
        self.kill_at = inf
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send it a signal. It cannot be another process's pid: nobody but us reaps it."""
        os.kill(self.pid, number)

    def words(self) -> list[bytes] | None:
        """Return what it has said since, line by line; None at the end."""
        try:
            said = os.read(self.status, 65536)
        except BlockingIOError:
            return []
        return said.splitlines() if said else None

    def close_control(self) -> None:
        """Let the worker see end of file. A number once closed may soon mean another file: forget it."""
        if self.control >= 0:
            os.close(self.control)
            self.control = -1

    def close_status(self) -> None:
        """Listen to it no more."""
        if self.status >= 0:
            os.close(self.status)
            self.status = -1


def fork(forget: Callable[[], None], serve: Callable[[int, int], int]) -> tuple[int, int, int]:
    """Fork; return pid, control and status to the master.

    The child calls `forget()`, to close what is the master's alone, then `serve(control, status)`, and ends with the
    code which that returns. The signals in HELD are held back in it until it lets them through. Raises OSError.
    """
    control_read, control_write = os.pipe()
    try:
        status_read, status_write = os.pipe()
    except OSError:
        _close(control_read, control_write)
        raise
    os.set_blocking(status_read, False)
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        pid = os.fork()
    except OSError:
        _close(control_read, control_write, status_read, status_write)
        raise
    else:
        if pid == 0:
            _close(control_write, status_read)
            _live(forget, lambda: serve(control_read, status_write))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    _close(control_read, status_write)
    return pid, control_write, status_read


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _live(forget: Callable[[], None], serve: Callable[[], int]) -> NoReturn:
    """Be the worker. Never return: the master's own clean-up must not run here."""
    code = EXIT_FAILED
    try:
        forget()
        code = serve()
    except BaseException as error:
        line(f"the worker failed: {error!r}")
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
