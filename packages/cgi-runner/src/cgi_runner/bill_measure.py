"""Measure bills: the same request, several times, one after another.

    measured = measure(app="demo_app:app", path="/hello", spawn="posix-spawn")
    print(measured.median("handler"), measured.whole)

The first request is not counted: it fills caches, and Python writes down what it has compiled.
"""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from gateway_runtime import log

from .bill_account import Account, Ledger
from .bill_command import REQUESTS
from .bill_parts import ORDER, Bill
from .bill_target import MeasureError, Target, ask, environ_of, host_for, tells
from .host import CgiApplication
from .spawn import DEFAULT

__all__ = ["Measured", "compare", "machine", "measure"]

BILL_SECONDS = 30.0
"""How long a program may go on after its response before its bill is given up."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The bills of equal requests, `samples`, in the order in which they came."""

    target: Target
    samples: tuple[Bill, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that there are, in order."""
        return tuple(name for name in ORDER if any(name in dict(bill.parts) for bill in self.samples))

    @property
    def kind(self) -> str:
        """Of the last one: whether the program has told its part."""
        return self.samples[-1].kind

    @property
    def whole(self) -> float:
        """Nanoseconds, the median."""
        return statistics.median(bill.whole for bill in self.samples)

    @property
    def unaccounted(self) -> float:
        """Nanoseconds of the whole that no part explains, the median."""
        return statistics.median(bill.unaccounted for bill in self.samples)

    def costs(self, part: str) -> list[int]:
        """Return what a part cost in each sample."""
        return [dict(bill.parts).get(part, 0) for bill in self.samples]

    def median(self, part: str) -> float:
        """Return the median of a part, nanoseconds."""
        return statistics.median(self.costs(part))

    def imports(self) -> list[tuple[str, float]]:
        """Return what each import cost, the median, the dearest first."""
        names = {name for bill in self.samples for name, _ in bill.imports}
        costs = [(name, statistics.median(dict(bill.imports).get(name, 0) for bill in self.samples)) for name in names]
        return sorted(costs, key=lambda item: (-item[1], item[0]))

    def as_json(self) -> dict[str, Any]:
        """Return what docs/how-to/cgi-bill.md calls a measurement."""
        return {
            "name": self.target.name,
            "app": self.target.app,
            "directory": self.target.directory,
            "path": self.target.path,
            "spawn": self.target.spawn,
            "kind": self.kind,
            "median": {
                "whole_ns": self.whole,
                "unaccounted_ns": self.unaccounted,
                "parts_ns": {part: self.median(part) for part in self.parts},
                "imports_ns": dict(self.imports()),
            },
            "samples": [bill.as_json() for bill in self.samples],
        }


def measure(
    app: str | None = None,
    directory: str | os.PathLike[str] | None = None,
    *,
    path: str = "/",
    spawn: str = DEFAULT,
    requests: int = REQUESTS,
    note: Callable[[str], None] = log.line,
    **more: Any,
) -> Measured:
    """Make `requests` requests and return their bills. `more`: see Target. Raises MeasureError, ValueError."""
    folder = None if directory is None else os.fspath(directory)
    (measured,) = compare([Target(app, folder, path, spawn, **more)], requests, note)
    return measured


def compare(
    targets: Sequence[Target], requests: int = REQUESTS, note: Callable[[str], None] = log.line
) -> list[Measured]:
    """Make `requests` requests to each target, in turn, so that whatever else the machine does disturbs all alike.

    Raises MeasureError, or ValueError for an odd target.
    """
    with contextlib.ExitStack() as hosts:
        samplers = [hosts.enter_context(_sampler(target, note)) for target in targets]
        rounds = [[sample() for sample in samplers] for _ in range(requests + 1)]
    series = zip(*rounds[1:], strict=True)
    return [Measured(target, samples) for target, samples in zip(targets, series, strict=True)]


@contextlib.contextmanager
def _sampler(target: Target, note: Callable[[str], None]) -> Iterator[Callable[[], Bill]]:
    accounts: queue.SimpleQueue[Account] = queue.SimpleQueue()
    ledger = Ledger(accounts.put, server_timing=False, tells=tells(target), log=note)
    with host_for(target, ledger, note, tells=True) as host:
        yield lambda: _one(host, target, accounts)


def _one(host: CgiApplication, target: Target, accounts: queue.SimpleQueue[Account]) -> Bill:
    """Make a request; return its bill, whose whole is measured here."""
    environ = environ_of(target)
    began = time.monotonic_ns()
    ask(host, target, environ)
    try:
        account = accounts.get(timeout=BILL_SECONDS)
        while not accounts.empty():  # it comes again for each program of a local redirect
            account = accounts.get()
    except queue.Empty:
        raise MeasureError(f"{target.name} has not ended {BILL_SECONDS:g} seconds after its response") from None
    whole = time.monotonic_ns() - began
    return replace(account.bill(), whole=whole)


def machine() -> dict[str, Any]:
    """Return where this was measured, for a record that is looked at later."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "implementation": platform.python_implementation(),
        "python": platform.python_version(),
        "cgi_runner": version("cgi-runner"),
    }
