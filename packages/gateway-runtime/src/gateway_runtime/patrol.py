"""What the master finds when it looks at its workers: too old, too big, stuck. Nobody tells it; the scoreboard does.

A request that takes too long costs its worker its life, in this order, so that whoever reads the log can tell why::

    the request line is logged; the worker writes where each of its threads is
    the worker takes no more connections, another takes its place
    its other requests have a short grace                    then it is killed, and what is lost with it is logged
"""

from __future__ import annotations

import time
from math import inf

from .children import Child, Stage
from .family import Family
from .log import line
from .scoreboard import MasterSlot, WorkerLine
from .settings import Settings
from .stalls import Patience, Stall
from .worker import DUMP

__all__ = ["Patrol"]

_OTHERS_GRACE = 5.0
"""Seconds that the other requests of a worker have which is to be killed: most take milliseconds. They delay nobody, as
another worker serves already; the one that took too long may hold a lock that others wait for."""

_DUMP_TIME = 1.0
"""Seconds that a worker has for its traceback, on a machine that may be busy: it takes milliseconds."""


class Patrol:
    """Looks at every worker of a family; counts what it finds."""

    def __init__(self, family: Family, settings: Settings, counts: MasterSlot) -> None:
        self._family = family
        self._patience = Patience(settings.slow_log, settings.request_timeout)
        self._counts = counts

    def look(self) -> None:
        """Look once. Whoever has lived for long enough is due, whoever is stuck is doomed."""
        now = time.monotonic()
        for child in self._family:
            if child.ready_at > now:
                continue
            if child.stage is Stage.SERVING and not child.due:
                self.make_due(child, child.span.exceeded(child.pid, now - child.started))
            if not self._patience:
                continue
            seen = self._family.line(child)
            for stall in self._patience.look(seen, now, child.stalls):
                self._stalled(child, stall, now)
            if self._can_be_killed(child, seen, now):
                self.kill(child, "for a request that took too long")

    @staticmethod
    def make_due(child: Child, why: str) -> None:
        """Have a worker replaced, if there is a reason why."""
        if why and child.stage is Stage.SERVING and not child.due:
            child.due = why
            line(f"worker {child.pid} {why}: another takes its place")

    def _stalled(self, child: Child, stall: Stall, now: float) -> None:
        what = f"worker {child.pid} has been serving {stall.request} for {stall.seconds:.1f} s"
        if stall.overdue:
            self._counts.timed_out += 1
            line(f"{what}, which is too long: it will be killed; where its threads are:")
            child.doomed_at = min(child.doomed_at, now)
            self._family.retire(child, _OTHERS_GRACE)
        else:
            self._counts.slow_requests += 1
            line(f"{what}, which is slow; where its threads are:")
        child.signal(DUMP)

    def _can_be_killed(self, child: Child, seen: WorkerLine, now: float) -> bool:
        return now - child.doomed_at > _DUMP_TIME and not self._patience.others(seen, now)

    def kill(self, child: Child, why: str) -> None:
        """End a worker at once, and say what is lost."""
        lost = self._family.under_way(child)
        connections = self._family.line(child).connections  # as of the last second
        open_too = f"; it has {connections} connections" if connections else ""
        line(f"worker {child.pid} is killed {why}; lost: {'; '.join(lost) or 'no request'}{open_too}")
        child.doomed_at = inf
        child.kill()
