"""What a run will do, and in which order: tasks, turns, engines, and the time that it takes."""

from __future__ import annotations

import pytest

from bench_world import ROOT, an_order
from gateway_bench.errors import BenchError
from gateway_bench.run.order import Team
from gateway_bench.run.plan import Task, engine_for, expected_seconds, parameters_for, tasks_of, turns_of
from gateway_bench.servers.gateways import Gateway, load_gateways
from gateway_bench.suites import NAMES, suite_named

BENCHMARKS = ROOT / "benchmarks"
TASKS = {
    **{name: [Task("hello"), Task("page"), Task("hello", "latency")] for name in "abcde"},
    "f": [Task("hello")],
    "g": [],
}


def row(suite: str, name: str) -> Gateway:
    (found,) = (one for one in load_gateways(BENCHMARKS / suite_named(suite).table) if one.name == name)
    return found


def test_every_round_has_every_gateway_and_the_seed_rules_the_order() -> None:
    turns = turns_of(TASKS, 6, seed=3)
    for number in range(1, 7):
        round_ = [turn for turn in turns if turn.round == number]
        assert sorted(turn.gateway for turn in round_) == list("abcdef")
        for turn in round_:
            assert sorted(map(repr, turn.tasks)) == sorted(map(repr, TASKS[turn.gateway]))
            assert turn.tasks[-1].question == "latency" or turn.gateway == "f"
    assert turns == turns_of(TASKS, 6, seed=3)
    assert len({tuple(turn.gateway for turn in turns if turn.round == number) for number in range(1, 7)}) > 1
    assert len({turn.tasks for turn in turns if turn.gateway != "f"}) == 2  # scenarios take turns to be first


@pytest.mark.parametrize(("quick", "limit"), [(True, 90), (False, 240)])
def test_the_default_suite_fits_its_time(quick: bool, limit: float) -> None:
    suite = suite_named("evolution")
    parameters = parameters_for(suite, quick)
    scenarios = (suite.quick.scenarios if quick else ()) or suite.usual
    rows = load_gateways(BENCHMARKS / suite.table)
    tasks = {one.name: tasks_of(suite, one, scenarios, parameters) for one in rows}
    assert expected_seconds(suite, turns_of(tasks, parameters["repeats"], 1), parameters) < limit * 0.95


@pytest.mark.parametrize("name", NAMES)
def test_suites_are_whole(name: str) -> None:
    suite = suite_named(name)
    assert suite.name == name
    assert suite.question.endswith((".", "?"))
    assert not suite.table or (BENCHMARKS / suite.table).is_file()
    assert {*suite.usual, *suite.waits, *suite.quick.scenarios} <= {*suite.scenarios}
    assert set(suite.captions) <= set(suite.charts)
    assert set(suite.kept) <= set(suite.charts)
    rows = load_gateways(BENCHMARKS / suite.table) if suite.scenarios and suite.table else []
    assert {*suite.syscalls} <= {one.name for one in rows}
    for one in rows:
        assert {*one.scenarios} <= {*suite.scenarios}
        assert not any(word.startswith("/") and word != "/" for word in one.shown())
    if rows and not suite.shapes:
        assert any(one.again for one in rows), "each comparison shows what no difference looks like"


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(BenchError, match="there is no suite 'speed'; there are evolution, peers"):
        suite_named("speed")


@pytest.mark.parametrize(
    ("suite", "name", "task", "scheme", "wrk", "engine"),
    [
        ("evolution", "wsgi", Task("hello"), "http", "/usr/bin/wrk", "locust"),
        ("evolution", "wsgi-behind", Task("hello"), "http", "/usr/bin/wrk", "wrk"),
        ("evolution", "fastcgi", Task("hello", "latency"), "fastcgi", "/usr/bin/wrk", "locust"),
        ("peers", "gatelab", Task("hello"), "http", "/usr/bin/wrk", "wrk"),
        ("peers", "gatelab", Task("hello"), "http", None, "crowd"),
        ("peers", "gatelab-32", Task("sleep"), "http", "/usr/bin/wrk", "crowd"),
        ("peers", "gatelab", Task("hello", "latency"), "http", "/usr/bin/wrk", "locust"),
        ("cgi", "ours", Task("sh"), "http", "/usr/bin/wrk", "wrk"),
        ("cgi", "app-zygote", Task("app"), "http", "/usr/bin/wrk", "crowd"),
        ("cgi", "http-server", Task("sh"), "http", "/usr/bin/wrk", "crowd"),
    ],
)
def test_who_asks(suite: str, name: str, task: Task, scheme: str, wrk: str | None, engine: str) -> None:
    gateway = row(suite, name)
    assert engine_for(an_order(suite, [gateway], [], wrk=wrk), gateway, task, scheme) == engine
    assert engine_for(an_order(suite, [gateway], [], team=Team(2, "*", 0)), gateway, task, scheme) == "team"


def test_asked_for_repeats_and_duration_win() -> None:
    parameters = parameters_for(suite_named("evolution"), quick=True, repeats=7, seconds=4.0, hosts=3)
    assert (parameters["repeats"], parameters["seconds"], parameters["latency_seconds"]) == (7, 4.0, 4.0)
    assert parameters["max_seconds"] >= 4.0
    assert (parameters["hosts"], parameters["engine"]) == (3, "team")
