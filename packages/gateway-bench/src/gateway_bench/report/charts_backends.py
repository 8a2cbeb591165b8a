"""The charts of the suite "backends": the same application over each protocol, one nginx before all of them.

`cpu`         CPU of the backend for each request, in the order of the table
`split`       the same beside what nginx and the generator take
`goals`       ours over each peer, beside what is promised
`throughput`  requests a second, of which nginx and the generator are mostly the limit
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway_bench.record.document import Document, Result
from gateway_bench.report import findings
from gateway_bench.report.chart_style import Picture
from gateway_bench.report.charts_common import comparison
from gateway_bench.report.charts_goals import draw_goals
from gateway_bench.report.charts_split import cpu_split
from gateway_bench.report.measures import level
from gateway_bench.report.units import duration, figure, ratio

__all__ = ["backends_finding", "cpu", "goals", "split", "throughput"]

OURS = "fastcgi"
THEIRS = {"fastcgi-uwsgi": "uWSGI", "fastcgi-flup": "flup"}


def backends_finding(document: Document) -> str:
    """Say what a request costs our FastCGI server behind nginx, and what uWSGI's."""
    costs = {row["gateway"]: findings.cpu_of(row) for row in findings.capacity(document) if not row["errors"]}
    if OURS not in costs:
        return "CPU of a backend for each request, behind nginx"
    others = []
    for row in document["ratios"]:
        if (row["gateway"], row["question"]) == (OURS, "capacity") and row["against"] in THEIRS and row["cpu"]:
            tied = level(row, "cpu")
            share = "as much as" if tied else f"{figure(row['cpu']['median'])} of what"
            others.append(f"{share} {THEIRS[row['against']]} takes{' (a tie)' if tied else ''}")
    words = f"Behind nginx a FastCGI request takes our server {duration(costs[OURS])} of CPU"
    return ", ".join((words, " and ".join(others))) if others else words


def _ours_is(document: Document, _: Sequence[Result]) -> dict[str, str]:
    """Return how our row of the same protocol compares with each of the others."""
    return {row["against"]: f"   ours is {ratio(row['cpu']['median'])}" for row in document["ratios"] if row["cpu"]}


def goals(document: Document) -> Picture | None:
    """Draw each promised ratio, under the promise's own words."""
    return draw_goals(document, "CPU a request", lambda row: row["about"])


cpu = comparison("cpu", title=backends_finding, remarks=_ours_is)
split = cpu_split()
throughput = comparison("throughput")
