"""The verdicts prove themselves on real servers: those that are alike tie, one that is dearer does not.

Twenty short runs are made of four rows: a server, the same again for the band, the same a third time, and one that
works twice as long for each request. All four servers stand ready all the time. As in a suite, each round has its
own random order and the rounds of one run lie seconds apart: the runs are made side by side, a round of each by turns.

This measures time, as few tests do. With five rounds 99 of 100 runs should have their tie, so 20 runs have 19 of them
but for 1 time in 60; what the machine does meanwhile can spoil more. So it may try three times. A rule that is wrong
fails three times.
"""

from __future__ import annotations

import os
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway_bench.load.crowd import Crowd
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.record.document import Repeat
from gateway_bench.record.ties import bands_of, ratios_of
from gateway_bench.servers.service import started

SERVER = Path(__file__).parent / "data" / "twin_server.py"
READY = re.compile(r"ready (\S+)")
WORK_US = {"first": 200, "again": 200, "third": 200, "dear": 400}
RUNS, ROUNDS, SECONDS, USERS = 20, 5, 0.015, 2
TIES, SEEN = 19, 10
"""Of the runs. That small differences are seen, where repeats vary little, is proved by simulation."""
TRIES = 3


@contextmanager
def crowds() -> Iterator[dict[str, Crowd]]:
    """A crowd before each server."""
    with ExitStack() as stack:
        found = {}
        for name, work in WORK_US.items():
            command = [sys.executable, str(SERVER), str(work)]
            _, address = stack.enter_context(started(command, READY, dict(os.environ), SERVER.parent))
            found[name] = Crowd(address, SCENARIOS["hello"], USERS)
            stack.callback(found[name].close)
        yield found


def measured(name: str, crowd: Crowd, round_: int) -> Repeat:
    """Make one measurement, with what a verdict needs of it."""
    began, visits = time.monotonic(), count()
    tally = crowd.run(lambda: next(visits) < USERS or time.monotonic() - began < SECONDS)  # some, on any machine
    assert not tally.errors
    repeat: Any = {
        "gateway": name, "scenario": "hello", "question": "capacity", "round": round_, "errors": {},
        "requests": tally.requests, "seconds": tally.requests / tally.rate, "server": None, "front": None,
        "generator": {"saturated": False}, "latency": tally.latencies().together(),
    }  # fmt: skip
    return repeat  # type: ignore[no-any-return]


def runs(crowds: dict[str, Crowd], dice: random.Random) -> list[list[Repeat]]:
    """Make twenty runs."""
    made: list[list[Repeat]] = [[] for _ in range(RUNS)]
    for round_ in range(ROUNDS):
        for run in made:
            run += [measured(name, crowds[name], round_) for name in dice.sample(list(crowds), len(crowds))]
    return made


def verdicts(repeats: list[Repeat]) -> tuple[bool, bool]:
    """Tell whether the third row ties with the first in all figures, and the dear one in none."""
    rows: Any = [{"name": name, "again": "first" if name == "again" else ""} for name in WORK_US]
    bands = bands_of(repeats, rows)
    alike, dear = ratios_of(repeats, [("hello", name, "first") for name in ("third", "dear")], bands)
    figures = {band["figure"] for band in bands}
    assert figures == {"throughput", "p50"}
    return set(alike["ties"] or ()) == figures, not dear["ties"]


def test_rows_of_one_server_tie_in_19_of_20_runs_and_a_dearer_one_does_not() -> None:
    dice, found = random.Random(20), []
    with crowds() as servers:
        for _ in range(TRIES):
            ties, seen = (sum(column) for column in zip(*map(verdicts, runs(servers, dice)), strict=True))
            found.append(f"{ties} ties, {seen} seen")
            if ties >= TIES and seen >= SEEN:
                return
    pytest.fail(f"of {RUNS} runs each: {'; '.join(found)}")
