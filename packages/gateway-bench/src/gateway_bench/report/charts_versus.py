"""Lines over a number that was varied: throughput against workers, cost against connections.

    def draw(document): return versus(document, "workers", "throughput")

One line for all rows with the same `base`, a panel for each scenario. Hollow marks are lower bounds; the strip along a
line is the band of chance of the row that was measured twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench.record.document import Document, GatewayRecord, Result
from gateway_bench.report.chart_parts import method_of, note
from gateway_bench.report.chart_style import (
    BAND,
    FAINT,
    GREY,
    INK,
    PAPER,
    SIZES,
    Picture,
    bare,
    colours,
    fitted,
    page,
    width_of,
)
from gateway_bench.report.measures import Measure, bands_of, measure_named, sound, tie
from gateway_bench.report.units import figure

__all__ = ["label_ends", "lines_of", "spaced", "versus", "versus_finding"]

HEIGHT = 3.9
"""Inches of one panel."""
LEFT = 1.15
"""Inches for the figures of the scale."""
LINE = 0.23
"""Inches between two names at the ends of lines."""
ASIDE = 1.055
"""Where the repeats stand, as a factor of the number."""
MARKS = "osD^vPX*"

Line = list[tuple[int, Result]]
"""The results of one base by the number that was varied, in its order."""


def versus(
    document: Document, key: str, measure: str = "throughput", title: str = "", scenarios: Sequence[str] = ()
) -> Picture | None:
    """Draw a measure over the number `key` ("workers", "threads", "connections"); None where nothing varies in it.

    `measure` is a name of `gateway_bench.report.measures`. Without a `title` the sentence is made from the figures.
    """
    shown = measure_named(measure)
    chosen = [row for row in document["scenarios"] if not scenarios or row["name"] in scenarios]
    panels = [(row["title"], lines_of(document, key, shown, row["name"])) for row in chosen]
    panels = [(heading, lines) for heading, lines in panels if lines]
    if not panels:
        return None
    names = [name for _, lines in panels for name in lines]
    drawn, axes = page(
        title or versus_finding(document, key, measure, [row["name"] for row in chosen]),
        f"{shown.words}, over {key}; {method_of(document)}{_hint(panels, shown)}",
        document,
        2.2 + HEIGHT * len(panels),
        label_inches=LEFT,
        nrows=len(panels),
    )
    room = max(width_of(fitted(name)) for name in names) + 0.55
    drawn.subplots_adjust(right=1 - room / drawn.get_figwidth(), hspace=1.0 / (HEIGHT - 1.0))
    for axis, (heading, lines) in zip(axes, panels, strict=True):
        _draw_panel(axis, heading, lines, key, shown, document)
    return drawn


def lines_of(document: Document, key: str, measure: Measure, scenario: str) -> dict[str, Line]:
    """Return the results of each base whose `key` was varied, under the label of that base."""
    varied = {row["name"]: row for row in document["gateways"] if key in row["varied"] and not row["again"]}
    lines: dict[str, Line] = {}
    for result in document["results"]:
        row = varied.get(result["gateway"])
        if row and (result["scenario"], result["question"]) == (scenario, "capacity") and measure.of(result):
            lines.setdefault(_base_label(row, key), []).append((row["varied"][key], result))
    return {name: sorted(line, key=lambda point: point[0]) for name, line in lines.items() if len(line) > 1}


def versus_finding(document: Document, key: str, measure: str = "throughput", scenarios: Sequence[str] = ()) -> str:
    """Say by what factor a figure changes from the smallest to the largest number, in each scenario."""
    shown = measure_named(measure)
    parts = []
    for row in document["scenarios"]:
        lines = lines_of(document, key, shown, row["name"]) if not scenarios or row["name"] in scenarios else {}
        for ends, several in _by_ends(lines).items():
            words = _change(document, several, shown)
            parts += [f"from {ends[0]} to {ends[1]} {key} {words} ({row['title']})"] if words else []
    said = "; ".join(dict.fromkeys(parts))
    return f"{said[:1].upper()}{said[1:]}" if said else f"{shown.words}, over {key}"


def _by_ends(lines: dict[str, Line]) -> dict[tuple[int, int], list[Line]]:
    found: dict[tuple[int, int], list[Line]] = {}
    for line in lines.values():
        found.setdefault((line[0][0], line[-1][0]), []).append(line)
    return found


def _change(document: Document, lines: Sequence[Line], measure: Measure) -> str:
    """Return the factors between the two ends of lines, in words; "" where no line can be compared."""
    pairs = [(line[0][1], line[-1][1]) for line in lines]
    pairs = [(first, last) for first, last in pairs if sound([first], measure) and measure.middle(first)]
    pairs = [(first, last) for first, last in pairs if not last["errors"]]
    if not pairs:
        return ""
    if all(tie(document, first, last, measure) for first, last in pairs):
        return f"no change in {measure.noun}"
    factors = sorted(_factor(document, first, last, measure) for first, last in pairs)
    low, high = factors[0][1], factors[-1][1]
    return f"{low if low == high else f'{low} to {high}'} times the {measure.noun}"


def _factor(document: Document, first: Result, last: Result, measure: Measure) -> tuple[float, str]:
    """Return the factor between two results, and how it is said: 1 within the band of chance."""
    if tie(document, first, last, measure):
        return 1.0, "1"
    factor = measure.middle(last) / measure.middle(first)
    return factor, f"{'at least ' if measure.bounded(last) else ''}{figure(factor)}"


def _draw_panel(
    axis: Any, heading: str, lines: dict[str, Line], key: str, measure: Measure, document: Document
) -> None:
    palette = colours(document, apart=True)
    numbers = sorted({number for line in lines.values() for number, _ in line})
    ends = []
    for turn, (name, line) in enumerate(lines.items()):
        colour = palette[line[0][1]["gateway"]]
        middles = [measure.middle(result) for _, result in line]
        _draw_bands(axis, line, measure, document)
        axis.plot([number for number, _ in line], middles, color=colour, linewidth=2.4)
        for number, result in line:
            _draw_point(axis, number, result, measure, colour, MARKS[turn % len(MARKS)])
            note(axis, document, f"{heading}, {number} {key}", result, measure)
        ends.append((fitted(name), line[-1][0], middles[-1], colour))
    axis.set_xscale("log", base=2)
    axis.set_xticks(numbers, [str(number) for number in numbers])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: measure.tick(value)))
    axis.set_ylim(
        0, 1.08 * max(found["max"] for line in lines.values() for _, one in line if (found := measure.of(one)))
    )
    axis.set_xlabel(key)
    axis.set_title(heading)
    bare(axis, grid=False)
    axis.tick_params(axis="y", labelsize=SIZES["ticks"])
    axis.grid(visible=True, axis="y", color=FAINT)
    label_ends(axis, ends)


def _draw_point(axis: Any, number: int, result: Result, measure: Measure, colour: str, mark: str) -> None:
    """Draw the median, its interval as an upright line, and every repeat as a dot to the right of it."""
    found = measure.of(result)
    assert found
    aside = number * ASIDE
    axis.plot([number, number], [found["low"], found["high"]], color=INK, linewidth=1.4)
    if len(found["values"]) > 1:
        axis.plot([aside] * len(found["values"]), found["values"], "o", markersize=3.6, markerfacecolor=INK,
                  markeredgecolor=PAPER, markeredgewidth=0.6, zorder=3)  # fmt: skip
    axis.plot(number, found["median"], mark, markersize=7, markeredgecolor=colour, markeredgewidth=2,
              markerfacecolor=PAPER if measure.bounded(result) else colour, zorder=4)  # fmt: skip


def _draw_bands(axis: Any, line: Line, measure: Measure, document: Document) -> None:
    of_rows = {band["gateway"]: band for _, one in line for band in bands_of(document, one, measure)}
    band = next((of_rows[one["gateway"]] for _, one in line if one["gateway"] in of_rows), None)
    if band:
        numbers, middles = [number for number, _ in line], [measure.middle(one) for _, one in line]
        edges = ([middle * band[edge] for middle in middles] for edge in ("low", "high"))
        axis.fill_between(numbers, *edges, color=BAND, linewidth=0, zorder=0)


def label_ends(axis: Any, ends: Sequence[tuple[str, float, float, str]], at: float | None = None) -> None:
    """Write the name (label, x, y, colour) of each line to the right of the axes, none over another.

    Names stand at the height of the end of their line, or as near as their neighbours let them.
    """
    box = axis.get_position()
    inches = box.height * axis.figure.get_figheight()
    to_axes = axis.transData + axis.transAxes.inverted()
    points = sorted(
        ((*to_axes.transform((x, y)), words, x, y, colour) for words, x, y, colour in ends), key=lambda end: end[1]
    )
    heights = spaced([height for _, height, *_ in points], LINE / inches)
    for height, (_, _, words, x, y, colour) in zip(heights, points, strict=True):
        axis.annotate(
            words, (x, y), (1.03 if at is None else at, height), textcoords="axes fraction", va="center_baseline",
            arrowprops={"arrowstyle": "-", "color": GREY if colour == GREY else colour, "linewidth": 0.9,
                        "relpos": (0, 0.5), "shrinkA": 2, "shrinkB": 5},
        )  # fmt: skip


def spaced(heights: Sequence[float], gap: float) -> list[float]:
    """Return heights (ascending, of 0 to 1) that lie a gap apart, as near as can be: half the way up, half down."""
    up, down = list(heights), list(heights)
    for number in range(1, len(up)):
        up[number] = max(up[number], up[number - 1] + gap)
        down[-1 - number] = min(down[-1 - number], down[-number] - gap)
    between = [(above + below) / 2 for above, below in zip(up, down, strict=True)]
    over, under = max(0.0, between[-1] - 1), max(0.0, gap / 2 - between[0])
    return [height - over + under for height in between]


def _hint(panels: Sequence[tuple[str, dict[str, Line]]], measure: Measure) -> str:
    bounded = any(measure.bounded(result) for _, lines in panels for line in lines.values() for _, result in line)
    return "; hollow: the generator was the limit, the server could do more" if bounded else ""


def _base_label(row: GatewayRecord, key: str) -> str:
    """Return the label without the number at its end."""
    number = row["varied"][key]
    return row["label"].removesuffix(f", {number} {key if number > 1 else key.removesuffix('s')}")
