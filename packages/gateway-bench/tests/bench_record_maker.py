"""For tests of the report: a record of version 2 that nobody measured, with all that one can have.

Its figures are drawn from a seeded die around a cost for each row, so one call gives one record.
"""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

from gateway_bench.load.latency import Latencies, Latency
from gateway_bench.record.document import Band, Document, GatewayRecord, Generator, Repeat, Syscalls, Usage
from gateway_bench.record.statistics import estimate
from gateway_bench.record.summary import cpu_us, results_of, throughput
from gateway_bench.record.ties import ratios_of

__all__ = ["FIVE", "made_up", "row"]

MACHINE: dict[str, str | int | float] = {
    "cpu": "A made-up processor",
    "threads": 2,
    "system": "Linux",
    "kernel": "6.12.1",
    "architecture": "x86_64",
    "implementation": "CPython",
    "python": "3.14.1",
    "memory_bytes": 4 << 30,
}
SCENARIOS = {"hello": "Hello", "page": "Page", "journey": "Journey", "sh": "sh", "app": "Application",
             "sleep": "Sleep", "mixed": "Mixed"}  # fmt: skip


def row(name: str, label: str, **more: Any) -> GatewayRecord:
    """Return a row of the record, measured and well."""
    plain: dict[str, Any] = {
        "about": "made up", "command": ["python", "-m", name], "version": "1.0", "workers": 2, "threads": 1,
        "keep_alive": True, "front": "", "again": "", "base": "", "varied": {}, "connections": None, "target": "",
        "status": "ok", "reason": "", "install": "",
    }  # fmt: skip
    return GatewayRecord(**({"name": name, "label": label} | plain | more))  # type: ignore[typeddict-item]


FIVE: dict[str, tuple[GatewayRecord, float]] = {
    one["name"]: (one, cost)
    for one, cost in (
        (row("cgi", "CGI", workers=1), 61_000.0),
        (row("fastcgi", "FastCGI"), 210.0),
        (row("scgi", "SCGI"), 262.0),
        (row("uwsgi", "uwsgi"), 258.0),
        (row("wsgi", "WSGI over HTTP"), 180.0),
        (row("fastcgi-again", "FastCGI, again", again="fastcgi"), 210.0),
        (row("cgi-behind", "CGI behind a front", front="ours"), 61_400.0),
        (row("fastcgi-behind", "FastCGI behind a front", front="ours"), 216.0),
        (row("scgi-behind", "SCGI behind a front", front="ours"), 264.0),
        (row("uwsgi-behind", "uwsgi behind a front", front="ours"), 259.0),
        (row("wsgi-behind", "HTTP behind a front", front="ours"), 187.0),
        (row("fastcgi-behind-again", "FastCGI behind a front, again", front="ours", again="fastcgi-behind"), 216.0),
    )
}
"""Rows and their costs in microseconds, as those of the suite `evolution`."""

MADE: dict[str, bytes] = {}
"""Records by what was asked for: most of the time goes into the thousands of latencies, and many tests ask the same."""


def made_up(
    rows: dict[str, tuple[GatewayRecord, float]] | None = None,
    suite: str = "evolution",
    scenarios: tuple[str, ...] = ("hello", "page"),
    repeats: int = 3,
    seed: int = 1,
    saturated: tuple[str, ...] = (),
    broken: tuple[str, ...] = (),
    requests: int = 2_000,
) -> Document:
    """Return a record. The generator of the `saturated` rows was the limit; those `broken` gave errors."""
    asked = (FIVE if rows is None else rows, suite, scenarios, repeats, seed, saturated, broken, requests)
    if (name := repr(asked)) not in MADE:
        MADE[name] = pickle.dumps(_made(*asked))
    made: Document = pickle.loads(MADE[name])
    return made


def _made(
    rows: dict[str, tuple[GatewayRecord, float]], suite: str, scenarios: tuple[str, ...], repeats: int, seed: int,
    saturated: tuple[str, ...], broken: tuple[str, ...], requests: int,
) -> Document:  # fmt: skip
    dice = random.Random(seed)
    taken: list[Repeat] = []
    for round_ in range(1, repeats + 1):
        for name, (gateway, cost) in rows.items():
            for scenario in scenarios:
                for question in ("capacity", "latency"):
                    dear = cost * (1.0 if scenario == "hello" else 1.7) * dice.gauss(1, 0.02)
                    flags = name in saturated and question == "capacity", name in broken
                    taken.append(_repeat(gateway, scenario, question, round_, dear, requests, flags, dice))
    for position, repeat in enumerate(taken, 1):
        repeat["position"] = position
    pairs = [
        (scenario, one, other) for scenario in scenarios for one in rows for other in ("fastcgi", "gatelab")
        if one != other
    ]  # fmt: skip
    return Document(
        schema_version=2,
        suite=suite,
        complete=True,
        started="2026-01-31T12:00:00+00:00",
        finished="2026-01-31T12:03:30+00:00",
        command=["python", "-m", "gateway_bench", "run", "--suite", suite],
        seed=7,
        parameters={
            "quick": repeats == 1, "engine": "locust", "users": 4, "warmup_seconds": 1.0, "seconds": 1.0,
            "latency_seconds": 1.2, "fraction": 0.5, "min_requests": 16, "max_seconds": 8.0, "repeats": repeats,
            "pinned": False, "hosts": 0,
        },
        machine=dict(MACHINE),
        versions={"matplotlib": "3.10.0", "nginx": "1.26.0"},
        source={"commit": "0123456789abcdef", "dirty": False},
        gateways=[copy.copy(gateway) for gateway, _ in rows.values()],
        scenarios=[{"name": name, "title": SCENARIOS[name], "about": f"made up: {name}"} for name in scenarios],
        noise={
            "seconds": 1.0, "slices": 400, "slice_us": 2000.0, "spread": 0.03, "stolen_share": 0.0,
            "others_share": 0.01, "throttled": 0, "governor": "performance", "fit": True, "reasons": [],
        },
        repeats=taken,
        failures=[],
        syscalls=[_syscalls(gateway, cost) for gateway, cost in rows.values() if not gateway["front"]],
        results=results_of(taken),
        bands=[band for one in rows.values() if one[0]["again"] for band in _bands(one[0], taken, scenarios)],
        ratios=ratios_of(taken, pairs),
        proofs=[],
        goals=[],
        notes=[],
    )  # fmt: skip


