"""Swim lanes of records over time, a lane for each request; and how the same requests fare on other connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import FAINT, GREY, INK, LIGHT, MUTED, SIZES, bare, say
from lesson_kit.charts.paper import GUESS, ghost_point, sheet
from lesson_kit.lessons.lesson_05.wire import Passed

__all__ = ["draw_lanes", "draw_ratios"]

NAMES = {1: "slow", 2: "quick"}
COLOURS = {1: LIGHT["red"], 2: LIGHT["blue"]}
LANE = 0.5
GROUP = 1.75
"""Of the vertical axis: from one conversation to the next, and from one request of it to the next."""
FAR = 1.6
"""How far beyond the last record a guess may stretch the axis."""
BASE = "kept connections"


def draw_lanes(lanes: Mapping[str, Sequence[Passed]], guesses: Mapping[str, Any]) -> Figure:
    """Draw the records of each conversation in `lanes`: in each lane one request, from its first record to its last."""
    subtitle = (
        "Time goes to the right. ▸ BEGIN_REQUEST, ● STDOUT, □ END_REQUEST; the bar is a request under way, "
        "dots before it are a wait."
    )
    figure, (axis,) = sheet(_lanes_title(lanes), subtitle, 2.1 + 1.15 * max(1, len(lanes)), 0.9)
    last = max((1e3 * one.at for passed in lanes.values() for one in passed), default=1.0)
    for row, (name, passed) in enumerate(lanes.items()):
        axis.text(0, row * GROUP - 0.42, name, weight="bold", va="center", size=SIZES["ticks"])
        for number in NAMES:
            _lane(axis, [one for one in passed if one.number == number], row * GROUP + (number - 1) * LANE, number)
    _lanes_guesses(axis, len(lanes), last, guesses)
    axis.set_yticks([row * GROUP + place * LANE for row in range(len(lanes)) for place in range(2)],
                    list(NAMES.values()) * len(lanes))  # fmt: skip
    axis.set_ylim(max(1, len(lanes)) * GROUP - 0.7, -0.75)
    axis.set_xlim(-0.01 * last, max(1.27 * last, axis.get_xlim()[1]))
    axis.set_xlabel("milliseconds since the connection was made", size=SIZES["ticks"])
    bare(axis)
    return figure


def _lane(axis: Any, passed: Sequence[Passed], height: float, number: int) -> None:
    if not passed:
        return
    colour, first, last = COLOURS[number], 1e3 * passed[0].at, 1e3 * passed[-1].at
    axis.plot([0, first], [height, height], color=GREY, linewidth=1.2, linestyle=":")  # it waits to be sent
    axis.barh(height, last - first, 0.2, left=first, color=colour, alpha=0.3)
    axis.plot(first, height, ">", color=colour, markersize=9)
    said = [1e3 * one.at for one in passed if not one.sent and one.kind == "STDOUT" and one.content]
    axis.plot(said, [height] * len(said), "o", color=colour, markersize=6)
    if passed[-1].kind == "END_REQUEST":
        axis.plot(last, height, "s", color=colour, markersize=9, fillstyle="none", markeredgewidth=2)
        say(axis, f"id {passed[0].request_id}: ended at {last:.0f} ms", last, height)


def _lanes_guesses(axis: Any, rows: int, last: float, guesses: Mapping[str, Any]) -> None:
    """Draw when the quick one was expected to end on the last conversation, and say which was expected to be first."""
    axis.annotate(f"your guess: {guesses['first']}", (0.99, -0.42), xycoords=("axes fraction", "data"), ha="right",
                  color=MUTED, size=SIZES["ticks"], va="center")  # fmt: skip
    if rows:
        guess = guesses["quick_after"]
        place = min(guess, last * FAR)
        height = (rows - 1) * GROUP + LANE
        ghost_point(axis, place, height)
        axis.annotate(f"your guess: {guess:g} ms{' →' if guess > place else ''}", (place, height), (0, -11), va="top",
                      textcoords="offset points", color=MUTED, size=SIZES["ticks"],
                      ha="left" if place < last else "right")  # fmt: skip


def _lanes_title(lanes: Mapping[str, Sequence[Passed]]) -> str:
    ends = [f"{1e3 * one.at:.0f}" for passed in lanes.values() for one in passed
            if one.kind == "END_REQUEST" and NAMES.get(one.number) == "quick"]  # fmt: skip
    if not ends:
        return "One connection, and no quick request has ended on it"
    *rest, last = ends
    when = f"{', '.join(rest)} and {last}" if rest else last
    return f"One connection, the same two requests: the quick one ended after {when} ms"


def draw_ratios(seconds: Mapping[str, Sequence[float]], guesses: Mapping[str, Any]) -> Figure:
    """Draw how fast each way was in each round, kept connections being 1; the guess is that of the first way."""
    base = seconds.get(BASE, ())
    ratios = {
        name: [kept / own for kept, own in zip(base, values, strict=False) if own] for name, values in seconds.items()
    }
    figure, (axis,) = sheet(
        _ratios_title(ratios),
        f"A dot is a round: how many times as fast as {BASE} in the same round. The bar is the median.",
        2.1 + 0.62 * max(1, len(ratios)), 2.7,
    )  # fmt: skip
    for row, (name, values) in enumerate(ratios.items()):
        colour = GREY if name == BASE else LIGHT["blue"]
        axis.plot(values, [row] * len(values), "o", color=colour, markersize=5, alpha=0.6)
        if values:
            axis.plot([median(values)] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=2.5)
            axis.annotate(f"{median(values):.2f}", (median(values), row - 0.32), ha="center", va="bottom",
                          weight="bold", size=SIZES["ticks"])  # fmt: skip
    most = max((value for values in ratios.values() for value in values), default=1.0)
    _ratio_guess(axis, guesses["speed"], max(2.0, 1.15 * most))
    axis.axvline(1, color=GREY, linewidth=1)
    axis.set_yticks(range(len(ratios)), list(ratios))
    axis.set_ylim(max(1, len(ratios)) - 0.4, -0.75)
    axis.set_xlabel(f"times as fast as {BASE}", size=SIZES["ticks"])
    bare(axis)
    axis.spines["bottom"].set_color(FAINT)
    return figure


def _ratio_guess(axis: Any, guess: float, right: float) -> None:
    """Draw the guess in the row of the first way; one that is far is at the edge, with an arrow."""
    place = min(guess, right)
    far = place > right / 2
    axis.set_xlim(0, right * 1.05)
    axis.axvline(place, 0.72, 0.97, **GUESS)
    axis.annotate(f"your guess: {guess:g}{' →' if guess > place else ''}", (place, 1), (-5 if far else 5, 2),
                  xycoords=("data", "axes fraction"), textcoords="offset points", color=MUTED, size=SIZES["ticks"],
                  ha="right" if far else "left", va="bottom")  # fmt: skip


def _ratios_title(ratios: Mapping[str, Sequence[float]]) -> str:
    said = [
        (name.replace(", ", " with "), median(values)) for name, values in ratios.items() if values and name != BASE
    ]
    if not said:
        return "Nothing was measured yet"
    (name, ratio), *rest = said
    more = "".join(f"; {other}, {times:.2f} times" for other, times in rest)
    return f"{name.capitalize()} was {ratio:.2f} times as fast as {BASE}{more}"
