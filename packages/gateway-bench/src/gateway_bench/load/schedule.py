"""When visits begin in an open loop: at intended times, which wait for nobody.

::

    intended    |     |  |        |    |         |  |       from a Poisson process, before the load begins
    visitor 1   |#####|           |####################     a visit, from its *intended* time to its answer
    visitor 2            |####|        |###|
    visitor 3                              ......|##|..     both others were busy: whoever is free takes the next

In a closed loop a server that stalls is asked nothing meanwhile: one slow answer is one bad figure among thousands,
although everybody who came in that time would have waited. That mistake is known as coordinated omission, because the
generator lets the server decide what is measured. Here visits are intended at times that no answer can move. A pool of
visitors takes them from one schedule, in order; each sleeps until its time and then asks. If all are busy the schedule
runs late, the wait counts, since latency is taken from the intended time, and no visit is left out. Those that the
schedule could not begin within `max_seconds` are errors, "unanswered".

The times are a Poisson process (`gateway_bench.load.shapes`), as many visitors make who know nothing of each other.
Times at equal distances would be gentler than visitors are, and would meet whatever the server does at intervals of
its own, a timer or a collection of garbage, either always or never. The seed is in the job: a run can be made again.

Where a visit has several exchanges the first is taken from the intended time. The others follow the answer before, as
a reader's next click does, and are taken from their own start.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator

from gateway_bench.load.job import Job, Moment
from gateway_bench.load.shapes import arrivals, constant

__all__ = ["Schedule", "Timeline", "intended"]

ENTRANCE = 0.02
"""Seconds from the opening of the gate to the beginning of the schedule, in which every visitor takes its place."""
WINDOW = 0.25
"""Seconds: a moment of a timeline."""
NANO = 1_000_000_000


def intended(job: Job) -> Iterator[float]:
    """Yield the times at which visits shall begin, in seconds from the start, all before `max_seconds`.

    Those of a shape end with it; at a rate they end when `seconds` have passed and `min_requests` visits are intended.
    """
    shape, seed, most = job.get("shape"), job.get("seed", 0), job["max_seconds"]
    times = arrivals(shape or constant(job.get("rate", 0.0), most), seed)
    for number, at in enumerate(times):
        if at >= most or (not shape and at >= job["seconds"] and number >= job["min_requests"]):
            return
        yield at


class Schedule:
    """The schedule of one stretch, which begins a moment from now. `each` is the number of requests of a visit."""

    def __init__(self, job: Job, each: int = 1) -> None:
        self._times = intended(job)
        self._start = time.perf_counter_ns() + round(ENTRANCE * NANO)
        self._end = self._start + round(job["max_seconds"] * NANO)
        shape = job.get("shape")
        self._span = min(shape["seconds"] if shape else job["seconds"], job["max_seconds"])
        self.unanswered = 0
        self.timeline = Timeline(self._start, each) if shape else None

    def next(self) -> int | None:
        """Return when the next visit is due (of `time.perf_counter_ns`); None when no visit is left."""
        if time.perf_counter_ns() >= self._end:
            for left in self._times:
                due = self._take(left)
                self.unanswered += 1
                if self.timeline:
                    self.timeline.failed(due)
            return None
        at = next(self._times, None)
        return None if at is None else self._take(at)

    def span(self) -> float:
        """Return how long the schedule was, in seconds."""
        return self._span

    def _take(self, at: float) -> int:
        due = self._start + round(at * NANO)
        self._span = max(self._span, at)
        if self.timeline:
            self.timeline.offer(due)
        return due


class Timeline:
    """What became of a shape, in windows: offered when it was due, answered when the answer was there."""

    def __init__(self, start: int, each: int) -> None:
        self._start = start
        self._each = each
        self._offered: Counter[int] = Counter()
        self._errors: Counter[int] = Counter()
        self._latencies: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))

    def offer(self, due: int) -> None:
        """Count a visit that is due then: all requests of it."""
        self._offered[self._window(due)] += self._each

    def answered(self, ended: int, microseconds: int) -> None:
        """Count a right answer."""
        self._latencies[self._window(ended)].append(microseconds)

    def failed(self, ended: int) -> None:
        """Count an error."""
        self._errors[self._window(ended)] += 1

    def moments(self) -> list[Moment]:
        """Return every window from the start to the last in which anything was."""
        last = max((*self._offered, *self._errors, *self._latencies), default=-1)
        return [self._moment(number) for number in range(last + 1)]

    def _window(self, moment: int) -> int:
        return max(0, int((moment - self._start) / NANO / WINDOW))

    def _moment(self, number: int) -> Moment:
        values = sorted(self._latencies.get(number, ()))
        return Moment(
            at=number * WINDOW,
            offered=self._offered[number] / WINDOW,
            answered=len(values) / WINDOW,
            p50=values[(len(values) - 1) // 2] if values else 0,
            p99=values[(len(values) - 1) * 99 // 100] if values else 0,
            errors=self._errors[number],
        )
