"""The charts of the suite "cgi": hosts that start a program for each request.

`hello`  requests a second by host: a hello in sh, and one in a bare Python
`app`    the demo application, by how its process is started
`loop`   time for each request, over a bare loop of posix_spawn and wait
`goals`  ours over each host, beside what is promised
"""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.record.statistics import estimate
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import BAR, ROW, draw_rates, draw_rows, draw_whisker, method_of
from gateway_bench.report.chart_style import bare, colour_of, page, say
from gateway_bench.report.charts_goals import draw_goals
from gateway_bench.report.units import duration, duration_tick, figure, rate, ratio

__all__ = ["cgi_app", "cgi_goals", "cgi_hello", "cgi_loop"]

LABELS = 2.6
"""Inches for the names of the hosts."""
HELLOS = ("sh", "python")
LOOP = "loop"
"""How the names of rows begin that are no hosts."""
AGAIN = "ours-again"
"""Measured twice to show what is chance: that is for the table."""
MOST = "ours"
"""Whose ratio to the loop is promised."""


def cgi_hello(document: Document) -> Figure | None:
    """Draw requests a second of both hellos, a panel each, the fastest on top."""
    blocks = {name: _hosts(document, name) for name in HELLOS}
    shown = {name: results for name, results in blocks.items() if results}
    if not shown:
        return None
    titles = {row["name"]: row["about"] for row in document["scenarios"]}
    rows = sum(len(results) for results in shown.values())
    drawn, axes = page(
        findings.cgi_finding(document),
        f"Requests a second, a program for each, over {document['parameters']['users']} connections; all processes "
        f"share the processors; {method_of(document)}",
        document,
        3.4 + ROW * rows + 0.8 * (len(shown) - 1),
        label_inches=LABELS,
        nrows=len(shown),
        height_ratios=[len(results) + 0.4 for results in shown.values()],
    )
    for axis, (name, results) in zip(axes, shown.items(), strict=True):
        axis.set_title(titles[name], pad=8)
        draw_rows(axis, results, document)
        draw_rates(axis, results, document)
    drawn.subplots_adjust(hspace=0.3)
    return drawn


def cgi_app(document: Document) -> Figure | None:
    """Draw requests a second of the demo application by strategy, on a logarithmic scale: they differ by factors."""
    results = [result for result in findings.of_scenario(document, "app") if result["throughput_rps"]["median"] > 0]
    if not results:
        return None
    results.sort(key=lambda result: -result["throughput_rps"]["median"])
    drawn, (axis,) = page(
        findings.zygote_finding(document),
        "Requests a second for hello of the demo application, a process for each, by how that is started; "
        f"logarithmic scale; {method_of(document)}",
        document,
        2.8 + ROW * len(results),
        label_inches=1.9,
    )
    draw_rows(axis, results, document)
    axis.set_xscale("log")
    for row, result in enumerate(results):
        range_ = result["throughput_rps"]
        axis.plot(range_["median"], row, "o", markersize=11, color=colour_of(result["gateway"]))
        draw_whisker(axis, range_, row, 1.0)
        say(axis, rate(range_["median"], result["lower_bound"]), range_["max"], row)
    low, high = results[-1]["throughput_rps"]["min"], results[0]["throughput_rps"]["max"]
    axis.set_xlim(low / 1.6, high * 2.2)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    bare(axis)
    return drawn


def cgi_loop(document: Document) -> Figure | None:
    """Draw the time of a request in sh for each host, and how many times that of the bare loop it is."""
    results = [row for row in findings.of_scenario(document, "sh") if not row["errors"] and row["gateway"] != AGAIN]
    times = {result["gateway"]: _time(result) for result in results if result["throughput_rps"]["min"] > 0}
    results = sorted(
        (row for row in results if row["gateway"] in times), key=lambda row: times[row["gateway"]]["median"]
    )
    if LOOP not in times:
        return None
    least = times[LOOP]["median"]
    drawn, (axis,) = page(
        _loop_finding(times),
        "Time for one request: a second over the requests in it, four at a time. The bare loop is four processes that "
        f"start the same program, read its output and wait; {method_of(document)}",
        document,
        2.8 + ROW * len(results),
        label_inches=LABELS,
    )
    draw_rows(axis, results, document)
    axis.axvline(least, color="#9aa4b1", linewidth=1)
    for row, result in enumerate(results):
        range_ = times[result["gateway"]]
        axis.barh(row, range_["median"], BAR, color=colour_of(result["gateway"]))
        draw_whisker(axis, range_, row, 1.0)
        say(axis, f"{duration(range_['median'])}   {ratio(range_['median'] / least)}", range_["max"], row)
    axis.set_xlim(0, 1.45 * max(range_["max"] for range_ in times.values()))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    return drawn


def cgi_goals(document: Document) -> Figure | None:
    """Draw each promised ratio, under the promise's own words."""
    return draw_goals(document, "Requests a second (or time)", lambda row: row["about"])


def _hosts(document: Document, scenario: str) -> list[Result]:
    everybody = findings.of_scenario(document, scenario)
    results = [row for row in everybody if row["gateway"] != AGAIN and not row["gateway"].startswith(LOOP)]
    return sorted(results, key=lambda row: -row["throughput_rps"]["median"])


def _time(result: Result) -> Estimate:
    speed = result["throughput_rps"]
    return estimate([1e6 / speed[key] for key in ("median", "min", "max")])


def _loop_finding(times: dict[str, Estimate]) -> str:
    if MOST not in times:
        return "What a host adds to starting a program"
    more = times[MOST]["median"] / times[LOOP]["median"]
    return f"A request to cgi_runner takes {figure(more)} times as long as a bare loop of posix_spawn and wait"
