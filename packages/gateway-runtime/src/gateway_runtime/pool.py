"""How many workers there should be: three kinds of pool, as one pure function from counts to the next step.

The kinds are php-fpm's::

    static      always `most` (`least` and `start` are the same)
    dynamic     between `least` and `most`, so that `spare` of them are idle
    ondemand    none until a connection waits, at most `most`; an idle one ends after a while

                 fewer than least            a spare one is lacking / a connection waits
                +----------------+          +-----------------------------------------+
                v                |          v                                         |
    spawn all that lack now      |    spawn 1, then 2, 4, ... 32 a look, never beyond most
                                 |
                more than most: retire what is too much     too many idle: retire one a look

A worker that is still loading the application counts as spare: it was started to become that. Those that are about to
be replaced, or are finishing, count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

__all__ = ["FASTEST", "MOST_WORKERS", "Counts", "Kind", "Pool", "Step"]

FASTEST = 32
"""Workers started at one look, at most: a load that keeps growing is met by doubling, up to here (as in php-fpm)."""

MOST_WORKERS = 1024
"""No pool is larger: whoever asks for more has mistyped, and the scoreboard has to be of some size."""


class Kind(Enum):
    """What the number of workers follows."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    ONDEMAND = "ondemand"


@dataclass(frozen=True, slots=True)
class Counts:
    """The workers there are, each counted once. `expired`: of the idle, those that have been so for too long."""

    starting: int = 0
    idle: int = 0
    busy: int = 0
    expired: int = 0
    due: int = 0
    """Besides them: workers in use that are to be replaced."""
    waiting: bool = False
    """Is there a connection that no worker has accepted?"""

    @property
    def alive(self) -> int:
        """All of them."""
        return self.starting + self.idle + self.busy


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now. `rate`: for the next look."""

    spawn: int = 0
    retire: int = 0
    rate: int = 1
    lacking: int = 0
    """How many will have to be started in all; `spawn` of them now."""
    full: bool = False
    """One more is needed, and `most` forbids it."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The kind and its bounds. `spare_min`, `spare_max` are for dynamic, `idle_timeout` (seconds) for ondemand."""

    kind: Kind = Kind.STATIC
    start: int = 1
    least: int = 1
    most: int = 1
    spare_min: int = 1
    spare_max: int = 3
    idle_timeout: float = 0.0

    def repair(self, counts: Counts) -> Step:
        """Return what cannot wait for the next look: keep within the bounds."""
        lacking = max(0, self.least - counts.alive)
        return Step(spawn=lacking, lacking=lacking, retire=max(0, counts.alive - self.most))

    def step(self, counts: Counts, rate: int) -> Step:
        """Return what to do at a look. `rate`: 1 at first, then what the last step said."""
        repair = self.repair(counts)
        if repair.spawn or repair.retire:
            return replace(repair, rate=rate)
        if self.kind is Kind.DYNAMIC:
            return self._dynamic(counts, rate)
        if self.kind is Kind.ONDEMAND:
            return self._ondemand(counts, rate)
        return repair

    def _dynamic(self, counts: Counts, rate: int) -> Step:
        if counts.idle >= self.spare_min:
            too_many = counts.idle > self.spare_max and counts.alive > self.least
            return Step(retire=int(too_many))
        return self._more(self.spare_min - counts.idle - counts.starting, counts, rate)

    def _ondemand(self, counts: Counts, rate: int) -> Step:
        free = counts.idle + counts.starting
        if counts.due > free:  # those who take the place of others need not be asked for
            return self._more(counts.due - free, counts, rate)
        if counts.waiting and not free:
            return self._more(rate, counts, rate)
        return Step(retire=counts.expired, rate=1 if counts.idle else rate)

    def _more(self, lacking: int, counts: Counts, rate: int) -> Step:
        """Spawn what is lacking, no faster than `rate`; when nothing lacks because some are starting, wait for them."""
        if lacking <= 0:
            return Step(rate=rate)
        room = self.most - counts.alive
        spawn = min(lacking, rate, room)
        return Step(spawn, rate=min(2 * rate, FASTEST), lacking=min(lacking, room), full=not room)

    def resized(self, number: int) -> Pool:
        """Return the pool with `number` as its most, which for a static one is its size."""
        if self.kind is Kind.STATIC:
            return replace(self, start=number, least=number, most=number)
        return replace(self, least=min(self.least, number), most=number)

    def moved(self, by: int) -> Pool:
        """Return the pool with one worker more or less: both bounds move, as far as they can."""
        most = max(1, self.most + by)
        if self.kind is Kind.ONDEMAND:
            return replace(self, most=most)
        least = min(max(1, self.least + by), most)
        return replace(self, start=least if self.kind is Kind.STATIC else self.start, least=least, most=most)
