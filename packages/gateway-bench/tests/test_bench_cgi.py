"""The suite cgi: its rows, its programs, the bare loop, answers that end by closing, and a run from order to report."""

from __future__ import annotations

import http.server
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import psutil
import pytest
from rich.console import Console

from bench_world import ROOT, Notebook, an_order
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.address import Address
from gateway_bench.load.crowd import Crowd
from gateway_bench.load.http_bytes import fetch
from gateway_bench.load.scenarios import HELLO, SCENARIOS
from gateway_bench.load.wrk import find_wrk
from gateway_bench.record.document import Repeat, schema_path
from gateway_bench.record.goals import load_goals
from gateway_bench.record.outcome import save_all
from gateway_bench.run.conductor import run
from gateway_bench.run.loop import measure_loop
from gateway_bench.run.measure import Place
from gateway_bench.run.order import Order
from gateway_bench.run.plan import expected_seconds, parameters_for, tasks_of, turns_of
from gateway_bench.run.subject import check_answer
from gateway_bench.samples.processes import Tree
from gateway_bench.servers import bare_loop
from gateway_bench.servers.cgi_programs import open_to_all, python_for_all, write_programs
from gateway_bench.servers.gateways import Gateway, Places, load_gateways
from gateway_bench.servers.presence import look_for_programs
from gateway_bench.suites import suite_named
from gateway_bench.terminal.tables import print_document
from gateway_runtime.testing import Server

TABLE = ROOT / "benchmarks" / "cgi.toml"
ROWS = load_gateways(TABLE)
SUITE = suite_named("cgi")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "served" / "work"
    write_programs(folder)
    return folder


# -- rows and programs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows(row: Gateway) -> None:
    assert row.scenarios
    assert set(row.scenarios) <= set(SUITE.scenarios)
    assert row.starts_programs is ("app" not in row.scenarios)
    assert any("{port}" in word for word in row.command) == bool(row.address)
    assert bool(row.install) == bool(row.programs or row.has)  # who may be absent says how to get it
    assert row.package or row.install
    assert not any(word.startswith(("/", "{")) for word in row.shown())


def test_a_whole_run_takes_five_minutes_at_most() -> None:
    parameters = parameters_for(SUITE, quick=False)
    tasks = {row.name: tasks_of(SUITE, row, SUITE.scenarios, parameters) for row in ROWS}
    assert expected_seconds(SUITE, turns_of(tasks, parameters["repeats"], 1), parameters) < 5 * 60
    assert (parameters["users"], parameters["pinned"]) == (4, False)


@pytest.mark.parametrize("name", ["hello.sh", "hello.py"])
def test_programs(work: Path, name: str) -> None:
    program = work / "cgi-bin" / name
    done = subprocess.run([program], capture_output=True, env={}, check=True)
    assert done.stdout == b"Content-Type: text/plain\n\n" + HELLO
    assert done.stderr == b""
    for place in (program, program.parent, work, work.parent):
        assert place.stat().st_mode & 0o755 == 0o755  # for servers that run programs as somebody else


def test_the_python_of_the_programs_is_one_that_anybody_may_run() -> None:
    python = Path(python_for_all())
    assert python.is_absolute()
    assert not python.is_symlink()
    if os.geteuid() == 0 and Path("/usr/bin/python3").exists():
        assert all(parent.stat().st_mode & stat.S_IXOTH for parent in python.parents)


def test_who_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    absent = look_for_programs(["sh", "no-such-1", "no-such-2"], "", "apt install no-such")
    assert (absent.reason, absent.install) == ("no-such-1 and no-such-2 are not installed", "apt install no-such")
    absent = look_for_programs([], "http.server:NoSuchHandler", "use another")
    assert absent.reason.endswith("has no http.server.NoSuchHandler")
    assert absent.install == "use another"
    speaks = tmp_path / "speaks"
    speaks.write_text("#!/bin/sh\necho 'This is Speaks/1.2.3 (Test)' >&2\n")
    speaks.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert look_for_programs(["speaks", "false"], "", "").version == "Speaks 1.2.3"
    assert look_for_programs([], "http.server:HTTPServer", "").version.startswith("Python 3")


