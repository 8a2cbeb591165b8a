"""The suite `method`: why the bench measures as it does, shown on the machine that it stands on.

Each point of `benchmarks/README.md` has a demonstration (`gateway_bench.method`), a chart and a sentence here; some are
promises too (`benchmarks/goals.toml`). There is no pace: each demonstration has its own load.
"""

from __future__ import annotations

from gateway_bench.report import charts_method, charts_method_scales, findings_method
from gateway_bench.suites.suite import NO_PACE, Suite

__all__ = ["SUITE"]

CHARTS = {
    "difference": charts_method.difference,
    "questions": charts_method_scales.questions,
    "omission": charts_method_scales.omission,
    "rounding": charts_method_scales.rounding,
    "suspect": charts_method.suspect,
    "cpu": charts_method.cpu,
    "chance": charts_method_scales.chance,
    "wrong": charts_method.wrong,
    "record": charts_method_scales.record,
    "kept": charts_method.kept,
}

SUITE = Suite(
    name="method",
    question="Why is it measured like this? The bench looks at itself.",
    title="Why the bench measures as it does",
    table="peers.toml",
    scenarios=(),
    full=NO_PACE,
    quick=NO_PACE,
    pinned=True,
    strict=True,
    charts=CHARTS,
    captions={
        "difference": "The same application on the same engine; locust asks in FastCGI, and in HTTP before the front.",
        "questions": "Arrivals are a Poisson process; a wait counts from the time when a visitor was meant to come.",
        "omission": "Curves end where fewer than ten requests lie beyond. In a closed loop of more visitors each of "
        "them meets a stall once: as many slow answers as there are visitors, however many would have come.",
        "rounding": "The rounding is done by locust's own class, to the same latencies. Its percentiles are taken from "
        "what is left; its averages are not rounded.",
        "suspect": "Server and generator have a core each.",
        "cpu": "A server that is asked slowly wakes for each request; one that is kept busy finds several at one look.",
        "chance": "All of it is one server process, measured again and again in random order.",
        "wrong": "Wrong answers are, by turns, one byte too short with status 200, and status 500. The crowd rests "
        "after an error, so 64 visitors ask; who counts answers here is one visitor.",
        "record": "A server that has just been started, asked by locust.",
        "kept": "Each is a run of the suite evolution, killed at a random moment after its first repeat.",
    },
    findings=(
        findings_method.difference_finding,
        findings_method.questions_finding,
        findings_method.omission_finding,
        findings_method.rounding_finding,
        findings_method.suspect_finding,
        findings_method.cpu_finding,
        findings_method.chance_finding,
        findings_method.wrong_finding,
        findings_method.record_finding,
        findings_method.kept_finding,
    ),
    kept=tuple(CHARTS),
    promises="gateway_bench.method.table",
)
