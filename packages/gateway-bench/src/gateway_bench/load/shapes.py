"""Load shapes: at which rate visits are to begin, as a function of time; and where a server broke under one.

::

    constant         ramp             step             spike
                           /|             __                __
     ________            /  |          __|  |              |  |
    |        |         /    |       __|     |        ______|  |______
    |        |        |_____|      |________|       |________________|

A shape is a row of *pieces* in which the rate goes along a straight line, and all else follows from that: the rate at
a moment, the number of visits that are expected until then (the integral, a parabola in each piece), and the moments
at which visits begin.

Those are a Poisson process with exactly this rate, made by inverting the integral: the distances between visits,
*counted in visits that are expected*, are exponential with mean 1, and each sum of them is taken back to a time. The
other way, thinning (draw at the top rate, then drop some), is as exact; but the integral of straight lines has its
inverse in closed form, so inverting costs one random number a visit and none is thrown away, and one seed gives one
and the same pattern at any rate, only closer together.

A Poisson process is what many visitors are who do not know of each other. It has bunches and gaps; visits at equal
distances would have neither, and would find a queue shorter than visitors do. Several such processes with seeds of
their own are together one with the sum of their rates, so workers on many machines may share a shape by its rates.

Rates are in visits a second, times in seconds. A Shape is plain JSON: it travels in a job, and stands in the record.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypedDict

from gateway_bench.errors import BenchError

__all__ = [
    "HIGHEST_RATE",
    "KEEPS_UP",
    "Shape",
    "Window",
    "arrivals",
    "breaking_point",
    "check_shape",
    "constant",
    "expected",
    "ramp",
    "rate_at",
    "scaled",
    "seconds_of",
    "spike",
    "step",
]

HIGHEST_RATE = 1_000_000.0
"""Visits a second: far more than any generator here can begin; beyond it stands a slip of the pen."""
LONGEST = 86_400.0
"""Seconds, a day: the same."""
MOST_STEPS = 1_000
KEEPS_UP = 0.95
"""Of what a window offers, the part that it must answer. What is under way at its ends is less than the rest."""
STRETCH = 4
"""Windows that are looked at together. In one alone chance has too much to say: how many visits fall into it, and that
what is asked at its end is answered in the next."""


class Shape(TypedDict):
    """`start` and `top`: rates. `steps` counts the levels of a step from `start` to `top`; 1 in the other kinds."""

    kind: Literal["constant", "ramp", "step", "spike"]
    start: float
    top: float
    steps: int
    seconds: float


class Window(TypedDict):
    """What is read here of a moment of a timeline: when it began, and requests a second offered and answered."""

    at: float
    offered: float
    answered: float


class Piece(NamedTuple):
    """A stretch in which the rate goes from `first` to `last` along a straight line."""

    seconds: float
    first: float
    last: float

    @property
    def expected(self) -> float:
        """Visits that are expected in it."""
        return self.seconds * (self.first + self.last) / 2

    def rate(self, passed: float) -> float:
        """Return the rate when so many seconds of it have passed."""
        return self.first + (self.last - self.first) * passed / self.seconds

    def until(self, passed: float) -> float:
        """Return the visits that are expected in its first seconds."""
        return passed * (self.first + self.rate(passed)) / 2

    def inverse(self, visits: float) -> float:
        """Return after how many seconds so many visits are expected.

        It solves first * t + slope * t**2 / 2 = visits, in the form that takes no difference of like numbers.
        """
        slope = (self.last - self.first) / self.seconds
        root = math.sqrt(max(self.first**2 + 2 * slope * visits, 0.0))
        return min(2 * visits / (self.first + root), self.seconds) if visits else 0.0


def constant(rate: float, seconds: float) -> Shape:
    """Return one rate for all the time. Raises BenchError."""
    return check_shape(Shape(kind="constant", start=rate, top=rate, steps=1, seconds=seconds))


def ramp(start: float, top: float, seconds: float) -> Shape:
    """Return a rate that grows evenly: the way to find where a server breaks. Raises BenchError."""
    return check_shape(Shape(kind="ramp", start=start, top=top, steps=1, seconds=seconds))


def step(start: float, top: float, steps: int, seconds: float) -> Shape:
    """Return so many levels, equally long and equally far apart; the first is `start`. Raises BenchError."""
    return check_shape(Shape(kind="step", start=start, top=top, steps=steps, seconds=seconds))


def spike(start: float, top: float, seconds: float) -> Shape:
    """Return `start`, then at once `top`, then `start` again, a third of the time each. Raises BenchError."""
    return check_shape(Shape(kind="spike", start=start, top=top, steps=1, seconds=seconds))


def check_shape(shape: Shape) -> Shape:
    """Return the shape if it can be followed. Raises BenchError."""
    if shape["kind"] not in ("constant", "ramp", "step", "spike"):
        raise BenchError(f"there is no load shape {shape['kind']!r}; there are constant, ramp, step and spike")
    for name, rate in (("start", shape["start"]), ("top", shape["top"])):
        if not 0 <= rate <= HIGHEST_RATE:  # nor is NaN
            raise BenchError(f"the {name} of a load shape is a rate between 0 and {HIGHEST_RATE:.0f}, not {rate}")
    if not 0 < shape["seconds"] <= LONGEST:
        raise BenchError(f"a load shape lasts between 0 and {LONGEST:.0f} seconds, not {shape['seconds']}")
    least = 2 if shape["kind"] == "step" else 1
    if not least <= shape["steps"] <= MOST_STEPS:
        raise BenchError(f"a load shape {shape['kind']} has {least} to {MOST_STEPS} steps, not {shape['steps']}")
    return shape


def seconds_of(shape: Shape) -> float:
    """Return how long it lasts."""
    return shape["seconds"]


def scaled(shape: Shape, factor: float) -> Shape:
    """Return the shape with every rate multiplied: one in parts of a capacity becomes one in visits a second."""
    return check_shape({**shape, "start": shape["start"] * factor, "top": shape["top"] * factor})


def rate_at(shape: Shape, at: float) -> float:
    """Return the rate at a moment; 0 before its beginning and from its end on."""
    if not 0 <= at < shape["seconds"]:
        return 0.0
    began = 0.0
    for piece in _pieces(shape):
        if at < began + piece.seconds:
            return piece.rate(at - began)
        began += piece.seconds
    return piece.last  # a moment before the end that rounding has put behind the last piece


def expected(shape: Shape, at: float) -> float:
    """Return how many visits are expected to have begun by then: the integral of the rate."""
    visits = began = 0.0
    for piece in _pieces(shape):
        visits += piece.until(min(max(at - began, 0.0), piece.seconds))
        began += piece.seconds
    return visits


def arrivals(shape: Shape, seed: int) -> Iterator[float]:
    """Yield the moments at which visits begin, in their order: a Poisson process with the rate of the shape."""
    draw = random.Random(seed)  # noqa: S311  # a load, not a secret
    began = passed = 0.0  # where this piece begins: in seconds, and in visits that are expected until then
    reached = draw.expovariate(1.0)
    for piece in _pieces(shape):
        whole = passed + piece.expected
        while reached < whole:
            yield began + piece.inverse(reached - passed)
            reached += draw.expovariate(1.0)
        began, passed = began + piece.seconds, whole


def breaking_point(timeline: Sequence[Window], shape: Shape) -> float | None:
    """Return the highest rate, in requests a second, that was still answered; None if the server did not break.

    Four windows in a row are a *stretch*, which *keeps up* if at least 95 % is answered of what it offers. The server
    *breaks* in the first stretch from which on none keeps up of those whose rate is as high. So a stall that it makes
    good is no break; and what it makes good when the rate has fallen again does not help it. What is returned is the
    highest rate of a stretch before that one which keeps up; 0 if there is none.

    A stretch's rate is what the shape intends, on average. In comparisons it is the lowest that it touches, so that one
    which is only in part in a spike does not speak for it. What comes after the end of the shape is not looked at.
    """
    stretches = _stretches(timeline, shape)
    for number, stretch in enumerate(stretches):
        if not any(later.keeps_up for later in stretches[number:] if later.least >= stretch.least):
            kept = [before.visits for before in stretches[:number] if before.keeps_up]
            return max(kept, default=0.0) * _requests_a_visit(stretches)
    return None


class Stretch(NamedTuple):
    """Some windows in a row: requests offered and answered, visits that the shape intends, the least rate of these."""

    offered: float
    answered: float
    visits: float
    least: float

    @property
    def keeps_up(self) -> bool:
        """Whether it answers what it offers, or nearly."""
        return self.answered >= KEEPS_UP * self.offered


def _stretches(timeline: Sequence[Window], shape: Shape) -> list[Stretch]:
    """Return every stretch that is wholly within the shape and offers something; all in what goes by in a second."""
    found = []
    for rows in zip(*(timeline[first:] for first in range(STRETCH)), strict=False):
        first, last = rows[0]["at"], rows[-1]["at"] + rows[1]["at"] - rows[0]["at"]
        stretch = Stretch(
            offered=sum(row["offered"] for row in rows) / STRETCH,
            answered=sum(row["answered"] for row in rows) / STRETCH,
            visits=(expected(shape, last) - expected(shape, first)) / (last - first),
            least=min(rate_at(shape, first), rate_at(shape, math.nextafter(last, 0.0))),
        )
        if last <= shape["seconds"] and stretch.offered:
            found.append(stretch)
    return found


def _requests_a_visit(stretches: Sequence[Stretch]) -> int:
    """Return how many requests a visit has, which a shape does not know: a whole number, so rounding finds it."""
    visits = sum(stretch.visits for stretch in stretches)
    return max(1, round(sum(stretch.offered for stretch in stretches) / visits)) if visits else 1


def _pieces(shape: Shape) -> list[Piece]:
    start, top, seconds = shape["start"], shape["top"], shape["seconds"]
    match shape["kind"]:
        case "constant":
            return [Piece(seconds, start, start)]
        case "ramp":
            return [Piece(seconds, start, top)]
        case "spike":
            return [Piece(seconds / 3, rate, rate) for rate in (start, top, start)]
        case "step":
            rise = (top - start) / (shape["steps"] - 1)
            levels = [start + rise * number for number in range(shape["steps"])]
            return [Piece(seconds / shape["steps"], level, level) for level in levels]
