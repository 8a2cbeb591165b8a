"""Two runs side by side, as a table: what changed beyond noise first, then the rest."""

from __future__ import annotations

from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_bench.record.compare import Change, Comparison, Side, comparison
from gateway_bench.record.document import Document
from gateway_bench.report.findings import labels
from gateway_bench.report.units import duration, per_request, rate, ratio, size

__all__ = ["print_comparison"]

SHOWN: dict[str, tuple[str, Callable[[float], str]]] = {
    "cpu_us_per_request": ("CPU/request", duration),
    "front_cpu_us_per_request": ("front's CPU", duration),
    "throughput_rps": ("requests/s", rate),
    "p50_us": ("p50", duration),
    "p99_us": ("p99", duration),
    "memory_peak_bytes": ("memory", size),
    "spawned_per_request": ("spawned", per_request),
}
STYLES = {True: "green", False: "bold red"}


def print_comparison(before: Document, after: Document, console: Console) -> None:
    """Print what changed, with a warning where the runs were not made alike. Raises BenchError for proofs."""
    found = comparison(before, after)
    console.print(found["sentence"], style="bold", highlight=False)
    console.print(f"before: {_run(found['before'])}\nafter: {_run(found['after'])}", markup=False, highlight=False)
    console.print(_table(found, labels(before) | labels(after)))
    for row in found["missing"]:
        console.print(f"in one of the runs alone: {row}", markup=False)
    for warning in found["warnings"]:
        console.print(warning, markup=False, style="yellow", soft_wrap=True)


def _run(side: Side) -> str:
    commit = f"{side['commit']:.12}" if side["commit"] else "no commit"
    return f"{side['suite']}, {side['started']}, {commit}{' with changes' if side['dirty'] else ''}"


def _table(found: Comparison, known: dict[str, str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    for heading in ("server", "scenario", "question", "figure"):
        table.add_column(heading, overflow="fold")
    for heading in ("before", "after", "factor", "interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for change in found["changes"]:
        heading, show = SHOWN[change["figure"]]
        factor, low, high = change["factor"], change["low"], change["high"]
        table.add_row(
            known[change["gateway"]],
            change["scenario"],
            change["question"],
            heading,
            show(change["before"]),
            show(change["after"]),
            "" if factor is None else ratio(factor),
            "" if low is None or high is None else f"{ratio(low)}..{ratio(high)}",
            _verdict(change),
        )
    return table


def _verdict(change: Change) -> Text:
    if change["better"] is not None:
        return Text("better" if change["better"] else "worse", style=STYLES[change["better"]])
    return Text("within noise" if change["beyond"] is False else f"not judged ({change['reason']})", style="dim")
