"""wrk as the engine of capacity: C, and light enough to saturate what locust cannot.

wrk checks the status of each answer and nothing of its content; the bench checks the content of one answer
before and of one after each repeat. A Lua script makes wrk print its figures as JSON instead of rounded text.

Before it prints, wrk "corrects" its latencies for coordinated omission: to an answer that took n times as long as is
usual it adds those of n - 1 requests that were never made. That is a guess, and would stand beside others' figures that
are none; latency at a rate is asked in an open loop here. wrk's rule is simple enough to be undone to the last request
(`uncorrected`), and what is recorded is what happened.

wrk itself cannot warm up until something is so. The crowd does it (`warm_up`), by the same rule as everywhere and with
as many connections: it starts in a fraction of the second that is wrk's shortest run.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Job, Warmup, Yield
from gateway_bench.load.latency import described
from gateway_bench.load.spent import waited_by
from gateway_bench.load.warming import no_warmup
from gateway_bench.samples.cores import on_core

__all__ = ["drive_wrk", "find_wrk", "read_wrk", "warm_up"]

SCRIPT = Path(__file__).with_name("wrk.lua")
PATIENCE = 30.0
"""Seconds beside the load itself before wrk is given up."""


def find_wrk() -> str | None:
    """Return the path of wrk, or None where it is not installed."""
    return shutil.which("wrk")


def drive_wrk(wrk: str, url: str, connections: int, seconds: float, core: int | None = None) -> Yield:
    """Load `url` over that many connections from one thread, on one processor if `core` names it.

    `seconds` is rounded to whole ones, as wrk wants it. Raises LoadFailed.
    """
    whole = max(1, round(seconds))
    argv = [wrk, "-t1", f"-c{connections}", f"-d{whole}s", "-s", str(SCRIPT), url]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with on_core(core):
        process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
    output, waited = _output(process, whole + PATIENCE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    last = output.strip().rpartition("\n")[2]
    if process.returncode != 0 or not last.startswith("{"):
        raise LoadFailed(f"wrk ended with exit code {process.returncode}", output)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = read_wrk(json.loads(last), connections, used)
    told["generator_wait"] = waited
    return told


def _output(process: subprocess.Popen[str], limit: float) -> tuple[str, float | None]:
    """Wait for the end of wrk; return what it printed, and for how long it stood in line for a processor.

    The latter is as it was at the last look, up to a tenth of a second before the end. Raises LoadFailed after `limit`.
    """
    deadline, waited = time.monotonic() + limit, None
    with process:
        try:
            while True:
                try:
                    return process.communicate(timeout=interrupts.STEP)[0], waited
                except subprocess.TimeoutExpired:
                    interrupts.check()
                    now = waited_by(process.pid)  # less once its thread has ended
                    waited = waited if now is None else max(now, waited or 0.0)
                if time.monotonic() > deadline:
                    raise LoadFailed(f"wrk did not end within {limit:.0f} s")
        finally:
            process.kill()


def warm_up(crowd: LoadProcess, job: Job) -> Warmup:
    """Warm up for a job that wrk will do. Raises LoadFailed."""
    crowd.prepare({**job, "rate": 0.0, "seconds": 0.0, "min_requests": 0})
    crowd.warm_up()
    return crowd.go()["warmup"]


def read_wrk(told: dict[str, Any], connections: int, generator_cpu: float) -> Yield:
    """Turn the script's JSON into what the load process would have answered.

    An answer with a wrong status is an error, and yet among the latencies: wrk does not tell them apart.
    """
    errors = {kind: int(told["errors"][kind]) for kind in sorted(told["errors"]) if told["errors"][kind]}
    requests, duration = int(told["requests"]), int(told["duration_us"])
    counts = {int(value): int(count) for value, count in told["latencies"]}
    lost = sum(number for kind, number in errors.items() if kind != "status")
    return {
        "seconds": duration / 1e6,
        "requests": requests + lost,
        "errors": errors,
        "content_bytes": int(told["bytes"]),
        "latency": described(uncorrected(counts, requests, connections, duration).items()),
        "exchanges": {},
        "generator_cpu": generator_cpu,
        "warmup": no_warmup(),
        "lateness": None,
        "timeline": [],
    }


def uncorrected(counts: dict[int, int], requests: int, connections: int, duration: int) -> dict[int, int]:
    """Take away the latencies that wrk has added, by its own rule.

    To each latency n above twice the usual one, wrk adds n - usual, n - 2 usual and so on, as long as they are above
    the usual one, which is what a connection took for a request on average. It goes from small to large, so the largest
    has nothing added to it, and from there downwards each can be freed of what larger ones gave it.
    """
    if sum(counts.values()) <= requests:
        return counts  # nothing was added
    usual = duration // (requests // connections)
    left = dict(counts)
    for latency in sorted(left, reverse=True):
        if latency <= 2 * usual:
            break
        for added in range(latency - usual, usual, -usual):
            left[added] = left.get(added, 0) - left[latency]
    return {latency: count for latency, count in left.items() if count > 0}
