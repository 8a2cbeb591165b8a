"""The suite `method`: its demonstrations on small numbers, and that they would find out what is not so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from bench_world import ROOT, figures
from gateway_bench.errors import ProofFailed
from gateway_bench.load.latency import counted, described
from gateway_bench.method import asking, chance, kept, record, rounding, servers, suspect, wrong
from gateway_bench.method.asking import sound
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.samples.cores import can_pin

READ = 65_536
GOOD, SHORT, FAILED = servers.HELLO, servers.SHORT, servers.FAILED


@pytest.fixture
def ground() -> Ground:
    return Ground(ROOT / "benchmarks", quick=True)


# -- servers of which everything is known ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "answers"),
    [
        ("stalling", [GOOD] * 4),
        ("single", [GOOD] * 4),
        ("late", [GOOD] * 4),
        ("honest", [GOOD] * 4),
        ("wrong", [GOOD, GOOD, FAILED, GOOD, GOOD, SHORT, GOOD, GOOD, FAILED]),
    ],
)
def test_a_known_server_answers_as_it_says(ground: Ground, mode: str, answers: list[bytes]) -> None:
    with (
        ground.server(app=mode, module="gateway_bench.method.servers") as running,
        running.address.connect(20.0) as connection,
    ):
        found = []
        for _ in answers:
            connection.sendall(wrong.REQUEST)
            found.append(connection.recv(READ))
    assert found == answers


def test_each_rule_says_when_its_answer_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    rules = servers.MODES
    assert [rules["stalling"](number, 5.0)[0] for number in (499, 500, 501)] == [5.0] * 3
    assert slept == [servers.STALL]
    single = type(rules["single"])()
    assert [round(single(1, now)[0], 6) for now in (5.0, 5.0, 5.001, 9.0)] == [5.005, 5.01, 5.015, 9.005]
    assert rules["late"](1, 5.0)[0] == 5.0 + servers.DELAY


def test_a_known_server_outlives_who_does_not_wait(ground: Ground) -> None:
    with ground.server(app="late", module="gateway_bench.method.servers") as running:
        for _ in range(3):
            with running.address.connect(20.0) as connection:
                connection.sendall(wrong.REQUEST)
        with running.address.connect(20.0) as connection:
            connection.sendall(wrong.REQUEST)
            assert connection.recv(READ) == GOOD


# -- one server against itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "again", "unequal", "apart", "tie"),
    [
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), False, False, True),
        ((1.02, 0.99, 1.0), (0.99, 1.02, 1.01), True, False, True),
        ((1.12, 0.99, 1.0), (0.99, 1.02, 1.01), True, True, True),
        ((1.25, 1.2, 1.3), (0.99, 1.02, 1.01), True, True, False),
        ((0.8, 0.75, 0.7), (0.99, 1.02, 1.01), True, True, False),
        ((1.25, 1.2, 1.3), (0.6, 1.5, 1.4), True, True, True),  # so much does chance do there
        ((1.0, 1.0), (1.0, 1.0), False, False, False),  # two rounds have no band, so nothing is known
    ],
)
def test_a_pair_is_judged(
    second: tuple[float, ...], again: tuple[float, ...], unequal: bool, apart: bool, tie: bool
) -> None:
    rows: list[Any] = [
        {"pair": 4, "round": number, "first": 500.0, "second": 500 * one, "again": 500 * other}
        for number, (one, other) in enumerate(zip(second, again, strict=True))
    ]
    verdict = chance.judged(rows)
    assert (verdict["unequal"], verdict["apart"], verdict["tie"], verdict["pair"]) == (unequal, apart, tie, 4)
    assert verdict["low"] <= verdict["ratio"] <= verdict["high"]  # type: ignore[operator]
    assert math.isclose(float(verdict["high"]), max(second), abs_tol=1e-5)


def test_one_server_is_compared_with_itself(ground: Ground) -> None:
    found = chance.prove(ground)
    told = figures(found)
    assert told["pairs"] == chance.QUICK_PAIRS
    rows = [row for row in found.readings if "round" in row]
    assert len(rows) == chance.QUICK_PAIRS * chance.QUICK_ROUNDS
    assert all(float(row[name]) > 0 for row in rows for name in chance.ROWS)
    assert told["ties"] == sum(bool(row.get("tie")) for row in found.readings)


# -- wrong answers ---------------------------------------------------------------------------------------------------


def test_a_server_that_answers_wrongly_is_found_out(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong, "QUICK_ROUNDS", 3)  # a band takes three
    monkeypatch.setattr(wrong, "QUICK_SECONDS", 0.03)
    found = wrong.prove(ground)
    told = figures(found)
    assert told["ranked"] == 0
    assert told["counted-wrong"] > 0
    assert told["right-wrong"] > 0
    parts = told["errors-content"], told["errors-status-500"]
    assert min(parts) > 0
    assert sum(parts) == pytest.approx(1 / servers.WRONG_EVERY, abs=0.15)
    errors = {key for row in found.readings if row["server"] != "wrong" for key in row if key.startswith("errors")}
    assert errors == set()


def test_a_server_that_hangs_up_is_not_counted(ground: Ground) -> None:
    with ground.server("--max-requests", "1") as running, pytest.raises(ProofFailed, match="that was to be kept"):
        wrong._counted(running.address, 20.0)


# -- latencies -------------------------------------------------------------------------------------------------------


def test_values_below_two_milliseconds_are_told_apart() -> None:
    values = [(1, 2), (2, 1), (999, 7), (1_000, 1), (2_047, 3)]
    assert counted(described(values)) == values
    assert counted(described([])) == []


def test_locust_rounds_by_its_own_rule() -> None:
    given = [(120, 3), (499, 1), (501, 2), (1_499, 1), (1_501, 4), (147_000, 5), (3_432_000, 1)]
    assert rounding._rounded(given) == [(0, 4), (1, 3), (2, 4), (150, 5), (3_400, 1)]


@pytest.mark.parametrize(
    ("counts", "median"), [([(0, 3), (1, 2)], 0), ([(0, 1), (1, 1), (2, 5)], 2), ([(0, 1), (1, 1)], 0), ([], 0)]
)
def test_the_median_of_what_locust_keeps(counts: list[tuple[int, int]], median: int) -> None:
    assert rounding._median(counts) == median


# -- one measurement, and its generators -----------------------------------------------------------------------------


def test_one_measurement_is_told_as_the_record_has_it(ground: Ground) -> None:
    found = record.prove(ground)
    told = figures(found)
    kinds = [row["kind"] for row in found.readings]
    assert kinds[0] == "window"
    assert [kinds.count(kind) for kind in ("warm-up", "counted", "account")] == [1, 1, 2]
    assert "memory" in kinds
    counted_ = next(row for row in found.readings if row["kind"] == "counted")
    assert told["rate"] == pytest.approx(float(counted_["requests"]) / float(counted_["seconds"]), rel=0.01)
    assert 0 < told["warm-up"] < 1e6 * (record.WARMUP + 1)


def test_without_wrk_two_generators_are_compared(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspect, "find_wrk", lambda: None)
    monkeypatch.setattr(suspect, "QUICK_SECONDS", 0.05)
    found = suspect.prove(ground)
    told = figures(found)
    assert found.notes[0] == suspect.NO_WRK
    assert {row["generator"] for row in found.readings} == {"locust", "crowd"}
    assert told["rates-apart"] >= 1
    too_short = suspect.TOO_SHORT.format(suspect.PAGE) in found.notes  # where the system counts CPU in ticks
    assert too_short == ("cpu-page-apart" not in told)
    assert told.get("cpu-page-apart", 1) >= 1 or not can_pin()


def test_a_stretch_without_cpu_gives_no_ratio() -> None:
    found = Findings(readings=[
        {"round": 1, "scenario": scenario, "generator": name, "rate": 10.0, "share": 0.5, "server_us": cost}
        for scenario, name, cost in (("hello", "locust", 0.0), ("hello", "crowd", 11.5),
                                     ("page", "locust", 90.0), ("page", "crowd", 99.0))
    ])  # fmt: skip
    suspect._sum_up(found, ["locust", "crowd"])
    told = figures(found)
    assert "cpu-hello-apart" not in told
    assert told["cpu-page-apart"] == pytest.approx(1.1)
    assert found.notes == [suspect.TOO_SHORT.format("hello")]


def test_a_stretch_with_errors_proves_nothing() -> None:
    told: Any = {"errors": {"content": 1}}
    with pytest.raises(ProofFailed, match="there were errors"):
        sound(told)
    assert sound({"errors": {}}) == {"errors": {}}  # type: ignore[typeddict-item, comparison-overlap]


def test_a_job_is_a_closed_loop_but_for_what_it_is_told(ground: Ground) -> None:
    with ground.server(app="late", module="gateway_bench.method.servers") as running:
        job = asking.job_for(running.address, users=3, rate=5.0)
    assert (job["users"], job["rate"], job["scenario"], job["keep_alive"]) == (3, 5.0, "hello", True)


# -- runs that are killed --------------------------------------------------------------------------------------------

CARELESS = """
import os, subprocess, sys, tempfile
tempfile.mkdtemp()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL)
for number in (1, 2):
    print(f"[{number}/9, 1.0 min left] round 1 wsgi hello, capacity: 5 requests, 0 errors", flush=True)
