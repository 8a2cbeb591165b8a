"""The charts of the suite "peers": our WSGI server beside others, one core for the server, one for the generator.

`throughput`  requests a second of hello
`goals`       ours over each peer, beside what is promised
`cpu`         server CPU for each request of hello
"""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, Result, Verdict
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import BAR, ROW, draw_rates, draw_rows, draw_whisker, method_of
from gateway_bench.report.chart_style import bare, colour_of, page, say
from gateway_bench.report.charts_goals import draw_goals
from gateway_bench.report.units import duration, duration_tick, ratio

__all__ = ["peers_cpu", "peers_goals", "peers_throughput"]

MAIN = "hello"
OURS = "gatelab"
LABELS = 3.2
"""Inches for the names of the rows, which say threads and modes."""


def peers_throughput(document: Document) -> Figure:
    """Draw requests a second, the most on top."""
    results = sorted(_main(document), key=lambda result: -result["throughput_rps"]["median"])
    parameters = document["parameters"]
    figure, (axis,) = page(
        findings.peers_finding(document),
        f"Right answers a second to GET /hello over {parameters['users']} connections, one worker each, load by "
        f"{parameters['engine']}; {method_of(document)}",
        document,
        2.6 + ROW * len(results),
        label_inches=LABELS,
    )
    draw_rows(axis, results, document)
    remarks = {
        row["against"]: f"   ours is {ratio(row['throughput']['median'])}"
        for row in reversed(document["ratios"])
        if row["scenario"] == results[0]["scenario"] and not findings.is_ours(row["against"])
    }
    draw_rates(axis, results, document, remarks)
    return figure


def peers_goals(document: Document) -> Figure | None:
    """Draw each promised ratio: "over X" for our first row in hello, the promise's own words for the others."""
    known = findings.labels(document)
    return draw_goals(document, "Requests a second", lambda row: _named(row, known))


def _named(row: Verdict, known: dict[str, str]) -> str:
    """Return "over X" for our first row in hello, and the promise's own words for the others."""
    if (row["scenario"], row["of"]) == (MAIN, OURS):
        return f"over {known.get(row['over'], row['over'])}"
    return row["about"] if row["scenario"] == MAIN else f"{row['scenario']}: {row['about']}"


def peers_cpu(document: Document) -> Figure:
    """Draw server CPU for each request, the least on top."""
    results = sorted(_main(document), key=lambda result: findings.cost(result)["median"])
    known = findings.labels(document)
    best = results[0]
    figure, (axis,) = page(
        f"{known[best['gateway']]} takes {duration(findings.cpu_of(best))} of CPU for a request, the least of these",
        f"Server CPU for one GET /hello, all processes counted; {method_of(document)}",
        document,
        2.6 + ROW * len(results),
        label_inches=LABELS,
    )
    draw_rows(axis, results, document)
    for row, result in enumerate(results):
        range_ = findings.cost(result)
        axis.barh(row, range_["median"], BAR, color=colour_of(result["gateway"]))
        draw_whisker(axis, range_, row, 1.0)
        say(axis, duration(range_["median"]), range_["max"], row)
    axis.set_xlim(0, 1.2 * max(findings.cost(result)["max"] for result in results))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    return figure


def _main(document: Document) -> list[Result]:
    """Return the results of hello, or of the only scenario that was run."""
    return findings.of_scenario(document, MAIN) or findings.of_scenario(document, findings.main_scenario(document))
