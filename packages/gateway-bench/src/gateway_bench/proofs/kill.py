"""KILL a random worker each second: only the requests that were in flight in it may fail.

Two sides count, and know nothing of each other:

    client   each answer names the worker that gave it, so of every kept connection the crowd knows whose it is. A lost
             request is explained if its connection was the killed worker's; or, on a connection too new to have an
             answer, if that worker was killed while the request was under way
    server   the master reads the scoreboard of the dead, and its log says which requests they were serving

No worker has more connections than threads, so every request under way is being served, and the two counts agree but
for the microseconds between a socket and a line of Python.
"""

from __future__ import annotations

import os
import random
import re
import signal
import time

from gateway_bench import interrupts
from gateway_bench.load.job import Loss
from gateway_bench.proofs.ground import Findings, Ground, Running, row_of, wait_for
from gateway_bench.record.document import Reading

__all__ = ["Kill", "explained", "prove"]

WORKERS = 4
USERS = 16
THREADS = USERS
PERIOD = 1.0
"""Seconds between two kills."""
BACK_LIMIT = 30.0
"""Seconds for all workers to be back: a brake slows those that die young."""
NOTICED = 5.0
"""Seconds in which a client notices that its connection has ended, on a machine that is busy."""
EPITAPH = r"worker {pid} was killed by SIGKILL(?: while it served (.*))?; "
REQUEST = "GET /nap"

Kill = tuple[float, int]
"""When (monotonic), and which process."""


def prove(ground: Ground) -> Findings:
    """Return `unexplained`, `lost` and `in-flight`, the number of kills and of requests."""
    found = Findings()
    dice = random.Random(1)  # noqa: S311  # any order will do
    kills: list[Kill] = []
    served: list[int] = []
    options = ["--workers", str(WORKERS), "--threads", str(THREADS)]
    with (
        ground.server(*options, app="proof_app:app") as running,
        ground.crowd(running.address, "nap", USERS, warmup=0.5, seconds=600.0) as crowd,
    ):
        crowd.begin()
        for number in range(1, (3 if ground.quick else 60) + 1):
            ground.doing(f"kill: {number}")
            kills.append(_kill(running, dice))
            served.append(_in_flight(running, kills[-1][1]))
            _pause(kills[-1][0] + PERIOD)
        crowd.stop()
        told = crowd.finish()
    losses = told["connections"]["losses"]
    workers = [explained(loss, kills) for loss in losses]
    for (moment, pid), count in zip(kills, served, strict=True):
        row: Reading = {"killed": pid, "moment": moment, "in_flight": count, "lost": workers.count(pid)}
        found.readings.append(row)
    found.readings += [row_of(loss) for loss, pid in zip(losses, workers, strict=True) if pid is None]
    found.add("unexplained", workers.count(None), "", "requests lost that were in flight in no killed worker")
    found.add("lost", sum(told["errors"].values()), "", "requests lost")
    found.add("in-flight", sum(served), "", "requests that these workers were serving, by the server's account")
    found.add("kills", len(kills), "", "workers killed")
    found.add("requests", told["requests"], "", "requests made")
    return found


def explained(loss: Loss, kills: list[Kill]) -> int | None:
    """Return the killed worker in which a lost request was in flight; None if there is none."""
    for moment, pid in kills:
        noticed = moment <= loss["lost"] <= moment + NOTICED
        if noticed and (loss["worker"] == pid or (loss["worker"] == 0 and loss["began"] <= moment)):
            return pid
    return None


def _kill(running: Running, dice: random.Random) -> Kill:
    """KILL one worker, when all are there."""
    wait_for(lambda: len(running.workers()) >= WORKERS, BACK_LIMIT, "all workers are there")
    pid = dice.choice(sorted(running.workers()))
    moment = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return moment, pid


def _in_flight(running: Running, pid: int) -> int:
    """Return how many requests the log says that the dead worker was serving."""
    epitaph = re.compile(EPITAPH.format(pid=pid))
    wait_for(lambda: epitaph.search(running.service.output) is not None, BACK_LIMIT, f"the log tells of worker {pid}")
    found = epitaph.search(running.service.output)
    return (found[1] or "").count(REQUEST) if found else 0


def _pause(until: float) -> None:
    while time.monotonic() < until:
        interrupts.check()
        time.sleep(min(interrupts.STEP, max(0.0, until - time.monotonic())))
