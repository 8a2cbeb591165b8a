"""The charts of the suite "peers": our WSGI server beside others, one core for the server, one for the generator.

`throughput`  requests a second of hello, in groups of what can fairly be compared
`goals`       ours over each peer, beside what is promised
`cpu`         server CPU for each request of hello
`slow`        requests a second of an application that waits
`latency`     how long visitors wait who come at their own pace
`memory`      of the process tree
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway_bench.record.document import Document, GatewayRecord, Ratio, Result, Verdict
from gateway_bench.report import findings
from gateway_bench.report.chart_style import Picture
from gateway_bench.report.charts_common import comparison
from gateway_bench.report.charts_goals import draw_goals
from gateway_bench.report.charts_latency import latency_curves
from gateway_bench.report.measures import MEASURES, level
from gateway_bench.report.units import figure, ratio

__all__ = ["cpu", "goals", "kind_of", "latency", "memory", "peers_finding", "slow", "throughput"]

MAIN = "hello"
OURS = "gatelab"
"""How the names of our own rows begin."""
PYTHON = ("gatelab", "gatelab-32", "waitress", "gunicorn", "cheroot", "wsgiref")
NATIVE = ("gatelab-compiled", "bjoern", "granian", "uwsgi", "mod-wsgi")
PROGRAMS = ("gatelab-cgi", "mod-cgi", "mod-cgid", "fcgiwrap", "php-cgid")
ASGI = ("gatelab-asgi", "uvicorn", "hypercorn")
ASGI_NATIVE = ("uvicorn-standard", "granian-asgi")
KINDS = {
    "a process for each request": PROGRAMS,
    "WSGI, in Python": PYTHON,
    "WSGI, compiled": NATIVE,
    "ASGI, in Python": ASGI,
    "ASGI, with compiled parts": ASGI_NATIVE,
}
OTHERS = "other interfaces and languages"


def kind_of(row: GatewayRecord) -> str:
    """Return what a row is to be compared with: a name counts, or the longest beginning of it that is known."""
    known = {name: kind for kind, names in KINDS.items() for name in names}
    words = row["name"].split("-")
    beginnings = ["-".join(words[:length]) for length in range(len(words), 0, -1)]
    if row["name"] in PROGRAMS or not row["front"]:
        return next((known[name] for name in beginnings if name in known), OTHERS)
    return f"behind {row['front']}"


def peers_finding(document: Document) -> str:
    """Say how our server compares in requests a second with the next slower and the next faster of the others.

    Nobody is called slower or faster within the band of chance, with errors, or where the generator was their limit.
    """
    compared = [row for row in document["ratios"] if _counts(row)]
    results = {(row["scenario"], row["gateway"]): row for row in findings.capacity(document)}
    able = [row for row in compared if not results[row["scenario"], row["against"]]["errors"]]
    if not able:
        kinds = {row["name"]: kind_of(row) for row in document["gateways"]}
        alike = [row for row in _main(document) if kinds[row["gateway"]] == kinds.get(OURS, "")] or _main(document)
        return findings.ranking(document, alike, MEASURES["throughput"])
    scenario, ours = able[0]["scenario"], able[0]["gateway"]
    able = [row for row in able if (row["scenario"], row["gateway"]) == (scenario, ours)]
    known = findings.labels(document)
    ties = [row for row in able if level(row, "throughput")]
    limited = [row for row in able if results[scenario, row["against"]]["lower_bound"]]
    slower = [row for row in able if _speed(row) >= 1 and row not in ties and row not in limited]
    faster = [row for row in able if _speed(row) < 1 and row not in ties and not row["lower_bound"]]
    parts = []
    if slower:
        next_ = min(slower, key=_speed)
        least = "at least " if next_["lower_bound"] else ""
        parts.append(f"{least}{figure(_speed(next_))} times as many requests a second as {known[next_['against']]}")
    if faster:
        next_ = max(faster, key=_speed)
        most = "at most " if next_ in limited else ""
        parts.append(f"{most}{figure(_speed(next_))} of those of {known[next_['against']]}")
    words = f"On one core {known[ours]} answers {', and '.join(parts)}, the next of the others" if parts else ""
    tied = f"{known[ours]} ties with {findings.listed([known[row['against']] for row in ties])}" if ties else ""
    return "; ".join(part for part in (words, tied) if part) or "No order: the generator was the limit"


def _counts(row: Ratio) -> bool:
    return row["question"] == "capacity" and not row["against"].startswith(OURS)


def _speed(row: Ratio) -> float:
    return row["throughput"]["median"]


def _main(document: Document) -> list[Result]:
    """Return the results of hello, or of the first scenario that was run."""
    names = [row["name"] for row in document["scenarios"]]
    return findings.of_scenario(document, MAIN if MAIN in names else next(iter(names), ""))


def _ours_is(document: Document, results: Sequence[Result]) -> dict[str, str]:
    """Return how our first row compares with each of the others, or our ASGI server with those beside it."""
    scenario = results[0]["scenario"]
    rows = [row for row in document["ratios"] if _counts(row) and row["scenario"] == scenario]
    mine = [row for row in rows if row["gateway"] in (rows[0]["gateway"], ASGI[0])]
    return {row["against"]: f"   ours is {ratio(_speed(row))}" for row in mine}


def _named(row: Verdict, known: dict[str, str]) -> str:
    """Return "over X" for our first row in hello, and the promise's own words for the others."""
    if (row["scenario"], row["of"]) == (MAIN, OURS):
        return f"over {known.get(row['over'], row['over'])}"
    return row["about"] if row["scenario"] == MAIN else f"{row['scenario']}: {row['about']}"


def goals(document: Document) -> Picture | None:
    """Draw each promised ratio: "over X" for our first row in hello, the promise's own words for the others."""
    known = findings.labels(document)
    return draw_goals(document, "Requests a second", lambda row: _named(row, known))


throughput = comparison("throughput", (MAIN,), title=peers_finding, grouped=kind_of, best_first=True, instead=True,
                        remarks=_ours_is)  # fmt: skip
cpu = comparison("cpu", (MAIN,), grouped=kind_of, best_first=True, instead=True)
slow = comparison("throughput", ("sleep", "mixed"), grouped=kind_of, best_first=True)
latency = latency_curves(grouped=kind_of)
memory = comparison("memory", (MAIN,), grouped=kind_of, best_first=True, instead=True)
