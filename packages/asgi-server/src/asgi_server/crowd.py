"""The calls of the application that are under way in this process, each a task of the loop.

Thousands of them may wait at once; one at a time runs. The scoreboard has a line for each thread, so here it has one,
and what it says is which call is running now, not which ones wait. That is what a person needs to know: a call that
computes, or blocks where it should have awaited, holds up everybody else, and `--slow-log` names it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from time import monotonic
from types import TracebackType
from typing import Any

from gateway_runtime import events
from gateway_runtime.scoreboard import Slot

__all__ = ["Crowd"]


class Crowd:
    """Begins calls and counts them. When `quota` were made (0: never), `spent()` is called, once."""

    def __init__(self, slot: Slot, quota: int, spent: Callable[[], None] | None) -> None:
        self._slot = slot
        self._quota = quota
        self._spent = spent
        self._served = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, route: str, call: Coroutine[Any, Any, None]) -> None:
        """Let a call run as a task. `route` is "GET /path"."""
        if events.wanted("begin"):
            events.emit("begin", request=route)
        task = asyncio.get_running_loop().create_task(_Shown(call, self._slot, route))
        self._tasks.add(task)  # the loop itself holds tasks by weak references only
        task.add_done_callback(lambda task: self._end(route, task))

    def _end(self, route: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slot.begin(route, 0.0)
        self._slot.end()
        if events.wanted("end"):
            events.emit("end", request=route)
        self._served += 1
        if self._quota and self._served >= self._quota and self._spent is not None:
            self._quota = 0
            self._spent()

    def cancel(self) -> None:
        """End all that is left: each finds CancelledError where it waits."""
        for task in self._tasks:
            task.cancel()


class _Shown(Coroutine[Any, Any, None]):
    """A coroutine that is on the scoreboard whenever it runs."""

    __slots__ = ("_inner", "_route", "_slot")

    def __init__(self, inner: Coroutine[Any, Any, None], slot: Slot, route: str) -> None:
        self._inner = inner
        self._slot = slot
        self._route = route

    def send(self, value: Any) -> Any:
        """Run until it waits, or ends (StopIteration)."""
        self._slot.begin(self._route, monotonic())
        try:
            return self._inner.send(value)
        finally:
            self._slot.rest()

    def throw(self, error: Any, value: object = None, trace: TracebackType | None = None) -> Any:
        """Raise an exception where it waits, and run on."""
        self._slot.begin(self._route, monotonic())
        try:
            return self._inner.throw(error)
        finally:
            self._slot.rest()

    def close(self) -> None:
        """Give it up."""
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._inner.__await__()
