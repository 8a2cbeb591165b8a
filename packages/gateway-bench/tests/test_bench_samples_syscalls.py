"""System calls are counted by name, in every thread and child; where they cannot be, the reason is a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_bench.samples import procfs
from gateway_bench.samples import strace as strace_module
from gateway_bench.samples.processes import Tree
from gateway_bench.samples.strace import attached, why_not
from gateway_bench.samples.syscalls import counting, parse_table

CALLER = """
import os, sys, threading

def call(times):
    for _ in range(times):
        os.sched_yield()

print("ready", flush=True)
for line in sys.stdin:
    call(100)
    thread = threading.Thread(target=call, args=(20,))
    thread.start()
    thread.join()
    if not os.fork():
        call(3)
        os._exit(0)
    os.wait()
    print("done", flush=True)
"""

TABLE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 42.86    0.000012           2         6         2 recvfrom
 57.14    0.000016           0        17           sendto
  0.00    0.000000           0         6           _llseek
------ ----------- ----------- --------- --------- ----------------
100.00    0.000028           1        29         2 total
"""


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (TABLE, [("sendto", 17), ("_llseek", 6), ("recvfrom", 6)]),
        ("", []),
        ("strace: Process 7 attached\n", []),
    ],
)
def test_the_table_is_read(text: str, calls: list[tuple[str, int]]) -> None:
    assert list(parse_table(text).items()) == calls


def test_calls_of_threads_and_children_are_counted() -> None:
    if why_not():
        pytest.skip(why_not())
    argv = [sys.executable, "-S", "-c", CALLER]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        with counting(Tree(process.pid)) as count:
            if count.reason:
                pytest.skip(count.reason)
            process.stdin.write("go\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
        process.communicate("and once more, untraced\n")
    assert process.returncode == 0
    assert count.calls["sched_yield"] == 123
    assert count.total >= sum(count.calls.values()) > 123
    assert count.reason == ""


@pytest.mark.parametrize(
    ("scope", "user", "reason"),
    [
        ("0\n", 1000, ""),
        ("1\n", 0, ""),
        ("1\n", 1000, "lets nobody trace a server that runs"),
        ("3\n", 0, "lets nobody trace a server that runs"),
        ("", 1000, ""),
    ],
)
def test_whether_it_may_be_tried(
    scope: str, user: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yama = tmp_path / "ptrace_scope"
    yama.write_text(scope, "ascii")
    monkeypatch.setattr(strace_module, "YAMA", yama)
    monkeypatch.setattr(procfs, "LINUX", True)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/strace")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert reason in why_not()
    assert bool(why_not()) is bool(reason)


def test_without_strace_there_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with counting(Tree(os.getpid())) as count:
        assert count.reason
    assert "strace" in count.reason
    assert (count.calls, count.total) == ({}, 0)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("echo 'strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted' >&2; exit 1", "not permitted"),
        ("exit 1", "did not say why"),
    ],
)
def test_a_strace_that_may_not_attach_ends_no_run(
    program: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "strace"
    fake.write_text(f"#!/bin/sh\n{program}\n", "utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(strace_module, "why_not", lambda: "")
    with attached(Tree(os.getpid())) as trace:
        assert reason in trace.reason
    assert trace.text == ""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_one_that_never_attaches_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "strace"
    fake.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(strace_module, "ATTACH_LIMIT", 0.05)
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        with attached(Tree(process.pid)) as trace:
            assert trace.reason
        process.communicate(b"\n")
    assert trace.text == ""
