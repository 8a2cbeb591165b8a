"""The rows of the repository's tables; and each peer that is here, from its start to its end.

In CI every peer must be here.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import psutil
import pytest

from bench_world import ROOT, an_order
from demo_app import app
from gateway_bench.load.address import parse_address
from gateway_bench.load.scenarios import SCENARIOS, Answer
from gateway_bench.load.visitor import Visitor
from gateway_bench.run.blank import blank
from gateway_bench.run.subject import Subject, ready
from gateway_bench.servers.fronts import FRONTS
from gateway_bench.servers.gateways import Gateway, Places, load_gateways
from gateway_bench.servers.presence import look_for, look_for_programs

PEERS = Path(os.environ.get("GATELAB_PEERS", ROOT / ".nox/peers/bin")) / "python"
PYTHONS = {"own": sys.executable, "peers": str(PEERS)}
TABLES = [file for file in sorted((ROOT / "benchmarks").glob("*.toml")) if "[[gateway]]" in file.read_text("utf-8")]
ROWS = load_gateways(ROOT / "benchmarks" / "peers.toml")
STARTS = {(*row.command, row.environment): row for row in reversed(ROWS) if row.environment != "compiled"}
"""Rows that differ in more than a number."""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_row_of_every_table_can_be_carried_out(table: Path) -> None:
    rows = load_gateways(table)
    assert len({row.name for row in rows}) == len({row.label for row in rows}) == len(rows)
    for row in rows:
        assert row.about, row.name
        assert set(row.scenarios) <= set(SCENARIOS), row.name
        assert row.front in {"", *FRONTS}, row.name
        assert all("{" not in word for word in row.argv("python")), row.name
        if row.address:
            place = parse_address(row.listens_at(Places(port="1", socket=Path("/socket"))))
            assert row.front or place.scheme == "http", row.name
        assert bool(row.programs or row.has) == bool(row.install), row.name


def presence_of(row: Gateway) -> str:
    """Return what this row misses here, or ""."""
    if row.front and (reason := FRONTS[row.front].presence().reason):
        return reason
    if row.programs:
        return look_for_programs(row.programs, row.has, row.install).reason
    return look_for(row.package, PYTHONS[row.environment], ROOT).reason


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder for all that a server makes, after which no process is left that was told of it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    left = [process.info for process in psutil.process_iter(["pid", "cmdline", "environ"]) if knows(process, tmp_path)]
    assert left == []
    assert list(tmp_path.iterdir()) == []


def knows(process: psutil.Process, folder: Path) -> bool:
    words = [*(process.info["cmdline"] or ()), (process.info["environ"] or {}).get("DEMO_APP_DB", "")]
    return process.pid != os.getpid() and any(str(folder) in word for word in words)


def answers(subject: Subject) -> tuple[Answer, Answer]:
    """Ask for hello, then for the page."""
    visitor = Visitor(subject.address, keep_alive=False)
    hello, page = (visitor.fetch(SCENARIOS[name].visit("once")[0]) for name in ("hello", "page"))
    return hello, page


def without_footer(page: bytes) -> str:
    """Return the page without what it says of its server; and without the place where it is mounted."""
    text = re.sub(r'(?s)<footer id="served">.*</footer>', "", page.decode())
    return text.replace('"/app.py/', '"/')


def museum(path: str) -> bytes:
    environ = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    return b"".join(app(environ, lambda *_: bytes))


@pytest.mark.parametrize("row", list(reversed(STARTS.values())), ids=lambda row: row.name)
def test_each_peer_gives_the_same_bytes_and_leaves_nothing(row: Gateway, folder: Path) -> None:
    if reason := presence_of(row):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and in CI every peer must be here", pytrace=False)
        pytest.skip(reason)
    order = an_order("evolution", [row], ["hello", "page"], pythons=PYTHONS)
    with ready(row, order, "hello") as subject:
        assert subject.address.scheme == "http"
        hello, page = answers(subject)
        assert bool(subject.front) is bool(row.front)
    assert (hello.status, hello.content) == (200, b"Hello, world!\n")
    assert page.status == 200
    assert without_footer(page.content) == without_footer(museum("/fastcgi"))
    assert page.content.count(b"<dt>") == 9


def test_a_peer_that_is_not_installed_is_listed_with_what_installs_it(tmp_path: Path) -> None:
    rows = {row.name: row for row in ROWS}
    php = replace(rows["php-fpm"], programs=("no-such-program|nor-this", "sh"))
    there = replace(rows["mod-cgi"], programs=("no-such-program|sh",))
    pythons = PYTHONS | {"peers": str(tmp_path / "bin" / "python")}
    order = an_order(
        "evolution", [php, there, rows["uvicorn"]], ["hello"], pythons=pythons, remedies={"peers": "nox -s peers"}
    )
    absent, present, python = blank(order)["gateways"]
    assert (absent["status"], absent["reason"]) == ("absent", "no-such-program is not installed")
    assert absent["install"] == "apt install php-fpm"
    assert (present["status"], present["install"]) == ("ok", "")
    assert (python["status"], python["install"]) == ("absent", "nox -s peers")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Apache/2.4.62 (Debian)", "Apache 2.4.62"),
        ("PHP 8.2.30 (fpm-fcgi) (built: Jan 1 2026)", "PHP 8.2.30"),
        ('openjdk version "17.0.15" 2025-04-15', "openjdk 17.0.15"),
        (
            "Using CATALINA_BASE:   /usr/share/tomcat10\nServer version: Apache Tomcat/10.1.34 (Debian)",
            "Tomcat 10.1.34",
        ),
        ("usage: no-version", ""),
    ],
)
def test_what_programs_say_of_their_version(tmp_path: Path, said: str, version: str) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat <<'.'\n{said}\n.\n")
    program.chmod(0o755)
    assert look_for_programs([str(program)], "", "").version == version