def _repeat(
    gateway: GatewayRecord, scenario: str, question: str, round_: int, cost: float, requests: int,
    flags: tuple[bool, bool], dice: random.Random,
) -> Repeat:  # fmt: skip
    saturated, broken = flags
    capacity = 1.6e6 / (cost + 150)
    rate = capacity if question == "capacity" else capacity / 2
    count = max(20, min(requests, round(rate)))
    wait = cost * (3 if question == "capacity" else 1.2)
    counted = count if gateway["name"].startswith("cgi") else 0
    return Repeat(
        gateway=gateway["name"], scenario=scenario, question=question,
        rate=None if question == "capacity" else rate, shape="", offered=None, users=4, round=round_, position=0,
        started="2026-01-31T12:00:01+00:00", engine="locust",
        warmup={"seconds": 0.8, "rates": [rate * 0.9, rate], "settled": gateway["name"] != "scgi"},
        seconds=count / rate, requests=count, errors={"status 500": 3} if broken else {}, content_bytes=14 * count,
        latency=_latency(wait, count, dice), exchanges={},
        lateness=None if question == "capacity" else _latency(20, count, dice), timeline=[],
        server=_usage(cost * count / 1e6, 40 << 20, cost, dice),
        front=_usage(70 * count / 1e6, 18 << 20, 70, dice) if gateway["front"] else None,
        generator=Generator(**_usage(90 * count / 1e6, 90 << 20, 90, dice), share=0.95 if saturated else 0.4,
                            saturated=saturated),
        spawned=counted, births_from="events", lost_events=0, processes=3, others_share=0.02,
        queue_wait={"recent_ms": wait / 2000, "max_ms": wait / 400}, connections=4, team=[],
    )  # fmt: skip


def _usage(cpu_seconds: float, held: int, cost: float, dice: random.Random) -> Usage:
    memory = round(held * dice.gauss(1, 0.01))
    return Usage(
        cpu_seconds=cpu_seconds, system_seconds=cpu_seconds / 3, minor_faults=round(cost), major_faults=0,
        voluntary_switches=round(2000 * dice.gauss(1, 0.05)), involuntary_switches=round(100 * dice.gauss(1, 0.1)),
        memory={"kind": "pss", "samples": [(0.0, memory, 3)], "median": memory, "peak": round(memory * 1.05)},
    )  # fmt: skip


def _latency(middle: float, count: int, dice: random.Random) -> Latency:
    latencies = Latencies()
    for _ in range(count):
        latencies.record("GET /hello", round(middle * dice.lognormvariate(0, 0.5)) + 1)
    return latencies.together()


def _syscalls(gateway: GatewayRecord, cost: float) -> Syscalls:
    calls = {"recvfrom": 400, "sendto": 200, "epoll_wait": 400, "accept4": round(cost / 2)}
    return Syscalls(gateway=gateway["name"], scenario="hello", requests=200, calls=calls, reason="")


def _bands(again: GatewayRecord, taken: list[Repeat], scenarios: tuple[str, ...]) -> list[Band]:
    figures = {"throughput": throughput, "cpu": cpu_us, "p50": lambda one: one["latency"]["p50"],
               "p99": lambda one: one["latency"]["p99"]}  # fmt: skip
    bands = []
    for scenario in scenarios:
        for question in ("capacity", "latency"):
            here = [one for one in taken if (one["scenario"], one["question"]) == (scenario, question)]
            first = [one for one in here if one["gateway"] == again["again"]]
            second = [one for one in here if one["gateway"] == again["name"]]
            for figure, of in figures.items():
                found = [of(a) / of(b) for a, b in zip(first, second, strict=True)]
                reach = max(max(found), 1 / min(found), 1.01)
                bands.append(Band(gateway=again["again"], again=again["name"], scenario=scenario, question=question,
                                  figure=figure, ratio=estimate(found), low=1 / reach, high=reach))  # fmt: skip
    return bands
