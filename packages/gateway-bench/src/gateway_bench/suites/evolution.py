"""The suite `evolution`: one program, five gateways, directly and behind a front. What does each cost?"""

from __future__ import annotations

from gateway_bench.report import charts_evolution, findings
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="evolution",
    question="What do the protocols and process models cost? Our five gateways, directly and behind a front.",
    title="Five ways to reach one program: what each request costs",
    table="gateways.toml",
    scenarios=("hello", "page", "journey", "guestbook"),
    usual=("hello", "page", "journey"),
    waits=("hello",),
    full=Pace(users=4, warmup=1.0, seconds=0.8, repeats=3, latency=1.0),
    quick=Pace(
        users=4, warmup=0.6, seconds=0.6, repeats=1, latency=0.8, least=8, most=4.0, scenarios=("hello", "page")
    ),
    alike=True,
    strict=True,
    syscalls=("cgi", "fastcgi", "scgi", "uwsgi", "wsgi"),
    charts={
        "overview": charts_evolution.overview,
        "cpu": charts_evolution.cpu,
        "split": charts_evolution.split,
        "latency": charts_evolution.latency,
        "spawned": charts_evolution.spawned,
        "switches": charts_evolution.switches,
        "calls": charts_evolution.calls,
        "memory": charts_evolution.memory,
        "queue": charts_evolution.queue,
        "throughput": charts_evolution.throughput,
    },
    captions={
        "overview": "Both panels start at zero. The left one is why persistence was invented; the right one is all "
        "that is left to argue about afterwards.",
        "cpu": "A step of the scale is a factor of ten.",
        "split": "All of them share the machine. Behind a front the generator speaks HTTP, before a gateway the "
        "protocol of that gateway: so what it takes is not the same.",
        "latency": "Visitors come at a set rate, whether the gateway keeps up or not; their wait counts from the "
        "moment they came.",
        "spawned": "Counted by the kernel where it tells of births, else by the gateway that starts them: so none is "
        "too short-lived to be seen.",
        "switches": "Each time that a thread waits, or has to make way, the system puts another in its place. Those of "
        "ended processes are told by the kernel alone, to root.",
        "calls": "What a request asks of the system, and how often. Every process is followed, those of a request too.",
        "memory": "Pages that several processes share are counted once, divided among them.",
        "queue": "Told by the scoreboard of our own servers: the part of a wait in which nobody worked.",
        "throughput": "Read this one last. Where bars are hatched, it shows the load generator.",
    },
    findings=(
        findings.headline,
        findings.spawned_finding,
        findings.latency_finding,
        findings.memory_finding,
    ),
    kept=("overview", "cpu"),
)
