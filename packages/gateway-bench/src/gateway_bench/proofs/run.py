"""The suite `proofs`: one promise after the other, into the same kind of record as every other run.

What goes wrong with one proof stays with it: it is marked failed, what the server said is kept, and the run goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import BenchError, LoadFailed, NotReady, ProofFailed
from gateway_bench.proofs import (
    big,
    bill,
    bodies,
    children,
    cost,
    decode,
    held,
    idle,
    interleaved,
    kill,
    million,
    reload,
    slow,
    spawned,
    workers,
)
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.record.document import Document, Proof
from gateway_bench.record.goals import judge
from gateway_bench.run.blank import blank
from gateway_bench.run.order import Order

__all__ = ["PROOFS", "Promise", "ProofWatcher", "choose", "prove_all"]


@dataclass(frozen=True, slots=True)
class Promise:
    """A proof as a row: about how many `seconds` it takes, and with --quick."""

    name: str
    title: str
    about: str
    prove: Callable[[Ground], Findings]
    seconds: int
    quick_seconds: int


PROOFS = {
    promise.name: promise
    for promise in (
        Promise("idle", "Idle connections", "what up to 10,000 of them cost", idle.prove, 240, 30),
        Promise("slow", "Slow senders", "10,000 connections that send one byte a second", slow.prove, 75, 8),
        Promise("big", "Big content", "1 GiB up, 1 GiB down", big.prove, 40, 3),
        Promise("million", "A million requests", "what stays behind of each", million.prove, 60, 4),
        Promise("workers", "Two workers", "over one, at work that takes the processor", workers.prove, 60, 4),
        Promise("reload", "Reload and upgrade", "HUP and USR2 under full load", reload.prove, 60, 10),
        Promise("bodies", "Bodies everywhere", "1 GiB each way over each protocol and the front", bodies.prove, 60, 8),
        Promise("interleaved", "Interleaved requests", "100 on one FastCGI connection", interleaved.prove, 9, 9),
        Promise("held", "Held requests", "500 of them, beside a fast backend behind the front", held.prove, 35, 6),
        Promise("decode", "Decoding", "a request of nginx, from bytes to an event", decode.prove, 5, 1),
        Promise("spawned", "Programs of every kind", "20,000 CGI requests: what is left?", spawned.prove, 70, 15),
        Promise("children", "200 programs at once", "the CGI host's own memory", children.prove, 10, 4),
        Promise("bill", "The bill", "of a CGI request: its sum, and its cost", bill.prove, 30, 8),
        Promise("cost", "The harness itself", "recording and sampling at 1,000 requests a second", cost.prove, 35, 4),
        Promise("kill", "Killed workers", "one each second: only what was in flight in it fails", kill.prove, 75, 6),
    )
}
"""By name, in the order of the tables."""


class ProofWatcher(Protocol):
    """Whoever watches; `gateway_bench.terminal.console` shows it on a terminal."""

    def planned(self, steps: int, seconds: float) -> None:
        """Take note of the number of proofs to come, and about how long they will take, in seconds."""

    def doing(self, what: str) -> None:
        """Show what happens now."""

    def proved(self, proof: Proof) -> None:
        """Show a finished proof, or a failed one."""


def choose(named: Sequence[str]) -> list[Promise]:
    """Return the proofs that were named, or all, in the order of the tables. Raises BenchError."""
    for name in named:
        if name not in PROOFS:
            raise BenchError(f"there is no proof {name!r}; there are {', '.join(PROOFS)}")
    return [promise for name, promise in PROOFS.items() if name in named or not named]


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
    goals = [goal for goal in order.goals if goal.suite == "proofs" and goal.of in names]
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
