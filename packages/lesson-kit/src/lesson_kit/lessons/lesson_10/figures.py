"""Who waits among how many slow clients; and what a front costs, or saves, when nobody is slow."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import BAD, INK, LIGHT, MUTED, PAPER, SIZES, bare, say
from lesson_kit.charts.paper import ghost_line, sheet

__all__ = ["draw_cost", "draw_waiting"]

Waiting = Mapping[str, Sequence[tuple[int, float | None]]]
"""For each setup: how many slow clients, and the seconds of the visitor among them, or None."""
WIDTH, HEIGHT = 0.94, 0.72
MS = 1000.0


def draw_waiting(waiting: Waiting, guesses: Mapping[str, Any]) -> Figure:
    """Draw a row for each setup and a column for each number of slow clients."""
    counts = sorted({count for row in waiting.values() for count, _ in row})
    figure, (axis,) = sheet(
        _sentence(waiting, counts),
        "Milliseconds until the visitor had the page, among so many slow clients. Red: he went without an answer. "
        f"With a front, you said: {guesses['buffered']}.",
        2.8 + 0.6 * max(1, len(waiting)), label_inches=2.9,
    )  # fmt: skip
    for row, points in enumerate(waiting.values()):
        for count, seconds in points:
            left = counts.index(count)
            colour = BAD if seconds is None else LIGHT["green"]
            axis.barh(row, WIDTH, HEIGHT, left=left, color=colour, edgecolor=PAPER)
            axis.text(left + WIDTH / 2, row, "waits" if seconds is None else _ms(seconds), ha="center", va="center",
                      color=PAPER, weight="bold", size=SIZES["ticks"])  # fmt: skip
    axis.set_yticks(range(len(waiting)), list(waiting))
    axis.set_ylim(max(1, len(waiting)) - 0.5, -0.6)
    axis.set_xlim(-0.08, max(1, len(counts)) + 0.3)
    axis.set_xticks([place + WIDTH / 2 for place in range(len(counts))], [str(count) for count in counts])
    axis.set_xlabel("slow clients at the same time", size=SIZES["ticks"])
    guess = guesses["slow"]
    place = next((at for at, count in enumerate(counts) if count >= guess), len(counts))
    beyond = " →" if place == len(counts) else ""
    ghost_line(axis, place - 0.03, f"your guess: from {guess} on he waits{beyond}", left=place > len(counts) / 2)
    bare(axis, grid=False)
    return figure


def draw_cost(cost: Mapping[str, Sequence[float]], guesses: Mapping[str, Any]) -> Figure:
    """Draw every asking as a dot, and the median of each setup."""
    medians = {name: statistics.median(seconds) * MS for name, seconds in cost.items() if seconds}
    figure, (axis,) = sheet(
        _difference(cost),
        f"Each dot is a request for the same page, with nobody slow about. A front makes it, you said: "
        f"{guesses['faster']}.",
        2.3 + 0.75 * max(1, len(cost)), label_inches=2.9,
    )  # fmt: skip
    for row, (name, seconds) in enumerate(cost.items()):
        times = [one * MS for one in seconds]
        spread = [row + 0.26 * ((number % 7) / 3 - 1) for number in range(len(times))]
        axis.plot(times, spread, "o", color=LIGHT["sky"], markersize=4, alpha=0.7)
        if name in medians:
            axis.plot([medians[name]] * 2, [row - 0.36, row + 0.36], color=INK, linewidth=2.4)
            say(axis, f"{medians[name]:.1f} ms", max(times), row, bold=True)
    top = max((max(seconds) * MS for seconds in cost.values() if seconds), default=1.0)
    axis.set_yticks(range(len(cost)), list(cost))
    axis.set_ylim(max(1, len(cost)) - 0.45, -0.55)
    axis.set_xlim(0, top * 1.15)
    axis.set_xlabel("milliseconds", size=SIZES["ticks"], color=MUTED)
    bare(axis)
    return figure


def _sentence(waiting: Waiting, counts: Sequence[int]) -> str:
    """Say from how many slow clients on the first setup makes the visitor wait, and how many of the others ever do."""
    if not waiting:
        return "Nobody was asked yet"
    first, *others = [next((count for count, seconds in row if seconds is None), None) for row in waiting.values()]
    name = next(iter(waiting))
    begins = f"{name}: {'nobody waits' if first is None else f'the visitor waits from {first} slow clients on'}"
    if not others:
        return begins
    calm = sum(other is None for other in others)
    return f"{begins}; {calm} of {len(others)} other setups took {max(counts)} of them"


def _difference(cost: Mapping[str, Sequence[float]]) -> str:
    """Say what the first front has added, if the dots of both let one say it."""
    both = [[one * MS for one in seconds] for seconds in cost.values() if len(seconds) > 1][:2]
    if len(both) < 2:
        return "What does a front cost?"
    more = statistics.median(both[1]) - statistics.median(both[0])
    scatter = max(high - low for low, _, high in (statistics.quantiles(times, n=4) for times in both))
    if abs(more) < scatter / 2:
        return "Behind the front, the same page took as long, as far as the dots can tell"
    return f"Behind the front, the same page took {abs(more):.1f} ms {'more' if more > 0 else 'less'}"


def _ms(seconds: float) -> str:
    ms = seconds * MS
    return f"{ms:.1f}" if ms < 10 else f"{ms:.0f}"
