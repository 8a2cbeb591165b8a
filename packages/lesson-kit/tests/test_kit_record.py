"""The learner's file: nothing that was answered is ever lost, whoever writes, dies or breaks something meanwhile."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lesson_kit import record as module
from lesson_kit.errors import KitError
from lesson_kit.record import HOME, Record, as_json, record_path

WRITER = """
import sys, types
from pathlib import Path
package = types.ModuleType("lesson_kit")  # without what the whole kit imports: seconds
package.__path__ = [sys.argv[4]]
sys.modules["lesson_kit"] = package
from lesson_kit.record import Record
record = Record(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    record.add("measurement", 0, sys.argv[2], number)
    print(number, flush=True)
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def record(tmp_path: Path, said: list[str]) -> Record:
    return Record(tmp_path / "deep" / "learner.json", said.append)


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    """Start a process that writes so many entries once it gets a line."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(count), str(Path(module.__file__).parent)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\n")
    process.stdin.flush()


def test_what_is_added_comes_back_in_another_notebook(record: Record) -> None:
    record.add("prediction", 2, "births", 40, 80.0)
    record.add("prediction", 2, "births", 1, 30.0)
    record.add_all("measurement", 2, {"births": 40, "pids": [1, 2]})
    other = Record(record.path)
    assert [entry["value"] for entry in other.entries("prediction", 2)] == [40, 1]
    last = other.last("prediction", 2, "births")
    assert last is not None
    assert (last["value"], last["confidence"]) == (1, 30.0)
    assert other.measurements(2) == {"births": 40, "pids": [1, 2]}
    assert other.last("keep", 2, "births") is None


def test_what_is_returned_can_be_changed_without_harm(record: Record) -> None:
    record.add("measurement", 0, "pids", [1, 2])
    record.measurements(0)["pids"].append(3)
    assert record.measurements(0) == {"pids": [1, 2]}
    record.add("measurement", 0, "more", 1)
    assert Record(record.path).measurements(0)["pids"] == [1, 2]


def test_notebooks_that_write_at_once_lose_nothing(record: Record) -> None:
    writers = [writer(record.path, name, 40) for name in ("a", "b", "c")]
    for process in writers:
        begin(process)
    for number in range(20):
        record.add("measurement", 0, "mine", number)
    for process in writers:
        process.communicate(timeout=30)
    for name, count in (("a", 40), ("b", 40), ("c", 40), ("mine", 20)):
        assert [entry["value"] for entry in record.entries(name=name)] == list(range(count))


def test_a_notebook_that_is_killed_while_it_writes_loses_nothing(record: Record) -> None:
    process = writer(record.path, "a", 1_000_000)
    begin(process)
    assert process.stdout
    for _ in range(30):
        told = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest = process.communicate()[0].split()
    kept = [entry["value"] for entry in record.entries()]
    assert kept == list(range(len(kept)))
    assert len(kept) > int(rest[-1] if rest else told)  # whatever it had told of
    record.add("measurement", 0, "a", len(kept))
    assert {path.name for path in record.path.parent.iterdir()} == {"learner.json", "learner.lock"}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}', b'{"format": "one", "entries": []}',
        b'{"format": 1, "entries": {}}', b'{"format": 1, "entries": [{"kind": "keep"}]}',
        b'{"format": 1, "entries": [{"kind": "keep", "lesson": "2", "name": "x", "value": 1, "at": ""}]}',
        b"[" * 100_000,
    ],
    ids=range(10),
)  # fmt: skip
@pytest.mark.parametrize("first", ["read", "write"])
def test_a_broken_file_is_put_aside_and_said(content: bytes, first: str, record: Record, said: list[str]) -> None:
    record.path.parent.mkdir()
    record.path.write_bytes(content)
    if first == "read":
        assert record.entries() == []
    record.add("keep", 1, "keep", "One sentence.")
    assert len(record.entries()) == 1
    (kept,) = record.path.parent.glob("learner-broken-*.json")
    assert kept.read_bytes() == content
    assert len(said) == 1
    assert kept.name in said[0]


def test_a_file_that_became_whole_again_is_not_put_aside(
    record: Record, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two notebooks saw the same broken file: the slower one must not put away what the other one has begun."""
    record.path.parent.mkdir()
    record.path.write_text("{")
    waited = module._wait_for

    def late(lock: Any) -> None:
        monkeypatch.setattr(module, "_wait_for", waited)
        Record(record.path, said.append).add("keep", 1, "keep", "It is new.")
        waited(lock)

    monkeypatch.setattr(module, "_wait_for", late)
    assert [entry["value"] for entry in record.entries()] == ["It is new."]
    assert len(said) == 1


def test_a_file_of_a_newer_kit_is_left_alone(record: Record) -> None:
    record.path.parent.mkdir()
    record.path.write_text(newer := '{"format": 2, "entries": "somewhere"}')
    for act in (record.entries, lambda: record.add("keep", 1, "keep", "No."), record.forget):
        with pytest.raises(KitError, match=f"newer lesson kit: .*{HOME}"):
            act()
    assert record.path.read_text() == newer


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "make room"), (errno.EROFS, HOME), (errno.EACCES, HOME)])
def test_what_cannot_be_written_is_a_sentence_and_loses_nothing(
    number: int, words: str, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.add("keep", 1, "keep", "The first one.")

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(KitError, match=words):
        record.add("keep", 1, "keep", "The second one.")
    assert [entry["value"] for entry in record.entries()] == ["The first one."]
    assert {path.name for path in record.path.parent.iterdir()} == {"learner.json", "learner.lock"}


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    record = Record(tmp_path / "file" / "learner.json")
    for act in (record.entries, lambda: record.add("keep", 1, "keep", "No.")):
        with pytest.raises(KitError, match=HOME):
            act()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_a_sentence(record: Record) -> None:
    record.add("keep", 1, "keep", "It is there.")
    record.path.parent.chmod(0)
    try:
        with pytest.raises(KitError, match=HOME):
            record.entries()
    finally:
        record.path.parent.chmod(0o700)


def test_a_lock_that_is_never_given_back_is_a_sentence(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_LIMIT", 0.0)
    record.add("keep", 1, "keep", "It is there.")
    with record.path.with_suffix(".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(KitError, match="Another notebook"):
            record.add("keep", 1, "keep", "No.")
        assert len(record.entries()) == 1  # reading waits for nobody


def test_a_file_system_without_locks_will_do(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    record.add("keep", 1, "keep", "It is there.")
    assert len(record.entries()) == 1


def test_an_unchanged_file_is_read_once(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    record.add("keep", 1, "keep", "It is there.")
    reads: list[bytes] = []
    read = module._entries_of
    monkeypatch.setattr(module, "_entries_of", lambda content, path: reads.append(content) or read(content, path))
    other = Record(record.path)
    for _ in range(3):
        assert len(other.entries()) == 1
    assert len(reads) == 1
    record.add("keep", 1, "keep", "And more.")
    assert len(other.entries()) == 2
    assert len(reads) == 2


FORGOTTEN: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"lesson": 1}, {"b1", "b2"}),
    ({"lesson": 2, "names": ["b1"]}, {"a1", "a2", "b2"}),
    ({"lesson": 2, "kinds": ["prediction"]}, {"a1", "a2", "b2"}),
    ({"lesson": 1, "names": ["b1"]}, {"a1", "a2", "b1", "b2"}),
]


@pytest.mark.parametrize(("what", "left"), FORGOTTEN, ids=lambda it: None)
def test_what_is_forgotten_is_kept_in_a_copy(what: dict[str, Any], left: set[str], record: Record) -> None:
    for name, lesson in (("a1", 1), ("a2", 1), ("b1", 2), ("b2", 2)):
        record.add("prediction" if name.endswith("1") else "measurement", lesson, name, 0)
    before = record.path.read_text()
    copy = record.forget(**what)
    assert {entry["name"] for entry in record.entries()} == left
    assert (copy.read_text() if copy else before) == before
    assert (copy is None) == (len(left) == 4)


@pytest.mark.parametrize(
    ("value", "kept"), [((1, 2), [1, 2]), ({1: 2}, {"1": 2}), (1.5, 1.5), (None, None), ("é", "é")]
)
def test_values_are_kept_as_json_gives_them_back(value: Any, kept: Any) -> None:
    assert as_json("x", value) == kept


def test_numbers_of_numpy_are_kept() -> None:
    numpy = pytest.importorskip("numpy")
    assert as_json("x", {"a": numpy.float64(1.5), "b": numpy.arange(3)}) == {"a": 1.5, "b": [0, 1, 2]}


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, float("nan"), float("inf"), object()])
def test_what_is_no_json_is_a_sentence(value: Any) -> None:
    with pytest.raises(KitError, match="x cannot be kept"):
        as_json("x", value)


def test_where_the_file_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(HOME, str(tmp_path))
    assert record_path() == tmp_path / "learner.json"
    monkeypatch.setenv(HOME, "~/lessons")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert record_path() == tmp_path / "lessons" / "learner.json"
    monkeypatch.setenv(HOME, "here")
    assert record_path().is_absolute()


def test_without_a_home_it_lies_where_temporary_files_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME, raising=False)
    monkeypatch.setattr(module.platformdirs, "user_data_path", lambda *_, **__: Path("~/.local/share/gatelab"))
    assert record_path().parent.parent == Path(module.tempfile.gettempdir())


def test_the_file_is_plain_json_of_a_line_for_each_entry(record: Record) -> None:
    for number in range(3):
        record.add("measurement", 0, "é", number)
    text = record.path.read_text("utf-8")
    assert len(json.loads(text)["entries"]) == 3
    assert len(text.splitlines()) == 4
    assert "é" in text
