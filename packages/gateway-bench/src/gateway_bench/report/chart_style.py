"""How every chart looks: words instead of legends, readable from the last row, in light and in dark.

    +----------------------------------------------------------+
    | Sentence: what the figures below say                     |   a page shows it as its own heading,
    | what is drawn, and how                                   |   and leaves it out here
    |                                                          |
    |  name of a row  ======|-o-|   figure                     |
    |  name of a row  ===|-o-|      figure                     |
    |                                                          |
    | machine, system, Python, date, commit                    |
    +----------------------------------------------------------+

The colours are from the palette of Okabe and Ito, which people with any colour vision can tell apart; and no chart
needs them, since each mark has its label. A chart is drawn once, in light colours. Each colour has a role (`THEME`),
and in a page the roles are CSS variables, so that one drawing serves light, dark and paper.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import cycle
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from gateway_bench.record.document import Document, GatewayRecord
from gateway_bench.report.units import unbroken

__all__ = [
    "BAD", "BAND", "FAINT", "GREY", "INK", "LIGHT", "MUTED", "PAPER", "SIZES", "THEME", "WIDTH", "Picture", "bare",
    "colour_of", "colours", "fitted", "made_line", "page", "say", "styled", "themed", "width_of",
]  # fmt: skip

THEME = {
    "ink": ("#1c2430", "#e6eaf0"),
    "muted": ("#5b6675", "#a3aebb"),
    "grey": ("#9aa4b1", "#7d8896"),
    "faint": ("#e3e7ec", "#303844"),
    "paper": ("#ffffff", "#1b2028"),
    "band": ("#fbe9b7", "#4d431f"),
    "bad": ("#b3261e", "#ff8a80"),
    "blue": ("#0072b2", "#4a9be8"),
    "sky": ("#56b4e9", "#9cd6f9"),
    "green": ("#009e73", "#1fc196"),
    "orange": ("#e69f00", "#f2b134"),
    "red": ("#d55e00", "#f0803c"),
    "pink": ("#cc79a7", "#e39cc6"),
}
"""The colour of each role, on a light ground and on a dark one. No two light ones are alike: a role can be told."""
LIGHT = {role: light for role, (light, _) in THEME.items()}
INK, MUTED, GREY, FAINT = LIGHT["ink"], LIGHT["muted"], LIGHT["grey"], LIGHT["faint"]
PAPER, BAND, BAD = LIGHT["paper"], LIGHT["band"], LIGHT["bad"]
CYCLE = tuple(LIGHT[role] for role in ("blue", "red", "green", "pink", "sky", "orange"))

ROLES = {
    "cgi": "red", "fastcgi": "blue", "fastcgi-close": "blue", "scgi": "sky", "uwsgi": "pink", "wsgi": "green",
    "http": "green", "gatelab": "green", "gatelab-32": "green", "gatelab-compiled": "green", "ours": "red",
    "ours-threads": "red", "ours-vfork": "red", "ours-fork-exec": "red", "app-zygote": "green",
    "gatelab-fastcgi": "green", "gatelab-scgi": "green", "gatelab-uwsgi": "green", "gatelab-cgi": "green",
    "app-posix-spawn": "red", "app-vfork": "red", "app-fork-exec": "red",
}  # fmt: skip
"""Our own rows. Anybody else is grey, or where lines cross has a colour in turn."""

BEHIND = "-behind"
"""How the name of a row ends that is another one with a front before it; or with the name of that."""

WIDTH = 10.0
MARGIN = 0.02
LONGEST = 3.3
"""Inches that the name of a row may take."""
TITLE_WRAP = 66
SUBTITLE_WRAP = 108
SIZES = {"title": 17, "subtitle": 11.5, "text": 12.5, "ticks": 10.5, "small": 9}
ABOVE, TITLE_LINE, SUBTITLE_LINE, FOOTING = 0.22, 0.32, 0.24, 0.28
"""Inches above the sentence, of a line of it, of a line of the subtitle, and of the line at the bottom."""

FONT = "DejaVu Sans"
"""It comes with matplotlib: the same letters, and the same bytes, everywhere."""
RULES: Any = {  # matplotlib's own type lists every key there is
    "font.family": FONT,
    "font.size": SIZES["text"],
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.facecolor": "none",
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

_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_ATTRIBUTE = re.compile(r'\bfill="(#[0-9a-f]{6})"')


class Picture(Figure):
    """A chart: with the sentence that it bears out, and its figures as a table, for whoever reads instead of looks."""

    sentence = ""
    subtitle = ""
    headings: tuple[str, ...] = ()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.rows: list[tuple[str, ...]] = []

    @property
    def heading_points(self) -> float:
        """How much of the top sentence and subtitle take, in points."""
        return 72 * (_below_title(self.sentence) + SUBTITLE_LINE * len(_small(self.subtitle)))

    @property
    def footing_points(self) -> float:
        """How much of the bottom the line about the machine takes, in points."""
        return 72 * FOOTING

    def note(self, *cells: str) -> None:
        """Put a row into the table, unless it is there: a figure may be drawn twice."""
        if cells not in self.rows:
            self.rows.append(cells)


@contextmanager
def styled() -> Iterator[None]:
    """Draw with these rules, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RULES)
        yield


