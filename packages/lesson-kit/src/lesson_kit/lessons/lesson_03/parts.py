"""From repeats to parts: medians, intervals, and how far a part is from nothing."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway_bench.record.statistics import interval

__all__ = ["Part", "bound", "parts_of", "shares_of"]


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
    """Return the bounds of the median of these repeats."""
    return interval(repeats)


def parts_of(times: Mapping[str, Sequence[float]]) -> dict[str, Part]:
    """Return the part of each program. The bounds are cautious: both medians may be off, in opposite directions."""
    found: dict[str, Part] = {}
    before = low = high = 0.0
    for name, repeats in times.items():
        median, (lower, upper) = statistics.median(repeats), interval(repeats)
        found[name] = Part(median - before, lower - high, upper - low)
        before, low, high = median, lower, upper
    return found


def shares_of(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return each part in percent of their sum."""
    whole = sum(seconds.values())
    return {name: 100 * part / whole if whole else 0.0 for name, part in seconds.items()}
