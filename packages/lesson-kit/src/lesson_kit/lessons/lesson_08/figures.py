"""Four bytes, read three ways: as numbers, as letters, as the header of a packet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import INK, LIGHT, MUTED, PAPER, SIZES, bare
from lesson_kit.charts.paper import sheet

__all__ = ["draw_four_bytes", "draw_pairs"]

COLOURS = (LIGHT["sky"], LIGHT["orange"], LIGHT["orange"], LIGHT["sky"])
"""Of modifier 1, the two bytes of the size, modifier 2."""
HEADINGS = ("modifier 1", "size", "modifier 2")
WIDTH, HEIGHT = 0.92, 0.66
NUMBER_AT, GUESS_AT = 4.25, 5.35
RULES = ("http", "uwsgi")
GUESSED = {"POST": "post", "HEAD": "head"}
"""The questions about these beginnings."""


def draw_four_bytes(rows: Sequence[tuple[bytes, int]], guesses: Mapping[str, Any]) -> Figure:
    """Draw the first four bytes of what came, and the size that the server read from them."""
    spelled = [(first, size) for first, size in rows if first.isascii() and first.decode().isprintable()]
    beginning = ", ".join(f"{first.decode().strip()} is {size}" for first, size in spelled[:3])
    figure, (axis,) = sheet(
        f"Letters read as a size: {beginning}" if beginning else "Four bytes, read as the header of a packet",
        "The first four bytes of what came to a uwsgi port. Each cell: its hexadecimal number, and its letter.",
        2.2 + 0.62 * max(1, len(rows)), label_inches=1.3,
    )  # fmt: skip
    for row, (first, size) in enumerate(rows):
        letters = [chr(byte) if chr(byte).isprintable() and byte < 0x7F else "" for byte in first]
        for place, (byte, letter) in enumerate(zip(first, letters, strict=True)):
            axis.barh(row, WIDTH, HEIGHT, left=place, color=COLOURS[place], edgecolor=PAPER)
            axis.text(place + 0.28, row, f"{byte:02x}", ha="center", va="center", color=INK, family="DejaVu Sans Mono")
            axis.text(place + 0.68, row, letter.replace(" ", "·"), ha="center", va="center", color=INK, weight="bold")
        axis.text(NUMBER_AT, row, str(size), va="center", weight="bold")
        guess = guesses.get(GUESSED.get("".join(letters), ""))
        if guess is not None:
            axis.text(GUESS_AT, row, f"your guess: {guess}", va="center", color=MUTED, size=SIZES["ticks"])
    for centre, words in zip((0.46, 1.96, 3.46), HEADINGS, strict=True):
        axis.text(centre, -0.62, words, ha="center", color=MUTED, size=SIZES["ticks"])
    axis.text(NUMBER_AT, -0.62, "the size", color=MUTED, size=SIZES["ticks"])
    axis.set_yticks(range(len(rows)), [_name(first) for first, _ in rows])
    axis.set_ylim(max(1, len(rows)) - 0.4, -0.9)
    axis.set_xlim(0, 7)
    axis.set_xticks([])
    bare(axis, grid=False)
    return figure


def draw_pairs(pairs: Mapping[str, int], guesses: Mapping[str, Any]) -> Figure:
    """Draw the status that a visitor got, for what the front speaks (rows) and the server expects (columns)."""
    fitting = sum(status == HTTPStatus.OK for status in pairs.values())
    guess = guesses["fitting"]
    figure, (axis,) = sheet(
        f"{fitting} of {len(pairs)} pairs gave the page; your guess: {guess}",
        "The status that the visitor got: 200 is the page. The application was the same each time.",
        3.6, label_inches=2.2,
    )  # fmt: skip
    for pair, status in pairs.items():
        speaks, listens = (RULES.index(word) for word in pair.split(" to "))
        colour = LIGHT["green"] if status == HTTPStatus.OK else LIGHT["orange"]
        axis.barh(speaks, WIDTH, HEIGHT, left=listens, color=colour, edgecolor=PAPER)
        axis.text(listens + WIDTH / 2, speaks, str(status), ha="center", va="center", color=INK, weight="bold")
    axis.set_yticks(range(len(RULES)), [f"the front speaks {rule}" for rule in RULES])
    axis.set_ylim(len(RULES) - 0.5, -0.5)
    axis.set_xlim(0, 3)
    axis.set_xticks(
        [place + WIDTH / 2 for place in range(len(RULES))], [f"the server expects {rule}" for rule in RULES]
    )
    bare(axis, grid=False)
    return figure


def _name(first: bytes) -> str:
    return "HTTP" if first.strip().isalpha() else "uwsgi"
