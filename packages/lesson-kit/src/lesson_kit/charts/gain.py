"""The last page: fourteen names before and after, and how right the learner was when so sure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any, Final

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import BAD, FAINT, INK, LIGHT, MUTED, PAPER, SIZES, bare
from lesson_kit.charts.paper import GUESS, sheet
from lesson_kit.gain import LESSON_OF, Sorted, Sure

__all__ = ["draw_names", "draw_sureness"]

ROW: Final = 0.31
"""Inches of a row."""
RIGHT: Final = LIGHT["green"]
BINS: Final = 5
"""Groups of how sure somebody was: of 20 percent each."""
SURE: Final = 80.0
"""Percent from which on somebody is sure."""


def draw_names(names: Sorted) -> Figure:
    """Draw a row for each name: a dot where it was in its box, a ring where it was not. Gained ones come first."""
    columns = [(word, told) for word, told in (("before", names.before), ("now", names.after)) if told is not None]
    counts = [sum(told.values()) for _, told in columns]
    rows = sorted(names.names, key=lambda name: (_fate(names, name)[0], names.names.index(name)))
    figure, (axis,) = sheet(
        _names_title(names, counts),
        "A dot: in its own box. A ring: in another one.",
        2.3 + ROW * len(rows), label_inches=1.6,
    )  # fmt: skip
    for row, name in enumerate(rows):
        order, words = _fate(names, name)
        axis.plot(
            range(len(columns)), [row] * len(columns), color=RIGHT if order == 0 else FAINT, linewidth=2, zorder=1
        )
        for place, (_, told) in enumerate(columns):
            colour, inside = (RIGHT, RIGHT) if told[name] else (BAD, PAPER)
            axis.plot(place, row, "o", markersize=11, markeredgewidth=2, color=colour, markerfacecolor=inside, zorder=3)
        axis.text(len(columns) - 0.8, row, words, va="center", size=SIZES["ticks"], color=MUTED if order else INK)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.4, -0.7)
    axis.set_xlim(-0.3, len(columns) + 0.6)
    axis.set_xticks(range(len(columns)), [word for word, _ in columns])
    axis.xaxis.tick_top()
    bare(axis, grid=False)
    axis.spines["top"].set_visible(False)
    return figure


def draw_sureness(predictions: Sequence[Sure]) -> Figure:
    """Draw how many predictions were right against how sure they were, in groups; on the line both are the same."""
    right = sum(one.right for one in predictions)
    certain = [one for one in predictions if one.percent >= SURE]
    if certain:
        held = sum(one.right for one in certain)
        title = f"When you were {SURE:g} % sure or more, {held} of {len(certain)} predictions were right"
    else:
        title = f"{right} of {len(predictions)} predictions were right, and you were never {SURE:g} % sure"
    average = fmean(one.percent for one in predictions)
    figure, (axis,) = sheet(
        title,
        f"On average you were {average:.0f} % sure, and {100 * right / len(predictions):.0f} % were right. Above the "
        "line you knew more than you thought, below it less.",
        5.6, label_inches=1.3,
    )  # fmt: skip
    axis.plot([0, 100], [0, 100], **GUESS)
    axis.annotate(
        "as right as sure", (30, 30), (6, -6), textcoords="offset points", color=MUTED, size=SIZES["ticks"], va="top"
    )
    for group in _groups(predictions):
        held = sum(one.right for one in group)
        x, y = fmean(one.percent for one in group), 100 * held / len(group)
        axis.plot(x, y, "o", color=LIGHT["blue"], markersize=8 + 2.5 * len(group) ** 0.5, clip_on=False, zorder=4)
        _beside(axis, x, y, f"{held} of {len(group)}")
    axis.set_xlim(0, 100)
    axis.set_ylim(-4, 104)
    axis.set_xticks(range(0, 101, 20), [f"{percent} %" for percent in range(0, 101, 20)])
    axis.set_yticks(range(0, 101, 25), [f"{percent} %" for percent in range(0, 101, 25)])
    axis.set_xlabel("how sure you were", size=SIZES["text"])
    axis.set_title("of these, right", loc="left", size=SIZES["text"], color=MUTED)
    figure.subplots_adjust(bottom=1.0 / figure.get_figheight())  # for the words below the axis
    bare(axis)
    return figure


def _names_title(names: Sorted, counts: Sequence[int]) -> str:
    total = len(names.names)
    if names.before is None:
        return f"Of {total} names, you have {counts[-1]} in their own box now"
    if names.after is None:
        return f"Of {total} names, you had {counts[0]} in their own box before the lessons"
    return f"Of {total} names, you had {counts[0]} in their own box before, and have {counts[1]} now"


def _fate(names: Sorted, name: str) -> tuple[int, str]:
    """Return where a name stands among the others, and what became of it in a word or two."""
    before, after = (None if told is None else told[name] for told in (names.before, names.after))
    now = before if after is None else after
    again = f"see lesson {LESSON_OF[name]}" if name in LESSON_OF else ""
    if now:
        return (0, "gained") if before is False else (1, "")
    return (3, f"lost: {again}") if before and after is False else (2, again)


def _groups(predictions: Sequence[Sure]) -> list[list[Sure]]:
    """Put predictions that were about as sure together."""
    groups: list[list[Sure]] = [[] for _ in range(BINS)]
    for one in predictions:
        groups[min(BINS - 1, int(one.percent * BINS / 100))].append(one)
    return [group for group in groups if group]


def _beside(axis: Any, x: float, y: float, words: str) -> None:
    """Write beside a dot, on the side that has room."""
    left = x > 85
    axis.annotate(words, (x, y), (-14 if left else 14, 0), textcoords="offset points", va="center", weight="bold",
                  ha="right" if left else "left", zorder=5)  # fmt: skip
