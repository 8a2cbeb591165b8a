"""A control group is charged with the time of a server and of all that it starts, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_bench.errors import LoadFailed
from gateway_bench.samples import group as module
from gateway_bench.samples.group import TimeGroup, time_group

WORK = 0.05

PROGRAM = f"""
import os, sys, time

def work():
    until = time.process_time() + {WORK}
    while time.process_time() < until: pass

print("ready", flush=True)
for line in sys.stdin:
    reader, writer = os.pipe()
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        work()
        os._exit(0)
    os.close(writer)
    os.wait()
    os.read(reader, 1)
    os.close(reader)
    print("done", flush=True)
"""


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like control groups, in which ours is `mine`."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "own").write_text("1:name=systemd:/x\n0::/mine\n", "ascii")
    monkeypatch.setattr(module, "MOUNTS", (tmp_path / "none", tmp_path))
    monkeypatch.setattr(module, "OWN", tmp_path / "own")
    return tmp_path / "mine"


def test_the_time_of_a_child_that_nobody_waits_for_is_charged() -> None:
    argv = [sys.executable, "-S", "-c", PROGRAM]
    with (
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        time_group() as group,
    ):
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        if group.reason or not group.take([process.pid]):
            process.communicate()
            pytest.skip(group.reason or "nobody may be moved")
        folder = group._folder
        before, _ = group.used()
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        after, system = group.used()
        group.close()  # with the server still in it
        assert process.communicate("go\n")[0] == "done\n"
    assert after - before >= WORK
    assert 0 <= system <= after
    assert folder is not None
    assert not folder.exists()


def test_one_that_has_ended_needs_no_group() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        process.wait()
    with time_group() as group:
        if group.reason:
            pytest.skip(group.reason)
        assert group.take([process.pid])


@pytest.mark.parametrize(
    ("switched_on", "reason"),
    [
        ("cpuset cpu io memory pids", "a share of the processors"),
        ("cpuset io memory pids", "no account of time"),  # no kernel has written cpu.stat here
        ("", "no account of time"),
    ],
)
def test_a_group_that_would_change_what_is_measured_is_not_made(switched_on: str, reason: str, pretended: Path) -> None:
    (pretended / "cgroup.subtree_control").write_text(switched_on, "ascii")
    with time_group() as group:
        assert reason in group.reason
        assert not group.take([os.getpid()])
    assert [path.name for path in pretended.iterdir()] == ["cgroup.subtree_control"]


def test_a_folder_in_which_we_may_not_write(pretended: Path) -> None:
    pretended.rmdir()
    with time_group() as group:
        assert "no control group can be made here" in group.reason


@pytest.mark.parametrize("own", ["", "4:memory:/x\n"])
def test_a_system_without(own: str, pretended: Path) -> None:
    (pretended.parent / "own").write_text(own, "ascii")
    with time_group() as group:
        assert "no control groups of version 2" in group.reason


def test_the_account_is_read(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnice_usec 0\n")
    assert TimeGroup(tmp_path).used() == (1.5, 0.5)


def test_a_group_that_somebody_removes_fails_the_repeat(tmp_path: Path) -> None:
    with pytest.raises(LoadFailed, match="somebody has removed it"):
        TimeGroup(tmp_path).used()
