"""What a stretch of load costs the process that makes it, and whether it could have done more.

A generator is the limit when it never rests. Its processor time alone does not tell: on a machine where others run too,
it may stand in line for the processor half of the time, and look half idle. Linux counts that waiting
(/proc/self/schedstat: time on a processor, time in line for one, in nanoseconds). Both together over the seconds that
passed say how busy it was, whoever had the processor.
"""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["Spending", "waited_by"]

SCHEDULED = Path("/proc/self/schedstat")
"""Of the thread that leads the process, which is the one that makes the load."""


class Spending:
    """Counts from now on."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._waited = _waited()

    def cpu(self) -> float:
        """Return the seconds of processor time since then."""
        return time.process_time() - self._cpu

    def waited(self) -> float | None:
        """Return the seconds in which it was ready to run and had no processor; None where the system does not tell."""
        now = _waited()
        return None if now is None or self._waited is None else now - self._waited


def waited_by(pid: int) -> float | None:
    """Return for how many seconds the threads of a process, together, have stood in line; None as above."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return None
    waits = [wait for thread in threads if (wait := _waited(thread / "schedstat")) is not None]
    return sum(waits) if waits else None


def _waited(scheduled: Path = SCHEDULED) -> float | None:
    try:
        return int(scheduled.read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None
