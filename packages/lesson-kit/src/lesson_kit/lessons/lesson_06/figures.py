"""Two figures: the six in the learner's order and in that of the machine; and four conditions, in 1996 and now.

::

    your order                        measured            1996 and now, over FastCGI with a cache
    1 new, cache    - - - .  .- -  o  new, nothing        server, nothing      [ ]      o
    2 new, nothing  - - - . / - - -o  new, cache          fastcgi, connection      [ ] o
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from gateway_bench.report.chart_style import FAINT, GREY, INK, PAPER, bare, colour_of, say, styled
from gateway_bench.report.steps_1996 import PAPER_MS
from gateway_bench.report.units import duration, duration_tick
from lesson_kit.charts.paper import GUESS, ghost_point, sheet
from lesson_kit.lessons.lesson_06.claims import clearly, tied, votes
from lesson_kit.lessons.lesson_06.contest import MEASURE, SIX

__all__ = ["NAMES", "PAPER", "draw_four", "draw_six", "middle"]

Rounds = Sequence[Mapping[str, float]]

NAMES: Final = {
    "new/nothing": "new process, nothing kept",
    "new/connection": "new process, “keeps” a connection",
    "new/cache": "new process, “keeps” a cache",
    "fastcgi/nothing": "stays, nothing kept",
    "fastcgi/connection": "stays, keeps a connection",
    "fastcgi/cache": "stays, keeps a cache",
}
"""The six, in words. A new process does all it can to keep something, and ends."""
SHORT: Final = {row: row.replace("fastcgi/", "stays, ").replace("/", ", ") for row in NAMES}
FOUR: Final = {
    "server/nothing": "in the server, nothing kept",
    "fastcgi/connection": "FastCGI, database kept",
    "server/connection": "in the server, database kept",
    "fastcgi/cache": "FastCGI, cache kept",
}
"""The conditions of 1996, the dearest first."""
THEN: Final = {row: PAPER_MS[row.replace("server", "api").replace("/", "-")] for row in FOUR}
"""Milliseconds: M. R. Brown, "Understanding FastCGI Application Performance", 10 June 1996, section 5.4."""
BASE: Final = "fastcgi/cache"
COLOURS = {"new": "cgi", "fastcgi": "fastcgi", "server": "wsgi"}
APART = 0.2
ROW = 0.62
"""Inches."""
FAR = 1.6
"""Times the scale beyond which a guess stands at its edge."""


def middle(rounds: Rounds, row: str) -> float:
    """Return the median of a row, in milliseconds."""
    return median(cost[row] for cost in rounds)


@styled()
def draw_six(rounds: Rounds, guesses: Mapping[str, Any]) -> Figure:
    """Draw the six, the dearest on top; dashed lines lead there from the learner's order."""
    order = sorted(SIX, key=lambda row: -middle(rounds, row))
    guess = [next(row for row, words in NAMES.items() if words == told) for told in guesses["six"]]
    figure, (left, right) = sheet(
        _six_title(rounds),
        f"{MEASURE.capitalize()} for a request, on a scale of powers of ten; a small dot is a round. Left: your order.",
        2.3 + ROW * len(order), 3.25, ncols=2, width_ratios=[1, 3.4],
    )  # fmt: skip
    for place, row in enumerate(guess):
        left.plot([0, 1], [place, order.index(row)], **GUESS, clip_on=False)
        left.plot(0, place, "o", markersize=9, markerfacecolor=PAPER, markeredgecolor=GREY, markeredgewidth=1.8)
    left.set_yticks(range(len(guess)), [NAMES[row] for row in guess])
    left.set_xlim(-0.06, 1)
    left.set_xticks([0], ["your guess"])
    for place, row in enumerate(order):
        right.axhline(place, color=FAINT, linewidth=1, zorder=0)
        _dots(right, [1e3 * cost[row] for cost in rounds], place, row)
        say(
            right,
            f"{duration(1e3 * middle(rounds, row))}  {SHORT[row]}",
            1e3 * max(cost[row] for cost in rounds),
            place,
        )
    right.set_yticks([])
    right.set_xscale("log")
    lowest, highest = (1e3 * pick(cost[row] for cost in rounds for row in SIX) for pick in (min, max))
    right.set_xlim(lowest / 1.6, highest * (highest / lowest) ** 1.1 * 4)  # room for the words
    right.xaxis.set_minor_locator(NullLocator())
    right.xaxis.set_major_locator(LogLocator(10))
    right.xaxis.set_major_formatter(FuncFormatter(lambda us, _: duration_tick(us) if us <= 2 * highest else ""))
    for axis in (left, right):
        axis.set_ylim(len(order) - 0.5, -0.6)
        bare(axis, grid=False)
    figure.subplots_adjust(wspace=0.03)
    return figure