# -- the bare loop -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", bare_loop.OUTPUTS)
def test_the_loop(work: Path, output: str) -> None:
    told = bare_loop.run(str(work / "cgi-bin" / "hello.sh"), output, processes=2, seconds=0.1)
    assert told["errors"] == {}
    assert told["requests"] == told["latency"]["count"] >= 2
    assert 0 < told["generator_cpu"] < 5
    assert told["seconds"] > 0
    assert psutil.Process().children() == []


@pytest.mark.parametrize(
    ("script", "errors"), [("exit 3", {"pipe": "status 768", "null": "status 768"}), ("echo hi", {"pipe": "content"})]
)
def test_the_loop_counts_what_goes_wrong(tmp_path: Path, script: str, errors: dict[str, str]) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    for output, error in errors.items():
        told = bare_loop.run(str(program), output, processes=1, seconds=0.02)
        assert set(told["errors"]) == {error}
        assert told["latency"]["count"] == 0


def test_the_loop_gives_the_variables_that_our_host_gives(work: Path) -> None:
    program = work / "cgi-bin" / "names.sh"
    program.write_text("#!/bin/sh\necho 'Content-Type: text/plain'\necho\nexec env\n")
    program.chmod(0o755)
    with Server("cgi_runner", str(work)) as server, server.connect() as sock:
        sock.sendall(f"GET /cgi-bin/names.sh HTTP/1.0\r\nHost: {server.address}\r\n\r\n".encode())
        answer = b""
        while piece := sock.recv(65_536):
            answer += piece
    given = {line.partition(b"=")[0].decode() for line in answer.partition(b"\r\n\r\n")[2].splitlines()}
    assert given - {"PWD"} == set(bare_loop.variables_for(str(program)))  # PWD is the shell's own


def test_a_loop_is_measured_as_a_server_is(work: Path) -> None:
    row = next(row for row in ROWS if row.name == "loop")
    argv = row.argv(sys.executable, Places(work=work))
    parameters = parameters_for(SUITE, quick=True, seconds=0.1)
    repeat = measure_loop("loop", argv, "sh", parameters, Place(1, 1, 1))
    assert repeat["engine"] == "loop"
    assert repeat["errors"] == {}
    assert repeat["requests"] == repeat["spawned"] != 0
    assert repeat["server"]
    assert repeat["server"]["memory"]
    assert repeat["server"]["cpu_seconds"] > 0 < repeat["server"]["memory"]["peak"]
    with pytest.raises(LoadFailed, match="ended with exit code 1"):
        measure_loop("loop", [*argv[:3], str(work / "nothing"), *argv[4:]], "sh", parameters, Place(1, 1, 1))
    assert psutil.Process().children() == []


# -- answers that end by closing ---------------------------------------------------------------------------------------

ENDS: dict[str, tuple[bytes, set[str]]] = {
    "whole": (b"HTTP/1.0 200 OK\r\nServer: x\r\nContent-Type: text/plain\n\n" + HELLO, set()),
    "wrong": (b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + HELLO[:-1], {"content"}),
    "half a head": (b"HTTP/1.0 200 OK\r\nContent-Type: text", {"cut off"}),
    "shorter than said": (b"HTTP/1.0 200 OK\r\nContent-Length: 15\r\n\r\n" + HELLO, {"cut off"}),
    "kept, without a length": (b"HTTP/1.1 200 OK\r\n\r\n" + HELLO, {"protocol"}),
    "chunked": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", {"protocol"}),
}


