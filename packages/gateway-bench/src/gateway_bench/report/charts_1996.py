"""The charts and sentences of the suite "1996".

`draw_rows_of_1996`   processor time for a request of each row: server and front
`draw_ratios`         the paper's four conditions over FastCGI with a cache, then and now
`draw_parts`          what the steps of a request cost, each found over each wire

What the figures are, and from which rows a step follows: `gateway_bench.report.steps_1996`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, Estimate
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import BAR, ROW, draw_interval, make_room, method_of
from gateway_bench.report.chart_style import (
    GREY,
    INK,
    MUTED,
    PAPER,
    SIZES,
    Picture,
    bare,
    colour_of,
    page,
    say,
    width_of,
)
from gateway_bench.report.steps_1996 import (
    BASE,
    KEEPINGS,
    PAPER_MS,
    PAPER_STEPS,
    STEPS,
    WIRES,
    Side,
    difference,
    over,
    proved,
    step_of,
    untold,
)
from gateway_bench.report.units import duration, duration_tick, interval, ratio

__all__ = [
    "draw_parts", "draw_ratios", "draw_rows_of_1996", "paper_finding", "persistence_finding", "process_finding",
    "spread_finding",
]  # fmt: skip

BORN = ("cgi", "cgi-zygote")
NGINX = ("fastcgi-nginx-connection", "fastcgi-nginx-cache")
SPREAD = ("fastcgi-spread-connection", "fastcgi-spread-cache")
COLOURS = {
    "cgi": "cgi", "cgi-zygote": "cgi", "api": "wsgi", "fastcgi": "fastcgi", "fastcgi-close": "scgi",
    "fastcgi-nginx": "nginx", "fastcgi-spread": "scgi",
}  # fmt: skip
"""Whose colour a wire has."""
TITLE = "The measurement of 1996: processor time for a personal page"
BEHIND_NGINX = 2
"""Which way the wire is found there."""
GAP = 0.85
"""Inches between two panels."""
PADDING = 0.35
"""Inches beside the names of the rows."""
APART = 0.2
"""Half the distance between the mark of 1996 and that of today, in rows."""

Bar = tuple[str, Estimate, str]
"""A name, a figure in microseconds, and the wire that gives it its colour."""


def draw_rows_of_1996(document: Document) -> Picture | None:
    """Draw the cost of each row; those with a process for each request have a panel, and a scale, of their own."""
    stay = [f"{wire}-{keeping}" for wire in WIRES for keeping in KEEPINGS] + [*NGINX, *SPREAD]
    panels = [
        ("A process for each request", _bars(document, BORN)),
        ("A process that stays, on a scale of its own", _bars(document, stay)),
    ]
    return _panels(
        document,
        process_finding(document),
        f"Processor time of server and front for a personal page; {method_of(document)}",
        [(heading, [("", bars)]) for heading, bars in panels],
    )


def draw_parts(document: Document) -> Picture | None:
    """Draw each step as often as it was found; a process for each request on a scale of its own."""
    groups: list[tuple[str, list[Bar]]] = []
    for step in STEPS:
        sides = [(label, difference(document, dear, cheap), dear.wire) for label, dear, cheap in step.found]
        bars = [(label, found, wire) for label, found, wire in sides if found]
        groups.append((step.words, bars))
    return _panels(
        document,
        persistence_finding(document),
        f"What the steps of a request cost, in processor time of server and front; {method_of(document)}",
        [("", groups[:1]), ("The rest, on a scale of its own", groups[1:])],
    )


def draw_ratios(document: Document) -> Picture | None:
    """Draw the four conditions of the paper over the cheapest of them, in both years."""
    now = {name: over(document, name, BASE) for name in PAPER_MS}
    if not all(now.values()):
        return None
    known = findings.labels(document)
    drawn, (axis,) = page(
        paper_finding(document),
        "A request over one of FastCGI with a cache. Open: 1996, elapsed time, Open Market's machine. Filled: "
        f"{document['started'][:4]}, processor time of server and front, this machine; {method_of(document)}",
        document,
        2.8 + 1.7 * ROW * len(now),
        label_inches=_room(known[name] for name in now),
    )
    drawn.headings = ("row", "1996", "now", "its interval")
    for place, (name, found) in enumerate(now.items()):
        assert found
        then = PAPER_MS[name] / PAPER_MS[BASE]
        colour = colour_of(COLOURS[name.rpartition("-")[0]])
        axis.plot(then, place - APART, "s", markersize=10, markerfacecolor=PAPER, markeredgecolor=colour,
                  markeredgewidth=2)  # fmt: skip
        say(axis, f"{ratio(then)} in 1996 ({PAPER_MS[name]:.1f} ms)", then, place - APART)
        axis.plot(found["median"], place + APART, "o", markersize=10, color=colour)
        draw_interval(axis, found, place + APART)
        say(axis, f"{ratio(found['median'])} now", max(found["high"], found["max"]), place + APART)
        drawn.note(known[name], ratio(then), ratio(found["median"]), interval(found, ratio))
    axis.axvline(1, color=GREY, linewidth=1)
    axis.set_yticks(range(len(now)), [known[name] for name in now])
    axis.set_ylim(len(now) - 0.4, -0.6)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    bare(axis)
    make_room(axis)
    return drawn


def persistence_finding(document: Document) -> str:
    """Say what staying alive, and keeping something, saves of a request, and what the wire takes of that."""
    process, wire = step_of(document, "process"), step_of(document, "wire")
    kept = difference(document, Side("fastcgi-nothing"), Side(BASE))
    if not process or not wire or not kept:
        return TITLE
    nginx = step_of(document, "wire", BEHIND_NGINX)
    there = f" ({duration(nginx['median'])} behind nginx)" if nginx else ""
    said = (
        f"a process that stays saves {duration(process['median'])} of a request, a database and a cache that it keeps "
        f"{duration(kept['median'])} more, and the wire takes {duration(wire['median'])}{there}"
    )
    if proved(process) and process["low"] > wire["high"]:
        less = kept["high"] < wire["low"] and len(kept["values"]) > 1
        return f"It is the persistence: {said}" + (", more than the keeping saves" if less else "")
    return f"{said[:1].upper()}{said[1:]}"


def process_finding(document: Document) -> str:
    """Say what a page takes with a process for each request, and with one that stays and keeps nothing either."""
    costs = {name: difference(document, Side(name), None) for name in (*BORN, "api-nothing", BASE)}
    cgi, zygote, nothing, best = costs.values()
    if not cgi or not nothing or not best:
        return TITLE
    forked = f", {duration(zygote['median'])} of a forked one" if zygote else ""
    return (
        f"A personal page takes {duration(cgi['median'])} of a new Python{forked}, {duration(nothing['median'])} in a "
        f"server that keeps nothing, {duration(best['median'])} behind FastCGI with a cache"
    )


def paper_finding(document: Document) -> str:
    """Set the paper's steps beside ours, each over its FastCGI with a cache."""
    best = difference(document, Side(BASE), None)
    now = {name: step_of(document, name, PAPERS_WAY[name]) for name in PAPER_STEPS}
    if not best or not best["median"] or not all(now.values()):
        return TITLE
    words = {"opening": "opening the database", "asking": "asking it", "wire": "the wire"}
    then = {name: ratio(found / PAPER_MS[BASE]) for name, found in PAPER_STEPS.items()}
    here = {
        name: "too little to tell" if untold(found) else ratio(found["median"] / best["median"])
        for name, found in now.items()
        if found
    }
    parts = [f"{words[name]} {then[name]} in 1996 and {here[name]} now" for name in words]
    return f"Over a request to FastCGI with a cache: {', '.join(parts)}"


