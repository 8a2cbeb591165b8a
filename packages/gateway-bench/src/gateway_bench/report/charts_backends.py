"""The charts of the suite "backends": the same application over each protocol, one nginx before all of them.

`cpu`    CPU of the backend for each request, in blocks by protocol
`goals`  ours over each peer, beside what is promised
"""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import BAR, ROW, draw_rows, draw_whisker, method_of
from gateway_bench.report.chart_style import bare, colour_of, page, say
from gateway_bench.report.charts_goals import draw_goals
from gateway_bench.report.units import duration, duration_tick, ratio

__all__ = ["backends_cpu", "backends_goals"]

LABELS = 3.2
"""Inches for the names of the rows, which say protocol and server."""


def backends_cpu(document: Document) -> Figure:
    """Draw CPU of the backend for each request, in the order of the table; peers say how ours compares."""
    results = document["results"]
    figure, (axis,) = page(
        findings.backends_finding(document),
        "CPU of the backend's processes for one GET /hello behind nginx, whose own time is not counted; "
        f"{method_of(document)}",
        document,
        2.6 + ROW * len(results),
        label_inches=LABELS,
    )
    draw_rows(axis, results, document)
    ours = {row["against"]: f"   ours is {ratio(row['cpu']['median'])}" for row in document["ratios"] if row["cpu"]}
    for row, result in enumerate(results):
        range_ = findings.cost(result)
        axis.barh(row, range_["median"], BAR, color=colour_of(result["gateway"]))
        draw_whisker(axis, range_, row, 1.0)
        say(axis, duration(range_["median"]) + ours.get(result["gateway"], ""), range_["max"], row)
    axis.set_xlim(0, 1.5 * max(findings.cost(result)["max"] for result in results))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    return figure


def backends_goals(document: Document) -> Figure | None:
    """Draw each promised ratio, under the promise's own words."""
    return draw_goals(document, "CPU a request", lambda row: row["about"])
