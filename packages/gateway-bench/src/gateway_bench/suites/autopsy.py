"""The suite `autopsy`: how uWSGI came last in the comparison of WSGI servers that is quoted most.

*What was said.* In May 2016 a comparison of six servers gave uWSGI 3.5 requests a second over 100 connections and 36
over 1,000, beside 61,000 and 97,000 of the winner (`gateway_bench.report.figures_2016` has the source).

*What was asked.* wrk speaks HTTP/1.1 and keeps its connections. uWSGI was started with `--http`, which puts a router
before the workers, and the router keeps no connection unless it is told to (`--http-keepalive`). It does not announce
that with `Connection: close` either, so a client has to take the connection for a kept one.

*What came back.* In 30 seconds each connection carried hardly more than one answer, whatever their number: the requests
a second are that number divided by 30. The raw logs add up to the last request: 115 over 100 connections, of which 15
were reset and made anew; 1,074 over 1,000, of which 74 were. The wrk of the time did not notice an orderly close, and
waited on a connection that was no more. The mean latency beside the figure, 8 ms, belongs to those that were answered:
by it, 100 visitors would have been good for 12,000 a second. The errors were published in a file and in no chart.

*Whose fault?* Nobody's alone. With the flag the router keeps connections, and the wrk of then and now agree. Without it
each answer is a close that no field announces, and then it depends on the client: today's wrk connects again, and
counts an error for each answer; `benchmarks/deaf_client.py`, which is as deaf as the wrk of 2015 was, gets one answer a
connection out of today's uWSGI too, as out of that of 2015.

*What a harness should have shown.* Errors beside the figure and no rank with them; how many visitors were being served;
connections opened for each answer. That is what the charts of this suite are.

*What this suite repeats* is the setting, with the versions of today: the same options, load and number of connections,
with the flag and without, and every other form of HTTP that uWSGI has. The row `--http11-socket` is another trap of the
kind: each kept connection has a thread to itself, so that four threads serve four visitors, and the others wait; wrk
does not count what it waits for.
"""

from __future__ import annotations

from gateway_bench.report import charts_autopsy
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="autopsy",
    question="How did uWSGI come last in 2016? One flag, with and without, under connections that are kept.",
    title="Autopsy of a comparison: one flag, and what a harness should have shown",
    table="autopsy.toml",
    scenarios=("hello", "checked", "deaf"),
    full=Pace(users=100, warmup=0.6, seconds=2.0, repeats=3),
    quick=Pace(users=100, warmup=0.3, seconds=1.0, repeats=1),
    pinned=True,
    charts={"answers": charts_autopsy.draw_answers, "published": charts_autopsy.draw_2016},
    captions={
        "answers": "A bar is what was asked for a second: its solid part came back right. wrk asks again at once over "
        "a connection that has just been closed, so it loses as many requests as it makes connections; the crowd rests "
        "for a twentieth of a second after a failure, as not to count the same one again and again. The last "
        "client does not notice a close, and waits.",
        "published": "K. Goldberg, A Performance Analysis of Python WSGI Servers: Part 2, AppDynamics, 11 May 2016, "
        "with the figures of its repository. The broken line is one answer for each connection in the 30 seconds of "
        "a run.",
    },
    findings=(
        charts_autopsy.flag_finding,
        charts_autopsy.deaf_finding,
        charts_autopsy.again_finding,
        charts_autopsy.today_finding,
        charts_autopsy.little_finding,
        charts_autopsy.ranks_finding,
        charts_autopsy.published_finding,
        charts_autopsy.cause_finding,
    ),
    kept=("answers", "published"),
)
