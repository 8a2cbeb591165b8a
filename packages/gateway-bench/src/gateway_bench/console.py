"""The run on a terminal: progress while it goes on, one table at its end.

On a terminal there is a bar; where the output goes to a file or a CI log, one plain line for each measurement.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gateway_bench.document import Document, Failed, Repeat, Result
from gateway_bench.summary import cpu_us, throughput
from gateway_bench.units import duration, per_request, rate, ratio, size, spread

__all__ = ["ConsoleWatcher", "print_ratios", "print_results"]

FIGURES = ["CPU/request", "spawned", "requests/s", "p50", "p99", "memory", "errors"]
SHOWN_OUTPUT = 1_500
"""Characters of a failed gateway's output that are shown, from its end."""


class ConsoleWatcher:
    """Shows a run on `console`. A context manager: the bar lives as long as the block."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("looking around", total=None)
        self._total = 0
        self._done = 0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away."""
        self._bar.stop()

    def planned(self, steps: int, seconds: float) -> None:
        """Say how long it will take."""
        self._total = steps
        self._bar.update(self._task, total=steps)
        minutes = max(1, round(seconds / 60))
        self._console.print(f"{steps} measurements, about {minutes} min. Ctrl-C keeps what is done.")

    def doing(self, what: str) -> None:
        """Name what happens now beside the bar."""
        self._bar.update(self._task, description=what)

    def measured(self, repeat: Repeat) -> None:
        """Move the bar; without one, print a line."""
        self._step(1)
        if self._console.is_terminal:
            return
        errors = sum(repeat["errors"].values())
        self._console.print(
            f"[{self._done}/{self._total}] round {repeat['round']} {repeat['gateway']} {repeat['scenario']}: "
            f"{repeat['requests']} requests, {errors} errors, {rate(throughput(repeat))}/s, "
            f"server CPU {duration(cpu_us(repeat))} a request",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def failed(self, failure: Failed) -> None:
        """Show why, and the end of what the gateway printed."""
        shown = Text(f"{failure['reason']}\n\n{failure['output'][-SHOWN_OUTPUT:]}".rstrip())
        self._console.print(Panel(shown, title=f"{failure['gateway']} failed", border_style="red", expand=False))

    def skipped(self, steps: int) -> None:
        """Move the bar past what will not be measured."""
        self._step(steps)

    def _step(self, steps: int) -> None:
        self._done += steps
        self._bar.update(self._task, completed=self._done)


def print_results(document: Document, console: Console) -> None:
    """Print the table of results, one block for each scenario, and what is missing from it."""
    labels = {gateway["name"]: gateway["label"] for gateway in document["gateways"]}
    table = _table(_title(document), ["scenario", "gateway"], FIGURES)
    previous = ""
    for result in document["results"]:
        scenario = result["scenario"]
        if previous and previous != scenario:
            table.add_section()
        table.add_row(scenario if scenario != previous else "", labels[result["gateway"]], *_cells(result))
        previous = scenario
    console.print(table if document["results"] else "nothing was measured")
    for line in _remarks(document):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_ratios(document: Document, console: Console) -> None:
    """Print how our server compares with each peer: medians over the rounds, smallest and largest beside them."""
    if not document["ratios"]:
        return
    labels = {gateway["name"]: gateway["label"] for gateway in document["gateways"]}
    title = f"{labels[document['ratios'][0]['gateway']]} over each peer: median of the rounds (min .. max)"
    table = _table(title, ["peer"], ["times its requests/s", "", "times its CPU/request", ""])
    for row in document["ratios"]:
        bound = "≥ " if row["lower_bound"] else ""
        speed, cpu = row["throughput"], row["cpu"]
        cells = [bound + ratio(speed["median"]), spread(speed, ratio), ratio(cpu["median"]), spread(cpu, ratio)]
        table.add_row(labels[row["against"]], *cells)
    console.print(table)


def _table(title: str, left: list[str], right: list[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in left:
        table.add_column(heading, no_wrap=True)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _remarks(document: Document) -> Iterator[str]:
    """Give the lines under the table: what a mark means, what is missing, what else is to be known."""
    if any(result["lower_bound"] for result in document["results"]):
        yield "≥ the load generator was the limit: the server could do more, so these are not ranked"
    for gateway in document["gateways"]:
        if gateway["status"] == "absent":
            yield f"absent: {gateway['label']}: {gateway['reason']}; to install: {gateway['install']}"
        elif gateway["status"] == "failed":
            yield f"failed: {gateway['label']}: {gateway['reason']}"
    for note in document["notes"]:
        yield f"note: {note}"


def _title(document: Document) -> str:
    repeats = document["parameters"]["repeats"]
    many = f"medians of {repeats} repeats (min .. max)" if repeats > 1 else "one repeat"
    state = "" if document["complete"] else ", BROKEN OFF"
    return f"{document['suite']}: {many}{state}"


def _cells(result: Result) -> list[str | Text]:
    cpu = result["cpu_us_per_request"]
    spawned = result["spawned_per_request"]
    errors = ", ".join(f"{number} {kind}" for kind, number in result["errors"].items())
    return [
        f"{duration(cpu['median'])}  {spread(cpu)}".rstrip(),
        per_request(spawned["median"] if spawned else None),
        rate(result["throughput_rps"]["median"], result["lower_bound"]),
        duration(result["p50_us"]["median"]),
        duration(result["p99_us"]["median"]),
        size(result["memory_peak_bytes"]["median"]),
        Text(errors or "0", style="red" if errors else ""),
    ]
