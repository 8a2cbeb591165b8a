"""How long a worker lives: until so many requests, so many seconds, or so much memory. Then another takes its place.

Applications leak: memory, descriptors, threads. A fresh process now and then is the cure that always works. Each worker
draws its own limits, because workers that were started together would otherwise be replaced together.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Bound", "Lifetime", "Span", "resident"]

_STATM = "/proc/{}/statm"
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit, and up to how much more a worker may get by chance. 0: there is no limit."""

    value: float = 0
    jitter: float = 0

    def draw(self) -> float:
        """Return the limit of one worker."""
        if not self.value:
            return 0
        chance = int.from_bytes(os.urandom(4), "big") / (2**32 - 1)  # `random` takes longer to import than we to start
        return self.value + chance * self.jitter


@dataclass(frozen=True, slots=True)
class Span:
    """What one worker may reach."""

    requests: int = 0
    age: float = 0
    rss: float = 0

    def exceeded(self, pid: int, age: float) -> str:
        """Return what the worker has exceeded, as the end of a sentence, or "". Its requests it counts itself."""
        if self.age and age > self.age:
            return f"is {age:.0f} s old"
        if self.rss and (held := resident(pid)) > self.rss:
            return f"holds {held / (1 << 20):.1f} MiB of memory"
        return ""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The limits of every worker of a server."""

    requests: Bound = field(default_factory=Bound)
    age: Bound = field(default_factory=Bound)
    rss: Bound = field(default_factory=Bound)

    def draw(self) -> Span:
        """Return those of one worker."""
        return Span(int(self.requests.draw()), self.age.draw(), self.rss.draw())


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds now (its resident set), or 0 if it has ended."""
    if os.path.exists(_STATM.format("self")):  # noqa: PTH110 - a string all along
        try:
            return int(Path(_STATM.format(pid)).read_bytes().split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0
    import subprocess  # where there is no /proc, and only there

    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(done.stdout or 0) * 1024
