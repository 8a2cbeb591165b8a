"""Where and with what a run was made: enough for somebody else to judge the figures, and to repeat them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

import psutil

__all__ = ["describe_machine", "describe_source", "describe_versions"]

PACKAGES = (
    "cgi-runner", "demo-app", "fastcgi-server", "gateway-bench", "gateway-core", "gateway-runtime", "gevent",
    "jinja2", "locust", "markdown", "psutil", "scgi-server", "uwsgi-gateway", "wsgi-server",
)  # fmt: skip
"""Those whose version could move a figure."""


def describe_machine() -> dict[str, str | int | float]:
    """Return processor, cores, memory, system and Python."""
    return {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=False) or 0,
        "threads": psutil.cpu_count() or 0,
        "usable_threads": usable_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "load_before": round(psutil.getloadavg()[0], 2),
    }


def describe_versions() -> dict[str, str]:
    """Return the installed version of each package that matters; those that are not installed are left out."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
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
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
