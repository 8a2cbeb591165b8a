"""The charts of the suite "peers": our WSGI server beside others, one core for the server, one for the generator.

`throughput`  requests a second of hello
`goals`       ours over each peer, beside what is promised
`cpu`         server CPU for each request of hello
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench import findings
from gateway_bench.chart_parts import BAR, ROW, draw_rates, draw_rows, draw_whisker, method_of
from gateway_bench.chart_style import FAINT, GREY, INK, bare, colour_of, page, say
from gateway_bench.document import Document, Result, Verdict
from gateway_bench.units import duration, duration_tick, ratio

__all__ = ["peers_cpu", "peers_goals", "peers_throughput"]

MAIN = "hello"
OURS = "gatelab"
LABELS = 3.2
"""Inches for the names of the rows, which say threads and modes."""
PROMISES = 3.7
"""And for those of promises."""
TICKS = (0.25, 0.5, 1, 2, 5, 10, 20, 50)


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
    draw_rates(axis, results, remarks)
    return figure


def peers_goals(document: Document) -> Figure | None:
    """Draw each promised ratio: a dot with its range, a bar where the promise is, a diamond where the aim is."""
    rows = [row for row in document["goals"] if row["unit"] == "x" and row["found"]]
    if not rows:
        return None
    figure, (axis,) = page(
        findings.goals_finding(document),
        "Requests a second of one server over those of another in the same round, logarithmic scale: the dot is what "
        f"was found ({method_of(document)}), the upright line what is promised, the diamond what we aim for",
        document,
        2.8 + ROW * len(rows),
        label_inches=PROMISES,
    )
    known = findings.labels(document)
    axis.set_yticks(range(len(rows)), [_named(row, known) for row in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xscale("log")
    axis.axvline(1, color=GREY, linewidth=1)
    reach = [0.5, 2.0]
    for number, row in enumerate(rows):
        reach += _draw_goal(axis, number, row)
    axis.set_xlim(min(reach) / 1.3, 3.2 * max(reach))
    axis.set_xticks([tick for tick in TICKS if min(reach) / 1.3 <= tick <= 1.3 * max(reach)])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    bare(axis)
    return figure


def _draw_goal(axis: Any, number: int, row: Verdict) -> list[float]:
    """Draw one row and return the values that the scale must reach."""
    found, least, aim = row["found"], row["least"], row["aim"]
    assert found
    colour = "#b3261e" if row["verdict"] == "missed" else colour_of(row["of"])
    axis.axhline(number, color=FAINT, linewidth=1, zorder=0)
    draw_whisker(axis, found, number, 1.0)
    if least is not None:
        axis.plot([least, least], [number - 0.34, number + 0.34], color=INK, linewidth=2.4)
    if aim is not None:
        axis.plot(aim, number, "D", markersize=8, markerfacecolor="none", markeredgecolor=INK)
    axis.plot(found["median"], number, "o", color=colour, markersize=9)
    words = f"{ratio(found['median'])} {row['verdict']}".rstrip()
    say(axis, words, max(found["max"], least or 0, aim or 0), number, bold=row["verdict"] == "missed")
    return [found["min"], found["max"], *(value for value in (least, aim) if value is not None)]


def _named(row: Verdict, known: dict[str, str]) -> str:
    """Return "over X" for our first row in hello, and the promise's own words for the others."""
    if (row["scenario"], row["of"]) == (MAIN, OURS):
        return f"over {known.get(row['over'], row['over'])}"
    return row["about"] if row["scenario"] == MAIN else f"{row['scenario']}: {row['about']}"


def peers_cpu(document: Document) -> Figure:
    """Draw server CPU for each request, the least on top."""
    results = sorted(_main(document), key=lambda result: result["cpu_us_per_request"]["median"])
    known = findings.labels(document)
    best = results[0]
    figure, (axis,) = page(
        f"{known[best['gateway']]} takes {duration(best['cpu_us_per_request']['median'])} of CPU for a request, "
        "the least of these",
        f"Server CPU for one GET /hello, all processes counted; {method_of(document)}",
        document,
        2.6 + ROW * len(results),
        label_inches=LABELS,
    )
    draw_rows(axis, results, document)
    for row, result in enumerate(results):
        range_ = result["cpu_us_per_request"]
        axis.barh(row, range_["median"], BAR, color=colour_of(result["gateway"]))
        draw_whisker(axis, range_, row, 1.0)
        say(axis, duration(range_["median"]), range_["max"], row)
    axis.set_xlim(0, 1.2 * max(result["cpu_us_per_request"]["max"] for result in results))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    return figure


def _main(document: Document) -> list[Result]:
    """Return the results of hello, or of the only scenario that was run."""
    return findings.of_scenario(document, MAIN) or findings.of_scenario(document, findings.main_scenario(document))
