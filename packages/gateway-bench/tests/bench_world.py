"""For tests of the bench: where the repository is, what a proof has found, and a watcher that writes all down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from gateway_bench.proofs.ground import Findings
from gateway_bench.record.document import Failed, Repeat

__all__ = ["ROOT", "Notebook", "figures"]

ROOT = Path(__file__).parents[3]


def figures(found: Findings) -> dict[str, float]:
    """Return the figures of a proof by their names, of which no process may be left."""
    assert psutil.Process().children() == []
    return {figure["name"]: figure["value"] for figure in found.figures}


class Notebook:
    """A watcher that writes down what it is told. `each` sees every measurement."""

    def __init__(self, each: Callable[[Repeat], None] = lambda _: None) -> None:
        self.steps = 0
        self.done = 0
        self.failures: list[Failed] = []
        self._each = each

    def planned(self, steps: int, seconds: float) -> None:
        self.steps = steps

    def doing(self, what: str) -> None:
        pass

    def measured(self, repeat: Repeat) -> None:
        self.done += 1
        self._each(repeat)

    def failed(self, failure: Failed) -> None:
        self.failures.append(failure)

    def skipped(self, steps: int) -> None:
        self.done += steps
