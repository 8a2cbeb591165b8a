"""The charts of the suite "evolution": one question each.

`overview`    what does a process for each request cost, and what does staying alive save?
`cpu`         the same for every scenario, on a scale on which a step is a factor of ten
`spawned`     how many processes are started for 100 requests?
`latency`     how long do visitors wait, most of them and the unlucky ones?
`memory`      how much memory does the process tree hold?
`throughput`  how many requests a second? Last, because it depends on the generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import BAR, ROW, draw_rates, draw_rows, draw_whisker, method_of
from gateway_bench.report.chart_style import FAINT, INK, bare, colour_of, page, say
from gateway_bench.report.units import duration, duration_tick, figure, size

__all__ = ["cpu", "latency", "memory", "overview", "spawned", "throughput"]


def overview(document: Document) -> Figure:
    """Draw all gateways on one linear scale, and beside it the persistent ones magnified."""
    results = findings.of_scenario(document, findings.main_scenario(document))
    staying = [result for result in results if result["gateway"] != findings.ONE_PROCESS_EACH]
    fig, (whole, magnified) = page(
        findings.headline(document),
        f"Server CPU for one {results[0]['scenario']} request, all processes counted; {method_of(document)}",
        document,
        2.6 + ROW * len(results),
        ncols=2,
        width_ratios=[1.15, 1],
    )
    _cpu_bars(whole, results, document)
    whole.set_title("all of them")
    if len(staying) == len(results) or not staying:
        magnified.remove()
        return fig
    _cpu_bars(magnified, staying, document)
    times = _highest_cpu(results) / _highest_cpu(staying)
    magnified.set_title(f"magnified {figure(times)} times")
    fig.subplots_adjust(wspace=0.5)
    return fig


def cpu(document: Document) -> Figure:
    """Draw CPU for each request on a logarithmic scale: dots with their range, grouped by scenario."""
    subtitle = "Server CPU for each request, all processes counted, logarithmic scale"
    fig, axes = _by_scenario(document, findings.cpu_finding(document), subtitle)
    everything = [findings.cost(result) for result in document["results"]]
    for axis, (title, results) in zip(axes, _scenarios(document), strict=True):
        draw_rows(axis, results, document)
        for row, result in enumerate(results):
            range_ = findings.cost(result)
            colour = colour_of(result["gateway"])
            axis.plot([range_["min"], range_["max"]], [row, row], color=colour, linewidth=5, alpha=0.35)
            axis.plot(range_["median"], row, "o", markersize=9, color=colour)
            say(axis, duration(range_["median"]), range_["max"], row)
        _log_time(axis, everything)
        axis.set_title(title)
    return fig


def latency(document: Document) -> Figure:
    """Draw p50 and p99 as the two ends of a bar, on a logarithmic scale."""
    subtitle = (
        f"p50 (dot) to p99 (bar's end) of {document['parameters']['users']} visitors who ask again at once, "
        f"logarithmic scale; {method_of(document)}"
    )
    fig, axes = _by_scenario(document, findings.latency_finding(document), subtitle)
    everything = [result[key] for result in document["results"] for key in ("p50_us", "p99_us")]
    for axis, (title, results) in zip(axes, _scenarios(document), strict=True):
        draw_rows(axis, results, document)
        for row, result in enumerate(results):
            half, most = result["p50_us"]["median"], result["p99_us"]["median"]
            colour = colour_of(result["gateway"])
            axis.plot([half, most], [row, row], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
            axis.plot(half, row, "o", markersize=9, color=colour)
            axis.plot(most, row, "|", markersize=13, markeredgewidth=2.5, color=colour)
            say(axis, f"{duration(half)}, p99 {duration(most)}", most, row)
        _log_time(axis, everything)
        axis.set_title(title)
    return fig


def spawned(document: Document) -> Figure:
    """Draw the processes that were started for 100 requests."""
    results = findings.of_scenario(document, findings.main_scenario(document))
    fig, (axis,) = page(
        findings.spawned_finding(document),
        "Processes started for 100 requests, counted by those who start them",
        document,
        2.4 + ROW * len(results),
    )
    draw_rows(axis, results, document)
    for row, result in enumerate(results):
        range_ = result["spawned_per_request"]
        count = 100 * range_["median"] if range_ else 0.0
        axis.barh(row, count, BAR, color=colour_of(result["gateway"]))
        say(axis, figure(count) if range_ else "not counted", count, row, bold=True)
    axis.set_xlim(0, 110)
    bare(axis)
    return fig


def memory(document: Document) -> Figure:
    """Draw the peak of the memory of the process tree, and its median as a mark."""
    results = findings.of_scenario(document, findings.main_scenario(document))
    kinds = findings.memory_kinds(document)
    fig, (axis,) = page(
        findings.memory_finding(document),
        f"Memory of all processes together ({', '.join(kinds)}): bar = peak, line = median of the samples; "
        f"{method_of(document)}",
        document,
        2.4 + ROW * len(results),
    )
    draw_rows(axis, results, document)
    for row, result in enumerate(results):
        peak, middle = (findings.memory_of(result, which) / 2**20 for which in ("peak", "median"))
        axis.barh(row, peak, BAR, color=colour_of(result["gateway"]))
        axis.plot([middle, middle], [row - BAR / 2, row + BAR / 2], color=INK, linewidth=1.6)
        say(axis, size(peak * 2**20), peak, row)
    axis.set_xlim(0, 1.16 * max(findings.memory_of(result) for result in results) / 2**20)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} MiB" if value else "0"))
    bare(axis)
    return fig


def throughput(document: Document) -> Figure:
    """Draw requests a second; hatched where the generator was the limit."""
    bounded = any(result["lower_bound"] for result in document["results"])
    hint = "hatched: the generator was the limit, the server could do more; " if bounded else ""
    fig, axes = _by_scenario(
        document, findings.throughput_finding(document), f"Right answers a second; {hint}{method_of(document)}", 3
    )
    for axis, (title, results) in zip(axes, _scenarios(document), strict=True):
        draw_rows(axis, results, document)
        draw_rates(axis, results, document)
        axis.set_title(title)
    return fig


def _cpu_bars(axis: Any, results: Sequence[Result], document: Document) -> None:
    draw_rows(axis, results, document)
    for row, result in enumerate(results):
        range_ = findings.cost(result)
        # The edge keeps a bar visible that is too short to be drawn.
        axis.barh(row, range_["median"], BAR, color=colour_of(result["gateway"]), linewidth=1.5,
                  edgecolor=colour_of(result["gateway"]))  # fmt: skip
        draw_whisker(axis, range_, row, 1.0)
        say(axis, duration(range_["median"]), range_["max"], row, bold=True)
    axis.set_xlim(0, 1.42 * _highest_cpu(results))
    axis.locator_params(axis="x", nbins=4)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)


def _by_scenario(document: Document, title: str, subtitle: str, columns: int = 1) -> tuple[Figure, list[Any]]:
    groups = _scenarios(document)
    rows = max(len(results) for _, results in groups)
    if columns == 1:
        height = 2.1 + len(groups) * (ROW * rows + 0.35)
        return page(title, subtitle, document, height, nrows=len(groups), sharex=True)
    fig, axes = page(title, subtitle, document, 2.6 + ROW * rows, ncols=len(groups), sharey=True)
    return fig, axes


def _scenarios(document: Document) -> list[tuple[str, list[Result]]]:
    """Return the title and results of each scenario that has any."""
    groups = [
        (scenario["title"], findings.of_scenario(document, scenario["name"])) for scenario in document["scenarios"]
    ]
    return [(title, results) for title, results in groups if results]


def _log_time(axis: Any, ranges: Sequence[Estimate]) -> None:
    """Set a logarithmic scale of time (µs), from a decade below to where the last label has room."""
    low = min(range_["min"] for range_ in ranges if range_["min"] > 0)
    high = max(range_["max"] for range_ in ranges)
    axis.set_xscale("log")
    axis.set_xlim(low / 1.6, high * 20)
    axis.xaxis.set_major_locator(LogLocator(base=10))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    for row in range(len(axis.get_yticks())):
        axis.axhline(row, color=FAINT, linewidth=1, zorder=0)
    bare(axis)


def _highest_cpu(results: Sequence[Result]) -> float:
    return max(findings.cost(result)["max"] for result in results)
