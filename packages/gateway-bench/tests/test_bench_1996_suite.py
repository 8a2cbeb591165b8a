"""The suite 1996: its rows, the steps between them, what is said of them, and a short run of some."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench_suite_records import drawn_twice, record_of, retold
from bench_world import ROOT, Notebook, an_order
from gateway_bench.record.document import Document
from gateway_bench.report import charts_1996 as charts
from gateway_bench.report.steps_1996 import (
    BASE,
    PAPER_MS,
    PAPER_STEPS,
    STEPS,
    Side,
    difference,
    over,
    proved,
    step_of,
    untold,
)
from gateway_bench.run.conductor import run
from gateway_bench.servers.gateways import Gateway, load_gateways
from gateway_bench.suites import suite_named

SUITE = suite_named("1996")
ROWS = load_gateways(ROOT / "benchmarks" / SUITE.table)
PROCESS, OPENING, ASKING, WIRE, ANEW, PAGE, HTTP = 40_000.0, 100.0, 30.0, 150.0, 60.0, 40.0, 50.0


def costs_of(
    opening: float = OPENING, asking: float = ASKING, wire: float = WIRE, process: float = PROCESS
) -> Document:
    """A record in which every step costs what it is to cost, whatever it stands beside."""
    wires = {"api": 0.0, "fastcgi": WIRE, "fastcgi-close": WIRE + ANEW, "fastcgi-spread": WIRE + ANEW,
             "fastcgi-nginx": WIRE / 3}  # fmt: skip
    keepings = {"nothing": opening + ASKING, "connection": ASKING, "cache": 0.0}
    costs = {}
    for row in ROWS:
        name = row.again or row.name
        side = Side(name)
        if side.wire in wires:
            cost = HTTP + wires[side.wire]
            more = PAGE + keepings[name.rpartition("-")[2]]
        else:
            cost = HTTP + (process if name == "cgi" else process / 10)
            more = PAGE + opening + ASKING
        for scenario in row.scenarios:
            costs[row.name, scenario] = cost + (more if scenario == "personal" else 0.0)
    return record_of("1996", ROWS, costs)


def test_there_is_a_row_for_each_wire_and_keeping() -> None:
    names = {row.name: row for row in ROWS}
    for wire, front, kept in (("fastcgi", "ours", True), ("fastcgi-close", "ours", False), ("api", "", True)):
        for keeping in ("nothing", "connection", "cache"):
            row = names[f"{wire}-{keeping}"]
            assert (row.front, row.keep_alive, row.workers, row.threads) == (front, kept, 1, 1)
            assert any(word.endswith(f"app:{keeping}") for word in row.command)
    assert all(any(word.endswith("app:nothing") for word in names[name].command) for name in ("cgi", "cgi-zygote"))
    assert names["fastcgi-cache-again"].again == "fastcgi-cache"
    assert all({*row.scenarios} <= {*SUITE.scenarios} for row in ROWS)


@pytest.mark.parametrize(
    ("name", "microseconds"),
    [("process", [PROCESS, PROCESS / 10]), ("opening", [OPENING] * 3), ("asking", [ASKING] * 3),
     ("wire", [WIRE, WIRE + ANEW, WIRE / 3]), ("page", [PAGE] * 3), ("http", [HTTP])],
)  # fmt: skip
def test_a_step_is_found_over_each_wire(name: str, microseconds: list[float]) -> None:
    document = costs_of()
    for which, expected in enumerate(microseconds):
        found = step_of(document, name, which)
        assert found
        assert found["median"] == pytest.approx(expected, rel=0.02)
        assert proved(found)
    assert len(next(step for step in STEPS if step.name == name).found) == len(microseconds)


def test_the_steps_of_the_paper_follow_from_its_four_figures() -> None:
    assert {name: round(found, 1) for name, found in PAPER_STEPS.items()} == {
        "opening": 20.6,
        "asking": 8.1,
        "wire": 4.1,
    }
    assert min(PAPER_MS, key=PAPER_MS.__getitem__) == BASE


def test_repeats_with_errors_are_no_figures() -> None:
    document = costs_of()
    for repeat in document["repeats"]:
        if repeat["gateway"] == "api-connection":
            repeat["errors"] = {"content": 1}
    assert step_of(document, "wire") is None
    assert step_of(document, "asking", 1)
    assert over(document, "api-connection", BASE) is None
    assert charts.persistence_finding(retold(document)) == charts.TITLE


def test_a_difference_within_the_noise_is_not_proved() -> None:
    document = costs_of()
    turns = {1: 1.3, 2: 1.0, 3: 0.7}
    for repeat in document["repeats"]:
        if repeat["gateway"] == "fastcgi-connection" and repeat["server"] and repeat["front"]:
            repeat["server"]["cpu_seconds"] *= turns[repeat["round"]]
            repeat["front"]["cpu_seconds"] *= turns[repeat["round"]]
    found = difference(document, Side("fastcgi-connection"), Side("fastcgi-cache"))
    assert found
    assert not proved(found)
    assert untold(found)
    assert "asking it 0.675x in 1996 and too little to tell now" in charts.paper_finding(document)
    document["repeats"] = [repeat for repeat in document["repeats"] if repeat["round"] == 1]
    assert not proved(step_of(document, "process"))


@pytest.mark.parametrize(
    ("more", "pattern"),
    [
        ({}, r"It is the persistence: a process .* saves 40\.0 ms .* keeps 1[23]\d µs more, .* than the keeping saves"),
        ({"opening": 900.0}, r"It is the persistence: .* 9\d\d µs more, .* 1\d\d µs \(\d\d\.\d µs behind nginx\)"),
        ({"process": 10.0}, r"A process that stays saves 10\.0 µs of a request, .*"),
    ],
)  # fmt: skip
def test_the_headline_says_what_the_figures_say(more: dict[str, float], pattern: str) -> None:
    assert re.fullmatch(pattern, charts.persistence_finding(costs_of(**more)))


def test_the_other_sentences() -> None:
    document = costs_of()
    assert re.match(r"A personal page takes 40\.\d ms of a new Python, 4\.\d\d ms of a forked one, ",
                    charts.process_finding(document))  # fmt: skip
    assert "opening the database 1.72x in 1996 and 0.4" in charts.paper_finding(document)
    assert charts.spread_finding(document).endswith("which cannot be told apart")
    for repeat in document["repeats"]:
        if repeat["gateway"] == "fastcgi-spread-cache" and repeat["server"]:
            repeat["server"]["cpu_seconds"] += 20e-6 * repeat["requests"]
    assert charts.spread_finding(document).endswith("of which each has to meet the visitors")


def test_the_charts_are_drawn_and_stable() -> None:
    assert drawn_twice(costs_of()) == list(SUITE.charts) == list(SUITE.captions)
    nothing = record_of("1996", ROWS, {})
    assert [draw(nothing) for draw in SUITE.charts.values()] == [None] * len(SUITE.charts)
    assert all(isinstance(find(nothing), str) for find in SUITE.findings)


def test_a_short_run(tmp_path: Path) -> None:
    """Each kind of row answers its own pages, whoever carries them."""
    chosen = ("api-cache", "fastcgi-close-cache", "cgi-zygote")
    rows: list[Gateway] = [row for row in ROWS if row.name in chosen]
    notebook = Notebook()
    document = run(an_order("1996", rows, ["personal"], repeats=1, seconds=0.05), notebook)
    assert not notebook.failures
    assert {row["gateway"]: row["errors"] for row in document["results"]} == {name: {} for name in chosen}
    assert {row["engine"] for row in document["repeats"]} == {"crowd"}
    fronts = {row["gateway"]: row["front"] is not None for row in document["repeats"]}
    assert fronts == {"api-cache": False, "fastcgi-close-cache": True, "cgi-zygote": False}
    assert next(row for row in document["repeats"] if row["gateway"] == "cgi-zygote")["spawned"]
    assert {*next(iter(document["repeats"]))["exchanges"]} == {"GET /content/..."}
