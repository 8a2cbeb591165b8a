"""The suite shapes: its rows, what is said of a timeline, and a short run of one row through all shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest

import bench_world
from bench_suite_records import drawn_twice, record_of, retold
from bench_world import ROOT, Notebook, an_order
from gateway_bench.load.shapes import Shape, rate_at
from gateway_bench.record.document import Document, Moment
from gateway_bench.report import charts_shapes as charts
from gateway_bench.run.conductor import run
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.suites import suite_named

SUITE = suite_named("shapes")
ROWS = load_gateways(ROOT / "benchmarks" / SUITE.table)
WINDOW = 0.25
SERVICE_US = 2_000


def queue(shape: Shape, capacity: float, seconds_after: float = 4.0) -> list[Moment]:
    """What a queue does that serves `capacity` a second, window by window."""
    waiting = at = 0.0
    moments: list[Moment] = []
    while at < shape["seconds"] or (waiting and at < shape["seconds"] + seconds_after):
        offered = rate_at(shape, at + WINDOW / 2)
        answered = min(capacity, offered + waiting / WINDOW)
        waiting = max(0.0, waiting + (offered - answered) * WINDOW)
        p99 = round(SERVICE_US + 1e6 * waiting / capacity)
        moments.append(Moment(at=at, offered=offered, answered=answered, p50=p99, p99=p99, errors=0))
        at += WINDOW
    return moments


def changing(capacity: float = 400.0, names: tuple[str, ...] = ("scgi", "wsgi")) -> Document:
    """A record of rows with that capacity under every shape, whose rates are parts of 400."""
    document = record_of("shapes", ROWS, {(name, "work"): 2_000.0 for name in names})
    shaped = []
    for repeat in document["repeats"]:
        for name, shape in SUITE.shapes.items():
            offered: Shape = {**shape, "start": 400 * shape["start"], "top": 400 * shape["top"]}
            more = {"question": "shape", "shape": name, "offered": offered, "timeline": queue(offered, capacity)}
            shaped.append(repeat | more)
    document["repeats"] += shaped  # type: ignore[arg-type]  # a repeat and some of its keys again
    return retold(document)


def test_the_rows_are_five_gateways_that_work() -> None:
    assert [row.name for row in ROWS if not row.again] == ["cgi", "fastcgi", "scgi", "uwsgi", "wsgi"]
    assert {(row.workers, row.threads) for row in ROWS} == {(1, 1)}
    assert SUITE.scenarios == ("work",)
    assert SUITE.alike  # some speak no HTTP
    assert all(shape["top"] > 1 for shape in SUITE.shapes.values())  # each goes beyond the capacity


def test_a_ramp_breaks_at_the_capacity() -> None:
    told = charts.breaking_finding(changing())
    assert told.startswith("Under a ramp SCGI broke at ")
    rate = float(told.split(" broke at ")[1].split()[0])
    assert rate == pytest.approx(400, rel=0.1)
    assert charts.breaking_finding(changing(capacity=2_000)) == "No row broke under the ramp"
    assert "broke at once" in charts.breaking_finding(changing(capacity=40))


def test_a_spike_is_recovered_from_or_not() -> None:
    assert charts.spike_finding(changing(capacity=2_000)).endswith(
        "these recovered: SCGI within 0 s and WSGI over HTTP within 0 s; no request was lost"
    )
    # 1.5 s at 600 leave 300 waiting, which the 200 a second that are left work off in 1.5 s
    told = charts.spike_finding(changing())
    assert float(told.split(" within ")[1].split()[0]) == pytest.approx(1.5, abs=2 * WINDOW)
    assert "had not recovered at the end" in charts.spike_finding(changing(capacity=150))
    document = changing()
    for repeat in document["repeats"]:
        repeat["errors"] = {"unanswered": 1_000}
    assert "6,000 requests were lost" in charts.spike_finding(document)


def test_steps_say_how_the_wait_grows() -> None:
    told = charts.step_finding(changing())
    assert told.startswith("From the first step to the last, p99 goes for SCGI from 2.00 ms to ")


def test_the_charts_are_drawn_and_stable() -> None:
    assert drawn_twice(changing()) == list(SUITE.charts) == list(SUITE.captions)
    nothing = record_of("shapes", ROWS, {})
    assert [draw(nothing) for draw in SUITE.charts.values()] == [None] * len(SUITE.charts)
    assert [find(nothing) for find in SUITE.findings] == [""] * len(SUITE.findings)


def test_a_short_run(monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(SUITE, shapes={name: {**shape, "seconds": 0.6} for name, shape in SUITE.shapes.items()})
    monkeypatch.setattr(bench_world, "suite_named", lambda _: short)
    notebook = Notebook()
    document = run(an_order("shapes", [row for row in ROWS if row.name == "scgi"], ["work"], repeats=1), notebook)
    assert not notebook.failures
    shaped = {repeat["shape"]: repeat for repeat in document["repeats"] if repeat["question"] == "shape"}
    assert {*shaped} == {*SUITE.shapes}
    assert all(repeat["timeline"] and repeat["offered"] for repeat in shaped.values())
    assert all(find(document) for find in SUITE.findings)
