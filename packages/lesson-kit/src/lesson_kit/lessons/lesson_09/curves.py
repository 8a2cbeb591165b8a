"""What more workers bring: rates of three kinds of request, and what follows from them.

====== ===================================== ============================================
kind   a request                             its curve
====== ===================================== ============================================
work   needs a processor all the time        rises until every core is busy
wait   waits all the time, as for a database rises with every worker
both   needs one, and waits                  rises until every core is busy, which is later
====== ===================================== ============================================

A round is `{kind: {workers: {"rate": ..., "share": ...}}}`: right answers a second, and the part of its time for which
the generator did not rest. From nine tenths on it measures itself, and the rate is a lower bound.

Workers are counted as text, for a round is kept as JSON.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from gateway_bench.load.job import Yield
from gateway_bench.load.team import busiest
from gateway_bench.record.summary import SATURATED
from gateway_bench.samples.cgroup import cpu_limit

__all__ = [
    "APP", "PROGRAMS", "VISITORS", "WORKERS", "bounded", "case_of", "cores", "gains", "kinds", "noted",
]  # fmt: skip

PROGRAMS = Path(__file__).with_name("programs")
APP: Final = "duty:app"
WORKERS: Final = (1, 2, 4, 8, 16)
VISITORS: Final = 2
"""For each worker: one is served and one waits, so no worker is idle for want of a visitor. Many more would all begin
at once, and the first answers, which come before any queue, would count for too much in so short a time."""
WORK, WAIT = 0.004, 0.02
"""Seconds of a request: far more than the gateway itself takes, so that its own work hardly counts."""
KNEE = 8
"""Where the curve of `both` is to bend, if the machine lets us: in the middle of what is tried."""
LEAST_WAIT = 0.5
"""Of the work: with less waiting, `both` would be `work`."""
FLAT = 1.2
"""A curve that rises by less than this while its workers are doubled has bent."""

Round = Mapping[str, Mapping[str, Mapping[str, float]]]


def cores() -> float:
    """Return how many processors this notebook may use at a time: what the system gives it, and its control group."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(float(given), cpu_limit() or float(given))


def kinds() -> dict[str, tuple[float, float]]:
    """Return for each kind the seconds of work and of waiting. `both` is made so that it bends within reach."""
    return {"work": (WORK, 0.0), "wait": (0.0, WAIT), "both": (WORK, WORK * max(LEAST_WAIT, KNEE / cores() - 1))}


def noted(told: Yield) -> dict[str, float]:
    """Return what is kept of a stretch of load."""
    return {"rate": round(told["requests"] / told["seconds"], 2), "share": round(busiest(told), 3)}


def gains(rounds: Sequence[Round], kind: str) -> dict[int, list[float]]:
    """Return for each number of workers how many times the rate of one worker it had, in each round."""
    return {
        workers: [one[kind][str(workers)]["rate"] / one[kind]["1"]["rate"] for one in rounds] for workers in WORKERS
    }


def bounded(rounds: Sequence[Round], kind: str, workers: int) -> bool:
    """Tell whether the generator was the limit, in the middle one of the rounds."""
    return median(one[kind][str(workers)]["share"] for one in rounds) >= SATURATED


def case_of(rounds: Sequence[Round]) -> dict[str, Any] | None:
    """Return what the rounds say of `both`: its work and waiting, the cores that were had, and its measured knee.

    The cores are those that the workers really had: the most work that was done in a second, in seconds of work. The
    knee is where a line from nothing through one worker meets the most that was reached. None if there are no rounds.
    """
    if not rounds:
        return None
    work, wait = kinds()["both"]
    most = {kind: [max(found["rate"] for found in one[kind].values()) for one in rounds] for kind in ("work", "both")}
    last, before = (median(one["both"][str(workers)]["rate"] for one in rounds) for workers in WORKERS[:-3:-1])
    return {
        "cores": median(most["work"]) * work,
        "work": work,
        "wait": wait,
        "knee": median(rate / one["both"]["1"]["rate"] for rate, one in zip(most["both"], rounds, strict=True)),
        "bent": last < FLAT * before,
        "bounded": any(bounded(rounds, kind, workers) for kind in ("work", "both") for workers in WORKERS),
    }
