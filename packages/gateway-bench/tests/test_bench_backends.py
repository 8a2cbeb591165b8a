"""The suite `backends`: a run behind nginx, from the order to the report."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from bench_world import ROOT, Notebook, an_order
from gateway_bench.record.document import schema_path
from gateway_bench.record.goals import load_goals
from gateway_bench.record.outcome import save_all
from gateway_bench.run.conductor import run
from gateway_bench.run.plan import expected_seconds, parameters_for, tasks_of, turns_of
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.suites import suite_named

TABLE = ROOT / "benchmarks" / "backends.toml"


def test_a_whole_run_takes_six_minutes_at_most() -> None:
    suite = suite_named("backends")
    parameters = parameters_for(suite, quick=False)
    tasks = {row.name: tasks_of(suite, row, ["hello"], parameters) for row in load_gateways(TABLE)}
    assert expected_seconds(suite, turns_of(tasks, parameters["repeats"], 1), parameters) < 6 * 60


@pytest.mark.real("nginx")
def test_backends_are_measured_behind_nginx(tmp_path: Path) -> None:
    gateways = load_gateways(TABLE, ["fastcgi", "scgi", "fastcgi-flup"])
    order = an_order("backends", gateways, ["hello"], seconds=0.2, goals=load_goals(ROOT / "benchmarks" / "goals.toml"))
    order.pythons["peers"] = str(tmp_path / "python")
    notebook = Notebook()
    document = run(order, notebook)
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_path().read_text("utf-8")))
    assert notebook.failures == []
    assert document["versions"]["nginx"]
    assert {row["gateway"] for row in document["results"]} == {"fastcgi", "fastcgi-again", "scgi"}
    for repeat in document["repeats"]:
        assert repeat["errors"] == {}
        assert repeat["requests"] > 0
        assert repeat["front"] is not None
    (absent,) = (row for row in document["gateways"] if row["status"] == "absent")
    assert absent["name"] == "fastcgi-flup"
    assert {(row["over"], row["verdict"]) for row in document["goals"]} == {("fastcgi-flup", "unknown")}
    report = save_all(document, tmp_path / "out").read_text("utf-8")
    for words in ("Behind nginx", "FastCGI, kept: flup", "is absent", "unknown"):
        assert words in report
