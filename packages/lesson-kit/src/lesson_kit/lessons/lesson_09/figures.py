"""What more workers bring, in times of one worker: two panels, the cores marked, the guess beside it.

::

    16x                     / guess           16x                     o
     8x                 /                      8x               o
     4x             /                          4x         o
     2x      o------o------o------o            2x   o - - - - - - - - - guess
     1x o                                      1x o
        1    2      4      8      16              1    2      4      8      16   workers
             cores                                     cores

Both scales double from mark to mark, so "twice as many do twice as much" is a straight line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from gateway_bench.report.chart_style import FAINT, GREY, INK, LIGHT, MUTED, PAPER, SIZES, bare, styled
from lesson_kit.charts.paper import GUESS, sheet
from lesson_kit.lessons.lesson_09.curves import WORKERS, Round, bounded, cores, gains

__all__ = ["draw_curves", "draw_knee"]

HEADINGS = {"work": "Requests that work", "wait": "Requests that wait", "both": "Requests that do both"}
COLOURS = {"work": LIGHT["red"], "wait": LIGHT["blue"], "both": LIGHT["green"]}
HEIGHT = 5.4
LOWEST, HIGHEST = 0.35, 28.0
"""Of the scale: a little below one worker and above sixteen."""


@styled()
def draw_curves(rounds: Sequence[Round], guesses: Mapping[str, Any]) -> Figure:
    """Draw the curves of work and of waiting, each with its guess."""
    figure, axes = sheet(_title(rounds), _subtitle(), HEIGHT, 0.9, ncols=2, sharey=True)
    for axis, kind in zip(axes, ("work", "wait"), strict=True):
        _curve(axis, rounds, kind)
        shown = [min(max(value, LOWEST), HIGHEST) for value in guesses[kind]]  # far off: it stands at the edge
        axis.plot(WORKERS, shown, **GUESS)
        axis.annotate("your guess", (WORKERS[-1], shown[-1]), (0, 6), textcoords="offset points", color=MUTED,
                      size=SIZES["ticks"], ha="right")  # fmt: skip
        axis.set_title(HEADINGS[kind])
    return figure


@styled()
def draw_knee(rounds: Sequence[Round], guesses: Mapping[str, Any]) -> Figure:
    """Draw the curve of requests that do both, the line of one worker, and the guess."""
    reached = max(median(found) for found in gains(rounds, "both").values())
    figure, (axis,) = sheet(
        f"Requests that work and wait: more workers do {reached:.1f} times as much as one, at the most",
        f"{_subtitle()} Thin: as the first worker began.",
        HEIGHT, 0.9,
    )  # fmt: skip
    _curve(axis, rounds, "both")
    axis.plot([1, HIGHEST], [1, HIGHEST], color=GREY, linewidth=1)
    told = min(max(guesses["knee"], WORKERS[0]), WORKERS[-1])
    axis.axvline(told, **GUESS)
    axis.annotate(f"your guess: {guesses['knee']:g}", (told, LOWEST), (5, 6), textcoords="offset points", color=MUTED,
                  size=SIZES["ticks"])  # fmt: skip
    return figure


def _curve(axis: Any, rounds: Sequence[Round], kind: str) -> None:
    """Draw the medians as a line, every round as a dot; hollow where the generator was the limit."""
    found, colour = gains(rounds, kind), COLOURS[kind]
    middle = [median(found[workers]) for workers in WORKERS]
    axis.plot(WORKERS, middle, color=colour, linewidth=2.4)
    for workers, value in zip(WORKERS, middle, strict=True):
        limit = bounded(rounds, kind, workers)
        axis.plot(workers, value, "o", markersize=10, markeredgecolor=colour, markeredgewidth=2,
                  markerfacecolor=PAPER if limit else colour)  # fmt: skip
        axis.plot([workers] * len(rounds), found[workers], "o", markersize=3.5, color=INK, linestyle="none", zorder=3)
        axis.annotate(f"{'≥ ' if limit else ''}{value:.1f}", (workers, value), (0, -19), textcoords="offset points",
                      ha="center", bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5})  # fmt: skip
    for across, limits in ((axis.xaxis, (0.85, 1.3 * WORKERS[-1])), (axis.yaxis, (LOWEST, HIGHEST))):
        getattr(axis, f"set_{across.axis_name}scale")("log", base=2)
        getattr(axis, f"set_{across.axis_name}lim")(*limits)
        across.set_minor_locator(NullLocator())
    axis.set_xticks(WORKERS, [str(workers) for workers in WORKERS])
    axis.set_yticks(WORKERS, [f"{workers}x" for workers in WORKERS])
    axis.set_xlabel("workers", size=SIZES["ticks"])
    place = min(cores(), WORKERS[-1])
    axis.axvline(place, color=LIGHT["orange"], linewidth=5, alpha=0.35, zorder=0)
    axis.annotate(f"{cores():g} cores", (place, 1), (6, -4), xycoords=("data", "axes fraction"),
                  textcoords="offset points", color=MUTED, size=SIZES["ticks"], va="top")  # fmt: skip
    bare(axis, grid=False)
    axis.grid(visible=True, axis="y", color=FAINT)


def _subtitle() -> str:
    return "Requests a second, in times of one worker; a small dot is a round. Hollow: the generator was the limit."


def _title(rounds: Sequence[Round]) -> str:
    last = WORKERS[-1]
    work, wait = (median(gains(rounds, kind)[last]) for kind in ("work", "wait"))
    return f"{last} workers do {work:.1f} times the work of one, and {wait:.1f} times as many requests that wait"
