"""What a process tree has used: processor time, page faults, context switches.

A reading is cumulative; what belongs to a load is the difference of two of them, each taken when nothing is under way.
What lies behind it does not remember everybody:

==================  ====================  ===========================  ================================
account             ended threads         ended children               source (Linux)
==================  ====================  ===========================  ================================
processor time      in it                 in it, if waited for         /proc/PID/stat
                    in it                 in it                        a control group (`group`)
page faults         in it                 in it, if waited for         /proc/PID/stat
                    in it                 in it                        the same and taskstats (`ended`)
context switches    lost                  lost                         /proc/PID/task/*/status
                    in it                 in it                        the same and taskstats (`ended`)
==================  ====================  ===========================  ================================

The second line of each is for root, mostly. Without it, time is complete for every server that waits for its children,
and switches are those of threads that live at the second reading: exact for workers and threads that stay, which is
every gateway but a CGI host.

macOS tells no time and no faults of ended children, and does not tell the two kinds of switch apart: None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import psutil

from gateway_bench.record.document import Usage
from gateway_bench.samples import procfs
from gateway_bench.samples.births import KernelBirths
from gateway_bench.samples.ended import Ended
from gateway_bench.samples.processes import Memory, Tree

__all__ = ["Counters", "read_usage", "usage_between"]


ALL = 0
"""No thread has this id: the switches of all, living and ended, together."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a tree has used so far: seconds, and counts. `switches` are (voluntary, involuntary) of each thread."""

    cpu: float = 0.0
    system: float = 0.0
    minor_faults: int | None = None
    major_faults: int | None = None
    switches: Mapping[int, tuple[int, int]] | None = None


def read_usage(tree: Tree, kernel: KernelBirths | None = None) -> Counters:
    """Return what the tree has used; a process that ends meanwhile costs nothing here: its parent's account has it.

    With a `kernel` that follows this tree, what it knows is taken in place of what the tree has lost.
    """
    if not procfs.LINUX:
        return _read_elsewhere(tree)
    told = _read_linux(tree)
    if kernel is None:
        return told
    time, living, ended = kernel.accounts()
    if living is not None and ended is not None:
        told = _with_the_ended(told, living, ended)
    return told if time is None else replace(told, cpu=time[0], system=time[1])


def usage_between(before: Counters, after: Counters, memory: Memory | None) -> Usage:
    """Return what was used between two readings, with the memory that was sampled meanwhile."""
    voluntary, involuntary = _switches(before.switches, after.switches)
    return Usage(
        cpu_seconds=_used(before.cpu, after.cpu),
        system_seconds=_used(before.system, after.system),
        minor_faults=_counted(before.minor_faults, after.minor_faults),
        major_faults=_counted(before.major_faults, after.major_faults),
        voluntary_switches=voluntary,
        involuntary_switches=involuntary,
        memory=memory,
    )


def _read_linux(tree: Tree) -> Counters:
    user = system = 0.0
    minor = major = 0
    switches: dict[int, tuple[int, int]] = {}
    for pid in tree.pids():
        stat = procfs.read_stat(pid)
        if stat:
            user += stat.user
            system += stat.system
            minor += stat.minor_faults
            major += stat.major_faults
            switches |= procfs.switches_of(pid)
    return Counters(user + system, system, minor, major, switches)


def _with_the_ended(told: Counters, living: set[int], ended: Ended) -> Counters:
    """Return the same with the faults and switches of all: of the living alone, and of the ended."""
    minor, major = ended.minor_faults, ended.major_faults
    voluntary, involuntary = ended.voluntary, ended.involuntary
    for pid in living:
        stat = procfs.read_own_stat(pid)
        minor += stat.minor_faults if stat else 0
        major += stat.major_faults if stat else 0
        for waited, made_way in procfs.switches_of(pid).values():
            voluntary += waited
            involuntary += made_way
    return replace(told, minor_faults=minor, major_faults=major, switches={ALL: (voluntary, involuntary)})


def _read_elsewhere(tree: Tree) -> Counters:
    cpu = system = 0.0
    for process in tree.processes():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        cpu += times.user + times.system + times.children_user + times.children_system
        system += times.system + times.children_system
    return Counters(cpu, system)


def _used(before: float, after: float) -> float:
    """Return the difference of two accounts in seconds; 0 if somebody took his own away, unaccounted for."""
    return round(max(0.0, after - before), 6)


def _counted(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)


def _switches(
    before: Mapping[int, tuple[int, int]] | None, after: Mapping[int, tuple[int, int]] | None
) -> tuple[int | None, int | None]:
    """Return the switches of both kinds made since by the threads of `after`."""
    if before is None or after is None:
        return None, None
    voluntary = involuntary = 0
    for thread, (waited, made_way) in after.items():
        earlier = before.get(thread, (0, 0))
        if earlier[0] > waited or earlier[1] > made_way:
            earlier = (0, 0)  # another thread, which was given the id of one that had ended
        voluntary += waited - earlier[0]
        involuntary += made_way - earlier[1]
    return voluntary, involuntary
