"""The paper that a lesson draws on: the bench's page, with this machine and day at the bottom, and how a guess looks.

A guess is always drawn in the same way, so that it is known at sight: dashed, hollow, in grey, and it says "your
guess".
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from gateway_bench.report.chart_style import GREY, MUTED, PAPER, SIZES, Picture, made_line, page, styled
from gateway_bench.samples.machine import describe_machine, describe_source

__all__ = ["GUESS", "ghost_line", "ghost_point", "sheet"]

GUESS: dict[str, Any] = {"color": GREY, "linestyle": (0, (4, 3)), "linewidth": 1.8}
"""How the line of a guess looks."""


def sheet(
    title: str, subtitle: str, height: float, label_inches: float = 1.9, **grid: Any
) -> tuple[Picture, list[Any]]:
    """Return a figure of that height (inches) with its words and axes; `title` is a sentence made from the data."""
    with styled():
        return page(title, subtitle, _made(), height, label_inches, **grid)


def ghost_line(axis: Any, x: float, words: str, *, low: float = 0.0, high: float = 1.0, left: bool = False) -> None:
    """Draw a guess as an upright line at `x`, from `low` to `high` of the height, with its words at the top.

    They stand to the right of the line, or with `left` before it.
    """
    axis.axvline(x, low, high, **GUESS)
    away, side = (-5, "right") if left else (5, "left")
    axis.annotate(words, (x, high), (away, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
                  color=MUTED, size=SIZES["ticks"], va="bottom", ha=side)  # fmt: skip


def ghost_point(axis: Any, x: float, y: float, words: str = "") -> None:
    """Draw a guess as a hollow, dashed ring at a point, with its words to the right."""
    axis.plot(x, y, "o", markersize=13, markerfacecolor="none", markeredgecolor=GREY, markeredgewidth=1.8, zorder=4)
    if words:
        axis.annotate(words, (x, y), (11, 0), textcoords="offset points", color=MUTED, size=SIZES["ticks"],
                      va="center", bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})  # fmt: skip


@cache
def _made() -> str:
    return made_line(describe_machine(), describe_source(Path(__file__).parent), datetime.now(UTC).date().isoformat())
