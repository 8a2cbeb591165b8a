"""The suite `fronts`: what stands before a backend, what it costs itself, and what it makes the backend cost."""

from __future__ import annotations

from gateway_bench.report import charts_fronts, findings_fronts
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="fronts",
    question="What does a front cost? nginx, Apache, lighttpd, HAProxy, Caddy and ours, before each protocol.",
    title="What stands before a server, and what it costs",
    table="fronts.toml",
    scenarios=("hello",),
    waits=("hello",),
    full=Pace(users=32, warmup=0.5, seconds=2.0, repeats=3, latency=0.8),
    quick=Pace(users=32, warmup=0.3, seconds=1.0, repeats=1),
    pinned=True,
    charts={
        "cpu": charts_fronts.fronts_cpu,
        "memory": charts_fronts.fronts_memory,
        "latency": charts_fronts.fronts_latency,
    },
    captions={
        "cpu": "The backend has a processor to itself; the front shares the other with the generator, and is kept "
        "busy. Behind a slow one the backend rests in between: it wakes up more often, for fewer requests at a time, "
        "and takes more for each. Two rows of nginx are the same: what lies between them is chance.",
        "memory": "Who makes room for connections beforehand makes it for 1,024. Pages that several processes share "
        "are counted once, divided among them.",
        "latency": "Visitors come at a set rate, whether the front keeps up or not; their wait counts from the moment "
        "they came. Front and generator share a processor: a part of it is the generator's, alike in all rows.",
    },
    findings=(
        findings_fronts.fronts_finding,
        findings_fronts.backend_finding,
        findings_fronts.kept_finding,
        findings_fronts.direct_finding,
        findings_fronts.memory_finding,
    ),
    kept=("cpu",),
)
