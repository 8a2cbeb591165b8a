"""The workers of a master: make, find, count and bury them. Who is to live and who is to end, others decide."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from math import inf

from . import events
from .addresses import Listener
from .children import Child, Stage, fork
from .engine import SessionFactory
from .pool import Counts, Pool
from .scoreboard import Scoreboard, State, WorkerLine
from .settings import Settings
from .signals import how_it_ended
from .worker import Worker

__all__ = ["KILL_AFTER", "Family"]

KILL_AFTER = 1.0
"""Seconds beyond a worker's own grace before it is killed: then it must be stuck."""


class Family:
    """All workers that have not died, of every generation.

    `welcome(child)` is called in the master for each new one; `forget()` in the new one, to close what is the master's.
    """

    def __init__(
        self,
        prepare: Callable[[], list[tuple[Listener, SessionFactory]]],
        settings: Settings,
        board: Scoreboard,
        welcome: Callable[[Child], None],
        forget: Callable[[], None],
    ) -> None:
        self._prepare = prepare
        self._settings = settings
        self._board = board
        self._welcome = welcome
        self._forget_master = forget
        self._children: dict[int, Child] = {}

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self._children.values()))

    def __len__(self) -> int:
        return len(self._children)

    def of(self, generation: int | None) -> list[Child]:
        """Return the workers of a generation that were not told to end."""
        return [child for child in self if child.generation == generation and not child.retiring]

    @property
    def has_room(self) -> bool:
        """Is there a place on the scoreboard for another?"""
        return len(self._children) < self._board.workers

    def spawn(self, generation: int) -> None:
        """Fork a worker. Raises OSError."""
        taken = {child.place for child in self}
        place = next(place for place in range(self._board.workers) if place not in taken)
        span = self._settings.lifetime.draw()

        def serve(control: int, status: int) -> int:
            slot = self._board.worker(place)
            return Worker(self._prepare, self._settings, slot, generation, span.requests, control, status).run()

        pid, control, status = fork(self._forget, serve)
        child = Child(pid, generation, place, control, status, time.monotonic(), span)
        self._children[pid] = child
        self._welcome(child)
        self._board.master.spawned += 1
        events.emit("spawn", pid=pid, ppid=os.getpid(), role="worker")

    def _forget(self) -> None:
        """Close the master's ends of all pipes: a worker that held another's control pipe would keep it alive."""
        self._forget_master()
        for child in self:
            child.close_control()
            child.close_status()

    def line(self, child: Child) -> WorkerLine:
        """Return what the scoreboard says of a worker."""
        return self._board.read(child.place)

    def retire(self, child: Child, grace: float | None = None) -> None:
        """Tell a worker to end, within `grace` seconds; by default those that requests under way have at the end."""
        if not child.retiring:
            self._board.worker(child.place).state = State.RETIRING
        grace = self._settings.limits.grace + KILL_AFTER if grace is None else grace
        child.retire(time.monotonic() + grace)

    def look(self, generation: int, now: float) -> None:
        """Note since when the workers of a generation have been idle."""
        for child in self.of(generation):
            if child.stage is Stage.SERVING:
                line = self.line(child)
                if any(thread.since for thread in line.threads):
                    child.idle_since = inf
                elif line.requests != child.requests or child.idle_since == inf:
                    child.idle_since = now
                child.requests = line.requests

    def counts(self, generation: int, pool: Pool, now: float, *, waiting: bool = False) -> Counts:
        """Count the workers of a generation, as the pool wants to know them; busy or idle as of the last look."""
        there = self.of(generation)
        serving = [child for child in there if child.stage is Stage.SERVING and not child.due]
        idle = [child for child in serving if child.idle_since < inf]
        return Counts(
            starting=sum(child.stage is Stage.STARTING for child in there),
            idle=len(idle),
            busy=len(serving) - len(idle),
            expired=sum(now - child.idle_since > pool.idle_timeout for child in idle),
            due=sum(bool(child.due) and not now - child.idle_since > pool.idle_timeout for child in there),
            waiting=waiting,
        )

    def reap(self) -> Iterator[tuple[int, Child | None, int]]:
        """Take leave of every child process that has died: pid, worker if it was one, code."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            yield pid, self._children.pop(pid, None), os.waitstatus_to_exitcode(status)

    def bury(self, child: Child, code: int) -> None:
        """Free what a dead worker held."""
        child.close_control()
        child.close_status()
        self._board.bury(child.place)
        events.emit("exit", pid=child.pid, ppid=os.getpid(), role="worker", code=code)

    def last_words(self, child: Child, code: int) -> str:
        """Return how a worker has ended, and what it was serving then."""
        how = how_it_ended(code)
        busy = self.under_way(child)
        return f"{how} while it served {'; '.join(busy)}" if busy else how

    def under_way(self, child: Child) -> list[str]:
        """Return the requests that a worker is serving, and for how long."""
        now = time.monotonic()
        threads = [thread for thread in self.line(child).threads if thread.since]
        return [f"{one.request}, for {max(0.0, now - one.since):.3f} s" for one in threads]
