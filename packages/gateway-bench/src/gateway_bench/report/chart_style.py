"""How every chart looks: one colour a gateway, words instead of legends, readable from the last row.

The colours are from the palette of Okabe and Ito, which people with any colour vision can tell apart; and no
chart needs them, since each mark has its label. The background is light: projectors and paper are.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from gateway_bench.record.document import Document

__all__ = ["FAINT", "INK", "PAPER", "bare", "colour_of", "page", "say", "styled"]

INK = "#1c2430"
MUTED = "#5b6675"
GREY = "#9aa4b1"
FAINT = "#e3e7ec"
PAPER = "#ffffff"

COLOURS = {
    "cgi": "#d55e00",
    "fastcgi": "#0072b2",
    "fastcgi-close": "#0072b2",
    "scgi": "#56b4e9",
    "uwsgi": "#cc79a7",
    "wsgi": "#009e73",
    "http": "#009e73",
    "gatelab": "#009e73",
    "gatelab-32": "#009e73",
    "gatelab-compiled": "#009e73",
    "ours": "#d55e00",
    "ours-again": "#d55e00",
    "ours-threads": "#d55e00",
    "ours-vfork": "#d55e00",
    "ours-fork-exec": "#d55e00",
    "app-zygote": "#009e73",
    "app-posix-spawn": "#d55e00",
    "app-vfork": "#d55e00",
    "app-fork-exec": "#d55e00",
}
"""Anybody else is grey."""

WIDTH = 10.0
TITLE_WRAP = 66
SUBTITLE_WRAP = 104
SIZES = {"title": 17, "subtitle": 11.5, "text": 12.5, "small": 9}

RULES: Any = {  # matplotlib's own type lists every key there is
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters, and bytes, everywhere
    "font.size": SIZES["text"],
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.facecolor": PAPER,
    "axes.titlesize": SIZES["text"],
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "figure.facecolor": PAPER,
    "grid.color": FAINT,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "ytick.major.size": 0,
    "hatch.linewidth": 1.2,
    "svg.fonttype": "path",
    "svg.hashsalt": "gatelab",  # ids in the SVG are hashes: the same document gives the same bytes
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw with these rules, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RULES)
        yield


def page(
    title: str, subtitle: str, document: Document, height: float, label_inches: float = 1.9, **grid: Any
) -> tuple[Figure, list[Any]]:
    """Return a figure of that height (inches) with its words, and its axes from left to right, top to bottom.

    `label_inches` are for the names of the rows; `grid` goes to `Figure.subplots`.
    """
    figure = Figure(figsize=(WIDTH, height))
    lines = textwrap.wrap(title, TITLE_WRAP)
    inch = 1 / height
    top = 1 - 0.22 * inch
    figure.text(0.02, top, "\n".join(lines), size=SIZES["title"], weight="bold", va="top", linespacing=1.25)
    below = top - (0.32 * len(lines) + 0.08) * inch
    small = textwrap.wrap(subtitle, SUBTITLE_WRAP)
    figure.text(0.02, below, "\n".join(small), size=SIZES["subtitle"], color=MUTED, va="top", linespacing=1.35)
    below -= 0.24 * (len(small) - 1) * inch
    figure.text(0.02, 0.12 * inch, _made(document), size=SIZES["small"], color=MUTED, va="bottom")
    axes = figure.subplots(squeeze=False, **grid)
    figure.subplots_adjust(
        left=label_inches / WIDTH, right=0.96, top=below - 0.62 * inch, bottom=0.75 * inch, wspace=0.2, hspace=0.28
    )
    return figure, list(axes.flat)


def bare(axes: Any, grid: bool = True) -> None:
    """Take away what carries no figure: frame, minor ticks, the vertical axis line."""
    axes.tick_params(axis="x", which="both", labelsize=10.5, length=0)
    axes.tick_params(axis="y", pad=8)
    axes.grid(visible=grid, axis="x", which="major")
    axes.spines["bottom"].set_visible(False)


def say(axes: Any, words: str, x: float, row: int, bold: bool = False) -> None:
    """Write the label of a mark to the right of it, on a patch of paper that hides the lines behind."""
    axes.annotate(
        words, (x, row), (9, 0), textcoords="offset points", va="center_baseline",
        weight="bold" if bold else "normal", bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def colour_of(gateway: str) -> str:
    """Return the colour of a gateway."""
    return COLOURS.get(gateway, GREY)


def _made(document: Document) -> str:
    """Say where and when, in one line."""
    machine = document["machine"]
    commit = str(document["source"]["commit"])[:10]
    words = [
        f"{machine['cpu']}, {machine['threads']} cores",
        f"{machine['system']} {machine['kernel']}",
        f"{machine['implementation']} {machine['python']}",
        document["started"][:10],
    ]
    if commit:
        words.append(f"commit {commit}{'+' if document['source']['dirty'] else ''}")
    return " · ".join(words)
