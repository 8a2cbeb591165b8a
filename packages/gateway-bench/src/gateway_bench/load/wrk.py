"""wrk as the engine of capacity: C, and light enough to saturate what locust cannot.

wrk checks the status of each answer and nothing of its content; the bench checks the content of one answer
before and of one after each repeat. A Lua script makes wrk print its figures as JSON instead of rounded text.
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
from gateway_bench.load.job import Yield
from gateway_bench.load.latency import Latency
from gateway_bench.samples.cores import on_core

__all__ = ["drive_wrk", "find_wrk"]

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
    output = _output(process, whole + PATIENCE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    last = output.strip().rpartition("\n")[2]
    if process.returncode != 0 or not last.startswith("{"):
        raise LoadFailed(f"wrk ended with exit code {process.returncode}", output)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return read_wrk(json.loads(last), used)


def _output(process: subprocess.Popen[str], limit: float) -> str:
    """Wait for the end of wrk and return what it printed. Raises LoadFailed after `limit` seconds."""
    deadline = time.monotonic() + limit
    with process:
        try:
            while True:
                try:
                    return process.communicate(timeout=interrupts.STEP)[0]
                except subprocess.TimeoutExpired:
                    interrupts.check()
                if time.monotonic() > deadline:
                    raise LoadFailed(f"wrk did not end within {limit:.0f} s")
        finally:
            process.kill()


def read_wrk(told: dict[str, Any], generator_cpu: float) -> Yield:
    """Turn the script's JSON into what the load process would have answered."""
    errors = {kind: int(told["errors"][kind]) for kind in sorted(told["errors"]) if told["errors"][kind]}
    right = int(told["requests"]) - errors.get("status", 0)
    latency = Latency(
        count=right,
        p50=round(told["p50"]),
        p90=round(told["p90"]),
        p99=round(told["p99"]),
        max=round(told["max"]),
        histogram="",
    )
    lost = sum(number for kind, number in errors.items() if kind != "status")
    return {
        "seconds": told["duration_us"] / 1e6,
        "requests": int(told["requests"]) + lost,
        "errors": errors,
        "content_bytes": int(told["bytes"]),
        "latency": latency,
        "exchanges": {},
        "generator_cpu": generator_cpu,
    }
