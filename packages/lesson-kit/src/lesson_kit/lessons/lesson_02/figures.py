"""Two figures: through which door each part of the request came in, and which process answered which request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import FAINT, INK, LIGHT, MUTED, PAPER, SIZES, bare
from lesson_kit.charts.paper import ghost_point, sheet
from lesson_kit.charts.processes import staircase
from lesson_kit.lessons.lesson_02.wall import DOORS

__all__ = ["draw_counter", "draw_doors"]

COLOURS = {"environment": LIGHT["blue"], "argv": LIGHT["red"], "stdin": LIGHT["green"]}


def draw_doors(found: Mapping[str, Any], guesses: Mapping[str, Any]) -> Figure:
    """Draw where each part of the request came in, and as what; and what came out first. Guesses are beside.

    `found` has `where` (for each part its doors, and its name there) and `first_line`, which the program wrote.
    """
    where: Mapping[str, Mapping[str, str]] = found["where"]
    counts = {door: sum(door in doors for doors in where.values()) for door in DOORS}
    said = ", ".join(f"{counts[door] or 'none'} by {door}" for door in DOORS)
    figure, (axis,) = sheet(
        f"Of the {len(where)} parts of one request came {said}",
        "A dot: where this part was found in the new process, and under which name. A ring: your guess.",
        2.7 + 0.55 * max(1, len(where)),
    )
    for row, (part, doors) in enumerate(where.items()):
        for door, name in doors.items():
            column = DOORS.index(door)
            axis.plot(column, row, "o", color=COLOURS[door], markersize=11, zorder=3)
            axis.annotate(name, (column, row), (13, 0), textcoords="offset points", va="center", color=INK,
                          size=SIZES["ticks"], bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})  # fmt: skip
        if not doors:
            axis.text(0.5, row, "nowhere", ha="center", va="center", color=MUTED)
        if (guess := guesses["doors"].get(part)) in DOORS:
            ghost_point(axis, DOORS.index(guess), row)
    _first_line(axis, len(where), found["first_line"], guesses["first_line"])
    axis.set_xlim(-0.35, len(DOORS) - 0.3)
    axis.set_ylim(len(where) + 0.75, -0.6)
    axis.set_yticks([*range(len(where)), len(where) + 0.3], [*where, "out by stdout"])
    axis.set_xticks(range(len(DOORS)), DOORS)
    bare(axis, grid=False)
    axis.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=SIZES["text"])
    axis.hlines(range(len(where)), -0.35, len(DOORS) - 0.3, color=FAINT, linewidth=0.8, zorder=0)
    return figure


def _first_line(axis: Any, row: float, line: str, guess: str) -> None:
    axis.axhline(row - 0.35, color=FAINT)
    axis.text(-0.1, row + 0.3, f"first line: {line}", va="center", size=SIZES["ticks"], color=INK)
    axis.text(1.1, row + 0.3, f"your guess: {guess}", va="center", size=SIZES["ticks"], color=MUTED)


def draw_counter(found: Mapping[str, Any], guesses: Mapping[str, Any]) -> Figure:
    """Draw the processes of the requests, and what the application counted in them."""
    pids, counters = found["pids"], found["counters"]
    last = counters[-1] if counters else "nothing"
    title = f"{len(counters)} requests, {len({*pids})} processes; the counter ends at {last}"
    return staircase({"cgi": pids}, title, guesses={"cgi": guesses["births"]}, counters={"cgi": counters},
                     counted={"cgi": guesses["counter"]})  # fmt: skip
