"""Keeps the number of workers right: does what the pool says, as fast as the brake lets it.

A worker that is *due* (it has lived for long enough) is replaced without a dip: it counts for nothing, so the pool asks
for another; it serves on until that one can. So at any time as many due ones stay as others are yet to come::

    a a a        one is due: a a [a]       pool: one lacks, spawn       a a [a] s
                                           s can serve, none lacks      a a [a] a   ->   retire [a]   ->   a a a
"""

from __future__ import annotations

import time

from .brake import YOUNG, Brake
from .children import Child, Stage
from .family import Family
from .log import line
from .pool import Kind, Pool, Step

__all__ = ["Keeper"]


class Keeper:
    """Applies a pool to a generation of a family."""

    def __init__(self, family: Family, pool: Pool) -> None:
        self.pool = pool
        self.brake = Brake()
        self.trouble = ""
        """Why the system did not let us start one."""
        self._family = family
        self._rate = 1
        self._full = False

    def spawn(self, generation: int) -> bool:
        """Start a worker, if the brake, the scoreboard and the system let us."""
        if self.brake.holds(time.monotonic()) or not self._family.has_room:
            return False
        try:
            self._family.spawn(generation)
        except OSError as error:
            self.trouble = f"cannot fork a worker: {error.strerror}"
            delay = self.brake.died_young(time.monotonic())
            if delay:
                line(f"{self.trouble}; trying again in {delay:g} s")
            return False
        return True

    def repair(self, generation: int) -> None:
        """Keep the number of workers within its bounds. To be called whenever it may have changed."""
        counts = self._family.counts(generation, self.pool, time.monotonic())
        self._apply(self.pool.repair(counts), generation)

    def adjust(self, generation: int, *, waiting: bool = False) -> None:
        """Follow the load. To be called once a look, and when a connection is `waiting` that nobody accepts."""
        now = time.monotonic()
        self._family.look(generation, now)
        for child in self._family.of(generation):
            if now - child.ready_at > YOUNG:
                self.brake.lived(child.started)
        step = self.pool.step(self._family.counts(generation, self.pool, now, waiting=waiting), self._rate)
        self._rate = step.rate
        if step.full and not self._full:
            line(f"all {self.pool.most} workers are busy, and there must not be more: see --max-workers")
        self._full = step.full
        missing = self._apply(step, generation)
        self._release_the_due(generation, missing)

    def lacks(self, generation: int) -> bool:
        """Are there fewer workers than there must be at least?"""
        return bool(self.pool.repair(self._family.counts(generation, self.pool, time.monotonic())).spawn)

    def size(self, generation: int) -> int:
        """Return how many workers a generation has, as the next one should have."""
        number = sum(not child.due for child in self._family.of(generation))
        return max(self.pool.least, min(number, self.pool.most))

    def wants_connections(self, generation: int) -> bool:
        """Is it for the master to see connections arrive, because no worker is there or on its way to take them?"""
        now = time.monotonic()
        if self.pool.kind is not Kind.ONDEMAND or self.brake.holds(now) or not self._family.has_room:
            return False
        counts = self._family.counts(generation, self.pool, now)
        return not counts.idle and not counts.starting and counts.alive < self.pool.most

    def _apply(self, step: Step, generation: int) -> int:
        """Do what the step says; return how many workers are still to be started."""
        done = 0
        while done < step.spawn and self.spawn(generation):
            done += 1
        if step.retire:
            for child in self._least_useful(generation)[: step.retire]:
                self._family.retire(child)
        return step.lacking - done

    def _release_the_due(self, generation: int, missing: int) -> None:
        """Let those go in whose places others serve by now."""
        there = self._family.of(generation)
        still_needed = missing + sum(child.stage is Stage.STARTING for child in there)
        due = [child for child in there if child.due]
        for child in due[: max(0, len(due) - still_needed)]:
            self._family.retire(child)

    def _least_useful(self, generation: int) -> list[Child]:
        """Return the workers in the order in which they can be spared: who starts, is idle for long, is old."""
        self._family.look(generation, time.monotonic())
        there = [child for child in self._family.of(generation) if not child.due]
        return sorted(there, key=lambda child: (child.stage is Stage.SERVING, child.idle_since, child.started))
