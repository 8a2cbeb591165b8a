"""The suite `targets`: servers that somebody else runs, here or elsewhere (`--target`). They are only asked."""

from __future__ import annotations

from gateway_bench.report import charts_evolution, findings
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="targets",
    question="How do servers answer that somebody else runs? Those named by --target.",
    title="Servers elsewhere: what they answer, and how long that takes",
    table="",
    scenarios=("hello", "page", "journey", "guestbook"),
    usual=("hello",),
    waits=("hello", "page", "journey", "guestbook"),
    full=Pace(users=16, warmup=3.0, seconds=3.0, repeats=5, latency=3.0),
    quick=Pace(users=16, warmup=1.0, seconds=1.0, repeats=1, latency=1.0),
    alike=True,
    strict=True,
    charts={"throughput": charts_evolution.throughput, "latency": charts_evolution.latency},
    captions={
        "throughput": "Where bars are hatched, it shows the load generator.",
        "latency": "Visitors come at a set rate, half of what the server can do, whether it keeps up or not; their "
        "wait counts from the moment they came.",
    },
    findings=(findings.throughput_finding, findings.latency_finding),
)
