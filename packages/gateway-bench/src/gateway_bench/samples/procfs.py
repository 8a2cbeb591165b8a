"""What Linux says of a process in /proc, read in few system calls: whoever measures must not disturb.

A file of /proc is opened, read and closed: three calls, and no look at its size, which is 0. A process that has ended
is None and no error, for it may end between any two of our steps. The rest of the bench asks here where there is a
/proc, and psutil where there is none (macOS).

A tree is found from the top down, by `children` of each thread (proc_pid_children(5)), which costs two files for each
of its processes. The other way, a table of the parents of all processes of the machine, costs a file for each of
*those*: twenty times as much here, and five times a second for each tree. The kernel says that the list may lack
somebody if another child ends while it is read; so what must be exact is read when everything is at rest.
"""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

__all__ = [
    "LINUX",
    "Stat",
    "descendants",
    "is_traced",
    "proportional_bytes",
    "read_own_stat",
    "read_stat",
    "switches_of",
]

LINUX = sys.platform == "linux" and os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110
"""Whether this module can be used; a kernel without CONFIG_PROC_CHILDREN lacks one file that it needs."""

PAGE = 4096
"""A file of /proc gives at most about so much in one read; most have less."""
TICKS = os.sysconf("SC_CLK_TCK")
"""A second, in the unit of /proc/PID/stat."""

GONE = (b"Z", b"X")
"""States of a process that has ended."""
VOLUNTARY = re.compile(rb"^voluntary_ctxt_switches:\t([0-9]+)\nnonvoluntary_ctxt_switches:\t([0-9]+)$", re.MULTILINE)
STATE = re.compile(rb"^State:\t(.)", re.MULTILINE)
TRACER = re.compile(rb"^TracerPid:\t([0-9]+)$", re.MULTILINE)
PROPORTIONAL = re.compile(rb"^Pss: +([0-9]+) kB$", re.MULTILINE)


class Stat(NamedTuple):
    """The accounts of a process, times in seconds. All its threads are in them, also the ended ones."""

    user: float
    system: float
    minor_faults: int
    major_faults: int


def read_stat(pid: int) -> Stat | None:
    """Return the accounts of a process with those of its ended children that were waited for, and of theirs.

    None if it has ended and was waited for.
    """
    fields = _stat_fields(pid)
    if not fields:
        return None
    minor, minor_children, major, major_children, user, system, user_children, system_children = map(int, fields[7:15])
    return Stat(
        (user + user_children) / TICKS,
        (system + system_children) / TICKS,
        minor + minor_children,
        major + major_children,
    )


def read_own_stat(pid: int) -> Stat | None:
    """Return the accounts of a process alone; None if it has ended."""
    fields = _stat_fields(pid)
    if not fields or fields[0] in GONE:
        return None
    minor, _, major, _, user, system = map(int, fields[7:13])
    return Stat(user / TICKS, system / TICKS, minor, major)


def _stat_fields(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third on; none if there is no such process."""
    text = _read(f"/proc/{pid}/stat")
    # The second field is the program's name, in parentheses, and may hold anything, also a ")".
    return text.rpartition(b") ")[2].split()


def switches_of(pid: int) -> dict[int, tuple[int, int]]:
    """Return the voluntary and the involuntary context switches of each living thread, by its id.

    /proc/PID/status has those of the main thread alone.
    """
    found = {}
    for thread in _threads(pid):
        told = VOLUNTARY.search(_read(f"/proc/{pid}/task/{thread}/status"))
        if told:
            found[int(thread)] = int(told[1]), int(told[2])
    return found


def proportional_bytes(pid: int) -> int | None:
    """Return the PSS of a process; None if it has ended, or if we may not look.

    `smaps_rollup` has the sum that `smaps` leaves to its reader, at a fraction of the cost.
    """
    told = PROPORTIONAL.search(_read(f"/proc/{pid}/smaps_rollup"))
    return int(told[1]) * 1024 if told else None


def descendants(root: int) -> list[int]:
    """Return `root` and all living processes below it, zombies too."""
    found = [root]
    for pid in found:  # it grows while we walk
        for thread in _threads(pid):
            found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def is_traced(pid: int) -> bool:
    """Tell whether somebody traces (ptrace(2)) every thread of a process; one that has ended needs nobody."""
    for thread in _threads(pid):
        status = _read(f"/proc/{pid}/task/{thread}/status")
        state, tracer = STATE.search(status), TRACER.search(status)
        if state and state[1] not in GONE and tracer and tracer[1] == b"0":
            return False
    return True


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  # names, and no Path for each
    except OSError:
        return []


def _read(path: str) -> bytes:
    """Return the content of a file of /proc; nothing if its process has ended, or keeps it from us."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        content = piece = os.read(descriptor, PAGE)
        while piece:
            piece = os.read(descriptor, PAGE)
            content += piece
    except OSError:  # ended between the two calls
        return b""
    finally:
        os.close(descriptor)
    return content
