"""Two workers against one, at work that takes the processor: `/cpu?ms=5`.

The generator waits while the application works, so on two processors both are the server's. Of `hello` that could not
be said: there the generator takes a processor for itself, and a second worker has none to run on.
"""

from __future__ import annotations

from statistics import median

from gateway_bench.errors import ProofFailed
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.samples.machine import usable_cores

__all__ = ["prove"]

USERS = 16
"""Enough that neither worker is ever without one, however they share them."""


def prove(ground: Ground) -> Findings:
    """Return `speedup`, the median over the rounds, and the rates."""
    if usable_cores() < 2:
        raise ProofFailed("this process may use one processor only: two workers cannot be faster")
    found = Findings()
    rates: dict[int, list[float]] = {1: [], 2: []}
    for round_ in range(1, 2 if ground.quick else 6):
        for workers in (1, 2) if round_ % 2 else (2, 1):
            ground.doing(f"workers: {workers}, round {round_}")
            with ground.server("--workers", str(workers), apart=False) as running:
                seconds = 0.5 if ground.quick else 4.0
                told = ground.load(running.address, "cpu", USERS, apart=False, warmup=0.3, seconds=seconds)
            rate = told["requests"] / told["seconds"]
            rates[workers].append(rate)
            found.readings.append({"workers": workers, "round": round_, "requests": told["requests"],
                                   "seconds": told["seconds"], "generator_cpu": told["generator_cpu"]})  # fmt: skip
    found.add(
        "speedup", median(two / one for one, two in zip(rates[1], rates[2], strict=True)), "x", "two workers over one"
    )
    for workers, values in rates.items():
        found.add(
            f"rate-{workers}", median(values), "requests/s", f"requests a second with {workers} of them, /cpu?ms=5"
        )
    return found
