"""Two figures: latencies of one server as two loops see them, and births of one server as two people count them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from gateway_bench.load.latency import Latency, curve
from gateway_bench.report.chart_style import FAINT, GREY, LIGHT, MUTED, PAPER, SIZES, bare, styled
from gateway_bench.report.units import duration, duration_tick
from lesson_kit.charts.paper import GUESS, sheet

__all__ = ["draw_births", "draw_loops", "p99"]

NINES: Final = tuple(100 - 10 ** (-step / 8) * 100 for step in range(25))
"""Percentiles: eight for each further nine, to 99.9."""
TICKS: Final = (0.0, 50.0, 90.0, 99.0, 99.9)
LOOPS: Final = {"open": LIGHT["blue"], "closed": LIGHT["red"]}
P99 = 99.0
LEAST_US = 50.0
"""Where the scale begins at the latest: no answer is sooner, and a guess of 0 has no place on a scale of powers."""
MOST_US = 20e6
HEIGHT = 5.4


def p99(latency: Latency) -> float:
    """Return the 99th percentile in milliseconds."""
    return latency["p99"] / 1e3


@styled()
def draw_loops(found: Mapping[str, Latency], guesses: Mapping[str, Any]) -> Figure:
    """Draw a curve for each loop, and both guesses as rings at p99."""
    told = {loop: latency for loop, latency in found.items() if latency["count"]}
    figure, (axis,) = sheet(
        _loops_title(told),
        "How long a request took, against the part of all requests that took less. Rings: your guesses for p99.",
        HEIGHT, 1.1,
    )  # fmt: skip
    for loop, latency in told.items():
        points = [(_nines(percent), float(us)) for percent, us in curve(latency, NINES)]
        axis.step([x for x, _ in points], [y for _, y in points], color=LOOPS[loop], linewidth=2.4)
        axis.plot(_nines(P99), latency["p99"], "o", color=LOOPS[loop], markersize=9)
        _beside(axis, latency["p99"], f"{loop} loop: {duration(latency['p99'])}", LOOPS[loop], -1)
    for loop in LOOPS:
        guess = min(max(1e3 * guesses[f"p99_{loop}"], LEAST_US), MOST_US)
        axis.plot(_nines(P99), guess, "o", markersize=14, markerfacecolor="none", markeredgecolor=GREY,
                  markeredgewidth=1.8, zorder=4)  # fmt: skip
        _beside(axis, guess, f"your guess, {loop}: {guesses[f'p99_{loop}']:g} ms", MUTED, 1, up=loop == "open")
    axis.axvline(_nines(P99), color=FAINT, linewidth=1, zorder=0)
    axis.set_xlim(0, 3.4)
    axis.set_xticks([_nines(percent) for percent in TICKS], [f"{percent:g} %" for percent in TICKS])
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    axis.set_ylim(low / 1.5, high * 2)
    axis.yaxis.set_major_locator(LogLocator(10))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda us, _: duration_tick(us)))
    bare(axis)
    axis.grid(visible=True, axis="y")
    return figure


@styled()
def draw_births(found: Mapping[str, Sequence[float]], guesses: Mapping[str, Any]) -> Figure:
    """Draw how both counts rise, when the poller looked, and the guess as a dashed line across."""
    births, looks, seen = (found[name] for name in ("births", "looks", "seen"))
    most = int(seen[-1]) if seen else 0
    end = max([0.001, *births, *looks])
    figure, (axis,) = sheet(
        _births_title(len(births), most),
        "Processes counted so far, over time. Marks at the bottom: when the poller looked at the process table.",
        HEIGHT, 1.0,
    )  # fmt: skip
    axis.step([0, *births], [0, *range(1, len(births) + 1)], where="post", color=LIGHT["green"], linewidth=2.4)
    axis.step([0, *looks, end], [0, *seen, most], where="post", color=LIGHT["red"], linewidth=2.4)
    axis.plot(looks, [0] * len(looks), "|", color=LIGHT["red"], markersize=11, markeredgewidth=1.5, clip_on=False)
    for count, words, colour in (
        (len(births), f"the spawner: {len(births)}", LIGHT["green"]), (most, f"polling: {most}", LIGHT["red"]),
    ):  # fmt: skip
        axis.annotate(words, (end, count), (8, 0), textcoords="offset points", color=colour, weight="bold",
                      va="center", annotation_clip=False)  # fmt: skip
    axis.axhline(guesses["polled"], **GUESS)
    low = guesses["polled"] < len(births) / 2  # where the spawner's line is not
    axis.annotate(
        f"your guess: {guesses['polled']}", (end if low else 0, guesses["polled"]), (-4 if low else 4, 4),
        textcoords="offset points", color=MUTED, size=SIZES["ticks"], ha="right" if low else "left",
    )  # fmt: skip
    axis.set_xlim(0, end)
    axis.set_ylim(0, 1.12 * max(len(births), guesses["polled"], 1))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: duration_tick(round(1e6 * seconds))))
    bare(axis, grid=False)
    axis.spines["bottom"].set_visible(True)
    figure.subplots_adjust(right=0.8)
    return figure


def _beside(axis: Any, us: float, words: str, colour: str, side: int, *, up: bool = True) -> None:
    """Write words to the left (-1) or to the right of p99, a little above or below."""
    axis.annotate(
        words, (_nines(P99), us), (side * 14, 12 if up else -12), textcoords="offset points", color=colour,
        size=SIZES["ticks"] if side > 0 else SIZES["text"], ha="left" if side > 0 else "right", va="center",
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _nines(percent: float) -> float:
    """Return the place of a percentile on a scale on which each further nine is as wide as the one before."""
    return -log10(1 - percent / 100)


def _loops_title(told: Mapping[str, Latency]) -> str:
    if len(told) < len(LOOPS):
        return "The latencies of one server"
    closed, open_ = (duration(told[loop]["p99"]) for loop in ("closed", "open"))
    return f"One and the same server: p99 is {closed} in a closed loop, and {open_} in an open one"


def _births_title(births: int, seen: int) -> str:
    if seen >= births:
        return f"Of {births} processes, polling saw {seen}: here each lived until somebody looked"
    gone = "the others were" if seen else "each was"
    return f"Of {births} processes, polling saw {seen or 'none'}: {gone} born and gone between two looks"
