"""The access log's file: whole lines of several processes, a new file when asked for, and no fault of any request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_runtime import access_log, log
from gateway_runtime.access_log import FORMS, AccessLog
from gateway_runtime.errors import StartupError


@pytest.fixture()
def opened():
    """Makes logs, and closes their files in the end."""
    logs = []

    def make(path, form="common"):
        logs.append(AccessLog(str(path), form))
        return logs[-1]

    yield make
    for one in logs:
        if one._fd > 2:
            os.close(one._fd)


@pytest.fixture()
def notes(monkeypatch):
    found = []
    monkeypatch.setattr(log, "line", found.append)
    return found


def test_lines_are_appended(tmp_path, opened):
    path = tmp_path / "access"
    path.write_text("before\n")
    for text in ("one", "caf\xe9", "\udcff"):
        opened(path).write(text)
    assert path.read_bytes() == b"before\none\ncaf\xc3\xa9\n\\udcff\n"


def test_a_line_is_one_write(tmp_path, opened, monkeypatch):
    made = []
    monkeypatch.setattr(access_log.os, "write", lambda fd, data: made.append(data))
    opened(tmp_path / "access").write("one")
    assert made == [b"one\n"]


def test_processes_do_not_tear_each_other_s_lines(tmp_path, opened):
    one = opened(tmp_path / "access")
    children = []
    for number in range(4):
        pid = os.fork()
        if not pid:
            for _ in range(300):
                one.write(str(number) * 500)
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    lines = (tmp_path / "access").read_text().splitlines()
    assert sorted(lines) == sorted(str(number) * 500 for number in range(4) for _ in range(300))


def test_others_cannot_read_it_and_programs_do_not_inherit_it(tmp_path, opened):
    one = opened(tmp_path / "access")
    for _ in range(2):
        assert (tmp_path / "access").stat().st_mode & 0o007 == 0
        assert not os.get_inheritable(one._fd)
        (tmp_path / "access").unlink()
        one.reopen()


def test_reopen_begins_a_new_file(tmp_path, opened):
    one = opened(tmp_path / "access")
    fd = one._fd
    one.write("old")
    (tmp_path / "access").rename(tmp_path / "access.1")
    one.write("still old")
    one.reopen()
    one.write("new")
    assert (tmp_path / "access.1").read_text() == "old\nstill old\n"
    assert (tmp_path / "access").read_text() == "new\n"
    assert one._fd == fd  # whoever is writing at that moment has it in hand


def test_reopen_leaves_no_descriptor(tmp_path, opened):
    one = opened(tmp_path / "access")
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(10):
        one.reopen()
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_where_no_new_file_can_be_made_the_old_one_is_kept(tmp_path, opened, notes):
    folder = tmp_path / "folder"
    folder.mkdir()
    one = opened(folder / "access")
    folder.rename(tmp_path / "elsewhere")
    one.reopen()
    one.write("one")
    assert (tmp_path / "elsewhere" / "access").read_text() == "one\n"
    assert len(notes) == 1
    assert "No such file or directory; the old one is kept" in notes[0]


def test_a_relative_path_is_that_of_the_start(tmp_path, opened, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = opened("access")
    monkeypatch.chdir("/")
    one.reopen()
    one.write("one")
    assert (tmp_path / "access").read_text() == "one\n"


def test_standard_output(capfd, opened, notes):
    one = opened("-")
    one.reopen()
    one.write("one")
    assert capfd.readouterr().out == "one\n"
    assert notes == []


@pytest.mark.parametrize("path", ["/nowhere/access", "/"])
def test_a_path_that_cannot_be_written_stops_the_start(path):
    with pytest.raises(StartupError, match=f"cannot write the access log {path}: "):
        AccessLog(path)


def test_a_failure_is_said_once_and_disturbs_nobody(opened, notes, monkeypatch):
    one = opened("-")
    outcomes = iter([OSError(28, "No space left on device")] * 2 + [None, OSError(32, "Broken pipe")])

    def write(fd, data):
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(access_log.os, "write", write)
    for text in ("one", "two", "three", "four"):
        one.write(text)
    assert notes == [
        "cannot write the access log: No space left on device; requests are served without it",
        "cannot write the access log: Broken pipe; requests are served without it",
    ]


def test_what_a_record_needs_of_it(opened):
    one = opened("-", "json")
    assert one.form == "json"
    assert set(FORMS) == {"common", "combined", "json"}
    assert one.pid == os.getpid()
    assert one.now() > 1.7e9
    assert one.ticks() <= one.ticks()