@styled()
def draw_four(rounds: Rounds, guesses: Mapping[str, Any]) -> Figure:
    """Draw the four conditions of 1996 over the cheapest of them then, in both years; and what decoding takes."""
    base = middle(rounds, BASE)
    figure, (axis,) = sheet(
        _four_title(rounds),
        f"A request over one of FastCGI with a cache. Open squares: 1996. Dots: now, {MEASURE}; small ones: rounds. "
        f"You said: {guesses['wire']}.",
        2.4 + 1.25 * ROW * (len(FOUR) + 1), 3.0,
    )  # fmt: skip
    for place, row in enumerate(FOUR):
        then = THEN[row] / THEN[BASE]
        axis.plot(then, place - APART, "s", markersize=10, markerfacecolor=PAPER, markeredgecolor=_colour(row),
                  markeredgewidth=2)  # fmt: skip
        say(axis, f"{then:.2f} in 1996 ({THEN[row]:.1f} ms)", then, place - APART)
        ratios = [cost[row] / cost[BASE] for cost in rounds]
        _dots(axis, ratios, place + APART, row)
        say(axis, f"{median(ratios):.2f} now ({duration(1e3 * middle(rounds, row))})", max(ratios), place + APART)
    place, share = len(FOUR), median(cost["decode fastcgi"] for cost in rounds) / base
    axis.plot(share, place, "D", markersize=8, color=INK)
    say(axis, f"{share:.2f} now ({duration(1e3 * share * base)})", share, place + APART)
    ghost_point(axis, guesses["decode"] / 100, place - APART, f"your guess: {guesses['decode'] / 100:.2f}")
    axis.axvline(1, color=GREY, linewidth=1)
    axis.set_yticks(range(place + 1), [*FOUR.values(), "decoding FastCGI, alone"])
    axis.set_ylim(place + 0.6, -0.6)
    axis.set_xlim(
        0, 1.45 * max(THEN["server/nothing"] / THEN[BASE], *(cost[row] / cost[BASE] for cost in rounds for row in FOUR))
    )
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    bare(axis)
    return figure


def _dots(axis: Any, values: Sequence[float], place: float, row: str) -> None:
    colour = _colour(row)
    axis.plot(values, [place + 0.16] * len(values), "o", markersize=3.5, linestyle="none", color=INK, zorder=3)
    axis.plot(median(values), place, "o", markersize=10, color=colour)


def _colour(row: str) -> str:
    return colour_of(COLOURS[row.partition("/")[0]])


def _six_title(rounds: Rounds) -> str:
    times = median(cost["new/nothing"] / cost["fastcgi/nothing"] for cost in rounds)
    new = ("new/nothing", "new/connection", "new/cache")
    tie = all(tied(rounds, one, other) for one in new for other in new)
    said = (
        "what a new one tries to keep changes nothing that could be told"
        if tie
        else "the new ones differ among themselves here"
    )
    return f"A new process costs {times:,.0f} times one that stays, and {said}" if times >= 2 else (
        f"Here a new process costs {times:.1f} times one that stays, and {said}")  # fmt: skip


def _four_title(rounds: Rounds) -> str:
    order = sorted(FOUR, key=lambda row: THEN[row])
    pairs = [(less, more) for place, less in enumerate(order) for more in order[place + 1 :]]
    held = sum(clearly(rounds, less, more) for less, more in pairs)
    whole = all(votes("the order of 1996 holds", rounds))
    turned = sum(clearly(rounds, more, less) for less, more in pairs)
    if whole:
        return "The order of 1996 holds here, in every round"
    rest = len(pairs) - held - turned
    return (
        f"Of the {len(pairs)} orders of two rows in 1996, {held} hold here in every round, {turned} are turned round"
        f"{f', {rest} cannot be told' if rest else ''}"
    )
