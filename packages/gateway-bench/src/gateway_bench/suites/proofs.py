"""The suite `proofs`: what we promise of our own servers. Each proof has its own load, so there is no pace."""

from __future__ import annotations

from gateway_bench.report import charts_proofs, findings
from gateway_bench.suites.suite import NO_PACE, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="proofs",
    question="Do our servers keep what they promise?",
    title="What our servers promise, and what was found",
    table="peers.toml",
    scenarios=(),
    full=NO_PACE,
    quick=NO_PACE,
    pinned=True,
    strict=True,
    charts={"idle": charts_proofs.idle_connections},
    captions={
        "idle": "Each dot is one reading. Open connections that say nothing are to cost memory, and no time.",
    },
    findings=(findings.goals_finding,),
    kept=("idle",),
    promises="gateway_bench.proofs.table",
)
