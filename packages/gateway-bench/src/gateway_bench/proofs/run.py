"""Promises made good one after the other, into the same kind of record as every other run.

A suite of promises names the module that has their table (`Suite.promises`).

What goes wrong with one proof stays with it: it is marked failed, what the server said is kept, and the run goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Protocol

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import BenchError, LoadFailed, NotReady, ProofFailed
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.record.document import Document, Proof
from gateway_bench.record.goals import judge
from gateway_bench.run.blank import blank
from gateway_bench.run.order import Order
from gateway_bench.suites.suite import Suite

__all__ = ["Promise", "ProofWatcher", "choose", "promises_of", "prove_all"]


@dataclass(frozen=True, slots=True)
class Promise:
    """A proof as a row: about how many `seconds` it takes, and with --quick."""

    name: str
    title: str
    about: str
    prove: Callable[[Ground], Findings]
    seconds: int
    quick_seconds: int


class ProofWatcher(Protocol):
    """Whoever watches; `gateway_bench.terminal.console` shows it on a terminal."""

    def planned(self, steps: int, seconds: float) -> None:
        """Take note of the number of proofs to come, and about how long they will take, in seconds."""

    def doing(self, what: str) -> None:
        """Show what happens now."""

    def proved(self, proof: Proof) -> None:
        """Show a finished proof, or a failed one."""


def promises_of(suite: Suite) -> dict[str, Promise]:
    """Return the promises of a suite by name, in the order of the tables; none if it compares rows instead."""
    return {row.name: row for row in import_module(suite.promises).PROMISES} if suite.promises else {}


def choose(suite: Suite, named: Sequence[str]) -> list[Promise]:
    """Return the proofs of a suite that were named, or all, in the order of the tables. Raises BenchError."""
    promises = promises_of(suite)
    for name in named:
        if name not in promises:
            raise BenchError(f"there is no proof {name!r}; there are {', '.join(promises)}")
    return [promise for name, promise in promises.items() if name in named or not named]


def prove_all(order: Order, chosen: Sequence[Promise], watcher: ProofWatcher) -> Document:
    """Make the proofs, and return their document, complete or (after Ctrl-C) not."""
    document = blank(order)
    quick = order.parameters["quick"]
    watcher.planned(len(chosen), sum(promise.quick_seconds if quick else promise.seconds for promise in chosen))
    try:
        with interrupts.noted():
            for promise in chosen:
                ground = Ground(order.root / "benchmarks", quick, watcher.doing)
                proof = _prove(promise, ground)
                document["proofs"].append(proof)
                watcher.proved(proof)
            document["complete"] = True
    except KeyboardInterrupt:
        document["notes"].append("The run was broken off; the figures are those found until then.")
    document["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
    if quick:
        document["notes"].append("A quick run looks whether the proofs work: it proves nothing, so nothing is judged.")
        return document
    names = {promise.name for promise in chosen}
    goals = [goal for goal in order.goals if goal.suite == order.suite.name and goal.of in names]
    document["goals"] = judge(goals, [], document["proofs"])
    return document


def _prove(promise: Promise, ground: Ground) -> Proof:
    interrupts.check()
    ground.doing(promise.title)
    started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    found, reason, output = Findings(), "", ""
    try:
        found = promise.prove(ground)
    except (ProofFailed, LoadFailed, NotReady) as error:
        reason, output = str(error), error.output or ground.output
    except psutil.NoSuchProcess:
        reason, output = "the server ended", ground.output
    return Proof(
        name=promise.name,
        title=promise.title,
        about=promise.about,
        status="failed" if reason else "ok",
        reason=reason,
        output=output,
        started=started,
        seconds=round(time.monotonic() - began, 3),
        commands=ground.commands,
        figures=found.figures,
        readings=found.readings,
        notes=found.notes,
    )
