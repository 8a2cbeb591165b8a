"""wrk as the engine of capacity: C, and light enough to saturate what locust cannot.

wrk checks the status of each answer and nothing of its content; the bench checks the content of one answer
before and of one after each repeat. A Lua script makes wrk print its figures as JSON instead of rounded text.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_bench.cores import on_core
from gateway_bench.errors import LoadFailed
from gateway_bench.latency import Latency

if TYPE_CHECKING:
    from gateway_bench.load import Yield

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
    try:
        with on_core(core):
            done = subprocess.run(argv, capture_output=True, text=True, timeout=whole + PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LoadFailed(f"wrk failed: {error}") from error
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode != 0 or not last.startswith("{"):
        raise LoadFailed(f"wrk ended with exit code {done.returncode}", done.stdout + done.stderr)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return read_wrk(json.loads(last), used)


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
