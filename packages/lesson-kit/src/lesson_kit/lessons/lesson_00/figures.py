"""The grid: for each name what the run has shown of it, as a dot, and the box of the guess, as a ring."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import FAINT, LIGHT, MUTED, SIZES, bare
from lesson_kit.charts.paper import ghost_point, sheet
from lesson_kit.lessons.lesson_00.names import BOXES, NAMES, SHOWN_OF, SHOWS, Seen

__all__ = ["draw_grid"]

COLOURS = dict(zip(SHOWS, (LIGHT["blue"], LIGHT["orange"], LIGHT["green"]), strict=True))
ROW = 0.31
"""Inches of a row."""


def draw_grid(seen: Seen, guesses: Mapping[str, Any]) -> Figure:
    """Draw each name in a row, the names that share a box of the guess together."""
    boxes = guesses["boxes"]
    rows = sorted(NAMES, key=lambda name: (BOXES.index(boxes[name]), NAMES.index(name)))
    counts = [sum(shows == one for shows, _ in seen.values()) for one in SHOWS]
    figure, (axis,) = sheet(
        f"Of {len(NAMES)} names, {counts[0]} showed as bytes, {counts[1]} as processes, {counts[2]} as neither",
        "A dot: what this run has shown. A ring: what your box would show. No dot: nothing of it ran here.",
        2.4 + ROW * len(rows), label_inches=1.5,
    )  # fmt: skip
    figure.subplots_adjust(top=figure.subplotpars.top - 0.3 / figure.get_figheight())  # for the headings
    for row, name in enumerate(rows):
        ghost_point(axis, SHOWS.index(SHOWN_OF[boxes[name]]), row)
        shows, where = seen.get(name, ("", "not seen here"))
        if shows:
            axis.plot(SHOWS.index(shows), row, "o", color=COLOURS[shows], markersize=8, zorder=5)
        axis.text(2.45, row, where, color=MUTED, size=SIZES["ticks"], va="center")
    for row, (above, below) in enumerate(pairwise(rows)):
        if boxes[above] != boxes[below]:
            axis.axhline(row + 0.5, color=FAINT, linewidth=1)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.4, -0.7)
    axis.set_xlim(-0.5, 5.0)
    axis.set_xticks(range(len(SHOWS)), [words.replace(" ", "\n", 1) for words in SHOWS])
    axis.xaxis.tick_top()
    bare(axis, grid=False)
    axis.spines["top"].set_visible(False)
    return figure
