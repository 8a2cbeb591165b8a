"""What a handful of repeats supports: a median, an interval for it, and what no difference looks like.

An interval says how far the median could lie from where it was found if the repeats had come out otherwise. It is taken
by the bootstrap, which assumes nothing of their distribution: medians of samples drawn from the repeats, with
replacement; 95 % of them lie between `low` and `high`. The draws are seeded, so that one record gives one figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gateway_bench.record.document import Estimate

__all__ = ["CONFIDENCE", "estimate"]

CONFIDENCE = 0.95
DRAWS = 2_000
"""Enough for bounds that stand still to three digits."""
SEED = 1996


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median of at least one value, its interval, the extremes and the values."""
    found = [float(value) for value in values]
    low, high = _interval(found)
    return Estimate(median=float(np.median(found)), low=low, high=high, min=min(found), max=max(found), values=found)


def _interval(values: list[float]) -> tuple[float, float]:
    if len({*values}) == 1:
        return values[0], values[0]
    from scipy.stats import bootstrap  # late: it takes a second to import, and help and proofs do without

    found = bootstrap(
        (np.array(values),), np.median, confidence_level=CONFIDENCE, n_resamples=DRAWS, method="percentile",
        rng=np.random.default_rng(SEED), vectorized=True,
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)
