"""The load engine against a small server, and whole runs from the command line, good, bad and broken off."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from bench_world import Notebook, an_order
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.address import Address
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.scenarios import SCENARIOS, Answer
from gateway_bench.load.visitor import Failure, Visitor
from gateway_bench.record.document import Document, load_document, schema_path
from gateway_bench.record.goals import Goal
from gateway_bench.record.outcome import is_reference, save_all
from gateway_bench.run.conductor import run
from gateway_bench.run.subject import all_there, check_answer
from gateway_bench.samples.processes import Tree
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.servers.service import started
from gateway_bench.suites import suite_named

SERVER = Path(__file__).parent / "data" / "small_server.py"
READY = re.compile(r"ready (\S+)")


@contextmanager
def small_server(mode: str) -> Iterator[Address]:
    """The small server of data/, behaving as `mode` says."""
    with started([sys.executable, str(SERVER), mode], READY, dict(os.environ), SERVER.parent) as (_, address):
        yield address


def job(address: Address, **fields: Any) -> Any:
    return {
        "address": str(address), "keep_alive": True, "scenario": "hello", "users": 2, "warmup": 0.0, "seconds": 0.2,
        "min_requests": 1, "max_seconds": 5.0,
    } | fields  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "fields", "errors"),
    [
        ("good", {"scenario": "guestbook", "min_requests": 40}, set()),
        ("bad", {"min_requests": 8}, {"content", "status 500", "protocol", "closed"}),
    ],
)
def test_every_answer_is_checked(mode: str, fields: dict[str, Any], errors: set[str]) -> None:
    with small_server(mode) as address, LoadProcess() as load:
        load.prepare(job(address, **fields))
        load.warm_up()
        told = load.go()
    assert set(told["errors"]) == errors
    right = told["requests"] - sum(told["errors"].values())
    assert told["latency"]["count"] == right == sum(part["count"] for part in told["exchanges"].values())
    assert (right > 0) == (not errors)
    assert told["requests"] >= fields.get("min_requests", 1)
    assert told["seconds"] >= fields.get("seconds", 0.2)
    assert 0 < told["generator_cpu"] < 3 * told["seconds"]
    if mode == "good":
        assert list(told["exchanges"]) == ["GET /guestbook", "POST /guestbook"]


def test_a_load_process_that_cannot_do_its_job_says_why() -> None:
    with LoadProcess() as load:
        load.prepare(job(Address("ftp", "127.0.0.1", 1)))
        with pytest.raises(LoadFailed, match="is not an address"):
            load.warm_up()
    assert psutil.Process().children() == []


@pytest.mark.parametrize(
    ("name", "answers", "complaint"),
    [
        ("hello", [Answer(200, b"Hello, world!\n")], None),
        ("hello", [Answer(200, b"Hello, world!")], "content"),
        ("hello", [Answer(503, b"Hello, world!\n")], "status 503"),
        ("page", [Answer(200, b"<h1>FastCGI</h1> ... </footer>")], None),
        ("page", [Answer(200, b"<h1>FastCGI</h1> cut off")], "content"),
        ("guestbook", [Answer(303, b""), Answer(200, b"I was here: 7-1</p></footer>")], None),
        ("guestbook", [Answer(303, b""), Answer(200, b"I was here: 8-1</p></footer>")], "content"),
        ("guestbook", [Answer(303, b""), Answer(200, b"I was here: 8-1</p>" * 20 + b"</footer>")], None),
        ("guestbook", [Answer(200, b"")], "status 200"),
    ],
)
def test_checks(name: str, answers: list[Answer], complaint: str | None) -> None:
    exchanges = SCENARIOS[name].visit("7-1")
    complaints = [exchange.check(answer) for exchange, answer in zip(exchanges, answers, strict=False)]
    assert complaints == [None] * (len(answers) - 1) + [complaint]


def test_a_visitor_keeps_its_connection_or_does_not() -> None:
    (hello,) = SCENARIOS["hello"].visit("1")
    with small_server("closing") as address:
        told_to_leave = Visitor(address)
        for _ in range(2):
            assert hello.check(told_to_leave.fetch(hello)) is None
            assert told_to_leave._connection is None
    with small_server("good") as address:
        keeping, leaving = Visitor(address), Visitor(address, keep_alive=False)
        for _ in range(2):
            assert hello.check(keeping.fetch(hello)) is None
            assert hello.check(leaving.fetch(hello)) is None
        assert keeping._connection is not None
        assert leaving._connection is None
        keeping.close()
    with pytest.raises(Failure, match="connect"):
        keeping.fetch(hello)


@pytest.mark.parametrize(("mode", "sentence"), [("wrong", "GET /hello: content"), ("failing", "status 500")])
def test_a_ready_line_alone_is_not_believed(mode: str, sentence: str) -> None:
    with small_server(mode) as address, pytest.raises(NotReady, match=sentence):
        check_answer(address)


LATE = """
import subprocess, sys, time
print("ready http://127.0.0.1:1", flush=True)
for _ in range(3):
    time.sleep(0.05)
    subprocess.Popen(["sleep", "60"])
