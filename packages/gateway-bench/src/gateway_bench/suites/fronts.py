"""The suite `fronts`: what stands before a backend, what it costs itself, and what it makes the backend cost."""

from __future__ import annotations

from gateway_bench.report import charts_fronts
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="fronts",
    question="What does a front cost? nginx, Apache, lighttpd, HAProxy, Caddy and ours, before each protocol.",
    title="What stands before a server, and what it costs",
    table="fronts.toml",
    scenarios=("hello",),
    waits=("hello",),
    full=Pace(users=32, warmup=0.5, seconds=1.2, repeats=3, latency=0.5),
    quick=Pace(users=32, warmup=0.3, seconds=0.4, repeats=1),
    pinned=True,
    charts={
        "cpu": charts_fronts.fronts_cpu,
        "memory": charts_fronts.fronts_memory,
        "latency": charts_fronts.fronts_latency,
    },
    captions={
        "cpu": "The backend has a processor to itself; the front shares the other with the generator. A front that is "
        "cheaper than the backend is not kept busy: it wakes up more often, and for fewer requests at a time, than it "
        "would at its own limit.",
        "memory": "All have room for 1,024 connections. Pages that several processes share are counted once, divided "
        "among them.",
        "latency": "A visit at a set rate costs the generator far more than the front, and both have one processor: "
        "what differs from row to row is the front's, what is alike in all is not.",
    },
    findings=(
        charts_fronts.fronts_finding,
        charts_fronts.kept_finding,
        charts_fronts.direct_finding,
        charts_fronts.memory_finding,
    ),
    kept=("cpu",),
)