def page(
    title: str, subtitle: str, made: Document | str, height: float, label_inches: float = 1.9, **grid: Any
) -> tuple[Picture, list[Any]]:
    """Return a figure of that height (inches) with its words, and its axes from left to right, top to bottom.

    `title` is the sentence. `made` is the record that is drawn, or a line that says where and when it was made.
    `label_inches` are for the names of the rows; `grid` goes to `Figure.subplots`.
    """
    figure = Picture(figsize=(WIDTH, height))
    figure.sentence, figure.subtitle = title, subtitle
    lines, small = _lines(title), _small(subtitle)
    inch = 1 / height
    figure.text(MARGIN, 1 - ABOVE * inch, "\n".join(lines), size=SIZES["title"], weight="bold", va="top",
                linespacing=1.25)  # fmt: skip
    below = 1 - _below_title(title) * inch
    figure.text(MARGIN, below, "\n".join(small), size=SIZES["subtitle"], color=MUTED, va="top", linespacing=1.35)
    below -= SUBTITLE_LINE * (len(small) - 1) * inch
    line = made if isinstance(made, str) else made_line(made["machine"], made["source"], made["started"])
    figure.text(MARGIN, 0.12 * inch, line, size=SIZES["small"], color=MUTED, va="bottom")
    axes = figure.subplots(squeeze=False, **grid)
    figure.subplots_adjust(
        left=label_inches / WIDTH, right=0.96, top=below - 0.62 * inch, bottom=0.75 * inch, wspace=0.2, hspace=0.28
    )
    return figure, list(axes.flat)


def bare(axes: Any, grid: bool = True) -> None:
    """Take away what carries no figure: frame, minor ticks, the vertical axis line."""
    axes.tick_params(axis="x", which="both", labelsize=SIZES["ticks"], length=0)
    axes.tick_params(axis="y", pad=8)
    axes.grid(visible=grid, axis="x", which="major")
    axes.spines["bottom"].set_visible(False)


def say(axes: Any, words: str, x: float, row: float, bold: bool = False) -> None:
    """Write the label of a mark to the right of it, on a patch of paper that hides the lines behind."""
    axes.annotate(
        words, (x, row), (9, 0), textcoords="offset points", va="center_baseline",
        weight="bold" if bold else "normal", bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def colour_of(gateway: str) -> str:
    """Return the colour of one of our own gateways, grey for anybody else's."""
    return LIGHT[ROLES.get(gateway, "grey")]


def colours(document: Document, apart: bool = False) -> dict[str, str]:
    """Return a colour for each gateway: that of the row that it repeats, varies, or puts a front before.

    With `apart` those that would be grey get a colour in turn, to follow lines by.
    """
    found: dict[str, str] = {}
    ours = {colour_of(name) for row in document["gateways"] for name in _kin(row)}
    turns = cycle([colour for colour in CYCLE if colour not in ours] or CYCLE)
    for row in document["gateways"]:
        kin = next((name for name in _kin(row) if name in ROLES or name in found), "")
        colour = found[kin] if kin in found else colour_of(kin)
        found[row["name"]] = next(turns) if apart and colour == GREY else colour
        if row["base"]:
            found.setdefault(row["base"], found[row["name"]])
    return found


def _kin(row: GatewayRecord) -> list[str]:
    """Return the names of the rows that a row is made from, the nearest first."""
    names = [row["name"], row["again"], row["base"]]
    endings = (BEHIND, f"-{row['front']}") if row["front"] else ()
    return [name for one in names for name in (one, *map(one.removesuffix, endings)) if name]


@cache
def width_of(words: str, size: float = SIZES["text"], bold: bool = False) -> float:
    """Return how wide words are, in inches."""
    font = FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")
    return float(TextPath((0, 0), words, prop=font).get_extents().width) / 72 if words.strip() else 0.0


def fitted(words: str, inches: float = LONGEST) -> str:
    """Return words that are no wider than that, cut with an ellipsis if they were; the table has them whole."""
    if width_of(words) <= inches:
        return words
    short = words[: round(len(words) * inches / width_of(words)) + 1]  # about right; the rest is tried
    while width_of(f"{short}…") > inches:
        short = short[:-1].rstrip(" ,")
    return f"{short}…"


def themed(svg: str) -> str:
    """Return the SVG of a chart with CSS variables for its colours: `var(--ink)` and so on."""
    variables = {light: f"var(--{role})" for role, light in LIGHT.items()}
    styled_ = _ATTRIBUTE.sub(r'style="fill: \1"', svg)  # variables are for styles, not for attributes
    return _COLOUR.sub(lambda found: variables.get(found[0], found[0]), styled_)


def _lines(sentence: str) -> list[str]:
    return _even(sentence, TITLE_WRAP)


def _small(subtitle: str) -> list[str]:
    return _even(subtitle, SUBTITLE_WRAP)


def _even(words: str, width: int) -> list[str]:
    """Break words into as few lines as the width lets, and these about as long as each other."""
    lines = textwrap.wrap(unbroken(words), width)
    for narrower in range(width - 1, width // 2, -1):
        found = textwrap.wrap(unbroken(words), narrower)
        if len(found) > len(lines):
            break
        lines = found
    return lines


def _below_title(sentence: str) -> float:
    """Return how far below the top the subtitle begins, in inches."""
    return ABOVE + TITLE_LINE * len(_lines(sentence)) + 0.08


def made_line(machine: Mapping[str, Any], source: Mapping[str, Any], started: str) -> str:
    """Say where and when, in one line; `started` is an ISO date, with or without a time."""
    commit = str(source["commit"])[:10]
    words = [
        f"{machine['cpu']}, {machine['threads']} cores",
        f"{machine['system']} {machine['kernel']}",
        f"{machine['implementation']} {machine['python']}",
        started[:10],
    ]
    if commit:
        words.append(f"commit {commit}{'+' if source['dirty'] else ''}")
    return " · ".join(words)
