"""Load shapes: rates and their integral, visits that follow them, and where a server is said to have broken."""

from __future__ import annotations

import json
import math
from itertools import islice, pairwise

import pytest

from gateway_bench.errors import BenchError
from gateway_bench.load.shapes import (
    Shape,
    Window,
    arrivals,
    breaking_point,
    check_shape,
    constant,
    expected,
    ramp,
    rate_at,
    seconds_of,
    spike,
    step,
)

SHAPES = [
    constant(500, 8),
    ramp(0, 1000, 8),
    ramp(900, 100, 8),
    step(100, 900, 5, 8),
    step(900, 100, 3, 8),
    spike(200, 2000, 9),
    spike(0, 1500, 9),
]


@pytest.mark.parametrize(
    ("shape", "rates"),
    [
        (constant(50, 2), {-0.1: 0, 0: 50, 1.9: 50, 2: 0}),
        (ramp(10, 30, 4), {0: 10, 1: 15, 2: 20, 3.999999: 30, 4: 0}),
        (step(10, 30, 3, 3), {0: 10, 0.99: 10, 1: 20, 1.99: 20, 2: 30, 2.99: 30, 3: 0}),
        (spike(10, 90, 3), {0: 10, 0.99: 10, 1: 90, 1.99: 90, 2: 10, 2.99: 10, 3: 0}),
    ],
)
def test_a_shape_has_a_rate_at_each_moment(shape: Shape, rates: dict[float, float]) -> None:
    assert {at: pytest.approx(rate_at(shape, at), abs=1e-3) for at in rates} == rates


@pytest.mark.parametrize(
    ("shape", "visits"),
    [(constant(50, 2), 100), (ramp(10, 30, 4), 80), (step(10, 30, 3, 3), 60), (spike(10, 90, 3), 110)],
)
def test_the_integral_of_a_shape_is_the_number_of_its_visits(shape: Shape, visits: float) -> None:
    assert expected(shape, seconds_of(shape)) == pytest.approx(visits)
    assert expected(shape, -1) == 0
    assert expected(shape, seconds_of(shape) + 1) == pytest.approx(visits)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_integral_grows_as_the_rate_says(shape: Shape) -> None:
    small = 1e-6
    for part in range(1, 40):
        at = seconds_of(shape) * part / 40.3  # beside the ends of pieces
        assert (expected(shape, at + small) - expected(shape, at)) / small == pytest.approx(rate_at(shape, at), abs=0.1)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_visits_come_as_often_as_the_shape_says_in_each_part_of_it(shape: Shape, seed: int) -> None:
    moments = list(arrivals(shape, seed))
    assert all(before < after for before, after in pairwise(moments))
    assert moments[0] >= 0
    assert moments[-1] < seconds_of(shape)
    parts = 12
    for part in range(parts):
        first, last = (seconds_of(shape) * end / parts for end in (part, part + 1))
        mean = expected(shape, last) - expected(shape, first)
        found = sum(first <= moment < last for moment in moments)
        assert (
            abs(found - mean) <= 4 * math.sqrt(mean) + 1e-6
        )  # a Poisson count has a deviation of the root of its mean


def test_visits_are_a_poisson_process_with_gaps_that_are_exponential() -> None:
    gaps = sorted(after - before for before, after in pairwise(arrivals(constant(1000, 40), 7)))
    for number in range(1, 10):  # each tenth of the exponential distribution holds a tenth of the gaps
        tenth = -math.log(1 - number / 10) / 1000
        assert sum(gap < tenth for gap in gaps) / len(gaps) == pytest.approx(number / 10, abs=0.01)


def test_equal_seeds_give_equal_visits_and_others_do_not() -> None:
    shape = ramp(10, 100, 5)
    assert list(arrivals(shape, 5)) == list(arrivals(shape, 5))
    assert list(arrivals(shape, 5)) != list(arrivals(shape, 6))


def test_twice_the_rate_is_the_same_pattern_in_half_the_time() -> None:
    slow, fast = list(arrivals(constant(100, 4), 9)), list(arrivals(constant(200, 2), 9))
    assert fast == pytest.approx([moment / 2 for moment in slow])


def test_visits_are_made_one_by_one_and_not_all_at_once() -> None:
    assert len(list(islice(arrivals(constant(1_000_000, 86_400), 1), 10))) == 10


def test_a_shape_without_any_rate_has_no_visits() -> None:
    assert list(arrivals(constant(0, 5), 1)) == []


def test_a_shape_travels_as_json() -> None:
    for shape in SHAPES:
        assert check_shape(json.loads(json.dumps(shape))) == shape


