"""The proofs about the CGI host, each made once with small numbers; and that each can see what it looks for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench_world import ROOT, figures
from gateway_bench.errors import ProofFailed
from gateway_bench.proofs import bill, children, spawned
from gateway_bench.proofs.ground import Ground


@pytest.fixture
def ground() -> Ground:
    return Ground(ROOT / "benchmarks", quick=True)


def test_nothing_is_left_of_programs_of_every_kind(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawned, "REQUESTS", {"posix-spawn": 1600})  # a fortieth of them, being quick
    found = spawned.prove(ground)
    assert figures(found) == {"wrong": 0, "zombies": 0, "programs": 0, "descriptors": 0, "requests": 40}
    assert sum(int(row["requests"]) for row in found.readings) == 40
    assert ground.commands[0][:4] == ["python", "-m", "cgi_runner", "programs"]


def test_wrong_answers_are_seen(ground: Ground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kinds = {kind.name: kind for kind in spawned.KINDS}
    hello = kinds["hello"]
    bad = [replace(hello, expected=expected) for expected in ((404, b""), (200, b"HELLO\n"), (spawned.CUT, b""))]
    programs = tmp_path / "programs"
    spawned._write(programs)
    with ground.server(app=str(programs), module="cgi_runner") as running:
        assert spawned._all(running.address, [hello, kinds["404"], kinds["killed in the middle"]]).total() == 0
        assert spawned._all(running.address, bad)["hello"] == 3
        monkeypatch.setattr(spawned, "WRONG_MAX", 2)
        with pytest.raises(ProofFailed, match="given up"):
            spawned._all(running.address, bad * 8)


def test_a_program_that_is_left_is_seen(tmp_path: Path) -> None:
    code = "import sys; print('stands', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as left:
        assert left.stdout
        left.stdout.readline()
        assert spawned._standing_in(tmp_path) == {left.pid}
        left.kill()
    assert spawned._standing_in(tmp_path) == set()


def test_programs_at_once(ground: Ground) -> None:
    told = figures(children.prove(ground))
    assert (told["programs"], told["unanswered"]) == (children.QUICK_NUMBER, 0)
    assert told["memory"] == max(told["memory-posix-spawn"], told["memory-zygote"])
    assert all(1 << 20 < told[f"at-rest-{how}"] < 200 << 20 for how in ("posix-spawn", "zygote"))


def test_programs_that_do_not_answer_are_no_proof(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "SLEEPERS", {"posix-spawn": "#!/bin/sh\nexit 1 # {pipe}\n"})
    with pytest.raises(ProofFailed, match="a program's answer ends with"):
        children.prove(ground)
    assert psutil.Process().children() == []


def test_the_bill(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "ROWS", [replace(row, requests=20) for row in bill.ROWS if row.name != "app-zygote"])
    found = bill.prove(ground)
    told = figures(found)
    assert set(told) == {"gap", "cost", "gap-app", "worst-app", "cost-app", "gap-sh", "worst-sh", "cost-sh"}
    assert 0 <= told["gap-app"] <= told["worst-app"] < 1
    assert told["gap"] == max(told["gap-app"], told["gap-sh"])
    assert told["cost"] > 0
    assert [row["kind"] for row in found.readings] == ["fine", "coarse"]


def test_a_bill_that_cannot_be_made(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "ROWS", [bill.Row("x", "nothing", {"app": "no_such:app", "path": "/"}, 1)])
    with pytest.raises(ProofFailed, match="no bill of nothing: "):
        bill.prove(ground)
    assert psutil.Process().children() == []
