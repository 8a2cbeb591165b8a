r"""What a handful of repeats supports: a median, an interval for it, and what no difference looks like.

**An interval** says how far the median could lie from where it was found, had the repeats come out otherwise. It is
taken by the bootstrap, which assumes nothing of their distribution: medians of samples drawn from the repeats, with
replacement; 95 % of them lie between `low` and `high`. The draws are seeded, so that one record gives one figure.

What it is worth with few repeats: little more than what they are. A sample drawn from five values has its median at the
smallest of them in 6 of 100 draws, so up to five repeats the interval is the whole range. How surely the range holds
the true median needs no bootstrap: it misses it only if all repeats fell on the same side, which for n of them has the
chance 2 / 2**n. So `coverage` is 75 % for 3 repeats and 94 % for 5; nobody can say 95 % of fewer than six.

**A band** is what no difference looks like: each suite has a row that is measured twice, and round by round the ratio
of the two would be 1 but for chance. Their distances from 1, in the logarithm, in which twice and half are equally far:

    reach = median of |ln ratio| * sqrt(3 / rounds)            band = exp(-reach) .. exp(+reach), at least 1 % each way

Two rows *tie* if the interval of their ratio meets the band. The reach is chosen so that two rows of one server tie in
19 of 20 runs, whatever the distribution: of three rounds, the three ratios of a pair fall on one side of 1 in a quarter
of all runs; and that all three are then farther out than the median of the other pair's three happens in a fifth of
those, since the two smallest of six like values must be the other pair's: 4 in 20 ways. A quarter of a fifth is 1 in
20. With more rounds the median wobbles less, by the square root, and the interval covers more by itself. Found by
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

__all__ = ["CONFIDENCE", "ROUNDS", "UNPROVED", "band_of", "coverage", "estimate", "interval", "meets", "ratio_interval"]

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
DRAWS = 2_000
"""Enough for bounds that stand still to three digits."""
SEED = 1996
RANGE = 5
"""Repeats up to which the interval is the range, whatever the values: no draw is needed to know."""
ROUNDS = 3
"""Of an A/A pair, for a band: the rule cannot promise 19 of 20 with fewer."""
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
    """Return how surely the range of so many repeats holds the true median: the most that any interval can claim."""
    return 1.0 - 2.0 ** (1 - repeats)


def ratio_interval(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of the ratio of two medians, of repeats that have nothing to do with each other (bootstrap)."""
    if len({*before}) == len({*after}) == 1:
        return after[0] / before[0], after[0] / before[0]
    from scipy.stats import bootstrap

    def ratio(first: Floats, second: Floats, axis: int) -> Floats:
        return np.asarray(np.median(second, axis=axis) / np.median(first, axis=axis))

    found = bootstrap(
        (np.array(before), np.array(after)), ratio, confidence_level=CONFIDENCE, n_resamples=DRAWS,
        method="percentile", rng=np.random.default_rng(SEED), vectorized=True,
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of the median of at least one value."""
    if len(values) <= RANGE or len({*values}) == 1:
        return min(values), max(values)
    from scipy.stats import bootstrap  # late: it takes a second to import, and most runs have few repeats

    found = bootstrap(
        (np.array(values),), np.median, confidence_level=CONFIDENCE, n_resamples=DRAWS, method="percentile",
        rng=np.random.default_rng(SEED), vectorized=True,
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
    """Tell whether a ratio is one that chance explains: its interval meets the band."""
    return ratio["low"] <= band[1] and ratio["high"] >= band[0]
