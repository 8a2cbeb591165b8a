"""The leak matrix: where a visitor's field came to stand, and whom the program asked, for each gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from gateway_bench.report.chart_style import BAD, FAINT, GREY, INK, LIGHT, MUTED, SIZES, bare
from lesson_kit.charts.paper import ghost_point, sheet
from lesson_kit.lessons.lesson_11.attack import OLD

__all__ = ["COLUMNS", "LABELS", "draw_leaks", "leaks_of"]

LABELS = {
    "runner of 2015": "CGI, runner of 2015", "cgi": "CGI, our runner", "fastcgi": "FastCGI", "scgi": "SCGI",
    "uwsgi": "uwsgi", "wsgi": "HTTP to WSGI",
}  # fmt: skip
COLUMNS = {
    "dictionary": "a dictionary\nof the request", "environment": "the process's\nenvironment",
    "proxy": "Proxy: becomes\nHTTP_PROXY", "client": "a client of 2015\nasks the visitor",
    "urllib": "urllib of today\nasks the visitor",
}  # fmt: skip
SPOKEN = {OLD: "the runner of 2015", "cgi": "our CGI runner"}
"""What the sentence calls those whose label is too long for one."""
HEADINGS = 0.25
"""Inches for the second line of the columns' names."""
HARMLESS = ("dictionary", "environment")
"""Where a field may well stand. The other columns are leaks."""


def leaks_of(report: Mapping[str, Any], false_price: str) -> dict[str, bool]:
    """Return what of the columns came true for a gateway; `false_price` is what only the visitor's proxy says."""
    return {
        "dictionary": bool(report.get("dictionary")),
        "environment": bool(report.get("environment")),
        "proxy": bool(report.get("proxy")),
        "client": report.get("client of 2015") == false_price,
        "urllib": report.get("urllib today") == false_price,
    }


def draw_leaks(found: Mapping[str, Mapping[str, bool]], guesses: Mapping[str, Any]) -> Figure:
    """Draw for each gateway what came true; `guesses["reach"]` is where a field was expected to stand."""
    names = list(COLUMNS)
    height = 2.9 + 0.55 * max(1, len(found))
    figure, (axis,) = sheet(
        _sentence(found), "Where a visitor's field came to stand. Large: there; red: it does harm. A ring: your guess.",
        height, 2.4,
    )  # fmt: skip
    figure.subplots_adjust(top=figure.subplotpars.top - HEADINGS / height)
    for row, (gateway, leaks) in enumerate(found.items()):
        for column, name in enumerate(names):
            if leaks[name]:
                colour = LIGHT["blue"] if name in HARMLESS else BAD
                axis.plot(column, row, "o", color=colour, markersize=11, zorder=3)
            else:
                axis.plot(column, row, "o", color=GREY, markersize=3, zorder=3)
        _guess(axis, row, gateway, guesses)
    axis.set_xlim(-0.5, len(names) - 0.5)
    axis.set_ylim(max(1, len(found)) - 0.4, -0.6)
    axis.set_yticks(range(len(found)), [LABELS.get(name, name) for name in found])
    axis.set_xticks(range(len(names)), [COLUMNS[name] for name in names])
    bare(axis, grid=False)
    axis.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=SIZES["ticks"],
                     labelcolor=MUTED)  # fmt: skip
    axis.hlines(range(len(found)), -0.5, len(names) - 0.5, color=FAINT, linewidth=0.8, zorder=0)
    axis.axvline(len(HARMLESS) - 0.5, color=FAINT)
    axis.tick_params(axis="y", labelcolor=INK)
    return figure


def _guess(axis: Any, row: int, gateway: str, guesses: Mapping[str, Any]) -> None:
    """Draw where a field was expected, and at the old runner whom the program was expected to ask."""
    place = guesses["reach"].get(LABELS.get(gateway, gateway).partition(",")[0])
    if place is not None:
        ghost_point(axis, list(COLUMNS).index("environment" if "process" in place else "dictionary"), row)
    if gateway == OLD and "proxy" in guesses["asked"]:
        ghost_point(axis, list(COLUMNS).index("client"), row)


def _sentence(found: Mapping[str, Mapping[str, bool]]) -> str:
    if not found:
        return "Nothing was asked yet"
    spoken = LABELS | SPOKEN
    reached = [spoken.get(name, name) for name, leaks in found.items() if leaks["environment"]]
    harmed = [spoken.get(name, name) for name, leaks in found.items() if leaks["client"] or leaks["urllib"]]
    where, whom = (" and ".join(names) or "no gateway" for names in (reached, harmed))
    return f"A visitor's field reached the environment under {where}, and did harm under {whom}"
