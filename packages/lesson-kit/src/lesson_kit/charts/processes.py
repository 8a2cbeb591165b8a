"""Which process answered which request: a staircase where each has its own, flat lines where they stay.

::

    process                                       process
      4 |               4321 *                      2 |     *  *     *     4310
      3 |          4319 *                           1 |  *        *        4309
      2 |     4318 *                                  +------------------
      1 |4316 *
        +------------------                       what the application has counted
         1    2    3    4   request               3 |              *
                                                  1 |  *  *
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gateway_bench.report.chart_style import FAINT, INK, MUTED, PAPER, SIZES, bare, colour_of
from lesson_kit.charts.paper import GUESS, ghost_point, sheet

__all__ = ["births", "staircase"]

PROCESSES_HEIGHT = 3.4
COUNTER_HEIGHT = 1.5
PIDS_SHOWN = 8
"""Processes beside which there is room for their ids. Of a longer staircase the first and the last one have it."""
FAR = 1.6
"""How far beyond what was seen a guess may stretch a lane. One that is farther stands at the edge, with an arrow."""


def births(pids: Sequence[int]) -> list[int]:
    """Return for each request the place of its process in the order in which they were first seen, from 1."""
    order: dict[int, int] = {}
    return [order.setdefault(pid, len(order) + 1) for pid in pids]


def staircase(
    lanes: Mapping[str, Sequence[int]],
    title: str,
    *,
    guesses: Mapping[str, float] | None = None,
    counters: Mapping[str, Sequence[int]] | None = None,
    counted: Mapping[str, float] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> Figure:
    """Draw who answered each request, a panel for each lane, and below it what the application counted.

    `lanes` has for each lane the ids of the processes, request by request; `counters` the numbers that the application
    answered. `guesses` are how many processes somebody expected in a lane, `counted` what the last answer would be. A
    lane's name is a gateway of ours, such as "cgi"; or else `kinds` says which it is, for the colour.
    """
    drawn = bool(counters)
    height = 1.9 + PROCESSES_HEIGHT + (COUNTER_HEIGHT if drawn else 0)
    subtitle = "Each dot is a request, at the height of the process that answered it; the numbers are process ids."
    if drawn:
        subtitle += " Below: what the application in it has counted."
    figure, axes = sheet(title, subtitle, height, 1.0, nrows=2 if drawn else 1, ncols=max(1, len(lanes)), sharex="col",
                         sharey="row", gridspec_kw={"height_ratios": [2.4, 1]} if drawn else None)  # fmt: skip
    top = max((max(births(pids), default=1) for pids in lanes.values()), default=1)
    most = max((max(row, default=1) for row in (counters or {}).values()), default=1)
    for column, (name, pids) in enumerate(lanes.items()):
        colour = colour_of((kinds or {}).get(name, name))
        count = len({*pids})
        _processes(axes[column], pids, colour, top)
        axes[column].set_title(f"{name}: {count} process{'' if count == 1 else 'es'}")
        _guess(axes[column], (guesses or {}).get(name), births(pids), top)
        if counters is not None:
            _counter(axes[len(lanes) + column], counters.get(name, ()), colour, (counted or {}).get(name), most)
    _finish(axes, len(lanes), top, drawn)
    return figure


def _processes(axis: Any, pids: Sequence[int], colour: str, top: int) -> None:
    rows = births(pids)
    for request, row in enumerate(rows, 1):
        if row > 1 and rows.index(row) + 1 == request:  # a birth: the step up
            axis.plot([request - 1, request, request], [row - 1, row - 1, row], color=FAINT, linewidth=1.2, zorder=1)
    axis.plot(range(1, len(rows) + 1), rows, "o", color=colour, markersize=9 if len(rows) <= 24 else 5, zorder=3)
    last = max(rows, default=0)
    for row in range(1, last + 1) if top <= PIDS_SHOWN else (1, last) if last > PIDS_SHOWN else ():
        place = len(rows) - rows[::-1].index(row)
        axis.annotate(str(pids[place - 1]), (place, row), (9, -3), textcoords="offset points", size=SIZES["ticks"],
                      color=MUTED, va="top")  # fmt: skip


def _guess(axis: Any, guess: float | None, rows: Sequence[int], top: int) -> None:
    """Draw how many processes were expected: a dashed line at that height, its words where the dots are not."""
    if guess is None:
        return
    height = min(guess, top * FAR)
    axis.axhline(height, **GUESS)
    words = f"your guess: {guess:g} process{'' if guess == 1 else 'es'}{' ↑' if guess > height else ''}"
    low = height < top / 2
    right = rows[len(rows) * 6 // 10 :]  # above which the words of a low guess stand
    above = max(right) + top / 30 if low and any(0 <= row - height < top / 8 for row in right) else height
    axis.annotate(words, (0.98 if low else 0.02, above), (0, 3), textcoords="offset points", color=MUTED,
                  xycoords=("axes fraction", "data"), size=SIZES["ticks"], va="bottom", ha="right" if low else "left",
                  bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1}, zorder=2)  # fmt: skip


def _counter(axis: Any, numbers: Sequence[int], colour: str, guess: float | None, most: int) -> None:
    axis.plot(range(1, len(numbers) + 1), numbers, "o-", color=colour, linewidth=1, markersize=5, zorder=3)
    if not numbers:
        return
    axis.annotate(f"{numbers[-1]}", (len(numbers), numbers[-1]), (11, 0), textcoords="offset points", color=INK,
                  weight="bold", va="center")  # fmt: skip
    if guess is not None:
        height = min(guess, max(most, len(numbers)) * FAR)
        ghost_point(axis, len(numbers), height)
        words = f"your guess: {guess:g}{' ↑' if guess > height else ''}"
        axis.annotate(words, (len(numbers), height), (-10, 7), ha="right", textcoords="offset points", color=MUTED,
                      size=SIZES["ticks"], va="bottom")  # fmt: skip


def _finish(axes: Sequence[Any], lanes: int, top: int, drawn: bool) -> None:
    for axis in axes:
        bare(axis, grid=False)
        axis.grid(visible=True, axis="y", which="major", color=FAINT)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axis.set_xlim(0.3, max(axis.get_xlim()[1], 1.5) * 1.08)
        axis.spines["bottom"].set(visible=True, color=FAINT)
    for axis in axes[:lanes]:
        axis.set_ylim(min(0.0, 0.4 - top / 8), max(top + 0.8, axis.get_ylim()[1] * 1.05))
    if lanes:
        axes[0].set_ylabel("process")
        if drawn:
            axes[lanes].set_ylabel("counter")
            high = axes[lanes].get_ylim()[1]
            axes[lanes].set_ylim(-0.1 * high, 1.3 * high)
        for axis in axes[-lanes:]:
            axis.set_xlabel("request", loc="right", size=SIZES["ticks"])
