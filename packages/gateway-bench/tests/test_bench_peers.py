"""The rows of the repository's tables, the peers that are Python, and what is said of those that are not here.

In CI every peer must be here. Those that are no Python, or stand behind a front: `test_bench_peers_programs.py`.
"""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench_peers import PYTHONS, ROWS, STARTS, museum, prove, without_footer
from bench_world import ROOT, an_order
from gateway_bench.load.address import parse_address
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.warming import WINDOW, Warming
from gateway_bench.run.blank import blank
from gateway_bench.servers.fronts import FRONTS
from gateway_bench.servers.gateways import Gateway, Places, load_gateways
from gateway_bench.servers.presence import look_for_programs

TABLES = [file for file in sorted((ROOT / "benchmarks").glob("*.toml")) if "[[gateway]]" in file.read_text("utf-8")]
PYTHON = [row for row in STARTS if not row.front and not row.programs]


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


@pytest.mark.parametrize("row", PYTHON, ids=lambda row: row.name)
def test_each_peer_gives_the_same_bytes_and_leaves_nothing(row: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    prove(row, monkeypatch)


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


def test_the_twin_for_asgi_answers_as_the_application_does() -> None:
    place = importlib.util.spec_from_file_location("asgi_site", ROOT / "benchmarks" / "pages" / "asgi_site.py")
    assert place
    assert place.loader
    twin = importlib.util.module_from_spec(place)
    place.loader.exec_module(twin)

    def ask(kind: str, path: str = "", query: bytes = b"", *received: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        waiting = [{"type": each} for each in received]

        async def receive() -> dict[str, Any]:
            return waiting.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(twin.app({"type": kind, "path": path, "query_string": query}, receive, send))
        return sent

    life = ask("lifespan", "", b"", "lifespan.startup", "lifespan.shutdown")
    assert [message["type"] for message in life] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    for path, query in (("/hello", ""), ("/fastcgi", ""), ("/sleep", "ms=1"), ("/sleep", "ms=x"), ("/nothing", "")):
        head, body = ask("http", path, query.encode())
        status, fields, content = museum(path, query)
        assert head["status"] == status, path
        if status == 200:
            assert without_footer(body["body"]) == without_footer(content), path
            names = {name: value for name, value in fields if name != "Content-Length"}
            assert {name.decode(): value.decode() for name, value in head["headers"] if name != b"content-length"} == {
                name.lower(): value for name, value in names.items()
            }
        assert (b"content-length", str(len(body["body"])).encode()) in head["headers"]


def test_a_row_may_ask_for_a_longer_warm_up() -> None:
    now = 0.0

    def settles_in(least: float) -> float:
        nonlocal now
        now = 0.0
        warming = Warming(5.0, lambda: round(now * 1000), lambda: now, least)
        while warming.lasts():
            now += WINDOW
        return warming.told()["seconds"]

    assert settles_in(0.0) < 1.0
    assert 2.0 <= settles_in(2.0) < 2.1
    assert 5.0 <= settles_in(9.0) < 5.1
    slow = [row.name for row in ROWS if row.warmup]
    assert slow == [row.name for row in ROWS if "java" in row.programs]
