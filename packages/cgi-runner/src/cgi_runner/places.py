"""How many programs run at once, and how many requests wait for one of them to end.

::

    request --> a place is free ------------------------------> runs
            --> none is: fewer than `queue` wait --> waits --> a place comes free in time --> runs
            |                                            '---> it does not: Full
            '--> `queue` wait already: Full, at once

Without the first bound a crowd of visitors becomes a crowd of processes, and then nobody is served. Without the second
it becomes a crowd of waiting visitors, each of whom gives up at last, and whose request is then run for nobody.
"""

from __future__ import annotations

import queue
import threading

__all__ = ["Full", "Places"]


class Full(Exception):
    """There is no place, and none comes free in time."""


class Places:
    """`count` places, numbered from 0; `line` requests may wait for one."""

    def __init__(self, count: int, line: int) -> None:
        self.count = count
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(count):
            self._free.put(number)
        self._line = threading.BoundedSemaphore(line) if line else None

    def take(self, seconds: float) -> int:
        """Return the number of a free place, waiting up to `seconds` for it. Raises Full."""
        try:
            return self._free.get_nowait()
        except queue.Empty:
            pass
        if self._line is None or not self._line.acquire(blocking=False):
            raise Full
        try:
            return self._free.get(timeout=seconds)
        except queue.Empty:
            raise Full from None
        finally:
            self._line.release()

    def give(self, number: int) -> None:
        """The place is free again."""
        self._free.put(number)
