"""One server, asked in two ways. They differ in who decides when the next request is made.

::

    closed    |--- answer ---||- answer -||------- a stall -------||- answer -|      one visitor, again and again:
                                                                                     the server decides

    open      |---|  |---|  |- - - - - a stall - - - - -|---|                        visitors at intended times:
                              |- - - - - - - - - - - - -|---|                        nobody decides, and a wait counts
                                    |- - - - - - - - - -|---|                        from the intended time

The load is made by the bench's own generator, a process of its own, which keeps each latency in an HDR histogram.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from gateway_bench.errors import BenchError
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Job, Yield
from gateway_bench.load.latency import Latency, counted, summarize
from gateway_lab.errors import LabError
from gateway_lab.servers import Server, serve
from lesson_kit.lessons.lesson_12.polling import PROGRAMS

__all__ = ["Loops", "slow", "stalling", "together"]

MOST_SECONDS = 12.0
"""A stretch ends then in any case, and with it a generator whose notebook was killed."""
OPEN_VISITORS = 128
"""More than come in a stall, so that nobody waits for a free visitor."""
SEED = 7
SLOW_US = 20_000
"""A tenth of a stall: what a machine does by itself is shorter, most of the time."""


def stalling() -> Server:
    """Return a server of the application that stalls, for a `with` block."""
    return serve("wsgi", "stalling:app", folder=PROGRAMS)


class Loops:
    """The generator, for the length of a block."""

    def __init__(self) -> None:
        self._load = LoadProcess()

    def __enter__(self) -> Self:
        """Start it."""
        self._load.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._load.close()

    def closed(self, url: str, requests: int) -> Latency:
        """Let one visitor ask so many times, again as soon as he is answered. Raises LabError."""
        return self._ask(url, users=1, seconds=0.0, min_requests=requests)["latency"]

    def open(self, url: str, rate: float, seconds: float) -> Latency:
        """Let visitors come at `rate` a second, at times that are fixed beforehand. Raises LabError."""
        return self._ask(url, users=OPEN_VISITORS, seconds=seconds, min_requests=1, rate=rate, seed=SEED)["latency"]

    def _ask(self, url: str, **fields: float) -> Yield:
        job: Job = {
            "address": url, "keep_alive": True, "scenario": "hello", "users": 1, "warmup": 0.0, "seconds": 1.0,
            "min_requests": 1, "max_seconds": MOST_SECONDS,
        }  # fmt: skip
        job.update(fields)  # type: ignore[typeddict-item]  # the two loops' own, above
        try:
            self._load.prepare(job)
            self._load.warm_up()
            told = self._load.go()
        except BenchError as error:
            raise LabError(f"{url} could not be asked: {error}. Run the cell again.") from error
        if told["errors"]:
            raise LabError(f"{url} gave wrong answers ({told['errors']}), which are not counted: run the cell again.")
        return told


def together(*parts: Latency) -> Latency:
    """Return the latencies of several runs as if they had been counted together: histograms add up."""
    return summarize(parts)


def slow(latency: Latency) -> int:
    """Return how many requests took so long that they must have met a stall."""
    return sum(count for microseconds, count in counted(latency) if microseconds >= SLOW_US)