BAD: list[tuple[dict[str, object], str]] = [
    ({"kind": "wave"}, "there is no load shape 'wave'"),
    ({"start": -1.0}, "the start of a load shape"),
    ({"top": math.inf}, "the top of a load shape"),
    ({"top": math.nan}, "the top of a load shape"),
    ({"top": 2e6}, "between 0 and 1000000, not 2000000"),
    ({"seconds": 0.0}, "lasts between 0 and 86400 seconds, not 0"),
    ({"seconds": math.nan}, "lasts between"),
    ({"steps": 1}, "a load shape step has 2 to 1000 steps, not 1"),
    ({"steps": 1001}, "not 1001"),
]


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_a_shape_that_cannot_be_followed_is_refused_in_a_sentence(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(BenchError, match=sentence):
        check_shape({**step(1, 2, 2, 3), **change})  # type: ignore[typeddict-item]  # that is the point


WIDTH = 0.25
RISING = ramp(80, 2080, 12.5)
"""Fifty windows."""


def answered(shape: Shape, capacity: float, seed: int = 1, requests: int = 1, stall: float = -1.0) -> list[Window]:
    """What a server makes of a shape that answers at most so many requests a second, in order, and none in a stall."""
    counts = [0.0] * math.ceil(seconds_of(shape) / WIDTH)
    for moment in arrivals(shape, seed):
        counts[int(moment / WIDTH)] += requests
    found, waiting = [], 0.0
    for number, count in enumerate(counts):
        waiting += count
        done = 0.0 if number * WIDTH == stall else min(waiting, capacity * WIDTH)
        under_way = min(done, 0.003 * count / WIDTH)  # asked in the last 3 ms: answered in the next window
        waiting -= done - under_way
        found.append(Window(at=number * WIDTH, offered=count / WIDTH, answered=(done - under_way) / WIDTH))
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("capacity", [900, 1500])
def test_where_a_server_broke_is_near_what_it_can_do(capacity: int, seed: int) -> None:
    broke = breaking_point(answered(RISING, capacity, seed), RISING)
    assert broke is not None
    assert 0.9 * capacity <= broke <= 1.12 * capacity  # of which 5 % is the rule's own


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "shape", [constant(60, 10), ramp(20, 200, 10), step(50, 300, 5, 10), spike(40, 400, 9)], ids=str
)
def test_a_server_that_answers_all_has_not_broken_however_the_visits_fall(shape: Shape, seed: int) -> None:
    assert breaking_point(answered(shape, 1e6, seed), shape) is None


def test_a_stall_that_is_made_good_is_no_break() -> None:
    assert breaking_point(answered(RISING, 1e6, stall=5.0), RISING) is None
    stalled, smooth = answered(RISING, 1500, stall=2.0), answered(RISING, 1500)
    assert breaking_point(stalled, RISING) == breaking_point(smooth, RISING)


def test_a_spike_breaks_a_server_though_it_makes_good_later_what_it_left() -> None:
    shape = spike(100, 900, 9.1)  # whose ends are within windows
    assert breaking_point(answered(shape, 300), shape) == 100
    assert breaking_point(answered(shape, 2000), shape) is None


def test_a_server_that_never_kept_up_broke_at_nothing() -> None:
    assert breaking_point(answered(constant(500, 5), 100), constant(500, 5)) == 0


def test_the_last_level_counts_if_it_lasts_for_a_stretch() -> None:
    shape = step(1000, 5000, 5, 5)
    seen = answered(shape, 4300)
    broke = breaking_point(seen, shape)
    assert broke is not None
    assert 4000 <= broke <= 4300
    assert breaking_point(seen[:16], shape) is None  # without that level


def test_the_rate_is_that_of_requests_where_a_visit_has_several() -> None:
    shape = step(1000, 3000, 3, 6)
    broke = breaking_point(answered(shape, 3 * 2400, requests=3), shape)
    assert broke is not None
    assert 3 * 2000 <= broke <= 3 * 2400


def test_what_is_answered_after_the_end_of_the_shape_does_not_count() -> None:
    seen = answered(RISING, 900)
    drained = [Window(at=12.5 + number * WIDTH, offered=0.0, answered=900.0) for number in range(8)]
    assert breaking_point([*seen, *drained], RISING) == breaking_point(seen, RISING)


def test_a_timeline_of_nothing_tells_nothing() -> None:
    assert breaking_point([], RISING) is None
    assert breaking_point(answered(constant(0, 5), 1), constant(0, 5)) is None
