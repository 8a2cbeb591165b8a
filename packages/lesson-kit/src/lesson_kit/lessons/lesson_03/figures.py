"""Two figures: a request as a stack of parts, with the guess and the server's own bill beside; and what forks cost."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import GREY, INK, LIGHT, MUTED, PAPER, SIZES, bare
from lesson_kit.charts.paper import GUESS, sheet
from lesson_kit.lessons.lesson_03.parts import Part, bound, parts_of, shares_of

__all__ = ["draw_bill", "draw_steps"]

COLOURS = {
    "process": LIGHT["red"], "interpreter": LIGHT["blue"], "site": LIGHT["sky"], "imports": LIGHT["green"],
    "request": LIGHT["orange"], "exit": LIGHT["pink"],
}  # fmt: skip
THICK, THIN = 0.3, 0.14
LEAST, MOST = -20.0, 108.0
"""Percent between which bars and intervals are drawn: a busy machine's may go far beyond."""
FLOOR = 1e-6
"""Seconds: the least that is drawn by factors. A difference may be below nothing, and then has no factor."""
COLUMNS = {"measured": 112.0, "your guess": 144.0, "bill": 168.0}
"""Where the figures stand, as a table beside the bars."""


def draw_bill(found: Mapping[str, Any], guesses: Mapping[str, Any]) -> Figure:
    """Draw the parts of a request as steps of one stack, in percent.

    `found` has `times`, the seconds of the five programs, and `bill`, those of the server's own bill, or {}.
    """
    parts = parts_of(found["times"])
    shares = shares_of({name: part.seconds for name, part in parts.items()})
    bill = shares_of(found["bill"])
    rows = [*parts, *(name for name in bill if name not in parts)]
    witness = " Thin: the server's own bill, of other requests." if bill else ""
    subtitle = f"Thick: the five programs, each part from where the one above it ends. Dashed: your guess.{witness}"
    figure, (axis,) = sheet(_sentence(shares), subtitle, 2.1 + 0.72 * max(1, len(rows)), 1.4)
    whole = sum(part.seconds for part in parts.values())
    ends = {"ours": 0.0, "guess": 0.0, "bill": 0.0}
    for row, name in enumerate(rows):
        if name in parts:
            _step(axis, row, name, ends["ours"], shares[name], parts[name], whole)
            ends["ours"] += shares[name]
            _cell(axis, "measured", row, f"{shares[name]:.0f} % ({_time(parts[name].seconds)})", INK)
        if (guess := guesses["shares"].get(name)) is not None:
            axis.barh(row + 0.29, guess, THIN * 1.3, left=ends["guess"], facecolor="none", edgecolor=GREY,
                      linewidth=1.2, linestyle=GUESS["linestyle"])  # fmt: skip
            ends["guess"] += guess
            _cell(axis, "your guess", row, f"{guess:g} %", MUTED)
        if name in bill:
            axis.barh(row - 0.27, bill[name], THIN, left=ends["bill"], color=MUTED)
            ends["bill"] += bill[name]
            _cell(axis, "bill", row, f"{bill[name]:.0f} %", MUTED)
    for column in COLUMNS if bill else ("measured", "your guess"):
        _cell(axis, column, -0.75, column, MUTED)
    _finish(axis, rows)
    return figure


def _step(axis: Any, row: int, name: str, start: float, share: float, part: Part, whole: float) -> None:
    begin, end = _within(start), _within(start + share)
    axis.barh(row, end - begin, THICK, left=begin, color=COLOURS.get(name, GREY), zorder=2)
    if whole > 0:
        edges = [_within(start + 100 * edge / whole) for edge in (part.low, part.high)]
        axis.plot(edges, [row, row], color=INK, linewidth=1.4, zorder=3)


def _within(percent: float) -> float:
    return min(max(percent, LEAST), MOST)


def _cell(axis: Any, column: str, row: float, words: str, colour: str) -> None:
    """Write a figure into the table to the right of the bars."""
    axis.text(COLUMNS[column], row, words, va="center", size=SIZES["ticks"], color=colour, clip_on=False)


def _finish(axis: Any, rows: Sequence[str]) -> None:
    axis.set_yticks(range(len(rows)), list(rows))
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlim(min(0.0, max(axis.get_xlim()[0], LEAST)), max(COLUMNS.values()) + 12)
    axis.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100 %"])
    bare(axis)


def _sentence(shares: Mapping[str, float]) -> str:
    if not shares or not sum(shares.values()):
        return "Nothing was measured yet"
    dearest = max(shares, key=lambda name: shares[name])
    return (f"Of one request under CGI, {dearest} is {shares[dearest]:.0f} %, and the process itself "
            f"{shares.get('process', 0):.0f} %")  # fmt: skip


def draw_steps(found: Mapping[str, Sequence[float]], guesses: Mapping[str, Any]) -> Figure:
    """Draw what each step of a start takes, the dearest first, by factors; `guesses["steps"]` is an order."""
    typical = {name: statistics.median(repeats) for name, repeats in found.items() if repeats}
    order = sorted(typical, key=lambda name: -typical[name])
    guess = list(guesses["steps"])
    figure, (axis,) = sheet(
        _factor(typical), "A dot is the median, the line its interval. Each grid line is ten times the one before.",
        2.1 + 0.55 * max(1, len(order)), 2.7,
    )  # fmt: skip
    axis.set_xscale("log")
    for row, name in enumerate(order):
        low, high = (max(edge, FLOOR) for edge in bound(found[name]))
        axis.plot([low, high], [row, row], color=INK, linewidth=1.6)
        axis.plot(max(typical[name], FLOOR), row, "o", color=LIGHT["blue"], markersize=10, zorder=3)
        words = _time(typical[name]) if typical[name] > FLOOR else "cannot be told from nothing"
        place = f", your guess: place {guess.index(name) + 1}" if name in guess else ""
        axis.annotate(f"{words}{place}", (high, row), (9, 0), va="center", textcoords="offset points", color=INK,
                      size=SIZES["ticks"], annotation_clip=False,
                      bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})  # fmt: skip
    axis.set_yticks(range(len(order)), [_placed(name, order, guess) for name in order])
    axis.set_ylim(max(1, len(order)) - 0.4, -0.6)
    if order:
        low, high = max(typical[order[-1]], FLOOR) / 3, max(typical[order[0]], FLOOR) * 60
        places = [10.0**power for power in range(-6, 4) if low <= 10.0**power <= high]
        axis.set_xlim(low, high)
        axis.set_xticks(places, [_time(place) for place in places], minor=False)
        axis.minorticks_off()
    bare(axis)
    return figure


def _factor(typical: Mapping[str, float]) -> str:
    known = {name: seconds for name, seconds in typical.items() if seconds > FLOOR}
    if len(known) < 2:
        return "Nothing can be compared yet"
    dearest, cheapest = (choose(known, key=lambda name: known[name]) for choose in (max, min))
    return f"The dearest is {dearest}, {known[dearest] / known[cheapest]:.0f} times as dear as {cheapest}"


def _placed(name: str, order: Sequence[str], guess: Sequence[str]) -> str:
    """Return a name with its place among those that a guess was made of."""
    asked = [one for one in order if one in guess]
    return f"{asked.index(name) + 1}. {name}" if name in asked else name


def _time(seconds: float) -> str:
    if abs(seconds) >= 1:
        return f"{seconds:.3g} s"
    return f"{1000 * seconds:.3g} ms" if abs(seconds) >= 0.001 else f"{1e6 * seconds:.0f} µs"
