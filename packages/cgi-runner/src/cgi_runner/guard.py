"""Somebody who stays behind: programs must not outlive the worker that started them, however it ends.

A worker that is killed (`kill -9`, out of memory, a time limit of the master's) can clean nothing up, and its
programs would work on for nobody. So each worker forks a guard before it begins, and tells it through a pipe which
process groups live::

    worker  --- +pid, -pid, +pid, ... --->  guard
            --- end of file ------------->  the worker is gone, in whatever way: end the groups that are left

The kernel closes a dead process's pipes, so the end of file comes always. The guard is a fork without exec: it shares
its memory with the worker and sleeps in one `read`.
"""

from __future__ import annotations

import os
import signal
import struct
import time

from .ending import KILL_AFTER, group_lives
from .spawn import TICK

__all__ = ["Guard"]

_RECORD = struct.Struct("=i")
_READ = 1024 * _RECORD.size
_DESCRIPTORS = 65536
"""Descriptors above this one are not looked for when the guard closes what it has inherited."""


class Guard:
    """The worker's end of the pipe. `start` forks; call it while the process has one thread."""

    def __init__(self) -> None:
        self._pipe = -1
        self._pid = 0

    def start(self) -> None:
        """Fork the guard. It never returns from here."""
        theirs, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _inherit_nothing_but(theirs)
                _keep_watch(theirs)
            finally:
                os._exit(0)
        os.close(theirs)

    def close(self) -> None:
        """Let the guard go: nothing runs any more."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
            os.waitpid(self._pid, 0)

    def started(self, group: int) -> None:
        """A program runs."""
        self._tell(group)

    def ended(self, group: int) -> None:
        """It has been reaped."""
        self._tell(-group)

    def _tell(self, number: int) -> None:
        if self._pipe >= 0:
            try:
                os.write(self._pipe, _RECORD.pack(number))  # small enough to be atomic: threads need no lock
            except BrokenPipeError:
                pass  # somebody killed the guard: the programs lose their guard, not the visitors their server


def _inherit_nothing_but(pipe: int) -> None:
    """Leave the terminal, the sockets and the worker's other pipes; keep standard error."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, _DESCRIPTORS)


def _keep_watch(pipe: int) -> None:
    """Follow the groups until the worker is gone; then TERM, a grace, KILL."""
    groups: set[int] = set()
    while data := os.read(pipe, _READ):
        for (number,) in _RECORD.iter_unpack(data):
            if number > 0:
                groups.add(number)
            else:
                groups.discard(-number)
    for number in (signal.SIGTERM, signal.SIGKILL):
        limit = time.monotonic() + KILL_AFTER
        for group in groups:
            _signal(group, number)
        while groups and time.monotonic() < limit:
            groups = {group for group in groups if group_lives(group)}
            time.sleep(TICK)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass
