"""The suite workers: its rows, where growth stops, what is ideal, and a short run of two rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from bench_suite_records import drawn_twice, record_of, retold
from bench_world import ROOT, Notebook, an_order
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.record.document import Document
from gateway_bench.report import charts_workers as charts
from gateway_bench.report.chart_style import styled
from gateway_bench.report.charts_versus import lines_of
from gateway_bench.report.measures import MEASURES
from gateway_bench.run.conductor import run
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.suites import suite_named

SUITE = suite_named("workers")
ROWS = load_gateways(ROOT / "benchmarks" / SUITE.table)
TO_SIXTEEN = (1, 2, 4, 8, 16)
CONNECTIONS = (1, 4, 16, 64, 256)


def answering(rates: dict[tuple[str, str], float], saturated: Sequence[str] = ()) -> Document:
    """A record of rows that give so many right answers a second, the same in every round but for one per cent."""
    document = record_of("workers", ROWS, dict.fromkeys(rates, 1000.0))
    for repeat in document["repeats"]:
        rate = rates[repeat["gateway"], repeat["scenario"]] * (1 + 0.01 * (repeat["round"] - 2))
        repeat["seconds"] = repeat["requests"] / rate
        repeat["generator"]["saturated"] = repeat["gateway"] in saturated
    return retold(document)


def work(*rates: float, **more: Any) -> Document:
    """Work by 1, 2, 4, 8 and 16 workers."""
    return answering(
        {(f"gatelab-workers-{number}", "work"): rate for number, rate in zip(TO_SIXTEEN, rates, strict=False)}, **more
    )


def test_the_rows_vary_what_they_say() -> None:
    for base, key, numbers in (
        ("gatelab", "workers", TO_SIXTEEN), ("gatelab-single", "threads", TO_SIXTEEN),
        ("gunicorn", "workers", (1, 2, 4, 16)), ("gunicorn-single", "threads", (1, 2, 4, 16)),
        ("fastcgi", "connections", CONNECTIONS), ("scgi", "connections", CONNECTIONS),
        ("wsgi", "connections", CONNECTIONS),
    ):  # fmt: skip
        rows = [row for row in ROWS if row.base == base]
        assert [row.varied for row in rows] == [{key: number} for number in numbers]
        assert [getattr(row, key) for row in rows] == list(numbers)
        assert all({*row.scenarios} <= {*SUITE.scenarios} for row in rows)
    assert [row.again for row in ROWS if row.again] == ["gatelab-pair"]
    assert max(TO_SIXTEEN) < SUITE.full.users  # nobody is idle for want of a visitor


def test_what_is_ideal_is_what_is_asked() -> None:
    for name, seconds in charts.SECONDS.items():
        assert f"ms={seconds * 1000:.0f}" in SCENARIOS[name].visit("x")[0].path


@pytest.mark.parametrize(
    ("rates", "stop"),
    [
        ((500, 980, 985, 990, 985), 2),
        ((500, 500, 505, 498, 501), 1),
        ((500, 400, 300, 200, 100), 1),
        ((200, 400, 800, 1600, 3200), None),
        ((500, 980, 980, 980, 1500), None),  # a plateau is no end
        ((500, 700, 980, 700, 500), 4),
        ((500, 980), None),
        ((500,), None),
    ],
)
def test_growth_stops_where_nothing_later_is_more(rates: tuple[float, ...], stop: int | None) -> None:
    document = work(*rates)
    lines = lines_of(document, "workers", MEASURES["throughput"], "work")
    assert [charts.stop_of(document, line) for line in lines.values()] == ([stop] if len(rates) > 1 else [])


def test_the_sentence_says_where_it_stops() -> None:
    assert charts.workers_finding(work(500, 980, 985, 990, 985)) == (
        "With more workers on 2 processors, work behind wsgi_server grows up to 2, to 980 a second"
    )
    assert "does not grow beyond the 500 a second of 1" in charts.workers_finding(work(500, 500, 505, 498, 501))
    assert "grows up to the last of 16, to 3,200 a second" in charts.workers_finding(work(200, 400, 800, 1600, 3200))
    limited = work(200, 400, 800, 1600, 1700, saturated=["gatelab-workers-16"])
    assert "as far as the generator can tell" in charts.workers_finding(limited)
    assert charts.threads_finding(work(1, 2)) == ""


def test_errors_are_no_growth() -> None:
    document = work(500, 980, 1900, 3600, 7000)
    for repeat in document["repeats"]:
        if repeat["gateway"] == "gatelab-workers-4":
            repeat["errors"] = {"timeout": 3}
    assert charts.workers_finding(retold(document)).endswith("met errors")


def everything() -> Document:
    """A record of all rows, near what would be ideal."""
    grows = {
        "work": lambda number: 490.0 * min(number, 2),
        "wait": lambda number: 190.0 * number,
        "hello": lambda number: 5e3 * math.log2(2 * number),
    }
    return answering({
        (row.name, scenario): grows[scenario](next(iter(row.varied.values()), 2))
        for row in ROWS for scenario in row.scenarios
    })  # fmt: skip


def test_the_charts_are_drawn_and_stable() -> None:
    assert drawn_twice(everything()) == list(SUITE.charts) == list(SUITE.captions)
    nothing = answering({})
    assert [draw(nothing) for draw in SUITE.charts.values()] == [None] * len(SUITE.charts)
    assert [find(nothing) for find in SUITE.findings] == [""] * len(SUITE.findings)


def test_the_ideal_is_drawn() -> None:
    with styled():
        drawn = charts.draw_workers(everything())
    assert drawn
    told = [{tuple(line.get_ydata()) for line in axis.get_lines() if len(line.get_ydata()) == 5} for axis in drawn.axes]
    assert (500.0, 1000.0, 1000.0, 1000.0, 1000.0) in told[0]
    assert (200.0, 400.0, 800.0, 1600.0, 3200.0) in told[1]


def test_cost_over_connections_is_told_apart_or_not() -> None:
    numbers = {f"scgi-connections-{number}": number for number in (1, 256)}
    document = record_of("workers", ROWS, {(name, "hello"): 200.0 - 0.4 * number for name, number in numbers.items()})
    assert charts.connections_finding(document).endswith("SCGI takes 99.8 µs with 1, 48.8 µs with 256")
    document = record_of("workers", ROWS, {(name, "hello"): 200.0 + number / 256 for name, number in numbers.items()})
    assert charts.connections_finding(document).endswith("SCGI takes the same with 1 and with 256")


def test_a_short_run() -> None:
    rows = [row for row in ROWS if row.name in ("gatelab-workers-2", "gatelab-single-threads-2")]
    notebook = Notebook()
    document = run(an_order("workers", rows, ["work", "wait"], repeats=1, seconds=0.05), notebook)
    assert not notebook.failures
    assert [row["errors"] for row in document["results"]] == [{}] * 4
    assert [row["varied"] for row in document["gateways"]] == [{"workers": 2}, {"threads": 2}]