sys.stdin = os.fdopen(os.pipe()[0])
sys.stdin.read()
"""
"""A run that keeps nothing, and leaves a process and a folder."""


def test_a_run_that_keeps_nothing_is_found_out(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "COMMAND", ("-c", CARELESS))
    monkeypatch.setattr(kept, "LATEST", 0.0)
    monkeypatch.setattr(kept, "HEARD_LIMIT", 0.2)
    seen: list[kept.Run] = []

    class Seen(kept.Run):
        def __init__(self, folder: Path, root: Path) -> None:
            super().__init__(folder, root)
            seen.append(self)

    monkeypatch.setattr(kept, "Run", Seen)
    found = kept.prove(ground)
    told = figures(found)
    killed, asked = found.readings
    assert told["missing"] == killed["missing"] == killed["shown"]
    assert 1 <= int(killed["shown"]) <= 2
    assert told["asked-missing"] == asked["shown"]
    assert (told["asked-processes"], told["asked-files"]) == (1, 1)
    assert told["asked-exit"] != 130
    assert [run.members() for run in seen] == [[], []]
    assert not any(run.temporary.exists() for run in seen)


def test_a_run_that_ends_at_once_is_not_waited_for(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "COMMAND", ("-c", "pass"))
    with kept._running(ground) as run:
        assert (run.shown, run.ended()) == (0, True)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("0::/box/gatelab-x7", ["box/gatelab-x7"]),
        ("9:cpu:/other\n0::/gatelab-x7\n", ["gatelab-x7"]),
        ("0::/box/gatelab-gone", []),
        ("0::/box", []),
        ("9:cpu:/gatelab-x7", []),
        ("0::/gatelab-x7/deeper", []),
        ("", []),
    ],
)
def test_control_groups_of_a_run_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, found: list[str]
) -> None:
    monkeypatch.setattr(kept, "MOUNTS", (tmp_path, tmp_path / "not-mounted"))
    for name in ("box/gatelab-x7", "gatelab-x7/deeper"):
        (tmp_path / name).mkdir(parents=True)
    assert kept.groups_in(told) == {tmp_path / name for name in found}


def test_findings_of_no_run_are_empty(tmp_path: Path) -> None:
    assert kept._read(tmp_path / "nothing.json")["repeats"] == []
    assert Findings().figures == []
