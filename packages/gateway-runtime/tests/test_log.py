"""One-line notes: nothing that a peer sent may forge a line, and no line may be torn."""

from __future__ import annotations

import os
import re

import pytest

from gateway_runtime import log


@pytest.fixture
def written(monkeypatch):
    """What is written to standard error, call by call."""
    calls = []

    def write(fd, data):
        assert fd == 2
        calls.append(data)
        return len(data)

    monkeypatch.setattr(log.os, "write", write)
    monkeypatch.setattr(log, "_name", "gateway")
    return calls


def test_a_line_has_time_name_and_pid_and_is_one_write(written):
    log.set_name("server")
    log.line("something happened")
    assert len(written) == 1
    stamp = rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
    assert re.fullmatch(stamp + b" server\\[%d\\] something happened\n" % os.getpid(), written[0])


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("a\nready http://evil", "a\\x0aready http://evil"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\x1b[31m\x07", "\\x1b[31m\\x07"),
        ("a\x00b\x7f", "a\\x00b\\x7f"),
        ("\x85\x9b", "\\x85\\x9b"),
        ("tab\t", "tab\\x09"),
        ("caf\xe9 \u20ac", "caf\xe9 \u20ac"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_control_characters_are_escaped(written, note, said):
    log.line(note)
    assert written[0].decode().partition("] ")[2] == said + "\n"
    assert written[0].count(b"\n") == 1


@pytest.mark.parametrize("note", ["x" * 2000, "x" * 2001, "x" * 10_000_000, "\n" * 10_000])
def test_a_line_has_an_end(written, note):
    log.line(note)
    assert len(written) == 1
    assert len(written[0]) < 2100
    assert (b"..." in written[0]) is (len(note) > 2000)


def test_a_closed_standard_error_is_nobody_s_fault(monkeypatch):
    def write(fd, data):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(log.os, "write", write)
    log.line("x")
    log.raw("x")


def test_lines_of_several_processes_do_not_tear_each_other(capfd):
    pids = []
    for letter in "abcd":
        pid = os.fork()
        if pid == 0:
            for _ in range(200):
                log.line(letter * 1000)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 800
    assert all(re.search(r"\] ([abcd])\1{999}$", line) for line in lines)
