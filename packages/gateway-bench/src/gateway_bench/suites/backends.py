"""The suite `backends`: FastCGI, SCGI and uwsgi, ours and others', behind one and the same nginx."""

from __future__ import annotations

from gateway_bench.report import charts_backends, findings
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="backends",
    question="What do FastCGI, SCGI and uwsgi cost behind nginx, here and elsewhere?",
    title="Behind nginx: what each protocol and each server costs",
    table="backends.toml",
    scenarios=("hello",),
    full=Pace(users=32, warmup=1.0, seconds=3.0, repeats=3),
    quick=Pace(users=32, warmup=1.0, seconds=1.0, repeats=1),
    pinned=True,
    charts={
        "cpu": charts_backends.cpu,
        "split": charts_backends.split,
        "goals": charts_backends.goals,
        "throughput": charts_backends.throughput,
    },
    captions={
        "cpu": "Backend and nginx have a core each, the generator shares that of nginx. What nginx spends is not in "
        "the bars. Of FastCGI, “ours” is compared over kept connections, which uWSGI cannot have.",
        "split": "nginx and the generator share a core. Where those two fill it, they are the limit of the requests a "
        "second, and not the backend.",
        "goals": "Left is better: ratios of CPU a request, taken round by round, where the two runs lie seconds apart.",
        "throughput": "Read this one last. Where bars are hatched, it shows nginx and the generator.",
    },
    findings=(charts_backends.backends_finding, findings.goals_finding),
    kept=("cpu", "goals"),
)
