"""The suite `peers`: our WSGI server beside others, one core for the server and one for the generator."""

from __future__ import annotations

from gateway_bench.report import charts_peers, findings
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="peers",
    question="How does our WSGI server compare with others? One worker each; with what else answers HTTP, too.",
    title="Our WSGI server beside others: what each request costs",
    table="peers.toml",
    scenarios=("hello", "page", "sleep", "mixed"),
    usual=("hello", "sleep", "mixed"),  # page is as hello, at length
    waits=("hello",),
    full=Pace(users=32, warmup=1.0, seconds=2.0, repeats=5, latency=1.5),
    quick=Pace(users=32, warmup=1.0, seconds=1.0, repeats=1),
    pinned=True,
    charts={
        "throughput": charts_peers.throughput,
        "goals": charts_peers.goals,
        "cpu": charts_peers.cpu,
        "slow": charts_peers.slow,
        "latency": charts_peers.latency,
        "memory": charts_peers.memory,
    },
    captions={
        "throughput": "The server has one core to itself and the generator another. All bars are of the same run, the "
        "servers taking turns. Compare within a group: what the groups do for a request is not the same.",
        "goals": "Ratios are taken round by round, where the two runs lie seconds apart. Where a peer is here with "
        "several settings, the best of them counts.",
        "cpu": "What one request takes of a core, whatever the generator could have asked for.",
        "slow": "An application that waits, as for a database: what counts is how many requests can wait at once. Each "
        "of these servers has a thread, or its like, for every connection.",
        "latency": "Visitors come at a set rate, whether the server keeps up or not; their wait counts from the moment "
        "they came.",
        "memory": "Pages that several processes share are counted once, divided among them.",
    },
    findings=(charts_peers.peers_finding, findings.goals_finding),
    kept=("throughput", "goals", "cpu"),
)
