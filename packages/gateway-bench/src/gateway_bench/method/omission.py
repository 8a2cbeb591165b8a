"""A stall that a closed loop omits: a server does nothing for 200 ms at every 500th request.

One visitor who asks again and again meets each stall once: one slow answer among 500. Visitors who come at a set rate
do not stop coming meanwhile: at 400 a second 80 of 500 come in those 200 ms, and all of them wait. Both loops ask the
same server; they differ in who decides when it is asked.
"""

from __future__ import annotations

from gateway_bench.method import servers
from gateway_bench.method.asking import asked, generator, sound
from gateway_bench.proofs.ground import Findings, Ground

__all__ = ["RATE", "prove"]

RATE = 400.0
"""Visits a second."""
OPEN_USERS = 128
"""More than come in a stall, so that nobody waits for a visitor."""
OPEN_SECONDS, QUICK_OPEN = 6.0, 1.5
"""2,400 visits: enough for p99.5. A quick one has some stalls at least."""
CLOSED_REQUESTS, QUICK_CLOSED = 10_000, 1_000
"""Enough for p99.9."""


def prove(ground: Ground) -> Findings:
    """Return p50 and p99 of both loops."""
    found = Findings()
    requests, seconds = (QUICK_CLOSED, QUICK_OPEN) if ground.quick else (CLOSED_REQUESTS, OPEN_SECONDS)
    with generator() as load:
        for loop, fields in (
            ("closed", {"users": 1, "seconds": 0.0, "min_requests": requests}),
            ("open", {"users": OPEN_USERS, "seconds": seconds, "rate": RATE, "seed": 7}),
        ):
            ground.doing(f"omission: a server that stalls, in a loop that is {loop}")
            with ground.server(app="stalling", module="gateway_bench.method.servers") as running:
                told = sound(asked(load, running.address, warmup=0.1, **fields))
            latency = told["latency"]
            found.readings.append({
                "loop": loop, "requests": told["requests"], "seconds": round(told["seconds"], 3),
                "stall_us": round(1e6 * servers.STALL), "every": servers.EVERY, "histogram": latency["histogram"],
            })  # fmt: skip
            found.add(f"{loop}-p50", latency["p50"], "us", f"half wait less, in the {loop} loop")
            found.add(f"{loop}-p99", latency["p99"], "us", f"one in a hundred waits longer, in the {loop} loop")
    return found
