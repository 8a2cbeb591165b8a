"""Where and with what a run was made: enough for somebody else to judge the figures, and to repeat them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sysconfig
from pathlib import Path

import psutil

from gateway_bench.samples.cgroup import cpu_limit, memory_limit, read_text

__all__ = ["describe_machine", "describe_source", "describe_versions"]

PACKAGES = (
    "cgi-runner", "demo-app", "fastcgi-server", "gateway-bench", "gateway-core", "gateway-runtime", "gevent",
    "hdrhistogram", "http-front", "jinja2", "locust", "markdown", "matplotlib", "numpy", "psutil", "scgi-server",
    "scipy", "uwsgi-gateway", "wsgi-server",
)  # fmt: skip
"""Those whose version could move a figure."""
PROGRAMS = {"wrk": "-v", "strace": "-V"}
"""Those that measure or count, with the option that has them say their version."""
ANSWER_LIMIT = 10.0

CPUINFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
VULNERABILITIES = Path("/sys/devices/system/cpu/vulnerabilities")
TURBO = {
    Path("/sys/devices/system/cpu/intel_pstate/no_turbo"): {"0": "on", "1": "off"},
    Path("/sys/devices/system/cpu/cpufreq/boost"): {"0": "off", "1": "on"},
}
"""Whether a processor may run faster than its own frequency while it is cool: what each of two files says."""
CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")

OPTIMISED = {"--enable-optimizations": "PGO", "--with-lto": "LTO"}
"""How Python was built, which moves every figure of a server in Python."""


def describe_machine() -> dict[str, str | int | float]:
    """Return processor, memory, limits, system and Python. What the system does not tell is left out."""
    told: dict[str, str | int | float | None] = {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=False) or 0,
        "threads": psutil.cpu_count() or 0,
        "usable_threads": usable_cores(),
        "cpu_limit": cpu_limit(),
        "virtual": _virtual(),
        "governor": read_text(GOVERNOR) or None,
        "turbo": _turbo(),
        "clock": read_text(CLOCK) or None,
        "mitigations": _mitigations(),
        "memory_bytes": psutil.virtual_memory().total,
        "memory_limit_bytes": memory_limit(),
        "system": platform.system(),
        "distribution": _distribution(),
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "python_build": _python_build(),
        "load_before": round(psutil.getloadavg()[0], 2),
    }
    return {name: value for name, value in told.items() if value is not None}


def describe_versions() -> dict[str, str]:
    """Return the version of each package and program that matters; those that are not installed are left out."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    for name, option in PROGRAMS.items():
        found = re.search(r"[0-9]+(?:\.[0-9]+)+\S*", _said_by(name, option))
        if found:
            versions[name] = found[0]
    return versions


def describe_source(folder: Path) -> dict[str, str | bool]:
    """Return the commit of the checkout at `folder` and whether it was changed since; "" outside of one."""
    commit = _git(folder, "rev-parse", "HEAD")
    # Reference runs are what runs leave behind, not what they measure.
    changed = _git(folder, "status", "--porcelain", "--", ".", ":(exclude)benchmarks/results")
    return {"commit": commit, "dirty": bool(commit and changed)}


def usable_cores() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _git(folder: Path, *arguments: str) -> str:
    return _said_by("git", "-C", str(folder), *arguments, only_good=True)


def _said_by(program: str, *arguments: str, only_good: bool = False) -> str:
    """Return what a program prints; "" if it is not there, or (`only_good`) fails: wrk fails when asked its version."""
    try:
        done = subprocess.run(
            [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ANSWER_LIMIT
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if only_good and done.returncode else done.stdout.strip()


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", read_text(CPUINFO), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def _virtual() -> str | None:
    """Return "yes" if the processor says that it is a hypervisor's. Only those with a list of flags can say so."""
    flags = re.search(r"^flags\s*:(.*)$", read_text(CPUINFO), re.MULTILINE)
    return None if flags is None else "yes" if "hypervisor" in flags[1].split() else "no"


def _turbo() -> str | None:
    return next(filter(None, (words.get(read_text(path)) for path, words in TURBO.items())), None)


def _mitigations() -> str | None:
    """Return how many flaws of the processor the kernel works around, at a price for system calls, and how many not."""
    if not VULNERABILITIES.is_dir():
        return None
    states = [read_text(path).partition(":")[0] for path in VULNERABILITIES.iterdir()]
    return f"{states.count('Mitigation')} mitigated, {states.count('Vulnerable')} vulnerable"


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _python_build() -> str | None:
    """Return how this Python was optimised, as far as it knows, and whether it runs without its lock."""
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    words = [word for option, word in OPTIMISED.items() if option in options]
    words += ["free-threaded"] if sysconfig.get_config_var("Py_GIL_DISABLED") else []
    return ", ".join(words) or ("plain" if options else None)