time.sleep(60)
"""


def test_processes_that_come_late_are_waited_for(tmp_path: Path) -> None:
    with started([sys.executable, "-c", LATE], READY, dict(os.environ), tmp_path) as (service, _):
        assert len(all_there(Tree(service.pid))) == 4


TABLE = """
[[gateway]]
name = "{name}"
label = "{name}"
command = ["{{python}}", "{server}", "{mode}"]
ready = 'ready (\\S+)'
package = "{package}"
"""


def checkout(folder: Path, *rows: tuple[str, str, str]) -> Path:
    """A checkout whose gateways are small servers: rows of name, mode and package."""
    (folder / "benchmarks").mkdir()
    text = "".join(TABLE.format(name=name, mode=mode, package=package, server=SERVER) for name, mode, package in rows)
    (folder / "benchmarks" / "gateways.toml").write_text(text)
    (folder / "benchmarks" / "peers.toml").write_text(text)
    return folder


def bench(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway_bench", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def record(folder: Path) -> Document:
    document = load_document(folder / "results" / "latest" / "result.json")
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_path().read_text("utf-8")))
    return document


def test_one_bad_gateway_does_not_stop_the_others(tmp_path: Path) -> None:
    rows = ("good", "good", "psutil"), ("dead", "dead", ""), ("gone", "good", "no-such-thing"), ("frail", "frail", "")
    folder = checkout(tmp_path, *rows)
    notebook = Notebook()
    gateways = load_gateways(folder / "benchmarks" / "gateways.toml")
    document = run(an_order("evolution", gateways, ["guestbook"], repeats=2, seconds=0.2, root=folder), notebook)
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_path().read_text("utf-8")))
    assert document["complete"]
    assert [row["status"] for row in document["gateways"]] == ["ok", "failed", "absent", "failed"]
    assert document["gateways"][2]["install"].endswith("no-such-thing")
    assert [(row["gateway"], row["scenario"], row["repeats"]) for row in document["results"]] == [
        ("good", "guestbook", 2)
    ]  # fmt: skip
    assert all(not row["errors"] and row["requests"] > 0 for row in document["results"])
    assert all(row["server"] and row["births_from"] in ("kernel", "") for row in document["repeats"])
    assert all(row["spawned"] == (0 if row["births_from"] else None) for row in document["repeats"])
    assert document["noise"] is not None
    assert notebook.notices == document["noise"]["reasons"]
    assert notebook.failures == document["failures"]
    told = {failure["gateway"]: failure for failure in notebook.failures}
    assert set(told) == {"dead", "frail"}  # once each: the second round leaves them alone
    assert "this server never starts" in told["dead"]["output"]
    assert told["frail"]["reason"] == "the server ended during the load"
    assert notebook.done == notebook.steps == 6
    assert psutil.Process().children() == []


def test_peers_are_compared_and_promises_judged(tmp_path: Path) -> None:
    rows = (
        ("gatelab", "good", ""),
        ("gatelab-32", "good", ""),
        ("peer", "closing", ""),
        ("gatelab-compiled", "good", "no-such"),
    )
    folder = checkout(tmp_path, *rows)
    table = folder / "benchmarks" / "peers.toml"
    promise = {"suite": "peers", "figure": "throughput", "about": "", "scenario": "hello"}
    goals = [
        Goal(**promise, of="gatelab", over=("peer", "absent"), least=1e-6, aim=1e6),
        Goal(**promise, of="gatelab-32", over=("gatelab",), least=1e6),
        Goal(**promise, of="gatelab-compiled", over=("peer",), least=1.0),
        Goal(**promise | {"scenario": "sleep"}, of="gatelab", least=1.0),  # this run does not look there
        Goal(**promise | {"suite": "proofs"}, of="gatelab", least=1.0),
    ]
    found = load_gateways(table)
    gateways = [replace(row, beside="gatelab-32") if row.name == "peer" else row for row in found]
    order = an_order("peers", gateways, ["hello"], repeats=2, seconds=0.1, root=folder, goals=goals)
    document = run(order, Notebook())
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_path().read_text("utf-8")))
    assert {repeat["engine"] for repeat in document["repeats"]} == {"crowd"}  # there is no wrk here
    assert all(not row["errors"] and row["requests"] > 0 for row in document["results"])
    assert {(row["gateway"], row["against"]) for row in document["ratios"]} == {
        ("gatelab", "gatelab-32"), ("gatelab", "peer"), ("gatelab-32", "gatelab"), ("gatelab-32", "peer"),
    }  # fmt: skip
    assert [(row["of"], row["over"], row["verdict"], row["aim_reached"]) for row in document["goals"]] == [
        ("gatelab", "peer", "kept", False), ("gatelab-32", "gatelab", "missed", None),
        ("gatelab-compiled", "peer", "unknown", None),
    ]  # fmt: skip
    for repeat in document["repeats"]:
        repeat["others_share"] = 0.05
    assert not is_reference(document, suite_named("peers"))  # a look is none
    assert document["noise"]
    document["parameters"]["quick"], document["noise"]["fit"] = False, True
    assert is_reference(document, suite_named("peers"))  # only the compiled build may be absent
    document["repeats"][0]["others_share"] = document["repeats"][1]["others_share"] = 0.9
    assert is_reference(document, suite_named("peers"))
    for repeat in document["repeats"]:
        repeat["others_share"] = 0.2
    assert not is_reference(document, suite_named("peers"))
    for repeat in document["repeats"]:
        repeat["others_share"] = 0.05
    report = save_all(document, tmp_path / "out").read_text("utf-8")
    for words in ("1 of 2 promises that were looked at are kept", "One over another", "missed", "unknown"):
        assert words in report
    assert {path.stem for path in (tmp_path / "out" / "charts").iterdir()} == {
        "throughput", "goals", "cpu", "latency", "memory",
    }  # fmt: skip
    document["gateways"][2]["status"] = "absent"
    assert not is_reference(document, suite_named("peers"))


def test_ctrl_c_keeps_what_was_measured_and_leaves_nothing(tmp_path: Path) -> None:
    folder = checkout(tmp_path, ("good", "good", ""))
    with bench(
        folder, "run", "--suite", "peers", "--scenario", "hello", "--repeats", "9", "--duration", "0.5"
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("[1/18,"):
                break
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        output = process.stdout.read()
    assert process.returncode == 130
    assert "BROKEN OFF" in output
    assert "Traceback" not in output
    assert [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    document = record(folder)
    assert not document["complete"]
    assert 1 <= len(document["repeats"]) < 18
    assert 1 <= len(document["results"]) <= 2
    assert (folder / "results" / "latest" / "report.html").is_file()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"complete": False}, 130),
        ({"failures": [{"gateway": "cgi", "scenario": "", "round": 1, "reason": "no", "output": ""}]}, 1),
        ({"results": [{"errors": {"content": 1}}]}, 1),
        ({"gateways": [{"status": "absent"}]}, 1),
        ({"gateways": [{"status": "absent"}], "suite": "peers"}, 0),
        ({"gateways": [{"status": "absent"}], "suite": "proofs"}, 1),
        ({"proofs": [{"status": "failed"}], "suite": "proofs"}, 1),
        ({"goals": [{"verdict": "missed"}], "suite": "peers"}, 0),
    ],
)
def test_the_exit_code_tells_how_it_went(change: dict[str, Any], code: int) -> None:
    from gateway_bench.__main__ import exit_code

    document: Any = {
        "suite": "evolution", "complete": True, "failures": [], "results": [], "gateways": [], "proofs": [],
    } | change  # fmt: skip
    assert exit_code(document) == code


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--suite", "speed"], "there is no suite 'speed'"),
        (["run", "--only", "nobody"], "there is no gateway 'nobody'"),
        (["run", "--scenario", "nothing"], "the suite evolution has no scenario 'nothing'"),
        (["run", "--suite", "peers", "--scenario", "guestbook"], "no scenario 'guestbook'; it has hello, page, sleep"),
        (["run", "--suite", "proofs", "--scenario", "hello"], "each proof has its own"),
        (["run", "--suite", "proofs", "--only", "pudding"], "there is no proof 'pudding'; there are idle, slow"),
        (["run", "--out", "benchmarks/peers.toml"], "cannot make the folder benchmarks/peers.toml: File exists"),
        (["draw", "none.json"], "cannot read none.json"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    tmp_path: Path, arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from gateway_bench.__main__ import main

    monkeypatch.chdir(checkout(tmp_path, ("good", "good", "")))
    monkeypatch.setattr(sys, "argv", ["gateway-bench", *arguments])
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_the_contents_page_leaves_blocking_calls_alone() -> None:
    program = "import gateway_bench.run.conductor, sys; print('gevent' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
