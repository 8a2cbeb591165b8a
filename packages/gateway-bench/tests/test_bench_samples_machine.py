"""What the record says of the machine: its limits in a container, what is unknown, versions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gateway_bench.samples import cgroup, machine
from gateway_bench.samples.cgroup import cpu_limit, memory_limit, throttled
from gateway_bench.samples.machine import describe_machine, describe_source, describe_versions


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        # processors, bytes, times stopped
        ("0::/mine", {"mine/cpu.max": "150000 100000", "mine/memory.max": "1048576"}, (1.5, 1_048_576, None)),
        ("0::/mine", {"mine/cpu.max": "max 100000", "mine/memory.max": "max"}, (None, None, None)),
        ("0::/mine", {"mine/cpu.stat": "usage_usec 7\nnr_periods 9\nnr_throttled 5\n"}, (None, None, 5)),
        ("0::/", {"cpu.max": "50000 100000", "cpu.stat": "nr_throttled 2"}, (0.5, None, 2)),
        ("0::/", {"cpu.stat": "usage_usec 7"}, (None, None, None)),  # the root of the machine has no limits
        (
            "8:cpu,cpuacct:/docker/a\n4:memory:/docker/a",
            {
                "cpu/docker/a/cpu.cfs_quota_us": "200000",
                "cpu/docker/a/cpu.cfs_period_us": "100000",
                "cpu/docker/a/cpu.stat": "nr_throttled 2",
                "memory/docker/a/memory.limit_in_bytes": "4096",
                "memory/memory.limit_in_bytes": "8192",
            },
            (2.0, 4096, 2),
        ),
        (
            "8:cpu:/docker/a",  # seen from within a container
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.stat": "nr_throttled 3"},
            (None, None, 3),
        ),
        ("4:memory:/", {"memory/memory.limit_in_bytes": "9223372036854771712"}, (None, None, None)),
        ("", {}, (None, None, None)),
        ("0::/", {"cpu.max": "rubbish", "memory.max": "-5", "cpu.stat": "nr_throttled many"}, (None, None, None)),
    ],
)
def test_limits_of_a_container(
    groups: str,
    files: dict[str, str],
    expected: tuple[float | None, int | None, int | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path, {**files, "own": groups})
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    monkeypatch.setattr(cgroup, "ROOTS", tuple(tmp_path / name for name in ("", "unified", "cpu", "memory")))
    assert (cpu_limit(), memory_limit(), throttled()) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"cpuinfo": "processor : 0\nmodel name : Fast 9\nflags : fpu hypervisor\n"},
            {"cpu": "Fast 9", "virtual": "yes"},
        ),
        ({"cpuinfo": "processor : 0\nmodel name : Fast 9\nflags : fpu\n"}, {"virtual": "no"}),
        ({"cpuinfo": "processor : 0\n"}, {"virtual": None}),
        ({"governor": "powersave\n", "clock": "tsc\n"}, {"governor": "powersave", "clock": "tsc"}),
        ({"no_turbo": "0\n"}, {"turbo": "on"}),
        ({"no_turbo": "1\n"}, {"turbo": "off"}),
        ({"boost": "1\n"}, {"turbo": "on"}),
        ({}, {"governor": None, "turbo": None, "clock": None, "mitigations": None}),
        (
            {"flaws/a": "Mitigation: PTI\n", "flaws/b": "Vulnerable: no microcode\n", "flaws/c": "Not affected\n"},
            {"mitigations": "1 mitigated, 1 vulnerable"},
        ),
    ],
)
def test_the_processor_is_described(
    files: dict[str, str], expected: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, files)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "GOVERNOR", tmp_path / "governor")
    monkeypatch.setattr(machine, "TURBO", {tmp_path / path.name: words for path, words in machine.TURBO.items()})
    monkeypatch.setattr(machine, "CLOCK", tmp_path / "clock")
    monkeypatch.setattr(machine, "VULNERABILITIES", tmp_path / "flaws")
    told = describe_machine()
    assert {name: told.get(name) for name in expected} == expected
    assert None not in told.values()


def test_versions_are_those_that_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "wrk" not in describe_versions()
    wrk = tmp_path / "wrk"
    wrk.write_text("#!/bin/sh\necho 'wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer'\nexit 1\n", "utf-8")
    wrk.chmod(0o755)
    versions = describe_versions()
    assert versions["wrk"] == "4.1.0-3+b2"
    assert {"scipy", "numpy", "matplotlib", "locust", "hdrhistogram", "gateway-bench"} <= versions.keys()


def test_the_source_is_a_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    assert describe_source(tmp_path) == {"commit": "", "dirty": False}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "Begin"], check=True)
    clean = describe_source(tmp_path)
    assert len(str(clean["commit"])) == 40
    assert clean["dirty"] is False
    (tmp_path / "new").touch()
    assert describe_source(tmp_path)["dirty"] is True
