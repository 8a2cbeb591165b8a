"""From repeats to parts: medians, intervals, and how far a part is from nothing.

An interval of a median needs no theory but that of coins. Each repeat lies above the true median or below it, as a coin
shows heads or tails. That all of n repeats lie above it is as rare as n heads; so the smallest and the largest repeat
nearly always have it between them. One goes inwards from both ends, as long as it is still held in 95 of 100 cases. Of
five repeats or fewer not even the ends hold it as surely, and the interval is all that there is.

`gateway_bench.record.statistics` draws samples besides, and takes the wider of the two. That is for records which are
published; to load what it needs takes longer than a check may.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Part", "bound", "parts_of", "shares_of"]

TAIL = 0.025
"""Of all cases, in which the true median may lie beyond one end of an interval."""


@dataclass(frozen=True, slots=True)
class Part:
    """Seconds that a program takes longer than the one before it, from `low` to `high`. It may be below 0 by chance."""

    seconds: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Is it more than nothing, whatever chance did?"""
        return self.low > 0


def bound(repeats: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of the median of these repeats, which are at least one."""
    ordered = sorted(repeats)
    inwards, chance = 0, 2.0 ** -len(ordered)
    while chance + math.comb(len(ordered), inwards + 1) / 2 ** len(ordered) <= TAIL:
        inwards += 1
        chance += math.comb(len(ordered), inwards) / 2 ** len(ordered)
    return ordered[inwards], ordered[-1 - inwards]


def parts_of(times: Mapping[str, Sequence[float]]) -> dict[str, Part]:
    """Return the part of each program. The bounds are cautious: both medians may be off, in opposite directions."""
    found: dict[str, Part] = {}
    before = low = high = 0.0
    for name, repeats in times.items():
        median, (lower, upper) = statistics.median(repeats), bound(repeats)
        found[name] = Part(median - before, lower - high, upper - low)
        before, low, high = median, lower, upper
    return found


def shares_of(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return each part in percent of their sum."""
    whole = sum(seconds.values())
    return {name: 100 * part / whole if whole else 0.0 for name, part in seconds.items()}
