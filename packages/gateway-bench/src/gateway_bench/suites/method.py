"""The suite `method`: why the bench measures as it does, shown on the machine that it stands on."""

from __future__ import annotations

from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

NONE = Pace(users=1, warmup=0.0, seconds=0.0, repeats=1)

SUITE = Suite(
    name="method",
    question="Why is it measured like this? The bench looks at itself.",
    title="Why the bench measures as it does",
    table="peers.toml",
    scenarios=(),
    full=NONE,
    quick=NONE,
    pinned=True,
    strict=True,
    charts={},
    captions={},
    findings=(),
    promises="gateway_bench.method.table",
)
