"""Two questions: how much can a server do, and how long do visitors wait at a rate?

One server is asked for its capacity in a closed loop, and then at parts of it in an open one. Far below it nobody waits
for more than his own request; near it the queue grows, and beyond it the wait grows for as long as visitors come. So a
wait without its rate means nothing, and one from a closed loop is that of a queue as long as there are visitors.

Whether the answers can be trusted is asked of two servers of which everything is known (`servers`): one that can do 200
requests a second, and one whose answers take 20 ms.
"""

from __future__ import annotations

from gateway_bench.errors import ProofFailed
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Yield
from gateway_bench.method import servers
from gateway_bench.method.asking import asked, generator, sound, warmup_of
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.record.document import Reading
from gateway_bench.run.measure import OPEN_MOST

__all__ = ["PARTS", "prove"]

PARTS = (0.1, 0.3, 0.5, 0.7, 0.9, 1.1)
"""Of the capacity."""
SCENARIO = "work"
"""2 ms of processor time: a server that can do less than the 1,000 visits a second that an open loop asks at most."""
CLOSED_USERS, CLOSED_SECONDS = 8, 2.0
OPEN_USERS = 128
"""More than a queue has at the end of the longest stretch, so that each finds somebody who is free."""
VISITS, SECONDS = 1_000, 2.0
"""At each rate, at least: p99 takes a thousand."""
QUICK_VISITS, QUICK_SECONDS = 20, 0.2
KNOWN_SECONDS = 1.5


def prove(ground: Ground) -> Findings:
    """Return `capacity`, p50 and p99 at each rate, and how far known figures are missed by."""
    found = Findings()
    visits, seconds = (QUICK_VISITS, QUICK_SECONDS) if ground.quick else (VISITS, SECONDS)
    with generator() as load:
        with ground.server("--workers", "1", "--threads", "1") as running:
            ground.doing("questions: capacity")
            told = sound(asked(load, running.address, scenario=SCENARIO, users=CLOSED_USERS,
                               seconds=min(CLOSED_SECONDS, 2 * seconds), warmup=warmup_of(ground)))  # fmt: skip
            capacity = told["requests"] / told["seconds"]
            found.add("capacity", capacity, "requests/s", f"in a closed loop of {CLOSED_USERS} visitors")
            found.readings.append(_reading("closed", 1.0, capacity, told))
            if capacity * PARTS[-1] > OPEN_MOST:
                raise ProofFailed(f"this machine does {SCENARIO} more often than locust can ask in an open loop")
            for number, part in enumerate(PARTS):
                shown, rate = f"{100 * part:.0f}", part * capacity
                ground.doing(f"questions: at {shown} % of capacity")
                told = sound(asked(load, running.address, scenario=SCENARIO, users=OPEN_USERS, warmup=0.1, rate=rate,
                                   seconds=seconds, min_requests=visits, seed=number))  # fmt: skip
                found.readings.append(_reading("open", part, rate, told))
                found.add(f"p50-at-{shown}", told["latency"]["p50"], "us", f"half wait less, at {shown} % of capacity")
                found.add(
                    f"p99-at-{shown}", told["latency"]["p99"], "us", f"one in a hundred waits longer, at {shown} %"
                )
        _known(ground, load, found)
    return found


def _reading(loop: str, part: float, rate: float, told: Yield) -> Reading:
    """Return a stretch as a row; `late_p99` is the generator's own error, which is in the latencies."""
    latency, late = told["latency"], told["lateness"]
    return {
        "loop": loop, "part": part, "rate": round(rate, 2), "visits": told["requests"],
        "seconds": round(told["seconds"], 3), "p50": latency["p50"], "p99": latency["p99"],
        "late_p99": late["p99"] if late else 0,
    }  # fmt: skip


def _known(ground: Ground, load: LoadProcess, found: Findings) -> None:
    """Measure what is known, and return by what part of it that is missed."""
    seconds = QUICK_SECONDS if ground.quick else KNOWN_SECONDS
    ground.doing("questions: a known capacity")
    with ground.server(app="single", module="gateway_bench.method.servers") as running:
        told = sound(asked(load, running.address, users=CLOSED_USERS, seconds=seconds, warmup=0.1))
    rate, known = told["requests"] / told["seconds"], 1 / servers.HOLD
    found.readings.append({"known": "capacity", "is": known, "found": round(rate, 3)})
    found.add("capacity_error", abs(rate / known - 1), "", f"of a server that can do {known:g} a second: part of it")
    ground.doing("questions: a known latency")
    with ground.server(app="late", module="gateway_bench.method.servers") as running:
        told = sound(asked(load, running.address, users=OPEN_USERS, seconds=seconds, warmup=0.1, rate=200.0, seed=3))
    wait, known = told["latency"]["p50"], 1e6 * servers.DELAY
    found.readings.append({"known": "latency", "is": known, "found": wait})
    found.add("latency_error", abs(wait / known - 1), "", f"of a server that takes {known / 1e3:g} ms: part of it")
