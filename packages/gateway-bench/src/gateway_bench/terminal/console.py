"""A run on a terminal while it goes on. What is printed at its end: `gateway_bench.terminal.tables`.

On a terminal there is a bar; where the output goes to a file or a CI log, one plain line for each measurement.
"""

from __future__ import annotations

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

    def _step(self, steps: int) -> None:
        self._done += steps
        self._bar.update(self._task, completed=self._done)
