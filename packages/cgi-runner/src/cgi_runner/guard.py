"""Somebody who stays behind: programs must not outlive the worker that started them, however it ends.

A worker that is killed (`kill -9`, out of memory, a time limit of the master's) can clean nothing up, and its
programs would work on for nobody. So each worker forks a guard before it begins, and writes down in memory that both
can see which process groups live, one for each place that a program can have::

    worker  --> | 4711 | 0 | 4713 | 0 | ... |  --> guard        shared memory: writing there wakes nobody
            --- a pipe, in which nothing is ever written ->     its end of file: the worker is gone, in whatever way;
                                                                end the groups that are left

The kernel closes a dead process's pipes, so the end of file comes always. The guard is a fork without exec: it shares
its memory with the worker and sleeps in one `read`. (An earlier one was told of each program through the pipe; being
woken twice a request cost a tenth of all that a small program costs.)
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time

from .ending import KILL_AFTER
from .spawn import TICK, signal_group

__all__ = ["Guard"]

_GROUP = struct.Struct("=i")

_DESCRIPTORS = 65536
"""Descriptors from here on are not looked for when the guard closes what it has inherited."""


class Guard:
    """The worker's side, with room for the programs in `places` places. Until `start` it guards nothing."""

    def __init__(self, places: int) -> None:
        self._groups = mmap.mmap(-1, places * _GROUP.size)
        self._pipe = -1
        self._pid = 0

    def start(self) -> None:
        """Fork the guard, which never returns from here. Call it while the process has one thread."""
        theirs, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _inherit_nothing_but(theirs)
                os.read(theirs, 1)
                _end([group for (group,) in _GROUP.iter_unpack(self._groups) if group])
            finally:
                os._exit(0)
        os.close(theirs)

    def close(self) -> None:
        """Let the guard go: nothing runs any more."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
            os.waitpid(self._pid, 0)

    def started(self, place: int, group: int) -> None:
        """A program runs in this place."""
        _GROUP.pack_into(self._groups, place * _GROUP.size, group)

    def ended(self, place: int) -> None:
        """It is about to be reaped: from then on its number may be somebody else's."""
        _GROUP.pack_into(self._groups, place * _GROUP.size, 0)


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


def _end(groups: list[int]) -> None:
    """TERM, a grace, KILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        limit = time.monotonic() + KILL_AFTER
        for group in groups:
            signal_group(group, number)
        while groups and time.monotonic() < limit:
            groups = [group for group in groups if signal_group(group, 0)]
            time.sleep(TICK)
