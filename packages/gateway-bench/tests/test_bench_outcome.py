"""Where a run ends up: kept as it grows, whole or not at all, never lost; and which runs are kept as a reference."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench_record_maker import FIVE, made_up
from gateway_bench.errors import BenchError
from gateway_bench.record.document import Document, load_document, save_document
from gateway_bench.record.files import write_whole
from gateway_bench.record.outcome import (
    Keeper,
    draw_again,
    find_root,
    folder_for,
    is_reference,
    make_folder,
    point_latest,
    save_all,
    save_reference,
)
from gateway_bench.record.partial import PARTIAL, PartialFile, recovered
from gateway_bench.record.summary import results_of
from gateway_bench.record.ties import bands_of
from gateway_bench.suites import suite_named
from gateway_bench.terminal import desk

KEEPING = Path(__file__).parent / "data" / "keeping_run.py"
FEW = {name: FIVE[name] for name in ("fastcgi", "wsgi", "fastcgi-again")}
SUITE = replace(suite_named("evolution"), charts={}, kept=())
"""Nothing is drawn here: the tests of the charts do that."""


@pytest.fixture(scope="module")
def made() -> Document:
    return made_up(FEW, scenarios=("hello",))


@pytest.fixture
def document(made: Document) -> Document:
    return copy.deepcopy(made)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_bench.record.outcome.suite_named", lambda _: SUITE)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def keep(document: Document, folder: Path, keeper: Keeper | None = None) -> Keeper:
    """Carry out a run that has these measurements, as far as its end."""
    keeper = keeper or Keeper(folder)
    growing = copy.deepcopy(document)
    growing["repeats"] = []
    keeper.begin(growing)
    for repeat in document["repeats"]:
        growing["repeats"].append(repeat)
        keeper.add(repeat)
    return keeper


# -- one file -------------------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"file"}


# -- a run that is kept ---------------------------------------------------------------------------------------------


def test_a_run_is_kept_from_its_first_measurement_to_its_report(
    document: Document, tmp_path: Path, undrawn: None
) -> None:
    keeper = Keeper(tmp_path)
    keeper.begin(document)
    assert names(tmp_path) == set()
    keep(document, tmp_path, keeper)
    assert names(tmp_path) == {PARTIAL}
    assert keeper.finish(document) == tmp_path / "report.html"
    assert names(tmp_path) == {"result.json", "result.csv", "result-repeats.csv", "report.html"}
    assert keeper.notices == []
    assert load_document(tmp_path / "result.json") == json.loads(json.dumps(document))


def test_proofs_are_kept_at_their_end_alone(document: Document, tmp_path: Path, undrawn: None) -> None:
    document["repeats"], document["results"], document["suite"] = [], [], "proofs"
    assert Keeper(tmp_path).finish(document) == tmp_path / "report.html"
    assert names(tmp_path) == {"result.json", "result.csv", "report.html"}


def run_and_meet_the_end(document: Document, tmp_path: Path, *limit: int) -> tuple[Any, Path]:
    """Let a process of its own keep the run; return how it ended, and the folder."""
    folder, record = tmp_path / "out", tmp_path / "given.json"
    folder.mkdir()
    save_document(document, record)
    command = [sys.executable, str(KEEPING), str(folder), str(record), *map(str, limit)]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    return done, folder


def test_a_run_that_is_killed_keeps_what_was_measured(document: Document, tmp_path: Path) -> None:
    document["failures"] = [{"gateway": "wsgi", "scenario": "hello", "round": 2, "reason": "it ended", "output": "!"}]
    done, folder = run_and_meet_the_end(document, tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert names(folder) == {PARTIAL}
    found = load_document(desk.found(folder))
    assert found["repeats"] == json.loads(json.dumps(document["repeats"]))
    assert found["failures"] == document["failures"]
    assert found["results"] == results_of(document["repeats"])
    assert found["bands"] == bands_of(document["repeats"], document["gateways"]) != []
    assert not found["complete"]
    assert "killed" in found["notes"][-1]
    assert found["finished"] == document["repeats"][-1]["started"]


def test_what_a_killed_run_has_left_is_drawn(document: Document, tmp_path: Path, undrawn: None) -> None:
    keep(document, tmp_path)
    assert draw_again(recovered(tmp_path / PARTIAL), tmp_path) == [tmp_path / "report.html"]
    assert "killed" in (tmp_path / "report.html").read_text("utf-8")


def test_a_line_that_was_cut_off_is_left_out(document: Document, tmp_path: Path) -> None:
    keep(document, tmp_path)
    path = tmp_path / PARTIAL
    path.write_bytes(path.read_bytes()[:-9])
    assert recovered(path)["repeats"] == json.loads(json.dumps(document["repeats"][:-1]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not what a run"), (b"{}\n", "is not what a run"), (b'{"document": 7}\n', "is not what a run"),
        (b'{"document": {}', "has no whole line"), (b"\x00\n", "is not what a run"), (b"[1]\n", "is not what a run"),
        (b'{"document": {"started": "now", "notes": []}}\n', "damaged, or no record of schema version 2"),
    ],
)  # fmt: skip
def test_a_file_that_no_run_wrote_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / PARTIAL
    path.write_bytes(content)
    with pytest.raises(BenchError, match=sentence):
        load_document(path)


def test_another_run_in_the_same_folder_begins_anew(document: Document, tmp_path: Path) -> None:
    keep(document, tmp_path)
    document["repeats"] = document["repeats"][:2]
    keep(document, tmp_path)
    assert len(recovered(tmp_path / PARTIAL)["repeats"]) == 2


# -- a disk that is full --------------------------------------------------------------------------------------------


def test_lines_wait_until_there_is_room(tmp_path: Path) -> None:
    file = PartialFile(tmp_path / "none" / PARTIAL)
    file.begin({"number": 0})
    file.add(repeat={"number": 1})
    assert file.lost
    make_folder(tmp_path / "none")
    file.add(repeat={"number": 2})
    assert file.lost is None
    lines = (tmp_path / "none" / PARTIAL).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"document": {"number": 0}}, {"repeat": {"number": 1}}, {"repeat": {"number": 2}},
    ]  # fmt: skip


def test_on_a_disk_that_is_full_the_record_is_printed_at_last(document: Document, tmp_path: Path) -> None:
    done, folder = run_and_meet_the_end(document, tmp_path, 60_000)
    assert done.returncode == 0
    opened, notice = done.stderr.splitlines()
    assert opened == str(folder)
    assert notice == f"the record cannot be written to {folder}: File too large; it was printed instead"
    assert json.loads(done.stdout) == json.loads(json.dumps(document))
    assert names(folder) == {PARTIAL}  # and no half of anything
    assert (folder / PARTIAL).stat().st_size <= 60_000
    left = load_document(folder / PARTIAL)
    assert left["repeats"] == json.loads(json.dumps(document["repeats"][: len(left["repeats"])])) != []


def test_a_report_that_does_not_fit_leaves_the_record(document: Document, tmp_path: Path) -> None:
    save_document(document, tmp_path / "sized.json")
    size = (tmp_path / "sized.json").stat().st_size
    done, folder = run_and_meet_the_end(document, tmp_path, size + 100)  # the report holds the record, and more
    assert done.returncode == 0
    opened, *notices = done.stderr.splitlines()
    assert opened == str(folder / "result.json")
    assert "the report cannot be written: File too large" in notices
    assert load_document(folder / "result.json") == json.loads(json.dumps(document))
    assert "report.html" not in names(folder)


def test_a_record_that_does_not_fit_goes_to_the_temporary_folder(
    document: Document, tmp_path: Path, undrawn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "gone"
    keeper = keep(document, folder)
    opened = keeper.finish(document)
    (notice,) = keeper.notices
    assert notice == f"the record cannot be written to {folder}: No such file or directory; it is in {opened.parent}"
    assert opened.parent.parent == tmp_path
    assert load_document(opened.with_name("result.json")) == json.loads(json.dumps(document))


def test_what_cannot_be_drawn_again_is_said(document: Document, tmp_path: Path, undrawn: None) -> None:
    make_folder(tmp_path / "out" / "report.html.part")  # in the way
    with pytest.raises(BenchError, match="the report cannot be written: Is a directory"):
        draw_again(document, tmp_path / "out")
    assert {"result.csv", "result-repeats.csv"} <= names(tmp_path / "out")
    with pytest.raises(BenchError, match="cannot be written"):
        save_all(document, tmp_path / "out")


# -- folders --------------------------------------------------------------------------------------------------------


def test_the_root_is_where_the_tables_are(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "gateways.toml").write_text("")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    assert find_root(tmp_path / "deep" / "down") == tmp_path
    assert (find_root(Path("/")) / "benchmarks" / "gateways.toml").is_file()  # this checkout


def test_a_folder_that_cannot_be_made_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "folder")


def test_latest_follows_the_last_run(tmp_path: Path) -> None:
    first = folder_for("2026-11-20T10:00:00+00:00", tmp_path)
    assert first == tmp_path / "results" / "20261120T100000Z"
    for folder in (first, first.with_name("20261121T100000Z")):
        folder.mkdir(parents=True)
        point_latest(folder)
        assert (tmp_path / "results" / "latest").resolve() == folder.resolve()


# -- a run that is kept as a reference ------------------------------------------------------------------------------


def change(*path: Any, to: Any) -> Callable[[Document], None]:
    def apply(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return apply


def disturb(document: Document) -> None:
    for repeat in document["repeats"]:
        repeat["others_share"] = 0.2


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        (lambda _: None, True),
        (change("complete", to=False), False),
        (change("parameters", "quick", to=True), False),
        (change("failures", to=[{}]), False),
        (change("noise", to=None), False),
        (change("noise", "fit", to=False), False),
        (disturb, False),
        (change("repeats", 0, "others_share", to=0.9), True),  # one that was disturbed is an outlier, no bad run
        (change("results", 0, "errors", to={"content": 1}), False),
        (change("results", to=[]), False),
        (change("gateways", 1, "status", to="absent"), False),
    ],
)
def test_a_reference_is_whole_undisturbed_and_without_an_error(
    document: Document, spoil: Callable[[Document], None], kept: bool
) -> None:
    suite = suite_named("evolution")
    spoil(document)
    assert is_reference(document, suite) is kept
    assert not is_reference(document, SUITE)  # of which nothing is kept


def test_only_our_compiled_build_may_be_absent(document: Document) -> None:
    document["gateways"][1] |= {"name": "gatelab-compiled", "status": "absent"}
    assert is_reference(document, suite_named("evolution"))


def test_a_reference_is_the_record_its_tables_and_the_charts_that_are_kept(document: Document, tmp_path: Path) -> None:
    suite = replace(suite_named("evolution"), kept=("cpu",))
    folder = save_reference(document, suite, tmp_path)
    assert folder == tmp_path / "benchmarks" / "results"
    assert names(folder) == {
        "evolution.json", "evolution.csv", "evolution-repeats.csv", "evolution/cpu.svg", "evolution/cpu.png",
    }  # fmt: skip
    assert load_document(folder / "evolution.json") == json.loads(json.dumps(document))


def test_a_reference_that_does_not_fit_is_said(document: Document, tmp_path: Path) -> None:
    make_folder(tmp_path / "benchmarks" / "results" / "evolution.json.part")  # in the way
    with pytest.raises(BenchError, match=r"the run cannot be kept in .*results: Is a directory"):
        save_reference(document, SUITE, tmp_path)
