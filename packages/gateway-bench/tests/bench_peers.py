"""For tests of the peers: which of them there are, and what each has to prove from its start to its end."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import psutil
import pytest

from bench_world import ROOT, an_order
from demo_app import app
from gateway_bench.load.scenarios import SCENARIOS, Answer
from gateway_bench.load.visitor import Visitor
from gateway_bench.run.subject import Subject, ready
from gateway_bench.servers.fronts import FRONTS
from gateway_bench.servers.gateways import Gateway, load_gateways
from gateway_bench.servers.presence import look_for, look_for_programs

__all__ = ["PYTHONS", "ROWS", "STARTS", "museum", "prove", "without_footer"]

PEERS = Path(os.environ.get("GATELAB_PEERS", ROOT / ".nox/peers/bin")) / "python"
PYTHONS = {"own": sys.executable, "peers": str(PEERS)}
ROWS = load_gateways(ROOT / "benchmarks" / "peers.toml")
STARTS = [
    row
    for number, row in enumerate(ROWS)
    if row.environment != "compiled" and row.command not in {earlier.command for earlier in ROWS[:number]}
]
"""Rows that differ in more than a number."""
HELLO = Answer(200, b"Hello, world!\n")
SLEPT = Answer(200, b"slept 200 ms\n")
KNOWN = ["cmdline", "environ"]
"""Of a process: where the name of a folder could be."""


def prove(row: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start it by its row, compare every byte that it says with the demo application's, end it: nothing is left."""
    if reason := _absence(row):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and in CI every peer must be here", pytrace=False)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:  # a short path: sockets lie in it
        monkeypatch.setattr(tempfile, "tempdir", folder)
        _prove(row)
        assert [process.info for process in psutil.process_iter(KNOWN) if _knows(process, folder)] == []
        assert list(Path(folder).iterdir()) == []


def _prove(row: Gateway) -> None:
    order = an_order("evolution", [row], ["hello", "page"], pythons=PYTHONS)
    with ready(row, order, "hello") as subject:
        assert bool(subject.front) is bool(row.front)
        hello, page = _answer(subject, "hello"), _answer(subject, "page")
        slept = _answer(subject, "sleep") if _waits(row) else SLEPT
    assert (hello, slept) == (HELLO, SLEPT)
    assert page.status == 200
    assert without_footer(page.content) == without_footer(museum("/fastcgi")[2])
    assert page.content.count(b"<dt>") == 9


def _absence(row: Gateway) -> str:
    """Return what this row misses here, or ""."""
    if row.front and (reason := FRONTS[row.front].presence().reason):
        return reason
    if row.programs:
        return look_for_programs(row.programs, row.has, row.install).reason
    return look_for(row.package, PYTHONS[row.environment], ROOT).reason


def _answer(subject: Subject, scenario: str) -> Answer:
    """Make the first request of a scenario."""
    return Visitor(subject.address, keep_alive=False).fetch(SCENARIOS[scenario].visit("once")[0])


def _waits(row: Gateway) -> bool:
    """Tell whether this server, perhaps with other numbers, is one of those that are asked to sleep."""
    return any(other.command == row.command and other.takes_part("sleep") for other in ROWS)


def _knows(process: psutil.Process, folder: str) -> bool:
    """Tell whether a process has been told of a folder."""
    words = [*(process.info["cmdline"] or ()), (process.info["environ"] or {}).get("DEMO_APP_DB", "")]
    return process.pid != os.getpid() and any(folder in word for word in words)


def without_footer(page: bytes) -> str:
    """Return a page without what it says of its server, and without the place where it is mounted."""
    text = re.sub(r'(?s)<footer id="served">.*</footer>', "", page.decode())
    return text.replace('"/app.py/', '"/')


def museum(path: str, query: str = "") -> tuple[int, list[tuple[str, str]], bytes]:
    """Return what the demo application answers, called by nobody's server."""
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query}
    setup_testing_defaults(environ)
    head: list[Any] = []
    content = b"".join(app(environ, lambda *words: head.extend(words)))
    return int(head[0].split()[0]), head[1], content
