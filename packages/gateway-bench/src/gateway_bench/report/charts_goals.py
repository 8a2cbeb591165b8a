"""The chart of promised ratios, for every suite that compares servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench.record.document import Document, Verdict
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import PADDING, ROW, draw_interval, make_room
from gateway_bench.report.chart_style import (
    BAD,
    FAINT,
    GREY,
    INK,
    Picture,
    bare,
    colour_of,
    fitted,
    page,
    say,
    width_of,
)
from gateway_bench.report.units import interval, ratio

__all__ = ["draw_goals"]

PROMISE = 4.2
"""Inches that the words of a promise may take."""
TICKS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50)


def draw_goals(document: Document, what: str, named: Callable[[Verdict], str]) -> Picture | None:
    """Draw each promised ratio: a dot with its range, a bar where the promise is, a diamond where the aim is.

    `what` says of what they are ratios; `named` gives the name of a row.
    """
    rows = [row for row in document["goals"] if row["unit"] == "x" and row["found"]]
    if not rows:
        return None
    figure, (axis,) = page(
        findings.goals_finding(document),
        f"{what} of one server over that of another in the same round, logarithmic scale: the large dot is what was "
        "found (the median over the rounds, with its interval and each of them), the upright line what is "
        "promised, the diamond what we aim for",
        document,
        2.8 + ROW * len(rows),
        label_inches=PADDING + max(width_of(fitted(named(row), PROMISE)) for row in rows),
    )
    figure.headings = ("promise", "goal", "aim", "found", "its interval", "verdict")
    axis.set_yticks(range(len(rows)), [fitted(named(row), PROMISE) for row in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xscale("log")
    axis.axvline(1, color=GREY, linewidth=1)
    reach = [0.5, 2.0]
    for number, row in enumerate(rows):
        reach += _draw_goal(axis, number, row, named(row))
    axis.set_xlim(min(reach) / 1.3, 1.3 * max(reach))
    axis.set_xticks([tick for tick in TICKS if min(reach) / 1.3 <= tick <= 1.3 * max(reach)])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    bare(axis)
    make_room(axis)
    return figure


def _draw_goal(axis: Any, number: int, row: Verdict, named: str) -> list[float]:
    """Draw one row and return the values that the scale must reach."""
    found, bound, aim = row["found"], row["least"] if row["most"] is None else row["most"], row["aim"]
    assert found
    colour = BAD if row["verdict"] == "missed" else colour_of(row["of"])
    axis.axhline(number, color=FAINT, linewidth=1, zorder=0)
    draw_interval(axis, found, number)
    if bound is not None:
        axis.plot([bound, bound], [number - 0.34, number + 0.34], color=INK, linewidth=2.4)
    if aim is not None:
        axis.plot(aim, number, "D", markersize=8, markerfacecolor="none", markeredgecolor=INK)
    axis.plot(found["median"], number, "o", color=colour, markersize=9)
    words = f"{ratio(found['median'])} {row['verdict']}".rstrip()
    axis.figure.note(named, _bound(row), "" if aim is None else ratio(aim), ratio(found["median"]),
                     interval(found, ratio), row["verdict"])  # fmt: skip
    say(axis, words, max(found["max"], bound or 0, aim or 0), number, bold=row["verdict"] == "missed")
    return [found["min"], found["max"], *(value for value in (bound, aim) if value is not None)]


def _bound(row: Verdict) -> str:
    if row["least"] is not None:
        return f"at least {ratio(row['least'])}"
    return "" if row["most"] is None else f"at most {ratio(row['most'])}"
