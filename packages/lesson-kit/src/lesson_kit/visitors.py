"""Visitors who ask a gateway again and again, in a process of their own: the bench's crowd.

::

    with Visitors() as visitors:
        told = visitors.ask(server.url, "/sleep?ms=20", seconds=0.5, users=8)
        print(told["requests"] / told["seconds"], "requests a second")

A target with `{n}` in it is asked for with the numbers 0 to 99 in turn, and the answer must contain the number. Every
answer is checked: a wrong one is no answer, and raises LabError. What the bench says of a stretch of load is
`gateway_bench.load.job.Yield`. The kernel itself makes no load: it would share its time with the notebook.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from gateway_bench.errors import BenchError
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Job, Yield
from gateway_lab.errors import LabError

__all__ = ["Visitors"]

CROWD = "gateway_bench.load.crowd_load"
MOST_SECONDS = 20.0
"""A stretch ends then, however few answers have come: a machine may be slow, and the learner waits."""


class Visitors:
    """A load process for the length of a block."""

    def __init__(self) -> None:
        self._load = LoadProcess(CROWD)

    def __enter__(self) -> Self:
        """Start it."""
        self._load.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._load.close()

    def ask(
        self,
        url: str,
        target: str,
        *,
        seconds: float,
        users: int = 1,
        least: int = 1,
        warmup: float = 0.0,
        before: Callable[[], None] | None = None,
    ) -> Yield:
        """Let `users` visitors ask for `seconds`, and until there are `least` answers; return what came of it.

        `before` is called when the warm-up is over and nothing is under way: there a server's accounts can be read.
        Raises LabError.
        """
        job: Job = {
            "address": url, "keep_alive": True, "scenario": target, "users": users, "warmup": warmup,
            "seconds": seconds, "min_requests": least, "max_seconds": MOST_SECONDS,
        }  # fmt: skip
        try:
            self._load.prepare(job)
            self._load.warm_up()
            if before:
                before()
            told = self._load.go()
        except BenchError as error:
            raise LabError(f"The visitors could not ask {url}: {error}. Run the cell again.") from error
        if told["errors"]:
            kinds = ", ".join(f"{count} times {kind}" for kind, count in told["errors"].items())
            raise LabError(f"{url}{target} gave wrong answers ({kinds}), which are not counted: run the cell again.")
        return told