@contextmanager
def says(answer: bytes) -> Iterator[Address]:
    """A server that gives each connection these bytes, whatever it asks, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                sock.recv(65_536)
                sock.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Address("http", "127.0.0.1", listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


@pytest.mark.parametrize("name", ENDS)
def test_the_crowd_reads_answers_that_end_by_closing(name: str) -> None:
    answer, errors = ENDS[name]
    with says(answer) as address:
        crowd = Crowd(address, SCENARIOS["sh"], 1, keep_alive=False)
        try:
            visits = iter([True, True])
            tally = crowd.run(lambda: next(visits, False))
        finally:
            crowd.close()
        assert (tally.requests, set(tally.errors)) == (2, errors)
        if errors:
            with pytest.raises(NotReady, match="no right answer"):
                check_answer(address, "sh", loose=True)
        else:
            check_answer(address, "sh", loose=True)
            assert fetch(address, SCENARIOS["sh"].visit("1")[0], 5.0).content == HELLO
            with pytest.raises(NotReady, match="protocol"):
                check_answer(address, "sh")  # our codec wants the carriage returns


# -- whole runs --------------------------------------------------------------------------------------------------------


def order(names: list[str], scenarios: list[str], seconds: float = 0.2) -> Order:
    goals = load_goals(ROOT / "benchmarks" / "goals.toml")
    return an_order("cgi", load_gateways(TABLE, names), scenarios, seconds=seconds, wrk=find_wrk(), goals=goals)


@pytest.mark.real("wrk")
def test_hosts_are_compared_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_bench.servers.presence.PLACES", ())
    monkeypatch.setenv("PATH", os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if "sbin" not in p))
    names = ["ours", "http-server", "apache", "loop", "app-zygote", "app-posix-spawn"]
    notes = Notebook()
    document = run(order(names, ["sh", "app"]), notes)
    assert notes.failures == []
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_path().read_text("utf-8")))
    has = hasattr(http.server, "CGIHTTPRequestHandler")
    absent = {row["name"]: row["reason"] for row in document["gateways"] if row["status"] == "absent"}
    assert set(absent) == {"apache"} | (set() if has else {"http-server"})
    engines = {row["gateway"]: row["engine"] for row in document["repeats"]}
    assert engines == {
        "ours": "wrk", "ours-again": "wrk", "loop": "loop", "app-zygote": "crowd", "app-posix-spawn": "crowd",
        **({"http-server": "crowd"} if has else {}),
    }  # fmt: skip
    for repeat in document["repeats"]:
        assert repeat["errors"] == {}, repeat["gateway"]
        assert repeat["server"]
        assert repeat["requests"] > 0 < repeat["server"]["cpu_seconds"]
    judged = {row["about"]: row["verdict"] for row in document["goals"]}
    assert judged["sh: time a request, over the bare loop"] in ("kept", "missed")
    assert judged["sh: over Apache, mod_cgid"] == "unknown"
    words = save_all(document, tmp_path / "out").read_text("utf-8")
    assert "Apache, mod_cgid</strong> is absent" in words
    assert "cgi_runner starts" in words
    assert {path.stem for path in (tmp_path / "out" / "charts").iterdir()} == {"hello", "app", "loop", "goals"}
    print_document(document, Console(width=120, record=True))


REAL = [
    pytest.param("apache", marks=pytest.mark.real("apache2", "wrk")),
    pytest.param("lighttpd", marks=pytest.mark.real("lighttpd", "wrk")),
    pytest.param("fcgiwrap", marks=pytest.mark.real("nginx", "fcgiwrap", "wrk")),
]


@pytest.mark.parametrize("name", REAL)
def test_hosts_by_others(name: str) -> None:
    notes = Notebook()
    document = run(order([name], ["sh", "python"]), notes)
    assert notes.failures == []
    assert {(row["scenario"], *row["errors"]) for row in document["repeats"]} == {("sh",), ("python",)}
    assert Tree(os.getpid()).processes()[1:] == []


@pytest.mark.real("wrk")
def test_ctrl_c_leaves_nothing() -> None:
    def strike(_: Repeat) -> None:
        os.kill(os.getpid(), 2)

    document = run(order(["ours", "ours-threads", "loop"], ["sh"]), Notebook(strike))
    assert not document["complete"]
    assert len(document["repeats"]) == 1
    assert Tree(os.getpid()).processes()[1:] == []


def test_a_folder_is_opened_to_all(tmp_path: Path) -> None:
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True, mode=0o700)
    open_to_all(folder)
    assert [place.stat().st_mode & 0o777 for place in (folder.parent, folder)] == [0o755, 0o755]
