r"""What a handful of repeats supports: a median, an interval for it, and what no difference looks like.

**An interval** says how far the median could lie from where it was found, had the repeats come out otherwise. Two ways
to find one assume nothing of their distribution, and the wider of the two is taken. The *bootstrap* draws samples from
the repeats, with replacement; 95 % of their medians lie within. The draws are seeded, so that one record gives one
figure. Of few values it is too bold: of seven it holds the true median in 88 of 100 cases. *Order statistics* need no
draws. The true median is below the smallest of n repeats only if all fell above it, as n coins that all show heads, and
so on from the next: these bounds are as far in as still holds it in 95 of 100 cases, or a little better.

Of five repeats or fewer not even the whole range does that: it holds the true median in 1 - 2 / 2**n of all cases, 75 %
for three and 94 % for five. The interval is the range then, `coverage` tells how much to trust it, and whoever shows it
should call it what it is (`interval_name`).

**A band** is what no difference looks like: each suite has a row that is measured twice, and round by round the ratio
of the two would be 1 but for chance. Their distances from 1, in the logarithm, in which twice and half are equally far:

    reach = median of |ln ratio| * sqrt(3 / rounds)            band = exp(-reach) .. exp(+reach), at least 1 % each way

Two rows *tie* in a figure if the interval of their ratio meets the band. The reach is such that two rows of one server
tie in 19 of 20 runs, whatever the distribution: of three rounds, the three ratios of a pair fall on one side of 1 in a
quarter of all runs; and that all three are then farther out than the median of the other pair's three happens in a
fifth of those, since the two smallest of six like values must be the other pair's: 4 in 20 ways. A quarter of a fifth
is 1 in 20. With more rounds the median wobbles less, by the square root, and the interval covers more by itself. By
simulation (thousands of runs, repeats that vary by 5 %, log-normal; heavy: one repeat in thirty is 30 % off besides):

    rounds   two rows of one server tie    10 % apart: seen    20 % apart: seen    20 %, heavy: seen
       3               95 %                     42 %                87 %                78 %
       5               99 %                     32 %                88 %                74 %
       9               99 %                     52 %                99 %                92 %

A tie is thus not a proof that two rows are equal. It says that this run cannot tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway_bench.record.document import Estimate

__all__ = [
    "CONFIDENCE",
    "ROUNDS",
    "UNPROVED",
    "band_of",
    "coverage",
    "estimate",
    "interval",
    "interval_name",
    "meets",
    "ratio_interval",
]

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
DRAWS = 2_000
"""Enough for bounds that stand still to three digits."""
SEED = 1996
ROUNDS = 3
"""Of an A/A pair, for a band, and of two rows that are told apart: no rule can promise 19 of 20 with fewer."""
LEAST = 0.01
"""Of a band, each way. Processor time comes in ticks of 10 ms, a hundredth of a repeat of a second: two rows can be
equal to the tick by luck, which does not make the next tick a difference."""

UNPROVED = 0.05
"""A difference that is taken for chance, each way, where a run does not say how large chance is."""


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median of at least one value, its interval, the extremes and the values."""
    found = [float(value) for value in values]
    low, high = interval(found)
    return Estimate(median=float(np.median(found)), low=low, high=high, min=min(found), max=max(found), values=found)


def coverage(repeats: int) -> float:
    """Return how surely the interval of so many repeats holds the true median: at least 95 %, or as much as can be."""
    return CONFIDENCE if _outer(repeats) else 1.0 - 2.0 ** (1 - repeats)


def interval_name(repeats: int) -> str:
    """Return what to call that interval: "95 % interval", "range (75 %)"; of one repeat nothing."""
    if repeats < 2:
        return ""
    share = f"{100 * coverage(repeats):.0f} %"
    return f"{share} interval" if _outer(repeats) else f"range ({share})"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of the median of at least one value."""
    ordered = sorted(values)
    rank = _outer(len(ordered))
    if not rank or ordered[0] == ordered[-1]:
        return ordered[0], ordered[-1]
    from scipy.stats import bootstrap  # late: it takes a second to import, and most runs have few repeats

    found = bootstrap(
        (np.array(values),), np.median, confidence_level=CONFIDENCE, n_resamples=DRAWS, method="percentile",
        rng=np.random.default_rng(SEED), vectorized=True,
    ).confidence_interval  # fmt: skip
    return min(ordered[rank - 1], float(found.low)), max(ordered[-rank], float(found.high))


def _outer(repeats: int) -> int:
    """Return the rank of the values that bound the median of so many, from either end; 0 if there are too few.

    The chance that the true median is below the k-th smallest is that of fewer than k heads among so many coins.
    """
    rank, chance = 0, 1 / 2**repeats
    while chance <= TAIL:
        rank += 1
        chance += math.comb(repeats, rank) / 2**repeats
    return rank


def ratio_interval(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of the ratio of two medians, of repeats that have nothing to do with each other (bootstrap)."""
    if len({*before}) == len({*after}) == 1:
        return after[0] / before[0], after[0] / before[0]
    from scipy.stats import bootstrap

    def ratio(first: Floats, second: Floats, axis: int) -> Floats:
        return np.asarray(np.median(second, axis=axis) / np.median(first, axis=axis))

    samples = tuple(np.array([*values] * 2 if len(values) == 1 else values) for values in (before, after))
    found = bootstrap(
        samples, ratio, confidence_level=CONFIDENCE, n_resamples=DRAWS,
        method="percentile", rng=np.random.default_rng(SEED), vectorized=True,
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def band_of(ratios: Sequence[float]) -> tuple[float, float] | None:
    """Return the band of an A/A pair, from its ratios round by round; None for too few of them."""
    if len(ratios) < ROUNDS:
        return None
    typical = float(np.median([abs(math.log(ratio)) for ratio in ratios]))
    reach = max(typical * math.sqrt(ROUNDS / len(ratios)), math.log1p(LEAST))
    return math.exp(-reach), math.exp(reach)


def meets(ratio: Estimate, band: tuple[float, float]) -> bool:
    """Tell whether a ratio is one that chance explains: its interval meets the band, or it is of too few rounds."""
    return len(ratio["values"]) < ROUNDS or (ratio["low"] <= band[1] and ratio["high"] >= band[0])
