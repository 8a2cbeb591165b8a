"""A run on a terminal while it goes on. What is printed at its end: `gateway_bench.terminal.tables`.

On a terminal there is a bar; where the output goes to a file or a CI log, one plain line for each measurement.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from gateway_bench.record.document import Failed, Proof, Repeat
from gateway_bench.record.summary import cpu_us, throughput
from gateway_bench.report.units import duration, rate, shown

__all__ = ["ConsoleWatcher"]

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
        self._began = 0.0
        self._expected = 0.0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away."""
        self._bar.stop()

    def planned(self, steps: int, seconds: float) -> None:
        """Say how long it will take."""
        self._total, self._expected, self._began = steps, seconds, time.monotonic()
        self._bar.update(self._task, total=steps)
        self._console.print(f"{steps} measurements, about {_minutes(seconds)} min. Ctrl-C keeps what is done.")

    def doing(self, what: str) -> None:
        """Name what happens now beside the bar."""
        self._bar.update(self._task, description=what)

    def waiting(self, what: str, there: int) -> None:
        """Say it; beside the bar too."""
        self._bar.update(self._task, description=f"{what}: {there} are there")
        if not self._console.is_terminal:
            self._console.print(f"waiting for {what}: {there} are there", markup=False, soft_wrap=True)

    def noticed(self, what: str) -> None:
        """Print the sentence."""
        self._console.print(what, style="yellow", markup=False, soft_wrap=True)

    def measured(self, repeat: Repeat) -> None:
        """Move the bar; without one, print a line."""
        self._step(1)
        if self._console.is_terminal:
            return
        errors = sum(repeat["errors"].values())
        words = [f"{repeat['requests']} requests", f"{errors} errors", f"{rate(throughput(repeat))}/s"]
        if repeat["question"] == "capacity":
            words += [f"server CPU {duration(cpu_us(repeat))} a request"] if repeat["server"] else []
        else:
            words += [f"p50 {duration(repeat['latency']['p50'])}", f"p99 {duration(repeat['latency']['p99'])}"]
        self._console.print(
            f"[{self._done}/{self._total}, {self._left()} min left] round {repeat['round']} {repeat['gateway']} "
            f"{repeat['scenario']}, {repeat['question']}: {', '.join(words)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def failed(self, failure: Failed) -> None:
        """Show why, and the end of what the gateway printed."""
        self._complain(failure["gateway"], failure["reason"], failure["output"])

    def proved(self, proof: Proof) -> None:
        """Move the bar; without one, print a line. Show why a proof failed."""
        self._step(1)
        if proof["status"] == "failed":
            self._complain(proof["name"], proof["reason"], proof["output"])
        elif not self._console.is_terminal:
            figures = ", ".join(f"{row['name']} {shown(row['value'], row['unit'])}" for row in proof["figures"])
            line = f"[{self._done}/{self._total}] {proof['name']}: {figures}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _complain(self, name: str, reason: str, output: str) -> None:
        words = Text(f"{reason}\n\n{output[-SHOWN_OUTPUT:]}".rstrip())
        self._console.print(Panel(words, title=f"{name} failed", border_style="red", expand=False))

    def skipped(self, steps: int) -> None:
        """Move the bar past what will not be measured."""
        self._step(steps)

    def _left(self) -> str:
        """Return the minutes that are left: as planned at first, then as the measurements so far have it."""
        part = self._done / self._total if self._total else 1.0
        passed = time.monotonic() - self._began
        found = passed / part if part else self._expected
        return _minutes((1 - part) * (part * found + (1 - part) * self._expected))

    def _step(self, steps: int) -> None:
        self._done += steps
        self._bar.update(self._task, completed=self._done)


def _minutes(seconds: float) -> str:
    """Return minutes: whole ones where there are many."""
    return f"{seconds / 60:.0f}" if seconds >= 300 else f"{seconds / 60:.1f}"
