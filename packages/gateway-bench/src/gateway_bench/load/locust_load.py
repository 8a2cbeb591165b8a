"""The load generator, a process of its own: `python -m gateway_bench.load.locust_load`.

The lines that it exchanges with whoever started it are those of `gateway_bench.load.job`.
"""

from __future__ import annotations

# isort: split
import locust  # first: it replaces blocking calls, and must do so before anybody else takes hold of them

# isort: split
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from gevent.event import Event
from locust.env import Environment

from gateway_bench.load.address import parse_address
from gateway_bench.load.job import Job, Yield, lasting
from gateway_bench.load.latency import Latencies
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.users import USER_CLASSES, GatewayUser

__all__ = ["main"]


class Tally:
    """Counts what happens during one stretch of load, as a listener of locust's request event."""

    def __init__(self) -> None:
        self.requests = 0
        self.errors: Counter[str] = Counter()
        self.content_bytes = 0
        self.latencies = Latencies()

    def __call__(
        self, name: str, response_time: float, response_length: int, exception: Exception | None, **_: Any
    ) -> None:
        """Count one request; its latency too, if the answer was right."""
        self.requests += 1
        if exception is not None:
            self.errors[str(exception)] += 1
            return
        self.content_bytes += response_length
        self.latencies.record(name, round(response_time * 1000))


class Gate:
    """Where visitors are held between two stretches of load."""

    def __init__(self, visitors: int) -> None:
        self._visitors = visitors
        self._held = 0
        self._all_held = Event()
        self._opened = Event()
        self._lasts: Callable[[], bool] = lambda: False

    def enter(self) -> None:
        """Return while a stretch lasts; else wait for the next one."""
        while not self._lasts():
            self._held += 1
            if self._held == self._visitors:
                self._all_held.set()
            self._opened.wait()

    def open(self, lasts: Callable[[], bool]) -> None:
        """Let the visitors run as long as `lasts()`, and return when the last of them is back."""
        self._all_held.wait()
        self._held, self._lasts = 0, lasts
        opened, self._opened, self._all_held = self._opened, Event(), Event()
        opened.set()
        self._all_held.wait()


def drive(job: Job, wait_for_go: Callable[[], None]) -> Yield:
    """Warm up, wait, and load; return what was counted after the wait."""
    gate = Gate(job["users"])
    environment = Environment(user_classes=[_user_class(job, gate)], host=job["address"])
    runner = environment.create_local_runner()
    # The tally replaces locust's statistics: one histogram is enough, and the generator is to be light.
    runner.environment.events.request._handlers.clear()  # noqa: SLF001  # locust offers no way to ask for none
    try:
        runner.start(job["users"], spawn_rate=job["users"])
        gate.open(lasting(job["warmup"], lambda: True, job["warmup"]))
        wait_for_go()
        return _measure(job, environment, gate)
    finally:
        runner.quit()


def _measure(job: Job, environment: Environment, gate: Gate) -> Yield:
    tally = Tally()
    environment.events.request.add_listener(tally)  # type: ignore[no-untyped-call]  # locust's own gap
    began, cpu = time.perf_counter(), time.process_time()
    gate.open(lasting(job["seconds"], lambda: tally.requests >= job["min_requests"], job["max_seconds"]))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    return Yield(
        seconds=seconds,
        requests=tally.requests,
        errors=dict(sorted(tally.errors.items())),
        content_bytes=tally.content_bytes,
        latency=tally.latencies.together(),
        exchanges=tally.latencies.by_name(),
        generator_cpu=used,
    )


def _user_class(job: Job, gate: Gate) -> type[GatewayUser]:
    spoken = USER_CLASSES[parse_address(job["address"]).scheme]

    class Held(spoken):  # type: ignore[misc, valid-type]  # one of four classes, known only now
        abstract = False
        scenario = SCENARIOS[job["scenario"]]
        keep_alive = job["keep_alive"]

        def before_visit(self) -> None:
            gate.enter()

    return Held


def main() -> int:
    """Do one job. Exit code 1 when whoever started it has gone."""
    logging.getLogger("locust").setLevel(logging.ERROR)
    job: Job = json.loads(sys.stdin.readline())

    def wait_for_go() -> None:
        print(json.dumps({"phase": "warm"}), flush=True)
        if not sys.stdin.readline():
            raise SystemExit(1)

    print(json.dumps(drive(job, wait_for_go)), flush=True)
    return 0


if __name__ == "__main__":
    assert locust.__version__
    sys.exit(main())
