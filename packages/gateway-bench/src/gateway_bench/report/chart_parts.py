"""The parts that charts share: named rows, bars with their interval and repeats, the band of chance, room for words.

    name  ============|--o--|   1.23 ms        bar or dot: the median
            o    o  o                          line: its interval
                                               small dots: every repeat, those far out too

A bar is hatched where the generator was the limit: its end is where the measurement stopped, not the server. A strip
shows the band of chance around the row that was measured twice. Whatever is drawn is noted in the chart's table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log10
from typing import Any

from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.record.statistics import interval_name
from gateway_bench.report import findings
from gateway_bench.report.chart_style import BAND, FAINT, INK, MUTED, PAPER, SIZES, bare, colours, fitted, say, width_of
from gateway_bench.report.measures import Measure, reference_of, sound, tie
from gateway_bench.report.units import interval

__all__ = [
    "BAR", "HEADINGS", "PADDING", "ROW", "Group", "draw_band", "draw_bars", "draw_dots", "draw_interval",
    "draw_rows", "label_room", "log_scale", "make_room", "method_of", "note", "slots",
]  # fmt: skip

BAR = 0.62
"""Thickness of a bar, in rows."""
ROW = 0.42
"""Inches of height for one row."""
REPEATS_AT = 0.24
"""How far below the middle of its row the dots of the repeats are, in rows."""
GAP = 0.13
"""Inches between a mark and its words, and between those and the edge."""
TICK = 0.75
"""Inches that a figure of a logarithmic scale needs."""
PADDING = 0.36
"""Inches between the names of the rows and what is beside them."""

Group = tuple[str, Sequence[Result]]
"""Results under a heading, which may be empty."""
HEADINGS = ("scenario", "row", "median", "its interval", "each repeat", "remark")
"""Of the table of a chart that shows estimates."""


def slots(groups: Sequence[Group]) -> int:
    """Return how many rows of height groups take, their headings counted."""
    return sum(len(results) + bool(heading) for heading, results in groups)


def draw_rows(axis: Any, results: Sequence[Result], document: Document, groups: Sequence[Group] = ()) -> list[float]:
    """Name the rows, the first on top, and return the place of each; headings of `groups` stand between them."""
    known = {name: fitted(label) for name, label in findings.labels(document).items()}
    ticks: list[tuple[float, str, bool]] = []
    places: list[float] = []
    for heading, members in groups or [("", results)]:
        if heading:
            ticks.append((float(len(ticks)), heading, True))
        for result in members:
            places.append(float(len(ticks)))
            ticks.append((places[-1], known[result["gateway"]], False))
    axis.set_yticks([place for place, _, _ in ticks], [words for _, words, _ in ticks])
    for label, (_, _, is_heading) in zip(axis.get_yticklabels(), ticks, strict=True):
        if is_heading:
            label.set(color=MUTED, weight="bold", size=SIZES["subtitle"])
    axis.set_ylim(len(ticks) - 0.4, -0.6)
    return places


def label_room(document: Document, results: Sequence[Result], headings: Sequence[str] = ()) -> float:
    """Return the inches that the names of rows (and groups) need."""
    known = findings.labels(document)
    names = [width_of(fitted(known[result["gateway"]])) for result in results]
    return PADDING + max([0.8, *names, *(width_of(words, SIZES["subtitle"], bold=True) for words in headings)])


def draw_bars(
    axis: Any,
    results: Sequence[Result],
    measure: Measure,
    document: Document,
    places: Sequence[float] | None = None,
    panel: str = "",
    remarks: Mapping[str, str] | None = None,
    bold: bool = False,
) -> None:
    """Draw a bar from zero for each result, with all that is said above; `remarks` follow the figure, by gateway."""
    palette = colours(document)
    places = places or [float(row) for row in range(len(results))]
    ties = draw_band(axis, results, measure, document, places)
    for place, result in zip(places, results, strict=True):
        found, colour = measure.of(result), palette[result["gateway"]]
        remark = (remarks or {}).get(result["gateway"], "") + (", a tie" if result["gateway"] in ties else "")
        if found is None:
            say(axis, "not known", 0, place)
            continue
        hatched = {"facecolor": PAPER, "edgecolor": colour, "hatch": "///", "linewidth": 1.2}
        axis.barh(place, found["median"], BAR, **(hatched if measure.bounded(result) else {"color": colour}))
        draw_interval(axis, found, place)
        say(axis, measure.shown(result) + remark, max(found["high"], found["max"]), place, bold=bold)
        note(axis, document, panel, result, measure, remark)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: measure.tick(value)))
    bare(axis)
    make_room(axis)
    end = axis.get_xlim()[1]
    steps = MaxNLocator(max(2, round(_inches(axis) / 1.3)), steps=[1, 2, 5, 10]).tick_values(0, end / measure.unit)
    axis.set_xticks([step * measure.unit for step in steps if step * measure.unit <= end])


def draw_dots(
    axis: Any,
    results: Sequence[Result],
    measure: Measure,
    document: Document,
    places: Sequence[float],
    panel: str = "",
) -> None:
    """Draw a dot for each result, as a bar would be drawn; for a logarithmic scale, on which a bar has no length."""
    palette = colours(document)
    ties = draw_band(axis, results, measure, document, places)
    for place, result in zip(places, results, strict=True):
        found, colour = measure.of(result), palette[result["gateway"]]
        remark = ", a tie" if result["gateway"] in ties else ""
        if found is None or found["median"] <= 0:
            continue
        axis.axhline(place, color=FAINT, linewidth=1, zorder=0)
        axis.plot(found["median"], place, "o", markersize=8, markeredgecolor=colour, markeredgewidth=2,
                  markerfacecolor=PAPER if measure.bounded(result) else colour)  # fmt: skip
        draw_interval(axis, found, place)
        say(axis, measure.shown(result) + remark, max(found["high"], found["max"]), place)
        note(axis, document, panel, result, measure, remark)


def draw_interval(axis: Any, found: Estimate, place: float, colour: str = INK) -> None:
    """Draw the interval of a median as a line with ends, and every repeat as a dot below it."""
    if len(found["values"]) > 1 or found["low"] != found["high"]:
        axis.plot([found["low"], found["high"]], [place, place], color=colour, linewidth=1.5, marker="|",
                  markersize=7, markeredgewidth=1.5)  # fmt: skip
    if len(found["values"]) > 1:
        axis.plot(found["values"], [place + REPEATS_AT] * len(found["values"]), "o", markersize=4, linestyle="none",
                  markerfacecolor=INK, markeredgecolor=PAPER, markeredgewidth=0.7, zorder=3)  # fmt: skip


def draw_band(
    axis: Any, results: Sequence[Result], measure: Measure, document: Document, places: Sequence[float]
) -> set[str]:
    """Draw the band of chance around the row that was measured twice; return who ties with that row."""
    found = reference_of(document, results, measure)
    if found is None:
        return set()
    reference, band = found
    middle = measure.middle(reference)
    axis.fill_betweenx([min(places) - 0.5, max(places) + 0.5], middle * band["low"], middle * band["high"],
                       color=BAND, linewidth=0, zorder=0)  # fmt: skip
    others = (result for result in sound(results, measure) if result is not reference)
    return {result["gateway"] for result in others if tie(document, result, reference, measure)}


def note(axis: Any, document: Document, panel: str, result: Result, measure: Measure, remark: str = "") -> None:
    """Put a figure into the table of the chart."""
    found = measure.of(result)
    if found is None:
        return
    axis.figure.headings = HEADINGS
    axis.figure.note(
        panel,
        findings.labels(document)[result["gateway"]],
        measure.shown(result),
        interval(found, measure.show),
        ", ".join(measure.show(value) for value in found["values"]),
        remark.strip(" ,"),
    )


def log_scale(axis: Any, low: float, high: float, tick: Callable[[float], str]) -> None:
    """Set a logarithmic scale across, with room for the words."""
    axis.set_xscale("log")
    axis.set_xlim(low / 1.6, high * 1.2)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    bare(axis)
    make_room(axis)
    room = max(2, round(_inches(axis) / TICK))
    decades = log10(axis.get_xlim()[1] / axis.get_xlim()[0])
    steps = (1.0, 2.0, 5.0) if 3 * decades <= room else (1.0,)
    axis.xaxis.set_major_locator(LogLocator(base=10, subs=steps, numticks=room))


def make_room(axis: Any) -> None:
    """Set the right end of the scale so that all words beside the marks are within the axes."""
    whole = _inches(axis)
    logarithmic = axis.get_xscale() == "log"
    place = log10 if logarithmic else float
    start = place(axis.get_xlim()[0]) if logarithmic else 0.0
    steps = [0.0]  # units of the scale for an inch, that each mark needs
    for text in axis.texts:
        if isinstance(text, Annotation):
            font: Any = text.get_fontproperties()
            beside = 2 * GAP + width_of(text.get_text(), font.get_size(), font.get_weight() == "bold")
            steps.append((place(text.xy[0]) - start) / max(whole - beside, whole / 8))
    end = start + whole * max(steps)
    if end > start:
        axis.set_xlim(axis.get_xlim()[0] if logarithmic else 0.0, 10**end if logarithmic else end)


def method_of(document: Document) -> str:
    """Say what a mark, its line and the dots stand for."""
    repeats = document["parameters"]["repeats"]
    if repeats == 1:
        return "one repeat"
    return f"median of {repeats} repeats (dots) with its {interval_name(repeats)} (line)"


def _inches(axis: Any) -> float:
    return float(axis.get_position().width * axis.figure.get_figwidth())
