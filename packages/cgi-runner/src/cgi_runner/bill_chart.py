"""Bills as a chart: a stacked bar for each, all on one scale, so that what a choice saves can be seen.

Drawn by matplotlib, which `cgi-runner[bill]` brings; nothing else of this package imports it. The colours are from the
palette of Okabe and Ito, which people with any colour vision can tell apart, and neighbours differ in lightness too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from .bill_measure import Measured, machine
from .bill_parts import ORDER

__all__ = ["ENDINGS", "draw", "save"]

ENDINGS = (".svg", ".png")

INK, MUTED, FAINT = "#1c2430", "#5b6675", "#e3e7ec"

COLOURS = {
    "wait": "#9aa4b1",
    "spawn": "#d55e00",
    "interpreter start": "#e69f00",
    "site": "#f0e442",
    "bill": "#c9cfd6",
    "imports": "#0072b2",
    "app start": "#56b4e9",
    "program": "#3d4f66",
    "handler": "#009e73",
    "output": "#8fd9c0",
    "exit": "#cc79a7",
    "reap": "#9aa4b1",
}

WIDTH, ROW = 10.0, 0.62
"""Inches."""

LABEL_SHARE = 0.055
"""Of the longest bar: a part that is shorter has no room for its figure inside."""

RULES: Any = {  # matplotlib's own type lists every key there is
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters, and bytes, everywhere
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.spines.bottom": False,
    "axes.axisbelow": True,
    "figure.facecolor": "#ffffff",
    "grid.color": FAINT,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "svg.fonttype": "path",
    "svg.hashsalt": "cgi-runner",  # ids in the SVG are hashes: the same bills give the same bytes
}


def save(measured: Sequence[Measured], file: Path) -> None:
    """Draw the bills and write the chart, as SVG or PNG by the ending of the file. Raises OSError."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RULES)
        figure = draw(measured)
        metadata = {"Date": None, "Creator": None} if file.suffix == ".svg" else {"Software": None}
        figure.savefig(file, dpi=160, metadata=metadata)


def draw(measured: Sequence[Measured]) -> Figure:
    """Return the chart: a row for each measurement, the medians of its parts stacked."""
    height = 1.75 + ROW * len(measured)
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots()
    longest = max(one.whole for one in measured) / 1e6
    for row, one in enumerate(measured):
        _stack(axes, one, row, longest)
    axes.set_yticks(range(len(measured)), _names(measured))
    axes.set_ylim(len(measured) - 0.5, -0.5)
    axes.set_xlim(0, longest * 1.15)
    axes.set_xlabel("milliseconds")
    axes.tick_params(length=0)
    axes.grid(visible=True, axis="x")
    figure.text(0.02, 1 - 0.2 / height, "Where a request's time goes", size=16, weight="bold", va="top")
    figure.text(0.02, 0.1 / height, _made(measured), size=8.5, color=MUTED, va="bottom")
    shown = [part for part in ORDER if any(part in one.parts and one.median(part) > 0 for one in measured)]
    patches = [mpl.patches.Patch(color=COLOURS[part], label=part) for part in shown]
    figure.legend(
        handles=patches, loc="upper left", bbox_to_anchor=(0.012, 1 - 0.5 / height), ncols=len(patches), frameon=False,
        fontsize=9.5, handlelength=0.9, handleheight=0.9, columnspacing=1.1, handletextpad=0.4,
    )  # fmt: skip
    figure.subplots_adjust(left=_label_share(measured), right=0.98, top=1 - 0.95 / height, bottom=0.75 / height)
    return figure


def _stack(axes: Any, one: Measured, row: int, longest: float) -> None:
    left = 0.0
    for part in one.parts:
        cost = one.median(part) / 1e6
        axes.barh(row, cost, left=left, height=0.62, color=COLOURS[part], edgecolor="white", linewidth=0.5)
        if cost > LABEL_SHARE * longest:
            ink = INK if part in ("site", "output", "interpreter start", "app start", "exit", "wait") else "white"
            axes.text(left + cost / 2, row, f"{cost:.1f}", ha="center", va="center_baseline", size=9.5, color=ink)
        left += cost
    axes.text(left + longest * 0.008, row, f"{one.whole / 1e6:.1f} ms", va="center_baseline", weight="bold")


def _names(measured: Sequence[Measured]) -> list[str]:
    """Name the rows by what differs."""
    if len({one.target.name for one in measured}) == 1:
        return [one.target.spawn for one in measured]
    if len({one.target.spawn for one in measured}) == 1:
        return [one.target.name for one in measured]
    return [f"{one.target.name}\n{one.target.spawn}" for one in measured]


def _label_share(measured: Sequence[Measured]) -> float:
    longest = max(len(line) for name in _names(measured) for line in name.split("\n"))
    return min(0.05 + longest * 0.0105, 0.45)


def _made(measured: Sequence[Measured]) -> str:
    """Say what, how and where, in one line."""
    here = machine()
    spawns = {one.target.spawn for one in measured}
    names = {one.target.name for one in measured}
    words = [
        *(names if len(names) == 1 else ()),
        *(spawns if len(spawns) == 1 else ()),
        f"medians of {len(measured[0].samples)} requests",
        f"{here['implementation']} {here['python']}",
        f"{here['system']} {here['machine']}, {here['cores']} cores",
    ]
    return " · ".join(words)
