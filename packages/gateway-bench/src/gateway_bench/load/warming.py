"""The warm-up, and the rule by which it ends.

A server is faster in its second second than in its first: files are read, templates compiled, pages of memory touched,
branches learnt, connections opened. None of that belongs to the figure, so it is thrown away. But how much? A fixed
time is too long for one server and too short for another (a JVM compiles for seconds), so the rate itself tells::

    requests a second
        |           __x--x--x--x--x--x--x
        |       _x--                           the last five windows, together, are not more than 5 % above
        |    x--                               the five before them: it has stopped getting faster
        |  x/    |   five     |    five   |
        +---------------------------------> windows of 50 ms

The rule asks one thing only, whether it still gets *faster*: a rate that falls or scatters is no reason to go on, it
belongs to what is measured. Ten windows are needed to compare, so a warm-up that settles takes half a second at the
least. A job says how long it may take at most. What it took, its rates, and whether it settled are in the record, for
those who want to judge for themselves.

A job may also ask for a least length (`least_warmup`). A JVM gets faster for ten seconds, at first so slowly that the
rule would not notice.

Warming up is always a closed loop, also for what will be measured in an open one: it is the quickest way to have every
visitor connected and every path taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway_bench.load.job import Warmup

__all__ = ["WINDOW", "Warming", "no_warmup"]

WINDOW = 0.05
"""Seconds."""
TOGETHER = 5
"""Windows that are taken together: single ones scatter too much."""
FASTER = 1.05
"""A rate above this times the one before is one that still rises."""


class Warming:
    """A warm-up that begins now and lasts `limit` seconds at most, and `least` at least, whatever the rule says.

    `requests()` says how many have been answered.
    """

    def __init__(
        self,
        limit: float,
        requests: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        least: float = 0.0,
    ) -> None:
        self._limit = limit
        self._least = least
        self._requests = requests
        self._clock = clock
        self._began = clock()
        self._marks = [0]  # requests at the beginning of each window
        self._ended = 0.0

    def lasts(self) -> bool:
        """Tell whether it still lasts; to be asked often, by every visitor before each visit."""
        if self._ended:
            return False
        passed = self._clock() - self._began
        while passed >= len(self._marks) * WINDOW:
            self._marks.append(self._requests())
        if passed < self._limit and (passed < self._least or not self.settled()):
            return True
        self._ended = max(passed, 1e-9)
        return False

    def settled(self) -> bool:
        """Tell whether the rate has stopped rising."""
        if len(self._marks) <= 2 * TOGETHER:
            return False
        before, between, last = self._marks[-2 * TOGETHER - 1], self._marks[-TOGETHER - 1], self._marks[-1]
        return 0 < last - between <= FASTER * (between - before)

    def told(self) -> Warmup:
        """Return what the record says of it."""
        rates = [
            round((after - before) / WINDOW, 1) for before, after in zip(self._marks, self._marks[1:], strict=False)
        ]
        return Warmup(seconds=round(self._ended, 3), rates=rates, settled=self.settled())


def no_warmup() -> Warmup:
    """Return what the record says where there was none."""
    return Warmup(seconds=0.0, rates=[], settled=False)
