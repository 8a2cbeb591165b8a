"""Requests that take too long, as the scoreboard shows them: first they are slow, then they are overdue.

::

    busy for longer than     slow_after   SLOW     its worker shows what each of its threads is doing; nothing else
                             kill_after   OVERDUE  the same, and the worker is ended

Each is found once a request. What counts is the time in the application: a peer that is slow to read costs nobody a
thread, and has a time limit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from .scoreboard import WorkerLine

__all__ = ["Found", "Patience", "Stall"]

Found = set[tuple[int, float, bool]]
"""What was found of one worker: thread, since when it is busy, overdue?"""


@dataclass(frozen=True, slots=True)
class Stall:
    """A request that has just become slow, or overdue."""

    request: str
    seconds: float
    overdue: bool


@dataclass(frozen=True, slots=True)
class Patience:
    """The limits, in seconds. 0: none."""

    slow_after: float = 0.0
    kill_after: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.slow_after or self.kill_after)

    def look(self, line: WorkerLine, now: float, found: Found) -> list[Stall]:
        """Return what is new about a worker, and note it in `found`. A request that is both is overdue only."""
        stalls = []
        present: Found = set()
        for index, thread in enumerate(line.threads):
            overdue = _exceeds(self.kill_after, thread.since, now)
            if overdue or _exceeds(self.slow_after, thread.since, now):
                mark = (index, thread.since, overdue)
                present.add(mark)
                if mark not in found:
                    stalls.append(Stall(thread.request, now - thread.since, overdue))
        found.clear()
        found |= present
        return stalls

    def others(self, line: WorkerLine, now: float) -> list[str]:
        """Return the requests under way in a worker that are not overdue."""
        busy = [thread for thread in line.threads if thread.since]
        return [thread.request for thread in busy if not _exceeds(self.kill_after, thread.since, now)]


def _exceeds(limit: float, since: float, now: float) -> bool:
    return bool(limit and since and now - since > limit)
