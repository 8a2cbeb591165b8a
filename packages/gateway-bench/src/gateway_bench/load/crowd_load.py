"""The crowd as a process of its own, which speaks as `gateway_bench.load.job` says."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable

from gateway_bench.errors import BenchError
from gateway_bench.load.address import parse_address
from gateway_bench.load.crowd import Crowd
from gateway_bench.load.job import Job, Warmup, Yield, lasting, serve_jobs
from gateway_bench.load.scenarios import scenario_named
from gateway_bench.load.spent import Spending
from gateway_bench.load.tally import Tally
from gateway_bench.load.warming import Warming, no_warmup

__all__ = ["drive", "main"]

BLOCK = 65_536


def drive(job: Job, wait_for_go: Callable[[], None], stopped: Callable[[], bool] = lambda: False) -> Yield:
    """Warm up, wait, and load; return what was counted after the wait. `stopped()` ends it before its time.

    Raises BenchError.
    """
    if job.get("rate") or job.get("shape"):
        raise BenchError("the crowd makes closed loops only; an open one, at a rate or a shape, is for locust")
    crowd = Crowd(
        parse_address(job["address"]),
        scenario_named(job["scenario"]),
        job["users"],
        keep_alive=job["keep_alive"],
        pause=job.get("pause", 0.0),
        retry=job.get("retry", False),
    )
    try:
        warmup = _warm_up(job, crowd)
        wait_for_go()
        return _measure(job, crowd, stopped, warmup)
    finally:
        crowd.close()


def _warm_up(job: Job, crowd: Crowd) -> Warmup:
    if not job["warmup"]:
        return no_warmup()
    tally = Tally()
    warming = Warming(job["warmup"], lambda: tally.requests, least=job.get("least_warmup", 0.0))
    crowd.run(warming.lasts, tally)
    return warming.told()


def _measure(job: Job, crowd: Crowd, stopped: Callable[[], bool], warmup: Warmup) -> Yield:
    tally, most = Tally(), job.get("max_visits")
    in_time = lasting(job["seconds"], lambda: tally.requests >= job["min_requests"], job["max_seconds"])

    def lasts() -> bool:
        return in_time() and not stopped() and (most is None or tally.visits < most)

    began, spending = time.monotonic(), Spending()
    crowd.run(lasts, tally)
    seconds, used, waited = time.monotonic() - began, spending.cpu(), spending.waited()
    latencies = tally.latencies()
    return Yield(
        seconds=tally.requests / tally.rate if tally.rate else seconds,
        requests=tally.requests,
        errors=dict(sorted(tally.errors.items())),
        content_bytes=tally.content_bytes,
        latency=latencies.together(),
        exchanges=latencies.by_name(),
        generator_cpu=used,
        generator_wait=waited,
        warmup=warmup,
        lateness=None,
        timeline=[],
        connections=tally.connections,
    )


def main() -> int:
    """Do the jobs that come on the standard input. While one runs, whatever comes there ends it before its time."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        pending = b""
        while block := os.read(sys.stdin.fileno(), BLOCK):  # sys.stdin would hold its lock when the process ends
            *whole, pending = (pending + block).split(b"\n")
            for line in whole:
                lines.put(line.decode() + "\n")
        lines.put("")

    threading.Thread(target=listen, name="listen", daemon=True).start()
    return serve_jobs(lambda job, wait_for_go: drive(job, wait_for_go, lambda: not lines.empty()), lines.get)


if __name__ == "__main__":
    sys.exit(main())
