"""The crowd as a process of its own, which speaks as `gateway_bench.load.job` says."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable

from gateway_bench.load.address import parse_address
from gateway_bench.load.crowd import Crowd
from gateway_bench.load.job import Job, Yield, lasting
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.tally import Tally

__all__ = ["drive", "main"]


def drive(job: Job, wait_for_go: Callable[[], None], stopped: Callable[[], bool] = lambda: False) -> Yield:
    """Warm up, wait, and load; return what was counted after the wait. `stopped()` ends it before its time."""
    crowd = Crowd(
        parse_address(job["address"]),
        SCENARIOS[job["scenario"]],
        job["users"],
        keep_alive=job["keep_alive"],
        pause=job.get("pause", 0.0),
        retry=job.get("retry", False),
    )
    try:
        crowd.run(lasting(job["warmup"], lambda: True, job["warmup"]))
        wait_for_go()
        return _measure(job, crowd, stopped)
    finally:
        crowd.close()


def _measure(job: Job, crowd: Crowd, stopped: Callable[[], bool]) -> Yield:
    tally, most = Tally(), job.get("max_visits")
    in_time = lasting(job["seconds"], lambda: tally.requests >= job["min_requests"], job["max_seconds"])

    def lasts() -> bool:
        return in_time() and not stopped() and (most is None or tally.visits < most)

    began, cpu = time.monotonic(), time.process_time()
    crowd.run(lasts, tally)
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    latencies = tally.latencies()
    return Yield(
        seconds=tally.requests / tally.rate if tally.rate else seconds,
        requests=tally.requests,
        errors=dict(sorted(tally.errors.items())),
        content_bytes=tally.content_bytes,
        latency=latencies.together(),
        exchanges=latencies.by_name(),
        generator_cpu=used,
        connections=tally.connections,
    )


def main() -> int:
    """Do one job. Exit code 1 when whoever started it has gone."""
    job: Job = json.loads(sys.stdin.readline())
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.readline()  # "stop", or the end of whoever started us
        stop.set()

    def wait_for_go() -> None:
        print(json.dumps({"phase": "warm"}), flush=True)
        if not sys.stdin.readline():
            raise SystemExit(1)
        threading.Thread(target=listen, name="stop", daemon=True).start()

    print(json.dumps(drive(job, wait_for_go, stop.is_set)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
