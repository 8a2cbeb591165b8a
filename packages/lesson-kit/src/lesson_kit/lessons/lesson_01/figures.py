"""The strip: every byte of the request in its place, with the cuts between the pieces in which it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import FAINT, INK, LIGHT, MUTED, PAPER, SIZES, bare
from lesson_kit.charts.paper import ghost_line, sheet
from lesson_kit.lessons.lesson_01.pouring import CONTENT_AT, REQUEST

__all__ = ["draw_strip"]

COLOURS = {"head": LIGHT["sky"], "blank line": LIGHT["orange"], "content": LIGHT["green"]}
BLANK_AT = CONTENT_AT - 4
SHOWN = {ord("\r"): "←", ord("\n"): "↓", ord(" "): "·"}
HALF = 0.34
"""Of a row: how thick a strip is to each side."""


def draw_strip(trace: Mapping[str, Sequence[bytes]], guesses: Mapping[str, Any]) -> Figure:
    """Draw the pieces of each row of `trace` (a name, and the pieces in which the request came)."""
    *most, last = [str(len(pieces)) for pieces in trace.values()]
    title = f"One request, {', '.join(most)} and {last} calls of recv: the cuts say nothing about where its head ends"
    figure, (axis,) = sheet(
        title, "Each cell is a byte (← and ↓ are CR and LF); a gap is the end of a piece.", 1.6 + 0.9 * len(trace) + 0.9
    )
    for row, pieces in enumerate(trace.values()):
        ends = set(accumulate(len(piece) for piece in pieces))
        for place, byte in enumerate(b"".join(pieces)):
            part = "head" if place < BLANK_AT else "blank line" if place < CONTENT_AT else "content"
            gap = 0.3 if place + 1 in ends else 0.0
            axis.barh(row, 1 - gap, 2 * HALF, left=place, color=COLOURS[part], edgecolor=PAPER, linewidth=0.2)
            ink = PAPER if part == "content" else INK
            axis.text(place + 0.5, row, SHOWN.get(byte, chr(byte)), size=7, ha="center", va="center", color=ink)
        axis.text(len(REQUEST) + 0.8, row, f"{len(pieces)}", va="center", weight="bold")
    axis.set_yticks(range(len(trace)), list(trace))
    axis.set_ylim(len(trace) - 0.45, -0.75)
    axis.set_xlim(0, len(REQUEST) + 4)
    axis.set_xticks([0, BLANK_AT, CONTENT_AT, len(REQUEST)])
    for word, at, side in (("head", 0.2, "left"), ("blank line", CONTENT_AT - 0.2, "right"),
                              ("content", CONTENT_AT + 0.4, "left")):  # fmt: skip
        axis.text(at, len(trace) - 0.55, word, size=SIZES["ticks"], color=MUTED, va="top", ha=side)
    axis.text(len(REQUEST) + 0.8, -0.62, "calls", size=SIZES["ticks"], color=MUTED)
    guess, calls = guesses["first_byte"], guesses["reads"]
    words = f"your guess: byte {guess}, and {calls} call{'' if calls == 1 else 's'} for the sevens"
    ghost_line(axis, guess, words, left=guess > len(REQUEST) / 2)
    bare(axis, grid=False)
    axis.tick_params(axis="x", pad=8)
    axis.spines["bottom"].set_color(FAINT)
    return figure
