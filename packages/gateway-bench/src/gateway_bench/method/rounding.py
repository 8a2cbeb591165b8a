"""The same latencies as two kinds of statistics keep them: HDR histograms, and locust's own.

locust keeps whole milliseconds (and from 100 on two significant digits). Its own class does the rounding here; the
latencies that it is given are those of the histogram, which below 2 ms keeps every microsecond.
"""

from __future__ import annotations

import json
import subprocess
import sys

from gateway_bench.errors import ProofFailed
from gateway_bench.load.latency import counted
from gateway_bench.method.asking import asked, generator, sound, warmup_of
from gateway_bench.proofs.ground import Findings, Ground

__all__ = ["prove"]

RATE = 500.0
"""Visits a second."""
SECONDS, QUICK_SECONDS = 8.0, 0.5
USERS = 32
LIMIT = 30.0
"""Seconds for the process that rounds, most of which are locust's import."""


def prove(ground: Ground) -> Findings:
    """Return how many different values each of them has, their medians, and how much is 0 or 1 to locust."""
    found = Findings()
    ground.doing("rounding: hello, at a rate")
    with ground.server("--workers", "1") as running, generator() as load:
        told = sound(asked(load, running.address, users=USERS, rate=RATE, seed=5, warmup=warmup_of(ground),
                           seconds=QUICK_SECONDS if ground.quick else SECONDS))  # fmt: skip
    latency = told["latency"]
    exact = counted(latency)
    rounded = _rounded(exact)
    found.readings.append({"kept": "hdr", "count": latency["count"], "histogram": latency["histogram"]})
    found.readings += [{"kept": "locust", "ms": milliseconds, "count": count} for milliseconds, count in rounded]
    least = sum(count for milliseconds, count in rounded if milliseconds <= 1)
    found.add("values-hdr", len(exact), "", "different values in the HDR histogram")
    found.add("values-locust", len(rounded), "", "different values that locust keeps of them")
    found.add("p50-hdr", latency["p50"], "us", "half are quicker, by the HDR histogram")
    found.add("p50-locust", 1e3 * _median(rounded), "us", "half are quicker, by what locust keeps")
    found.add("zero-or-one", least / latency["count"], "", "part of them that locust keeps as 0 or 1 ms")
    return found


def _rounded(exact: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return (milliseconds, count) as locust keeps them. Raises ProofFailed."""
    command = [sys.executable, "-m", "gateway_bench.method.rounded"]
    done = subprocess.run(command, input=json.dumps(exact), capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        raise ProofFailed("locust's statistics could not be asked", done.stderr)
    return [(int(milliseconds), int(count)) for milliseconds, count in json.loads(done.stdout)]


def _median(counts: list[tuple[int, int]]) -> int:
    half, passed = sum(count for _, count in counts) / 2, 0
    for value, count in counts:
        passed += count
        if passed >= half:
            return value
    return 0
