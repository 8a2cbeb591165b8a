"""Two runs side by side: by what factor did each figure change?

There is no test of significance here. A factor is marked as within the noise when the repeats of the two runs
overlap; that one is not marked proves nothing about the cause, least of all between two machines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from gateway_bench.errors import BenchError
from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.report.findings import labels
from gateway_bench.report.units import duration, rate, ratio, size

__all__ = ["Change", "changes_between", "print_comparison"]

SHOWN: dict[str, tuple[str, Callable[[float], str]]] = {
    "cpu_us_per_request": ("server CPU / request", duration),
    "throughput_rps": ("requests / s", rate),
    "p50_us": ("p50", duration),
    "p99_us": ("p99", duration),
    "memory_peak_bytes": ("memory", size),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both runs. `factor` is after over before, None when before is 0."""

    gateway: str
    scenario: str
    figure: str
    before: Estimate
    after: Estimate

    @property
    def factor(self) -> float | None:
        """By what the figure was multiplied."""
        return self.after["median"] / self.before["median"] if self.before["median"] else None

    @property
    def overlaps(self) -> bool:
        """Do the repeats of the two runs overlap?"""
        return self.before["min"] <= self.after["max"] and self.after["min"] <= self.before["max"]


def changes_between(before: Document, after: Document) -> list[Change]:
    """Return the changes of all figures that both documents have, in the order of the second."""
    old: dict[tuple[str, str], Result] = {
        (result["gateway"], result["scenario"]): result for result in before["results"]
    }
    return [
        Change(result["gateway"], result["scenario"], name, old[key][name], result[name])  # type: ignore[literal-required]
        for result in after["results"]
        if (key := (result["gateway"], result["scenario"])) in old
        for name in SHOWN
    ]


def print_comparison(before: Document, after: Document, console: Console) -> None:
    """Print the changes as a table, with a warning where the runs were not made alike. Raises BenchError for proofs."""
    if "proofs" in (before["suite"], after["suite"]):
        raise BenchError("proofs are judged one run at a time: look at their reports")
    known = labels(before) | labels(after)
    table = Table(title="before → after", title_justify="left", header_style="bold")
    for heading in ("scenario", "gateway", "figure"):
        table.add_column(heading)
    for heading in ("before", "after", "factor", ""):
        table.add_column(heading, justify="right")
    for change in changes_between(before, after):
        heading, show = SHOWN[change.figure]
        factor = "" if change.factor is None else ratio(change.factor)
        table.add_row(
            change.scenario,
            known[change.gateway],
            heading,
            show(change.before["median"]),
            show(change.after["median"]),
            factor,
            "repeats overlap" if change.overlaps else "",
        )
    console.print(table)
    for key in ("cpu", "threads", "kernel", "python"):
        one, other = before["machine"][key], after["machine"][key]
        if one != other:
            console.print(f"not alike: {key} was {one} and is {other}", markup=False)
    for name in ("users", "seconds", "repeats", "engine"):
        first, second = before["parameters"][name], after["parameters"][name]
        if first != second:
            console.print(f"not alike: {name} was {first} and is {second}", markup=False)
