"""The load generator, a process of its own: `python -m gateway_bench.load.locust_load`.

The lines that it exchanges with whoever started it are those of `gateway_bench.load.job`. Its visitors stand at a gate
between two stretches of load; within one, a *turn* tells each when its next visit is due: at once (closed loop), or
when `gateway_bench.load.schedule` intends it (open loop).
"""

from __future__ import annotations

from gateway_bench.load.timers import MOST_VISITORS, sharpen  # first: it says how gevent is to wait

# isort: split
import locust  # then this: it replaces blocking calls, and must do so before anybody else takes hold of them

# isort: split
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable

import gevent
from gevent.event import Event
from locust.env import Environment

from gateway_bench.errors import BenchError
from gateway_bench.load.address import parse_address
from gateway_bench.load.job import Job, Warmup, Yield, lasting, serve_jobs
from gateway_bench.load.latency import Latencies
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.schedule import Schedule
from gateway_bench.load.spent import Spending
from gateway_bench.load.users import USER_CLASSES, GatewayUser
from gateway_bench.load.visitor import Failure
from gateway_bench.load.warming import Warming, no_warmup

__all__ = ["drive", "main"]

Turn = Callable[[], "int | None"]
"""Returns when the next visit is due, in nanoseconds of `time.perf_counter_ns`; None when the stretch is over."""
LATE = "late"


class Tally:
    """Counts what happens during one stretch of load."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        self.requests = 0
        self.errors: Counter[str] = Counter()
        self.content_bytes = 0
        self.latencies = Latencies()
        self.lateness = Latencies()
        self._timeline = schedule.timeline if schedule else None

    def count(self, name: str, began: int, ended: int, size: int, failure: Failure | None) -> None:
        """Count one request; its latency too, if the answer was right."""
        self.requests += 1
        if failure is not None:
            self.errors[failure.kind] += 1
            if self._timeline:
                self._timeline.failed(ended)
            return
        self.content_bytes += size
        microseconds = (ended - began) // 1000
        self.latencies.record(name, microseconds)
        if self._timeline:
            self._timeline.answered(ended, microseconds)

    def late(self, nanoseconds: int) -> None:
        """Count by how much a visitor that was free in time began its visit late."""
        self.lateness.record(LATE, nanoseconds // 1000)


class Gate:
    """Where visitors are held between two stretches of load."""

    def __init__(self, visitors: int) -> None:
        self._visitors = visitors
        self._held = 0
        self._all_held = Event()
        self._opened = Event()
        self._turn: Turn = lambda: None
        self.tally = Tally()

    def enter(self) -> int:
        """Return when the visit is due that is to be made now; while there is none, wait for the next stretch."""
        while True:
            due = self._turn()
            if due is not None:
                return self._wait(due)
            self._held += 1
            if self._held == self._visitors:
                self._all_held.set()
            self._opened.wait()

    def settle(self) -> None:
        """Return when all visitors are held."""
        self._all_held.wait()

    def open(self, turn: Turn, tally: Tally) -> None:
        """Let the held visitors run while `turn` gives them visits, and return when the last of them is back."""
        self._held, self._turn, self.tally = 0, turn, tally
        opened, self._opened = self._opened, Event()
        self._all_held.clear()
        opened.set()
        self._all_held.wait()

    def _wait(self, due: int) -> int:
        wait = due - time.perf_counter_ns()
        if wait > 0:
            gevent.sleep(wait / 1e9)
            self.tally.late(time.perf_counter_ns() - due)
        return due


def drive(job: Job, wait_for_go: Callable[[], None]) -> Yield:
    """Warm up, wait, and load; return what was counted after the wait. Raises BenchError."""
    if not 0 < job["users"] <= MOST_VISITORS:
        raise BenchError(f"a load process of locust has 1 to {MOST_VISITORS} visitors, not {job['users']}")
    sharpen()
    gate = Gate(job["users"])
    environment = Environment(user_classes=[_user_class(job, gate)], host=job["address"])
    runner = environment.create_local_runner()
    try:
        runner.start(job["users"], spawn_rate=job["users"])
        gate.settle()
        warmup = _warm_up(job, gate)
        wait_for_go()
        told = _measure(job, gate, warmup)
        for stumble in runner.exceptions.values():  # locust notes them and goes on, and the visit would not be counted
            print(stumble["traceback"], file=sys.stderr)
            raise RuntimeError(f"a visitor stumbled: {stumble['msg']}")
        return told
    finally:
        runner.quit()


def _warm_up(job: Job, gate: Gate) -> Warmup:
    if not job["warmup"]:
        return no_warmup()
    tally = Tally()
    warming = Warming(job["warmup"], lambda: tally.requests, least=job.get("least_warmup", 0.0))
    gate.open(_closed(warming.lasts), tally)
    return warming.told()


def _measure(job: Job, gate: Gate, warmup: Warmup) -> Yield:
    """Make one stretch, closed or open."""
    each = len(SCENARIOS[job["scenario"]].visit("0"))
    schedule = Schedule(job, each) if _is_open(job) else None
    tally = Tally(schedule)
    began, spending = time.perf_counter(), Spending()
    if schedule:
        gate.open(schedule.next, tally)
    else:
        enough = lasting(job["seconds"], lambda: tally.requests >= job["min_requests"], job["max_seconds"])
        gate.open(_closed(enough), tally)
    seconds, used, waited = time.perf_counter() - began, spending.cpu(), spending.waited()
    if schedule and schedule.unanswered:
        tally.requests += schedule.unanswered
        tally.errors["unanswered"] += schedule.unanswered
    return Yield(
        seconds=schedule.span() if schedule else seconds,
        requests=tally.requests,
        errors=dict(sorted(tally.errors.items())),
        content_bytes=tally.content_bytes,
        latency=tally.latencies.together(),
        exchanges=tally.latencies.by_name(),
        generator_cpu=used,
        generator_wait=waited,
        warmup=warmup,
        lateness=tally.lateness.together() if schedule else None,
        timeline=schedule.timeline.moments() if schedule and schedule.timeline else [],
    )


def _closed(lasts: Callable[[], bool]) -> Turn:
    return lambda: time.perf_counter_ns() if lasts() else None


def _is_open(job: Job) -> bool:
    return bool(job.get("rate") or job.get("shape"))


def _user_class(job: Job, gate: Gate) -> type[GatewayUser]:
    spoken = USER_CLASSES[parse_address(job["address"]).scheme]

    class Held(spoken):  # type: ignore[misc, valid-type]  # one of four classes, known only now
        abstract = False
        scenario = SCENARIOS[job["scenario"]]
        keep_alive = job["keep_alive"]
        # In an open loop the schedule bounds the rate, and a visitor that rests would only keep others waiting.
        back_off = 0.0 if _is_open(job) else spoken.back_off

        def before_visit(self) -> int:
            return gate.enter()

        def count(self, name: str, began: int, ended: int, size: int, failure: Failure | None) -> None:
            # The tally replaces locust's statistics: one histogram is enough, and the generator is to be light.
            gate.tally.count(name, began, ended, size, failure)

    return Held


def main() -> int:
    """Do the jobs that come on the standard input."""
    logging.getLogger("locust").setLevel(logging.CRITICAL)  # what matters is said in our own words
    return serve_jobs(drive, sys.stdin.readline)


if __name__ == "__main__":
    assert locust.__version__
    sys.exit(main())
