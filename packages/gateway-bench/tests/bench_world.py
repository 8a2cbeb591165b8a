"""For tests of the bench: where the repository is, what a proof has found, and a watcher that writes all down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from gateway_bench.proofs.ground import Findings
from gateway_bench.record.document import Failed, Repeat
from gateway_bench.run.order import Order
from gateway_bench.run.plan import parameters_for
from gateway_bench.servers.gateways import Gateway
from gateway_bench.suites import suite_named

__all__ = ["ROOT", "Notebook", "an_order", "figures"]

ROOT = Path(__file__).parents[3]


def figures(found: Findings) -> dict[str, float]:
    """Return the figures of a proof by their names, of which no process may be left."""
    assert psutil.Process().children() == []
    return {figure["name"]: figure["value"] for figure in found.figures}


def an_order(
    suite: str,
    gateways: Sequence[Gateway],
    scenarios: Sequence[str],
    *,
    repeats: int | None = None,
    seconds: float | None = None,
    latency: bool = False,
    root: Path = ROOT,
    **more: Any,
) -> Order:
    """Return an order of a suite that takes as little time as it can; `latency` keeps its open loops."""
    chosen = suite_named(suite)
    parameters = parameters_for(chosen, quick=True, repeats=repeats, seconds=seconds)
    parameters["warmup_seconds"], parameters["min_requests"] = 0.05, 4
    if not latency:
        parameters["latency_seconds"] = 0.0
    pythons = {"own": sys.executable, "peers": sys.executable, "compiled": sys.executable}
    fields: dict[str, Any] = {"pythons": pythons, "seed": 4, "strace": False} | more
    return Order(suite=chosen, gateways=gateways, scenarios=scenarios, parameters=parameters, root=root, **fields)


class Notebook:
    """A watcher that writes down what it is told. `each` sees every measurement."""

    def __init__(self, each: Callable[[Repeat], None] = lambda _: None) -> None:
        self.steps = 0
        self.done = 0
        self.failures: list[Failed] = []
        self.notices: list[str] = []
        self._each = each

    def planned(self, steps: int, seconds: float) -> None:
        self.steps = steps

    def doing(self, what: str) -> None:
        pass

    def waiting(self, what: str, there: int) -> None:
        pass

    def noticed(self, what: str) -> None:
        self.notices.append(what)

    def measured(self, repeat: Repeat) -> None:
        self.done += 1
        self._each(repeat)

    def failed(self, failure: Failed) -> None:
        self.failures.append(failure)

    def skipped(self, steps: int) -> None:
        self.done += steps
