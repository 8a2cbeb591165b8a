"""The file that names the first process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_runtime.errors import StartupError
from gateway_runtime.pidfile import PidFile


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_it_comes_and_goes():
    file = PidFile("x.pid")
    file.check()
    assert not Path("x.pid").exists()
    file.write()
    assert Path("x.pid").read_text() == f"{os.getpid()}\n"
    assert os.listdir() == ["x.pid"]  # noqa: PTH208
    file.remove()
    assert not Path("x.pid").exists()
    file.remove()


def test_without_a_path_there_is_none():
    file = PidFile("")
    file.check()
    file.write()
    file.remove()
    assert os.listdir() == []  # noqa: PTH208


def test_it_is_found_again_from_another_folder():
    file = PidFile("x.pid")
    here = Path.cwd()
    os.chdir("/")
    file.write()
    assert (here / "x.pid").exists()
    file.remove()
    assert not (here / "x.pid").exists()


@pytest.mark.parametrize("text", ["", "\n", "1", "4200\n", "  17  "])
def test_one_that_was_left_behind_is_replaced(text):
    Path("x.pid").write_text(text)
    file = PidFile("x.pid")
    file.check()
    file.write()
    assert Path("x.pid").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("content", [b"precious", b"\xff\xfe", b"12 13", b"-1"])
def test_what_is_no_pid_file_is_left_alone(content):
    Path("x.pid").write_bytes(content)
    with pytest.raises(StartupError, match=r"x\.pid: a file that names no process is there, and is left alone"):
        PidFile("x.pid").check()
    assert Path("x.pid").read_bytes() == content


def test_what_cannot_be_written():
    Path("folder.pid").mkdir()
    for path in ("folder.pid", "no/x.pid"):
        with pytest.raises(StartupError, match=path):
            PidFile(path).check()


@pytest.mark.parametrize("text", ["1\n", "99999999\n", "", "text"])
def test_the_file_of_a_successor_stays(text):
    file = PidFile("x.pid")
    file.write()
    Path("x.pid").write_text(text)
    file.remove()
    assert Path("x.pid").read_text() == text
