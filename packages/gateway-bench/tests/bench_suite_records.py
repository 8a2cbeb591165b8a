"""For tests of suites: a record with just the costs that a test asks for, and the charts of a suite drawn from it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from bench_record_maker import made_up
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.record.document import Document, GatewayRecord, Repeat
from gateway_bench.record.summary import results_of
from gateway_bench.report.charts import draw_charts
from gateway_bench.servers.gateways import Gateway
from gateway_bench.suites import suite_named

__all__ = ["drawn_twice", "record_of", "retold"]

JITTER = (1.0, 1.01, 0.99)
"""By round, the same for all rows: a slow round slows both sides of a difference."""
FRONT_PART = 0.5
"""Of the cost of a row behind a front, what the front takes."""


def record_of(suite: str, gateways: Sequence[Gateway], costs: Mapping[tuple[str, str], float]) -> Document:
    """Return a record of three rounds in which a request of (row, scenario) costs that many microseconds in all."""
    rows = {gateway.name: (_row(gateway), 100.0) for gateway in gateways}
    document = made_up(rows, suite=suite, scenarios=("hello",))
    plain = {(one["gateway"], one["round"]): one for one in document["repeats"] if one["question"] == "capacity"}
    document["repeats"] = [
        _costing(plain[name, number], scenario, cost * JITTER[number - 1])
        for number in (1, 2, 3)
        for (name, scenario), cost in costs.items()
    ]
    scenarios = dict.fromkeys(scenario for _, scenario in costs)
    document["scenarios"] = [
        {"name": name, "title": SCENARIOS[name].title, "about": SCENARIOS[name].about} for name in scenarios
    ]
    document["bands"], document["ratios"], document["syscalls"] = [], [], []
    return retold(document)


def retold(document: Document) -> Document:
    """Make the results anew, after repeats were changed."""
    document["results"] = results_of(document["repeats"])
    return document


def drawn_twice(document: Document) -> list[str]:
    """Draw all charts of the suite, twice; they are SVG, and the same both times. Return their names."""
    suite = suite_named(document["suite"])
    once, again = draw_charts(suite, document), draw_charts(suite, copy.deepcopy(document))
    for name, chart in once.items():
        ElementTree.fromstring(chart.svg)  # our own
        assert again[name].svg == chart.svg
    return list(once)


def _row(gateway: Gateway) -> GatewayRecord:
    return GatewayRecord(
        name=gateway.name, label=gateway.label, about=gateway.about, command=gateway.shown(), version="1.0",
        workers=gateway.workers, threads=gateway.threads, keep_alive=gateway.keep_alive, front=gateway.front,
        again=gateway.again, base=gateway.base, varied=gateway.varied, connections=gateway.connections, target="",
        status="ok", reason="", install="",
    )  # fmt: skip


def _costing(repeat: Repeat, scenario: str, cost: float) -> Repeat:
    made = copy.deepcopy(repeat)
    made["scenario"] = scenario
    server, front, whole = made["server"], made["front"], cost * made["requests"] / 1e6
    assert server
    server["cpu_seconds"] = whole * FRONT_PART if front else whole
    if front:
        front["cpu_seconds"] = whole * (1 - FRONT_PART)
    return made