PAPERS_WAY = {"opening": 0, "asking": 1, "wire": 0}
"""The way of each step in which the paper found it: opening in the server, asking over FastCGI."""


def spread_finding(document: Document) -> str:
    """Say what a cache saves in one process, and in four among which the visitors are dealt out."""
    one = difference(document, Side("fastcgi-close-connection"), Side("fastcgi-close-cache"))
    four = difference(document, *(Side(name) for name in SPREAD))
    if not one or not four:
        return ""
    said = f"A cache saves {duration(one['median'])} of a request in one process, {duration(four['median'])} in four"
    apart = one["low"] > four["high"] or four["low"] > one["high"]
    sure = apart and min(len(one["values"]), len(four["values"])) > 1
    return f"{said} of which each has to meet the visitors" if sure else f"{said}, which cannot be told apart"


def _bars(document: Document, names: Sequence[str]) -> list[Bar]:
    known = findings.labels(document)
    costs = [(name, difference(document, Side(name), None)) for name in names]
    return [(known[name], found, Side(name).wire) for name, found in costs if found]


def _panels(
    document: Document, title: str, subtitle: str, panels: Sequence[tuple[str, Sequence[tuple[str, list[Bar]]]]]
) -> Picture | None:
    """Draw panels of bars below each other, each with its scale; bars stand in groups that may have a heading."""
    shown = [(heading, [group for group in groups if group[1]]) for heading, groups in panels]
    shown = [(heading, groups) for heading, groups in shown if groups]
    if not shown:
        return None
    slots = [sum(len(bars) + bool(words) for words, bars in groups) for _, groups in shown]
    drawn, axes = page(
        title,
        subtitle,
        document,
        2.6 + ROW * sum(slots) + GAP * (len(shown) - 1),
        label_inches=_room(name for _, groups in shown for words, bars in groups for name in (words, *_names(bars))),
        nrows=len(shown),
        height_ratios=[slot + 0.4 for slot in slots],
    )
    drawn.headings = ("", "row", "median", "its interval", "each repeat")
    for axis, (heading, groups) in zip(axes, shown, strict=True):
        axis.set_title(heading)
        _draw_groups(axis, groups)
    drawn.subplots_adjust(hspace=GAP * len(slots) / (ROW * sum(slots)))
    return drawn


def _draw_groups(axis: Any, groups: Sequence[tuple[str, list[Bar]]]) -> None:
    names: list[tuple[str, bool]] = []
    for words, bars in groups:
        if words:
            names.append((words, True))
        for name, found, wire in bars:
            place = len(names)
            names.append((name, False))
            axis.barh(place, found["median"], BAR, color=colour_of(COLOURS[wire]))
            draw_interval(axis, found, place)
            say(axis, duration(found["median"]), max(found["high"], found["max"], 0.0), place)
            each = ", ".join(duration(value) for value in found["values"])
            axis.figure.note(words, name, duration(found["median"]), interval(found), each)
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.set_yticks(range(len(names)), [name for name, _ in names])
    for label, (_, heading) in zip(axis.get_yticklabels(), names, strict=True):
        if heading:
            label.set(color=MUTED, weight="bold", size=SIZES["subtitle"])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    lowest = min([0.0, *(found["low"] for _, bars in groups for _, found, _ in bars)])
    make_room(axis)
    if lowest < 0:
        axis.set_xlim(1.1 * lowest, axis.get_xlim()[1])


def _names(bars: Sequence[Bar]) -> list[str]:
    return [name for name, _, _ in bars]


def _room(names: Iterable[str]) -> float:
    """Return the inches that names of rows need."""
    return PADDING + max(width_of(name) for name in names)
