"""A million requests: does anything stay behind of each?

Memory and descriptors are read at rest, after the first ten thousand (by then whatever is made once has been made) and
at the end. A leak of one small object a request would show as fifty MiB or more.
"""

from __future__ import annotations

import time

from gateway_bench.errors import ProofFailed
from gateway_bench.proofs.ground import Findings, Ground, Running, wait_for

__all__ = ["prove"]

USERS = 32
CALM = 0.3
"""Seconds without a change after which the server has closed what its clients closed."""
CALM_LIMIT = 10.0


def prove(ground: Ground) -> Findings:
    """Return `growth` (bytes), `descriptors` (gained), and the number of requests."""
    found = Findings()
    first, all_ = (1_000, 20_000) if ground.quick else (10_000, 1_000_000)
    done = 0
    memory, descriptors = [], []
    with ground.server() as running:
        for up_to in (first, all_):
            ground.doing(f"million: up to {up_to:,} requests")
            done += ground.load(running.address, "hello", USERS, seconds=600.0, max_visits=up_to - done)["requests"]
            descriptors.append(_at_rest(running))
            memory.append(running.resident())
            found.readings.append({"requests": done, "rss": memory[-1], "descriptors": descriptors[-1]})
    if done != all_:
        raise ProofFailed(f"{done} requests were made, not {all_}")
    found.add("growth", memory[1] - memory[0], "bytes", f"growth of memory from {first:,} requests to {all_:,}")
    found.add("descriptors", descriptors[1] - descriptors[0], "", "descriptors gained")
    found.add("requests", done, "", "requests answered")
    return found


def _at_rest(running: Running) -> int:
    """Return how many descriptors are open when that number no longer changes."""
    last, since = running.descriptors(), time.monotonic()

    def calm() -> bool:
        nonlocal last, since
        now = running.descriptors()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= CALM

    wait_for(calm, CALM_LIMIT, "the server comes to rest")
    return last
