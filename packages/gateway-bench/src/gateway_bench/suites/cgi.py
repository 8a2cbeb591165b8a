"""The suite `cgi`: hosts that start a program for each request, ours and others'."""

from __future__ import annotations

from gateway_bench.report import charts_cgi, findings
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

WARMUP = 0.0
"""None: a process that is new for each request has none, and its host has answered a check."""

SUITE = Suite(
    name="cgi",
    question="What does each CGI host make of a program for each request?",
    title="A program for each request: what each CGI host makes of it",
    table="cgi.toml",
    scenarios=("sh", "python", "app"),
    full=Pace(users=4, warmup=WARMUP, seconds=2.0, repeats=3),
    quick=Pace(users=4, warmup=WARMUP, seconds=1.0, repeats=1),
    charts={
        "hello": charts_cgi.hello,
        "app": charts_cgi.app,
        "loop": charts_cgi.loop,
        "goals": charts_cgi.goals,
    },
    captions={
        "hello": "Host, programs and generator share the processors. What is left of a request is a process: its "
        "start, its end, and the output in between.",
        "app": "A step of the scale is a factor of ten. The zygote has imported the application before the first "
        "request; each of the others starts Python for every one.",
        "loop": "The loop starts and waits for the same program with the same variables, and serves nobody. Four "
        "connections and four processes: a request that takes 1 ms here may take 4 ms for its visitor.",
        "goals": "Ratios are taken round by round, where the two runs lie seconds apart.",
    },
    findings=(charts_cgi.cgi_finding, charts_cgi.zygote_finding, findings.goals_finding),
    kept=("hello", "app", "loop"),
)
