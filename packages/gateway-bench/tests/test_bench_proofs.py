"""The proofs: each made once, with small numbers, against our own server; and what becomes of one that fails."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from bench_world import ROOT, an_order, figures
from gateway_bench.errors import BenchError, ProofFailed
from gateway_bench.proofs import (
    big,
    bodies,
    cost,
    decode,
    held,
    idle,
    interleaved,
    kill,
    million,
    reload,
    slow,
    workers,
)
from gateway_bench.proofs.ground import Findings, Ground, descriptors_up_to, wait_for
from gateway_bench.proofs.kill import Kill, explained
from gateway_bench.proofs.run import Promise, choose, promises_of, prove_all
from gateway_bench.record.document import Document, Proof, load_document, schema_path
from gateway_bench.record.goals import load_goals
from gateway_bench.record.outcome import is_reference, save_all, save_reference
from gateway_bench.samples import procfs
from gateway_bench.samples.cores import can_pin
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.suites import suite_named
from gateway_bench.terminal.tables import print_document

SUITE = suite_named("proofs")


@pytest.fixture
def ground() -> Ground:
    return Ground(ROOT / "benchmarks", quick=True)


def test_idle_connections(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "NUMBERS", (2, 6))
    found = idle.prove(ground)
    told = figures(found)
    assert told["spread"] >= 1
    assert {"memory", "memory-asked", "memory-silent", "cpu-asked-2", "cpu-silent-6"} <= set(told)
    assert sorted({(row["kind"], row["connections"]) for row in found.readings}) == [
        ("asked", 2), ("asked", 6), ("silent", 2), ("silent", 6),
    ]  # fmt: skip
    assert all(float(row["requests"]) > 0 for row in found.readings)
    assert not found.notes


def test_idle_connections_that_the_server_closes_prove_nothing(ground: Ground) -> None:
    with ground.server("--idle-timeout", "1") as running:
        ground.load(running.address, "hello", 1, max_visits=1)
        at_rest = running.descriptors()
        with pytest.raises(ProofFailed, match="closed 2 of 2 idle"), idle._held(running, 2, "asked"):
            wait_for(lambda: running.descriptors() <= at_rest, 20.0, "the server closes them")


def test_slow_senders(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow, "CONNECTIONS", 300)  # a tenth of them, being quick
    found = slow.prove(ground)
    told = figures(found)
    assert told["rate"] > 0
    assert told["bytes"] > 0
    assert told["cut"] == 0
    assert [row["drippers"] for row in found.readings] == [0, 0, 30, 30, 0, 0]


def test_slow_senders_that_are_cut_come_again(ground: Ground) -> None:
    with ground.server("--head-timeout", "1") as running:
        drippers = slow.Drippers(running.address, 5)
        with drippers.dripping():
            wait_for(lambda: drippers.cut >= 5 and drippers.opened >= 10, 30.0, "each is cut and opened again")
    assert drippers.error == ""


def test_slow_senders_without_a_server() -> None:
    from gateway_bench.load.address import Address, free_port

    drippers = slow.Drippers(Address("http", "127.0.0.1", free_port()), 5)
    with pytest.raises(ProofFailed, match=r"the drippers failed: .*refused"), drippers.dripping():
        pass


def test_big_content(ground: Ground) -> None:
    found = big.prove(ground)
    told = figures(found)
    assert told["growth"] == max(told[f"growth-{way}"] for way in ("up", "streamed", "file"))
    assert 0 <= told["growth"] < 16 << 20  # a server that held all of it would grow by more
    assert [row["mib"] for row in found.readings] == [16, 16, 16]


def test_big_content_that_does_not_come_as_it_was(ground: Ground) -> None:
    with ground.server(app="demo_app:app") as running:
        with pytest.raises(ProofFailed, match="bytes the server says"):
            big.transfer(running.address, "up", 1)
        with pytest.raises(ProofFailed, match="no answer of 1048576 bytes"):
            big.transfer(running.address, "streamed", 1)


def test_bodies_over_a_protocol_and_through_the_front(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SERVERS", {name: bodies.SERVERS[name] for name in ("fastcgi", "http")})
    found = bodies.prove(ground)
    told = figures(found)
    assert 0 <= told["growth"] < 16 << 20
    assert sorted((row["protocol"], row["way"], row["of"]) for row in found.readings) == [
        ("fastcgi", "down", "behind"), ("fastcgi", "down", "front"), ("fastcgi", "down", "server"),
        ("fastcgi", "up", "behind"), ("fastcgi", "up", "front"), ("fastcgi", "up", "server"),
        ("http", "down", "behind"), ("http", "down", "front"), ("http", "up", "behind"), ("http", "up", "front"),
    ]  # fmt: skip


@pytest.mark.parametrize("protocol", ["fastcgi", "scgi", "uwsgi"])
def test_a_body_that_does_not_come_as_it_was(ground: Ground, protocol: str) -> None:
    with ground.server(app="demo_app:app", module=bodies.SERVERS[protocol]) as running:
        with pytest.raises(ProofFailed, match="bytes the server says"):
            bodies._direct(running.address, "up", 1)
        with pytest.raises(ProofFailed, match="and not 1048576"):
            bodies._direct(running.address, "down", 1)


def test_interleaved_requests(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "NUMBER", 8)
    monkeypatch.setattr(interleaved, "HEAD_START", 0.5)
    found = interleaved.prove(ground)
    told = figures(found)
    assert (told["lost"], told["aborted"]) == (0, 1)
    assert told["wait"] >= 0  # no request ends before its work
    assert len(found.readings) == 8


def test_requests_held_by_a_slow_backend(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "NUMBER", 50)  # a tenth of them, being quick
    found = held.prove(ground)
    told = figures(found)
    assert (told["held"], told["unanswered"]) == (5, 0)
    assert told["rate"] > 0
    assert [row["held"] for row in found.readings] == [0, 5, 0]


def test_decoding(ground: Ground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(decode, "LOOPS", 20)
    told = figures(decode.prove(ground))
    assert set(told) == {"fastcgi", "scgi", "uwsgi", "slowest"}
    assert told["slowest"] == max(told["fastcgi"], told["scgi"], told["uwsgi"]) > 0
    with pytest.raises(ProofFailed, match=r"cannot read .*nginx-fastcgi\.json: No such file"):
        decode.prove(Ground(tmp_path / "benchmarks"))


def test_what_the_harness_takes_itself(ground: Ground) -> None:
    found = cost.prove(ground)
    told = figures(found)
    assert told["share"] == pytest.approx(told["recording"] + told["sampling"])
    assert told["recording"] > 0
    assert told["sampling"] > 0
    assert sum(float(row.get("answered", 0)) for row in found.readings) > 0
    if procfs.LINUX:
        assert {"look-server", "look-front", "look-generator"} <= told.keys()


def test_a_million_requests(ground: Ground) -> None:
    told = figures(million.prove(ground))
    assert (told["requests"], told["descriptors"]) == (20_000, 0)
    assert abs(told["growth"]) < 16 << 20


def test_two_workers(ground: Ground) -> None:
    if not can_pin():
        pytest.skip("this system cannot tell, or has one processor")
    told = figures(workers.prove(ground))
    assert told["speedup"] == pytest.approx(told["rate-2"] / told["rate-1"])


def test_reload_and_upgrade(ground: Ground) -> None:
    found = reload.prove(ground)
    told = figures(found)
    for name in ("hup", "usr2"):
        assert told[f"{name}-failed"] == 0
        assert told[f"{name}-requests"] > 0
        # Every new connection beyond the first of each visitor has its reason.
        opened = sum(int(row["opened"]) for row in found.readings if row["signal"] == name and "opened" in row)
        ended = sum(told[f"{name}-{how}"] for how in ("crossed", "announced", "idle"))
        assert opened <= ended + reload.USERS + reload.PAUSING
        assert opened > 0


def test_killed_workers(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill, "PERIOD", 0.3)
    found = kill.prove(ground)
    told = figures(found)
    assert (told["unexplained"], told["kills"]) == (0, 3)
    assert told["lost"] == sum(int(row["lost"]) for row in found.readings)
    assert told["requests"] > told["lost"]


KILLS: list[Kill] = [(10.0, 71), (20.0, 72)]


@pytest.mark.parametrize(
    ("worker", "began", "lost", "pid"),
    [
        (71, 9.9, 10.01, 71), (72, 19.9, 20.01, 72),
        (71, 10.001, 10.002, 71),  # sent to a dead worker whose end had not come through
        (0, 9.9, 10.01, 71),  # a new connection: under way when it was killed
        (0, 10.1, 10.2, None),  # a new connection, made after its death
        (73, 9.9, 10.01, None),  # another worker's
        (71, 19.9, 20.01, None),  # ten seconds after its death
        (71, 9.0, 9.5, None),  # before it
    ],
)  # fmt: skip
def test_what_explains_a_loss(worker: int, began: float, lost: float, pid: int | None) -> None:
    assert explained({"kind": "closed", "began": began, "lost": lost, "worker": worker, "retried": False}, KILLS) == pid


def test_descriptors() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
        assert descriptors_up_to(100) == 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 200
        assert descriptors_up_to(300) == 300
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_waiting_ends() -> None:
    with pytest.raises(ProofFailed, match=r"not within 0\.05 s: the moon"):
        wait_for(lambda: False, 0.05, "the moon")


# -- a run -------------------------------------------------------------------------------------------------------------


def good(_: Ground) -> Findings:
    found = Findings(notes=["it was quick"])
    found.add("growth", 2.5 * 2**20, "bytes", "how much it grew")
    found.readings.append({"round": 1, "growth": 2_621_440})
    return found


def bad(ground: Ground) -> Findings:
    with ground.server("--workers", "1") as running:
        os.kill(running.service.pid, signal.SIGKILL)
        wait_for(lambda: not running.alive(), 10.0, "it ends")
        running.descriptors()
    raise AssertionError("it has ended")


def lacking(_: Ground) -> Findings:
    raise ProofFailed("the machine has one processor", "nothing was started")


class Notebook:
    """A watcher that writes down what it is told."""

    def __init__(self) -> None:
        self.proofs: list[Proof] = []

    def planned(self, steps: int, seconds: float) -> None:
        assert (steps, seconds) == (3, 27)

    def doing(self, what: str) -> None:
        pass

    def proved(self, proof: Proof) -> None:
        self.proofs.append(proof)


@pytest.fixture(scope="module")
def document() -> Document:
    gateways = load_gateways(ROOT / "benchmarks" / "peers.toml", ["gatelab"])
    order = an_order("proofs", gateways, [], goals=load_goals(ROOT / "benchmarks" / "goals.toml"))
    order.parameters["quick"] = False
    notebook = Notebook()
    rows = [("big", good), ("idle", bad), ("workers", lacking)]
    told = prove_all(order, [Promise(name, name.title(), "about it", prove, 9, 1) for name, prove in rows], notebook)
    assert notebook.proofs == told["proofs"]
    return told


def test_one_proof_that_fails_does_not_stop_the_others(document: Document) -> None:
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_path().read_text("utf-8")))
    assert document["complete"]
    assert [(proof["name"], proof["status"], proof["reason"]) for proof in document["proofs"]] == [
        ("big", "ok", ""),
        ("idle", "failed", "the server ended"),
        ("workers", "failed", "the machine has one processor"),
    ]
    assert document["proofs"][1]["commands"] == [
        ["python", "-m", "wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0", "--workers", "1"]
    ]
    assert "ready http://" in document["proofs"][1]["output"]
    verdicts = {(row["of"], row["figure"]): row["verdict"] for row in document["goals"]}
    assert verdicts["big", "growth"] == "kept"
    assert verdicts["idle", "spread"] == verdicts["workers", "speedup"] == "unknown"
    assert not is_reference(document, SUITE)


def test_the_outcome_of_proofs_is_whole(document: Document, tmp_path: Path) -> None:
    report = save_all(document, tmp_path).read_text("utf-8")
    for words in ("2.50 MiB", "it was quick", "the machine has one processor", "≤ 16.0 MiB", "kept", "unknown"):
        assert words in report
    assert load_document(tmp_path / "result.json") == document
    assert (tmp_path / "result.csv").read_text() == (
        "proof,figure,value,unit,about\nbig,growth,2621440.0,bytes,how much it grew\n"
    )
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    print_document(document, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in ("2.50 MiB", "failed: Idle: the server ended", "note on big: it was quick", "promise"):
        assert words in text
    assert "…" not in text


def test_some_proofs_are_not_kept_in_the_place_of_all(document: Document, tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    folder = save_reference(document, SUITE, tmp_path)
    assert {path.name for path in folder.iterdir()} == {"proofs-big-idle-workers.json", "proofs-big-idle-workers.csv"}


def test_proofs_are_chosen_by_name() -> None:
    assert [promise.name for promise in choose(SUITE, [])] == list(promises_of(SUITE))
    assert [promise.name for promise in choose(SUITE, ["kill", "idle"])] == ["idle", "kill"]
    with pytest.raises(BenchError, match="no proof 'pudding'"):
        choose(SUITE, ["pudding"])
