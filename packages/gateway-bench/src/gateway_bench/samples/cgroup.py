"""What a control group allows, as the system shows it: a container with half a processor looks like a whole machine.

Linux has two versions of these files, and may have both at once. A process reads its group's path in
/proc/self/cgroup, and in a container, where that path leads nowhere, its own group is shown as the root.

====================  ==================================  =========================================
what                  version 2                           version 1
====================  ==================================  =========================================
processor time        ``cpu.max``: quota period (us)      ``cpu.cfs_quota_us``, ``cpu.cfs_period_us``
memory                ``memory.max``                      ``memory.limit_in_bytes``
times stopped         ``cpu.stat``: nr_throttled          the same
====================  ==================================  =========================================

None is "no limit", or a system that has no such thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["cpu_limit", "memory_limit", "read_text", "throttled"]

OWN = Path("/proc/self/cgroup")
ROOTS = tuple(Path("/sys/fs/cgroup", name) for name in ("", "unified", "cpu", "cpu,cpuacct", "memory"))
"""Of version 2, of version 2 beside version 1, and of version 1."""

UNLIMITED = 1 << 60
"""Version 1 says "no limit" as a number of bytes that no machine has."""

_THROTTLED = re.compile(r"^nr_throttled ([0-9]+)$", re.MULTILINE)


def cpu_limit() -> float | None:
    """Return how many processors' time the group may use at most."""
    allowed = re.fullmatch(r"([0-9]+) ([0-9]+)", _first("cpu.max"))
    quota, period = (allowed[1], allowed[2]) if allowed else (_first("cpu.cfs_quota_us"), _first("cpu.cfs_period_us"))
    if not quota.isdecimal() or not period.isdecimal() or period == "0":
        return None  # "-1" is no limit
    return round(int(quota) / int(period), 2)


def memory_limit() -> int | None:
    """Return how many bytes the group may use at most."""
    limit = _first("memory.max") or _first("memory.limit_in_bytes")
    return int(limit) if limit.isdecimal() and int(limit) < UNLIMITED else None


def throttled() -> int | None:
    """Return how many times the group was stopped for having used up its processor time."""
    for folder in _folders():
        found = _THROTTLED.search(read_text(folder / "cpu.stat"))
        if found:
            return int(found[1])
    return None


def read_text(path: Path) -> str:
    """Return the text of a file without the white space around it; "" where there is none to read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _first(name: str) -> str:
    return next(filter(None, (read_text(folder / name) for folder in _folders())), "")


def _folders() -> Iterator[Path]:
    """Return where the accounts of our group may lie: by its paths, else at the roots."""
    paths = [line.rpartition(":")[2].lstrip("/") for line in read_text(OWN).splitlines()]
    for path in dict.fromkeys((*paths, "")):
        for root in ROOTS:
            yield root / path
