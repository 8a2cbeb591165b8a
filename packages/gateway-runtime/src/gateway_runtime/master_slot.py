"""The master's own line of the scoreboard, which it writes and everybody reads."""

from __future__ import annotations

import mmap
import time
from typing import overload

from .slots import MANAGERS, MASTER, real, whole

__all__ = ["MasterSlot"]


class _Count:
    """A word of the master's slot as an attribute: a whole number."""

    def __init__(self, index: int) -> None:
        self._index = index

    @overload
    def __get__(self, slot: None, owner: type) -> _Count: ...
    @overload
    def __get__(self, slot: MasterSlot, owner: type) -> int: ...
    def __get__(self, slot: MasterSlot | None, owner: type) -> _Count | int:
        return self if slot is None else whole(slot.words[self._index])

    def __set__(self, slot: MasterSlot, value: int) -> None:
        slot.words[self._index] = value


class MasterSlot:
    """The master's own line: only the master writes, all read. Its counts are attributes: `board.master.died += 1`."""

    pid = _Count(0)
    generation = _Count(4)
    configured = _Count(5)  # workers: how many were asked for
    least = _Count(6)
    most = _Count(7)
    spawned = _Count(8)
    died = _Count(9)  # of those that nobody had asked to end
    reloads = _Count(10)
    slow_requests = _Count(11)
    timed_out = _Count(12)

    def __init__(self, memory: mmap.mmap) -> None:
        self.words = memoryview(memory)[:MASTER].cast("d")

    def take(self, pid: int) -> None:
        """Note who the master is, and that it has started now."""
        self.pid = pid
        self.words[1], self.words[2] = time.time(), time.monotonic()

    @property
    def started(self) -> float:
        """When it started, unix time."""
        return real(self.words[1])

    @property
    def since(self) -> float:
        """When it started, monotonic."""
        return real(self.words[2])

    @property
    def manager(self) -> str:
        """One of MANAGERS."""
        return MANAGERS[min(whole(self.words[3]), len(MANAGERS) - 1)]

    @manager.setter
    def manager(self, kind: str) -> None:
        self.words[3] = MANAGERS.index(kind)
