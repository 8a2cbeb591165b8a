"""The doctor: one line if all is well, and a sentence for each thing that is not."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from lesson_kit import doctor
from lesson_kit.doctor import examination, examine_machine
from lesson_kit.lesson import Lesson, load_lesson

WELL = "all that this lesson needs is here."


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 0.1, 0.1))


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return replace(load_lesson(1), tools={})


@pytest.mark.usefixtures("idle")
def test_all_well_is_one_line(lesson: Lesson, tmp_path: Path) -> None:
    said = examination(lesson, tmp_path / "not" / "there" / "learner.json")
    assert said.count("\n") == 0
    assert said.startswith(f"Python {platform.python_version()} on {platform.system()}")
    assert said.endswith(WELL)


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError(1, "Operation not permitted")


def no_fork(patch: pytest.MonkeyPatch) -> None:
    patch.delattr(os, "fork")


def no_ports(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(socket, "create_server", refuse)


def no_folder(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(doctor, "short_folder", refuse)


def old_package(patch: pytest.MonkeyPatch) -> None:
    version = metadata.version
    patch.setattr(metadata, "version", lambda name: "0.0.9" if name == "scgi-server" else version(name))


def no_package(patch: pytest.MonkeyPatch) -> None:
    find_spec = doctor.find_spec
    patch.setattr(doctor, "find_spec", lambda name: None if name == "uwsgi_gateway" else find_spec(name))


def full_disk(patch: pytest.MonkeyPatch) -> None:
    usage = type(doctor.shutil.disk_usage("/"))
    patch.setattr(doctor.shutil, "disk_usage", lambda _: usage(1, 1, 0))


def read_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "access", lambda *_: False)


TROUBLES: list[tuple[Callable[[pytest.MonkeyPatch], None], str]] = [
    (no_fork, "open the lessons in WSL"),
    (no_ports, "No port can be opened on 127.0.0.1"),
    (no_folder, "set TMPDIR"),
    (old_package, "scgi-server 0.0.9, and must be >=0.1.0"),
    (no_package, "uwsgi_gateway cannot be imported"),
    (full_disk, "make room"),
    (read_only, "set LESSON_KIT_HOME"),
]


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(("breaks", "sentence"), TROUBLES, ids=lambda it: getattr(it, "__name__", None))
def test_what_is_wrong_is_said(
    breaks: Callable[[pytest.MonkeyPatch], None], sentence: str, lesson: Lesson, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    breaks(monkeypatch)
    said = examination(lesson, tmp_path / "learner.json")
    first, *troubles = said.split("\n- ")
    assert "not all that" in first
    assert len(troubles) == 1
    assert sentence in troubles[0]


def test_a_busy_machine_is_said_and_is_no_reason_to_stop(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 1.0, 1.0))
    said = examination(lesson, tmp_path / "learner.json")
    assert WELL in said
    assert "This machine is busy (load 99.0" in said


@pytest.mark.usefixtures("idle")
def test_an_absent_tool_says_what_is_left_out(lesson: Lesson, tmp_path: Path) -> None:
    with_tools = replace(lesson, tools={"no-such-program|nor-this": "the second half", "sh": "the first half"})
    said = examination(with_tools, tmp_path / "learner.json")
    assert "`no-such-program` was not found, so the second half is left out." in said
    assert "first half" not in said


def test_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (("subprocess", "Popen"), ("os", "posix_spawn"), ("os", "fork")):
        monkeypatch.setattr(f"{module}.{name}", refuse)
    assert [finding.what for finding in examine_machine()] == ["Python", "Packages", "Sockets", "Answers", "Load"]
