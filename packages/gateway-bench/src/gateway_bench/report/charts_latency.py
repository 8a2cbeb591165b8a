"""Latency curves: how long the luckiest half waits, and the unluckiest in a thousand.

            |                          .  CGI, 12 visits/s
      100 ms|   ______________________/
            |
        1 ms|   _______________.------   FastCGI, 2,300 visits/s
            +---+-------+-------+------+
               50      90      99    99.9   percentile: as far again to the right, a tenth of the visitors left

The thick line is the distribution of all repeats together, the thin ones are the repeats. A line ends where fewer than
ten requests lie beyond it: further on it would tell of single events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench.load.latency import curve, summarize
from gateway_bench.record.document import Document, Repeat, Result
from gateway_bench.report import findings
from gateway_bench.report.chart_style import FAINT, SIZES, Picture, bare, colours, fitted, page, width_of
from gateway_bench.report.charts_common import Draw, Grouped, behind, groups_of, once
from gateway_bench.report.charts_versus import label_ends
from gateway_bench.report.measures import MEASURES
from gateway_bench.report.units import duration, duration_tick, figure

__all__ = ["curve_of", "latency_curves", "latency_sentence"]

SHOWN = (50.0, 90.0, 99.0, 99.9)
STEPS = 16
"""Points of a line for each tenth of the visitors that is left."""
THROUGH = (*(100 - 50 * 10 ** (-step / STEPS) for step in range(round(2.7 * STEPS))), 99.9)
LEFT = 1.1
HEIGHT = 4.8
LINE = 0.25
"""Inches of height for each row that has a line, beside those of `HEIGHT` for the first dozen."""

Curve = list[tuple[float, int]]


def latency_curves(scenario: str = "", question: str = "latency", grouped: Grouped = behind) -> Draw:
    """Return the chart for one scenario, the first that was asked so if none is named; a panel for each group.

    Where nothing was asked at a rate, the chart is of the closed loop and says so.
    """

    def draw(document: Document) -> Picture | None:
        asked = [result for result in once(document, document["results"]) if result["question"] == question]
        if not asked and question == "latency":
            return latency_curves(scenario, "capacity", grouped)(document)
        chosen = scenario or (asked[0]["scenario"] if asked else "")
        results = [result for result in asked if result["scenario"] == chosen]
        panels = [
            (heading, curves)
            for heading, members in groups_of(document, results, grouped)
            if (curves := {one["gateway"]: found for one in members if (found := curve_of(document, one))})
        ]
        return _drawn(document, results, panels, question) if panels else None

    return draw


def curve_of(document: Document, result: Result) -> Curve:
    """Return the curve of all repeats of a result together, as far as their number supports it."""
    return _told(document, result, THROUGH)


def latency_sentence(document: Document, results: Sequence[Result]) -> str:
    """Say who keeps visitors waiting the least, by the highest percentile that all rows have enough requests for."""
    named = [MEASURES[name] for name in ("p99", "p90", "p50")]
    believed = [measure for measure in named if all(measure.of(result) for result in results)]
    return findings.ranking(document, results, believed[0] if believed else MEASURES["p50"])


def _told(document: Document, result: Result, percentiles: Sequence[float]) -> Curve:
    parts = [repeat["latency"] for repeat in _repeats(document, result)]
    if not all(part["histogram"] for part in parts):  # wrk tells percentiles and no more
        return []
    return list(curve(summarize(parts), percentiles))


def _drawn(
    document: Document, results: Sequence[Result], panels: Sequence[tuple[str, dict[str, Curve]]], question: str
) -> Picture:
    known = findings.labels(document)
    named = {result["gateway"]: _named(fitted(known[result["gateway"]]), result) for result in results}
    room = max(width_of(named[name]) for _, curves in panels for name in curves) + 0.6
    lines = max(len(curves) for _, curves in panels)
    each = HEIGHT + LINE * max(0, lines - 12)
    first = set(panels[0][1])
    drawn, axes = page(
        latency_sentence(document, [one for one in results if one["gateway"] in first]),
        f"{_asked(document, question)}. The wait of the visitors sorted, the unluckiest to the right; thick: all "
        "repeats together, thin: each of them; a line ends where fewer than ten requests lie beyond",
        document,
        1.9 + each * len(panels),
        label_inches=LEFT,
        nrows=len(panels),
    )
    drawn.subplots_adjust(right=1 - room / drawn.get_figwidth(), hspace=1.0 / (each - 1.0))
    drawn.headings = ("group", "row", *(f"p{percent:g}" for percent in SHOWN), "requests")
    for axis, (heading, curves) in zip(axes, panels, strict=True):
        _scales(axis, curves)
        axis.set_title(heading)
        ends = [_draw_line(axis, document, result, curves[result["gateway"]], named[result["gateway"]])
                for result in results if result["gateway"] in curves]  # fmt: skip
        label_ends(axis, ends)
        for result in results:
            if result["gateway"] in curves:
                _note(axis, document, heading, result)
    return drawn


def _draw_line(
    axis: Any, document: Document, result: Result, points: Curve, words: str
) -> tuple[str, float, float, str]:
    colour = colours(document, apart=True)[result["gateway"]]
    repeats = _repeats(document, result)
    for repeat in repeats if len(repeats) > 1 else ():
        thin = list(curve(repeat["latency"], THROUGH))
        axis.plot([_across(p) for p, _ in thin], [us for _, us in thin], color=colour, linewidth=0.8, alpha=0.55)
    axis.plot([_across(p) for p, _ in points], [us for _, us in points], color=colour, linewidth=2.8)
    last = points[-1]
    axis.plot(_across(last[0]), last[1], "o", color=colour, markersize=6)
    return words, _across(last[0]), float(last[1]), colour


def _scales(axis: Any, curves: dict[str, Curve]) -> None:
    values = [us for points in curves.values() for _, us in points]
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(_across(SHOWN[0]) * 0.93, _across(SHOWN[-1]) * 1.06)
    axis.set_ylim(min(values) / 1.5, max(values) * 1.5)
    axis.set_xticks([_across(percent) for percent in SHOWN], [f"p{percent:g}" for percent in SHOWN])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    axis.tick_params(axis="y", labelsize=SIZES["ticks"])
    axis.grid(visible=True, axis="y", color=FAINT)


def _across(percent: float) -> float:
    """Return the place of a percentile: one in how many waits longer."""
    return 100 / (100 - percent)


def _repeats(document: Document, result: Result) -> list[Repeat]:
    keys = ("gateway", "scenario", "question")
    place = [result[key] for key in keys]  # type: ignore[literal-required]
    return [one for one in document["repeats"] if [one[key] for key in keys] == place]  # type: ignore[literal-required]


def _named(label: str, result: Result) -> str:
    return f"{label}, {figure(result['rate']['median'])}/s" if result["rate"] else label


def _asked(document: Document, question: str) -> str:
    if question == "capacity":
        return "Closed loop: visitors who ask again at once, so this is the queue at full load"
    return f"Open loop: visitors come {findings.rate_words(document)} (their rate is behind its name)"


def _note(axis: Any, document: Document, heading: str, result: Result) -> None:
    told = dict(_told(document, result, SHOWN))
    cells = [duration(told[percent]) if percent in told else "too few requests" for percent in SHOWN]
    label = findings.labels(document)[result["gateway"]]
    axis.figure.note(heading, _named(label, result), *cells, f"{result['requests']:,}")
