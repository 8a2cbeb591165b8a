"""The statistics hold what their theory promises: by counting, and by thousands of simulated runs."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap

from gateway_bench.record.statistics import (
    CONFIDENCE,
    LEAST,
    band_of,
    coverage,
    estimate,
    interval,
    interval_name,
    meets,
    ratio_interval,
)

NOISE = 0.05
"""Of the logarithm of a repeat: what two repeats of one server differ by on a machine that is not much disturbed."""
ONE_IN, OFF = 30, 1.3
"""The heavy tail: one repeat in thirty is 30 % off besides."""


def simulated(dice: np.random.Generator, shape: tuple[int, ...], heavy: bool) -> Any:
    """Return repeats of one server: 1, but for log-normal noise."""
    repeats = np.exp(dice.normal(0.0, NOISE, shape))
    return repeats * np.where(dice.random(shape) < 1 / ONE_IN, OFF, 1.0) if heavy else repeats


def ties(rounds: int, apart: float, heavy: bool, runs: int, shared: bool = True) -> float:
    """Return how many of the runs have a row that is `apart` from the first tie with it.

    The band is that of the first row and the same one again, or (not `shared`) of a pair that has no part in it.
    """
    dice, found = np.random.default_rng(20261996), 0
    for first, again, third, other in simulated(dice, (runs, 4, rounds), heavy):
        band = band_of([*(again / first)])
        assert band is not None
        found += meets(estimate([*(apart * third / (first if shared else other))]), band)
    return found / runs


def test_an_estimate_has_the_median_its_interval_the_extremes_and_every_value() -> None:
    found = estimate([5, 1, 30, 2, 4])
    assert found == {"median": 4.0, "low": 1.0, "high": 30.0, "min": 1.0, "max": 30.0,
                     "values": [5.0, 1.0, 30.0, 2.0, 4.0]}  # fmt: skip
    one = estimate([7])
    assert one["low"] == one["median"] == one["high"] == 7.0
    assert estimate([3.0] * 9)["high"] == 3.0


def test_an_interval_of_many_is_narrower_than_their_range_and_the_same_each_time() -> None:
    values = [*np.random.default_rng(1).lognormal(0.0, 0.3, 25)]
    found = estimate(values)
    assert found["min"] < found["low"] < found["median"] < found["high"] < found["max"]
    assert estimate(values) == found


@pytest.mark.parametrize(
    ("repeats", "low"),
    [(2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (9, 2), (10, 2), (12, 3), (17, 5), (25, 8)],
)
def test_an_interval_holds_95_percent_or_is_the_range(repeats: int, low: int) -> None:
    assert interval([*range(1, repeats + 1)]) == (low, repeats + 1 - low)
    missed = 2 * sum(math.comb(repeats, heads) for heads in range(low)) / 2**repeats
    closer = 2 * sum(math.comb(repeats, heads) for heads in range(low + 1)) / 2**repeats
    assert missed <= 1 - CONFIDENCE < closer or low == 1
    assert coverage(repeats) == (CONFIDENCE if repeats > 5 else 1 - missed)


@pytest.mark.parametrize(
    ("repeats", "name"),
    [
        (1, ""),
        (2, "range (50 %)"),
        (3, "range (75 %)"),
        (5, "range (94 %)"),
        (6, "95 % interval"),
        (99, "95 % interval"),
    ],
)
def test_an_interval_is_called_what_it_is(repeats: int, name: str) -> None:
    assert interval_name(repeats) == name


@pytest.mark.parametrize(("repeats", "runs"), [(3, 4_000), (5, 4_000), (7, 500), (12, 500)])
def test_an_interval_covers_what_it_says(repeats: int, runs: int) -> None:
    drawn = np.random.default_rng(5).exponential(1.0, (runs, repeats))
    held = [low <= math.log(2) <= high for low, high in (interval([*values]) for values in drawn)]
    share, slack = sum(held) / runs, 3 * math.sqrt(0.25 * 0.75 / runs)
    assert share >= coverage(repeats) - slack
    assert repeats > 5 or share <= coverage(repeats) + slack


def test_the_bootstrap_alone_is_too_bold() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
    found = bootstrap((values,), np.median, method="percentile", rng=np.random.default_rng(3)).confidence_interval
    assert (found.low, found.high) == (2.0, 32.0)  # which six coins of seven on one side would miss: 88 of 100
    assert interval([*values]) == (1.0, 64.0)


@pytest.mark.parametrize(
    ("ratios", "reach"),
    [
        ([1.1, 1.2, 0.9], 1.1 if math.log(1.1) > -math.log(0.9) else 1 / 0.9),
        ([2.0, 1.0, 1.0], 1 + LEAST),  # one that is off makes no band
        ([1.0] * 5, 1 + LEAST),
        ([1.2] * 12, math.exp(math.log(1.2) / 2)),  # four times as many: half as wide
    ],
)
def test_a_band_is_the_typical_distance_from_1(ratios: list[float], reach: float) -> None:
    band = band_of(ratios)
    assert band == pytest.approx((1 / reach, reach))
    assert band_of([1 / ratio for ratio in ratios]) == pytest.approx(band)


def test_fewer_than_three_rounds_have_no_band() -> None:
    assert band_of([]) is band_of([1.0, 1.1]) is None


@pytest.mark.parametrize(
    ("values", "tie"),
    [([1.01, 1.3, 1.4], True), ([1.06, 1.3, 1.4], False), ([0.5, 0.96, 0.7], True), ([0.5, 0.94, 0.7], False),
     ([0.5, 2.0, 1.9], True), ([9.0, 9.1], True), ([9.0], True)],
)  # fmt: skip
def test_a_tie_is_an_interval_that_meets_the_band(values: list[float], tie: bool) -> None:
    assert meets(estimate(values), (0.95, 1.05)) is tie


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize(("rounds", "runs"), [(3, 4_000), (5, 4_000), (9, 300)])
def test_two_rows_of_one_server_tie_in_19_of_20_runs(rounds: int, runs: int, heavy: bool) -> None:
    # Of three rounds exactly 19 of 20 tie if the pairs have no row in common; 3 standard errors are left for chance.
    slack = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert ties(rounds, 1.0, heavy, runs) >= 0.95 - slack
    assert ties(rounds, 1.0, heavy, runs, shared=False) >= 0.95 - slack


@pytest.mark.parametrize(
    ("rounds", "runs", "apart", "heavy", "seen"),
    [
        (3, 4_000, 1.1, False, 0.42), (3, 4_000, 1.2, False, 0.87), (3, 4_000, 1.2, True, 0.78),
        (5, 4_000, 1.1, False, 0.32), (5, 4_000, 1.2, False, 0.88), (5, 4_000, 1.2, True, 0.74),
        (9, 300, 1.1, False, 0.52), (9, 300, 1.2, False, 0.99), (9, 300, 1.2, True, 0.92),
    ],
)  # fmt: skip
def test_real_differences_are_seen(rounds: int, runs: int, apart: float, heavy: bool, seen: float) -> None:
    found = 1 - ties(rounds, apart, heavy, runs)
    assert found == pytest.approx(seen, abs=0.01 + 3 * math.sqrt(seen * (1 - seen) / runs))
    assert 1 - ties(rounds, 1 / apart, heavy, runs) == pytest.approx(found, abs=0.1)  # in either direction


def test_a_band_holds_whatever_the_noise_is_like() -> None:
    dice, runs, found = np.random.default_rng(8), 4_000, 0
    for first, again, third, other in dice.standard_t(2, (runs, 4, 3)):
        band = band_of([*np.exp(again - first)])
        assert band is not None
        found += meets(estimate([*np.exp(third - other)]), band)
    assert found / runs == pytest.approx(0.95, abs=0.011)


def test_the_ratio_of_two_runs_has_an_interval() -> None:
    assert ratio_interval([2.0, 2.0, 2.0], [3.0, 3.0]) == (1.5, 1.5)
    assert ratio_interval([2.0], [2.0, 3.0, 4.0]) == (1.0, 2.0)
    before, after = [10.0, 11.0, 12.0, 10.5, 11.5], [20.0, 22.0, 24.0, 21.0, 23.0]
    low, high = ratio_interval(before, after)
    assert 20 / 12 <= low < median(after) / median(before) < high <= 24 / 10
    assert ratio_interval(before, after) == (low, high)
    up = ratio_interval(after, before)
    assert (1 / up[1], 1 / up[0]) == pytest.approx((low, high), rel=0.05)
