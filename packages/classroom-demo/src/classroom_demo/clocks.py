"""How much CPU a process has used, to the nanosecond where the system has a clock for that.

::

    Linux    clock id = (~pid << 3) | 2          what clock_getcpuclockid(3) returns: all threads, ended ones included
    others   psutil: macOS tells microseconds

/proc/PID/stat counts hundredths of a second. A worker that answers in 150 us would have to answer for a minute before
that says anything of a request.
"""

from __future__ import annotations

import time
from typing import Final

import psutil

__all__ = ["cpu_of"]

ALL_THREADS: Final = 2
"""CPUCLOCK_SCHED: the time that the scheduler has counted for the whole process."""


def cpu_of(process: psutil.Process) -> float:
    """Return seconds of CPU. Raises psutil.Error if the process is gone."""
    if psutil.LINUX:
        try:
            return time.clock_gettime((~process.pid << 3) | ALL_THREADS)
        except OSError:
            raise psutil.NoSuchProcess(process.pid) from None
    times = process.cpu_times()
    return times.user + times.system
