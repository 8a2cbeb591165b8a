"""What the bill itself costs: the processor time of requests with a bill and without, which take turns.

Processor time, and not time: what else the machine does disturbs it less. It is that of the host and of its programs,
which the kernel adds to the account of their parent when they are reaped; so each request is waited for until then.
"""

from __future__ import annotations

import queue
import random
import resource
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_runtime import log

from .bill_account import Ledger
from .bill_target import Target, ask, environ_of, host_for
from .host import CgiApplication

__all__ = ["Cost", "bill_cost"]

END_SECONDS = 30.0
"""How long a program may go on after its response."""

_RESAMPLES = 500
"""For the interval (bootstrap)."""

Ended = queue.SimpleQueue[object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What billed requests took in proportion to plain ones: 1.02 is two per cent more.

    95 of 100 such experiments would lie between `low` and `high`.
    """

    ratio: float
    low: float
    high: float
    pairs: int


class _NoBill:
    """An account in which nothing is written, except that the program has ended."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended

    def open(self, environ: Mapping[str, Any]) -> _NoBill:
        return self

    def mark(self, name: str) -> None:
        pass

    def variables(self, argv: Sequence[str]) -> dict[bytes, bytes]:
        return {}

    def fields(self) -> list[tuple[str, str]]:
        return []

    def close(self) -> None:
        self._ended.put(self)


def bill_cost(target: Target, pairs: int = 50, note: Callable[[str], None] = log.line) -> Cost:
    """Compare billed requests with plain ones. Raises MeasureError, or ValueError for an odd target.

    Under a zygote the programs are not children of this process, and their time cannot be counted.
    """
    if target.spawn == "zygote":
        raise ValueError("the programs of a zygote are not children of this process: their time cannot be counted")
    ended: Ended = queue.SimpleQueue()
    ledger = Ledger(ended.put, server_timing=False, log=note)
    with (
        host_for(target, _NoBill(ended), note, tells=False) as plain,
        host_for(target, ledger, note, tells=True) as billed,
    ):
        for host in (plain, billed):
            _processor_time(host, target, ended)  # not counted: it fills caches
        found = []
        for number in range(pairs):
            turns = (plain, billed) if number % 2 else (billed, plain)
            times = {host: _processor_time(host, target, ended) for host in turns}
            found.append((times[plain], times[billed]))
    chance = random.Random(pairs)  # noqa: S311 - the same data give the same interval
    ratios = sorted(_ratio(chance.choices(found, k=pairs)) for _ in range(_RESAMPLES))
    return Cost(_ratio(found), ratios[int(0.025 * _RESAMPLES)], ratios[int(0.975 * _RESAMPLES)], pairs)


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """Compare within pairs, for what disturbs one of a pair mostly disturbs the other too."""
    more = statistics.median(billed - plain for plain, billed in pairs)
    return 1 + more / statistics.median(plain for plain, _ in pairs)


def _processor_time(host: CgiApplication, target: Target, ended: Ended) -> float:
    """Make a request; return the processor time that it took."""
    before = _used()
    ask(host, target, environ_of(target))
    ended.get(timeout=END_SECONDS)
    return _used() - before


def _used() -> float:
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)
