"""Three figures: who holds those that wait, what a request costs, and the fourteen names before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gateway_bench.report.chart_style import BAD, FAINT, GREY, INK, LIGHT, MUTED, SIZES, bare, say
from lesson_kit.charts.paper import ghost_line, ghost_point, sheet
from lesson_kit.gain import LESSON_OF
from lesson_kit.lessons.lesson_13.names import BOXES, NAMES, RIGHT, hits

__all__ = ["CLOSE", "draw_cost", "draw_gain", "draw_waiting", "ratio"]

COLOURS = {"WSGI": LIGHT["green"], "ASGI": LIGHT["orange"]}
FAR = 1.6
"""How far beyond what was measured a guess may stretch the scale; one that is farther stands at the edge."""
ROOM = 2.3
"""The same where the words of a bar stand beside it."""
CLOSE = 0.1
"""Part by which two costs may differ and still be called about the same."""

Held = Mapping[str, Mapping[str, Any]]
"""For each server by name: `held` calls, `threads`, and `visitor`, the seconds of one more, or None."""


def draw_waiting(held: Held, guesses: Mapping[str, Any]) -> Figure:
    """Draw how many threads each server had, and whether one more visitor was answered."""
    figure, (axis,) = sheet(
        _waiting_title(held),
        "Threads of the worker while the crowd waits, and what became of one more visitor. Rings: your guesses.",
        1.9 + 0.9 * max(1, len(held)), label_inches=2.3,
    )  # fmt: skip
    edge = ROOM * max([one["threads"] for one in held.values()], default=1)
    for row, (name, one) in enumerate(held.items()):
        axis.barh(row, one["threads"], 0.36, color=COLOURS.get(name.partition(",")[0], GREY))
        say(axis, f"{one['threads']} thread{'' if one['threads'] == 1 else 's'} · {_visited(one)}", one["threads"], row,
            bold=True)  # fmt: skip
        guess = guesses["threads_async" if name.startswith("ASGI") else "threads"]
        if one["visitor"] is not None:
            far = guess > 0.8 * edge  # the words need a place, too
            words = f"your guess: {guess:g}{'  →' if guess > edge else ''}"
            ghost_point(axis, 0.75 * edge if far else guess, row - 0.37, words)
    axis.set_yticks(range(len(held)), [f"{name}\n{one['held']} calls at once" for name, one in held.items()])
    axis.set_ylim(max(1, len(held)) - 0.5, -0.7)
    axis.set_xlim(0, edge)
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axis.set_xlabel("threads", size=SIZES["ticks"])
    bare(axis)
    return figure


def _waiting_title(held: Held) -> str:
    served = {name: one for name, one in held.items() if one["visitor"] is not None}
    if not served:
        return "No server here has answered one more visitor while the crowd waits"
    parts = [f"{_count(one['threads'])} in {name.partition(',')[0]}" for name, one in served.items()]
    return f"To answer one more while {max(one['held'] for one in served.values())} wait took {' and '.join(parts)}"


def _count(threads: int) -> str:
    return "one thread" if threads == 1 else f"{threads} threads"


def _visited(one: Mapping[str, Any]) -> str:
    if one["visitor"] is None:
        return "one more visitor waits, too"
    return f"one more is answered in {1000 * one['visitor']:.0f} ms"


def ratio(rounds: Sequence[Mapping[str, float]]) -> float:
    """Return how many times the cost of WSGI a request costs over ASGI: the median of the rounds."""
    return median(one["ASGI"] / one["WSGI"] for one in rounds)


def draw_cost(rounds: Sequence[Mapping[str, float]], guesses: Mapping[str, Any]) -> Figure:
    """Draw the cost of each round as a dot, and the middle of each server."""
    names = list(COLOURS)
    middle = {name: median([one[name] for one in rounds] or [0.0]) for name in names}
    figure, (axis,) = sheet(
        _cost_title(rounds), f"Processor time of the server for a request, in {len(rounds)} rounds; a bar: the median.",
        3.4, label_inches=1.2,
    )  # fmt: skip
    for row, name in enumerate(names):
        axis.barh(row, middle[name], 0.5, color=COLOURS[name], alpha=0.35)
        axis.plot([one[name] for one in rounds], [row] * len(rounds), "o", color=COLOURS[name], markersize=7)
        say(axis, f"{middle[name]:.0f} µs", max([one[name] for one in rounds], default=0.0), row, bold=True)
    guess = middle["WSGI"] * guesses["cost"] / 100
    most = max([value for one in rounds for value in one.values()], default=1.0)
    edge = FAR * most
    words = f"your guess for ASGI: {guesses['cost']:g} % of WSGI{'  →' if guess > edge else ''}"
    ghost_line(axis, min(guess, edge), words, left=guess > edge / 2)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.6)
    axis.set_xlim(0, edge)
    axis.set_xlabel("microseconds of processor time for a request", size=SIZES["ticks"])
    bare(axis)
    return figure


def _cost_title(rounds: Sequence[Mapping[str, float]]) -> str:
    if not rounds:
        return "Nothing was measured yet"
    times = ratio(rounds)
    if abs(times - 1) < CLOSE:
        return "The same small answer costs about as much over ASGI as over WSGI"
    return f"The same small answer costs {times:.1f} times as much over ASGI as over WSGI"


def draw_gain(before: Mapping[str, str], guesses: Mapping[str, Any]) -> Figure:
    """Draw each name with its box of lesson 0 as a ring, and its box of today as a dot."""
    now = guesses["boxes_again"]
    rows = sorted(NAMES, key=lambda name: (now[name] == RIGHT[NAMES.index(name)], NAMES.index(name)))
    figure, (axis,) = sheet(
        _gain_title(before, now), _gain_subtitle(before), 2.6 + 0.32 * len(rows), label_inches=1.5
    )  # fmt: skip
    figure.subplots_adjust(top=figure.subplotpars.top - 0.45 / figure.get_figheight())  # for the headings
    for row, name in enumerate(rows):
        right = now[name] == RIGHT[NAMES.index(name)]
        if name in before:
            ghost_point(axis, BOXES.index(before[name]), row)
        axis.plot(BOXES.index(now[name]), row, "o" if right else "X", color=LIGHT["green"] if right else BAD,
                  markersize=8, zorder=5)  # fmt: skip
        words = "" if right else f"lesson {LESSON_OF[name]} shows what it is"
        axis.text(len(BOXES) - 0.45, row, words, color=INK, size=SIZES["ticks"], va="center")
        axis.axhline(row + 0.5, color=FAINT, linewidth=0.6)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.4, -0.7)
    axis.set_xlim(-0.5, len(BOXES) + 1.2)
    axis.set_xticks(range(len(BOXES)), [_folded(box) for box in BOXES])
    axis.xaxis.tick_top()
    axis.tick_params(axis="x", colors=MUTED)
    bare(axis, grid=False)
    axis.spines["top"].set_visible(False)
    return figure


def _gain_title(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    if not before:
        return f"{hits(now)} of {len(NAMES)} names are in their box today"
    return f"{hits(before)} of {len(NAMES)} names were in their box in lesson 0, {hits(now)} are today"


def _gain_subtitle(before: Mapping[str, str]) -> str:
    rings = "A dashed ring: your box in lesson 0. " if before else "You have not sorted them in lesson 0. "
    return f"{rings}A dot: your box of today, where it is right; a cross, where another is."


def _folded(words: str) -> str:
    """Break the words of a box into lines that stand beside each other."""
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) > 12:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
