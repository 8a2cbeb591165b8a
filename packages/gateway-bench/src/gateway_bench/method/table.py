"""The nine points of the method, in the order of `benchmarks/README.md`."""

from __future__ import annotations

from gateway_bench.proofs.run import Promise

__all__ = ["PROMISES"]

PROMISES: tuple[Promise, ...] = ()
