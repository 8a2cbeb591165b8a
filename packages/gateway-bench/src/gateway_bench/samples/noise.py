"""Is this machine fit for a measurement? A probe before the run: the same small piece of work, again and again.

::

    core 0  |work|work|work|work|          |work|work|work|work|          ...
    core 1                      |work|work|                    |work|work|
              each slice timed by two clocks: the wall's, and that of the thread's own processor time

On a quiet machine all slices take the same time. They do not where others take the processor away, where it changes
its frequency, where two processors are two threads of one core and the other is busy, where a hypervisor gives it to
another guest, where a container has used up its share. The probe says how unequal they were (`spread`), and what the
system tells of the causes. Nothing is corrected for it: a run on an unfit machine is made all the same, and carries
these sentences with it.

The judgement is a function of the figures alone (`judge_noise`), and its limits are constants with their reasons.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from gateway_bench import interrupts
from gateway_bench.record.document import Noise
from gateway_bench.samples.cgroup import cpu_limit, read_text, throttled
from gateway_bench.samples.cores import on_core
from gateway_bench.samples.machine import GOVERNOR, usable_cores
from gateway_bench.samples.processes import machine_busy_seconds

__all__ = ["judge_noise", "probe"]

SECONDS = 1.5
"""Long enough for a timer tick or a background job of each second to fall into it, short enough to be always done."""
TURNS = 3
"""Times that each core has its turn: a disturbance of half a second is then seen by more than one of them."""
WORK = 20_000
"""Additions in a slice: about a millisecond, as long as what the kernel gives a thread before it looks at others."""
LEAST = 10
"""Slices, below which percentiles are those of chance; also a very slow machine makes so many."""

SPREAD_LIMIT = 0.25
"""Of the median. Where the same work differs by a quarter, so do two repeats of one server, by chance."""
OTHERS_LIMIT = 0.1
"""Of all processors: from here on a whole run is called disturbed too."""
STOLEN_LIMIT = 0.02
"""Of all processors. Time stolen is in nobody's account but in every latency, and p99 shows it first."""
LEAST_CORES = 2
"""One for the server and one for the generator."""

STAT = Path("/proc/stat")
STOLEN_FIELD = 8
"""proc_stat(5): cpu user nice system idle iowait irq softirq steal ..."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the system had counted so far, in seconds and times; None where it does not tell."""

    clock: float
    busy: float
    own: float
    stolen: float | None
    throttled: int | None


def probe(seconds: float = SECONDS) -> Noise:
    """Look at the machine for some seconds, and say whether it is fit."""
    before = _moment()
    slices = [took for core in _turns() for took in _slices(core, seconds / (TURNS * usable_cores()))]
    after = _moment()
    passed = after.clock - before.clock
    capacity = passed * (os.cpu_count() or 1)
    others = (after.busy - before.busy - (after.own - before.own)) / capacity
    stolen = _difference(before.stolen, after.stolen)
    stopped = _difference(before.throttled, after.throttled)
    tenth, median, ninetieth = _percentiles(slices)
    noise = Noise(
        seconds=round(passed, 3),
        slices=len(slices),
        slice_us=round(median * 1e6, 1),
        spread=round((ninetieth - tenth) / median, 4),
        stolen_share=None if stolen is None else round(stolen / capacity, 4),
        others_share=round(min(1.0, max(0.0, others)), 4),
        throttled=None if stopped is None else int(stopped),
        governor=read_text(GOVERNOR),
        fit=True,
        reasons=[],
    )
    noise["reasons"] = judge_noise(noise, min(usable_cores(), cpu_limit() or usable_cores()))
    noise["fit"] = not noise["reasons"]
    return noise


def judge_noise(noise: Noise, cores: float) -> list[str]:
    """Return a sentence for each reason not to trust this machine; none if it is fit.

    `cores` is how many processors' time there is for us: a container may have a limit.
    """
    reasons = []
    if cores < LEAST_CORES:
        reasons.append(f"There is the time of {cores:g} processor, which server and generator take from each other.")
    if noise["others_share"] > OTHERS_LIMIT:
        reasons.append(f"Other programs use {noise['others_share']:.0%} of the processors: end them.")
    if noise["stolen_share"] is not None and noise["stolen_share"] > STOLEN_LIMIT:
        reasons.append(f"The hypervisor gives {noise['stolen_share']:.0%} of the processors' time to other guests.")
    if noise["throttled"]:
        reasons.append(f"The container has used up its share of the processors {noise['throttled']} times: raise it.")
    if noise["spread"] > SPREAD_LIMIT:
        frequency = f" (its frequency is set by {noise['governor']!r})" if noise["governor"] else ""
        reasons.append(
            f"The same work takes times that differ by {noise['spread']:.0%}{frequency}: something slows it."
        )
    return reasons


def _turns() -> Iterator[int | None]:
    """Return each usable core, some times; None where the system cannot keep us on one."""
    if not hasattr(os, "sched_getaffinity"):
        yield from [None] * TURNS * usable_cores()
        return
    yield from sorted(os.sched_getaffinity(0)) * TURNS


def _slices(core: int | None, seconds: float) -> list[float]:
    """Work on this core for so long, and for a few slices at least; return how long each took by the clock."""
    interrupts.check()
    took: list[float] = []
    with on_core(core):
        until = time.perf_counter() + seconds
        while len(took) < LEAST or time.perf_counter() < until:
            began = time.perf_counter()
            _work()
            took.append(time.perf_counter() - began)
    return took


def _work() -> int:
    total = 0
    for number in range(WORK):
        total += number
    return total


def _percentiles(values: list[float]) -> tuple[float, float, float]:
    """Return the 10th, the 50th and the 90th."""
    tenths = quantiles(values, n=10, method="inclusive")
    return tenths[0], tenths[4], tenths[8]


def _moment() -> Moment:
    return Moment(time.monotonic(), machine_busy_seconds(), time.process_time(), _stolen_seconds(), throttled())


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _stolen_seconds() -> float | None:
    """Return the time that a hypervisor gave to others while we could have used it, of all processors together."""
    fields = read_text(STAT).partition("\n")[0].split()
    if len(fields) <= STOLEN_FIELD:
        return None
    return int(fields[STOLEN_FIELD]) / os.sysconf("SC_CLK_TCK")
