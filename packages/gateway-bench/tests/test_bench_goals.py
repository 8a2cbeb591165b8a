"""Promises as rows of data, and the verdict on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway_bench.errors import BenchError
from gateway_bench.load.latency import Latencies
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.proofs.run import promises_of
from gateway_bench.record.document import Proof, Repeat
from gateway_bench.record.goals import PROVED, Goal, judge, load_goals, met
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.suites import suite_named

ROOT = Path(__file__).parents[3]
GOALS = load_goals(ROOT / "benchmarks" / "goals.toml")


def test_every_promise_is_of_something_that_can_be_measured() -> None:
    tables = {suite: load_gateways(ROOT / "benchmarks" / f"{suite}.toml") for suite in ("peers", "backends", "cgi")}
    assert len(GOALS) > 20
    for goal in GOALS:
        if goal.suite in PROVED:
            assert goal.of in promises_of(suite_named(goal.suite))
            continue
        rows = {row.name: row for row in tables[goal.suite]}
        for name in (goal.of, *goal.over):
            assert rows[name].takes_part(goal.scenario), goal
        if goal.exchange:
            assert goal.exchange in {exchange.name for exchange in SCENARIOS[goal.scenario].visit("1")}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[goal", "cannot be read as TOML"),
        ("[[goal]]\nsuite='peers'", "goal 1 of g.toml needs 'of'"),
        ("[[goal]]\nsuite='peers'\nof='a'\nfigure='p99'\nabout=''", "promises nothing"),
        ("[[goal]]\nsuite='peers'\nof='a'\nfigure='p99'\nabout=''\nleast=1\nmost=2", "make it two goals"),
        ("[[goal]]\nsuite='peers'\nof='a'\nfigure='p99'\nabout=''\nleast='1'", "has a 'least' that it cannot have"),
        ("[[goal]]\nsuite='peers'\nof='a'\nfigure='p99'\nabout=''\nleast=true", "has a 'least' that it cannot have"),
        ("[[goal]]\nsuite='peers'\nof='a'\nfigure='p99'\nabout=''\nhope=1", "has a 'hope' that it cannot have"),
        ("[[goal]]\nsuite='peers'\nof='a'\nfigure='speed'\nabout=''\nleast=1", "has a figure 'speed'; of gateways"),
        ("[goal]\nsuite='peers'", "has a 'goal' that is no table"),
        ("goal = [1]", "has a 'goal' that is no table"),
    ],
)
def test_a_promise_with_a_fault_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "g.toml"
    path.write_text(text)
    with pytest.raises(BenchError, match=sentence):
        load_goals(path)
    assert load_goals(tmp_path / "none.toml") == []


@pytest.mark.parametrize(
    ("found", "least", "most", "kept"),
    [
        (5.0, 5.0, None, True), (4.996, 5.0, None, True), (4.99, 5.0, None, False), (0.6, None, None, True),
        (0, None, 0, True), (1, None, 0, False), (1.2544, None, 1.25, True), (1.256, None, 1.25, False),
        (152.4, 152.0, None, True), (151.4, 152.0, None, False),
    ],
)  # fmt: skip
def test_a_figure_is_judged_as_it_is_shown(found: float, least: float | None, most: float | None, kept: bool) -> None:
    assert met(found, least, most) is kept


def repeat(gateway: str, round_: int, requests: int, **fields: Any) -> Repeat:
    latencies = Latencies()
    latencies.record("GET /hello", 3000, 99)
    latencies.record("GET /sleep?ms=100", 100_000)
    whole: Any = {
        "gateway": gateway, "scenario": "hello", "question": "capacity", "round": round_, "seconds": 1.0,
        "requests": requests, "errors": {}, "server": {"cpu_seconds": 1.0}, "generator": {"saturated": False},
        "latency": latencies.together(), "exchanges": latencies.by_name(),
    } | fields  # fmt: skip
    return whole  # type: ignore[no-any-return]


REPEATS = [
    repeat("ours", 1, 500), repeat("slow", 1, 100), repeat("fast", 1, 900),
    repeat("ours", 2, 50), repeat("slow", 2, 10), repeat("fast", 2, 100),
    repeat("ours", 3, 600), repeat("slow", 3, 100), repeat("fast", 3, 1000), repeat("broken", 3, 9999, errors={"x": 1}),
    repeat("ours", 3, 7, question="latency"), repeat("held", 3, 300, generator={"saturated": True}),
]  # fmt: skip


def goal(**fields: Any) -> Goal:
    return Goal(**{"suite": "peers", "of": "ours", "figure": "throughput", "about": "", "scenario": "hello"} | fields)


@pytest.mark.parametrize(
    ("promise", "over", "found", "verdict", "aim_reached"),
    [
        (goal(over=("slow",), least=5.0), "slow", 5.0, "kept", None),
        (goal(over=("slow",), least=5.1), "slow", 5.0, "missed", None),
        (goal(over=("slow", "fast", "absent"), least=0.5, aim=1.0), "fast", 0.5556, "kept", False),
        (goal(over=("slow",), aim=4.0), "slow", 5.0, "", True),
        (goal(least=500.0), "", 500.0, "kept", None),
        (goal(figure="p99", exchange="GET /hello", most=10_000), "", 3000, "kept", None),
        (goal(figure="p99", exchange="GET /nothing", most=10_000), "", None, "unknown", None),
        (goal(over=("absent",), least=5.0), "absent", None, "unknown", None),
        (goal(over=("broken",), least=5.0), "broken", None, "unknown", None),
        (goal(of="broken", least=5.0), "", None, "unknown", None),
        # 1 s of processor time each: a request of ours takes a fifth of what slow takes, and more than fast
        (goal(figure="cpu", over=("slow",), most=0.2, aim=0.143), "slow", 0.2, "kept", False),
        (goal(figure="cpu", over=("slow",), most=0.1, aim=0.3), "slow", 0.2, "missed", True),
        (goal(figure="cpu", over=("slow", "fast"), most=2.0), "fast", 1.8, "kept", None),
        (goal(figure="cpu", most=2000.0), "", 2000.0, "kept", None),
        (goal(of="broken", over=("slow",), least=5.0, aim=9.0), "slow", None, "unknown", None),
        # the generator held one back: what it could do is at least that
        (goal(of="held", least=250.0, aim=400.0), "", 300.0, "kept", None),
        (goal(of="held", least=400.0), "", 300.0, "unknown", None),
        (goal(over=("held",), least=1.5, aim=1.9), "held", 2.0, "unknown", None),
        (goal(over=("held",), least=3.0, aim=4.0), "held", 2.0, "missed", False),
        (goal(figure="time", of="held", most=3000.0), "", 3333.0, "unknown", None),
        (goal(figure="cpu", over=("held",), most=0.6), "held", 0.5, "kept", None),
    ],
)
def test_verdicts(promise: Goal, over: str, found: float | None, verdict: str, aim_reached: bool | None) -> None:
    (told,) = judge([promise], REPEATS)
    assert (told["over"], told["verdict"], told["aim_reached"]) == (over, verdict, aim_reached)
    if found is None:
        assert told["found"] is None
    else:
        assert told["found"] is not None
        assert told["found"]["median"] == pytest.approx(found, rel=2e-3)


def test_verdicts_on_proofs() -> None:
    figures = [{"name": "growth", "about": "", "value": 2048.0, "unit": "bytes"}]
    proof: Any = {"name": "big", "figures": figures}
    proofs: list[Proof] = [proof]
    promises = [goal(suite="proofs", of="big", figure=name, most=4096) for name in ("growth", "shrinkage")]
    grown, unknown = judge(promises, [], proofs)
    assert (grown["verdict"], grown["unit"]) == ("kept", "bytes")
    assert (unknown["verdict"], unknown["found"]) == ("unknown", None)
