"""Which system calls a server makes, and how many; and which processes it starts: counted by `strace` in a short run.

::

    % time     seconds  usecs/call     calls    errors syscall
    ------ ----------- ----------- --------- --------- ----------------
     42.86    0.000012           2         6         2 recvfrom            -> {"recvfrom": 6}
    ...
    100.00    0.000028           1        23         4 total

The column with the times is that of a traced server, and is thrown away. Calls that failed are calls too. One that was
under way when strace came or went is counted or not, so a count is right to one call a thread.

Births are counted by the calls that make processes: exactly, also where neither the kernel nor the server tells of them
(`births`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway_bench.samples.processes import Tree
from gateway_bench.samples.strace import attached, why_not

__all__ = ["SyscallCount", "TracedBirths", "counting", "counting_births", "parse_births", "parse_table", "why_not"]

_ROW = re.compile(r"^ *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+) +(?:[0-9]+ +)?([a-z_][a-z0-9_]*)$", re.MULTILINE)
TOTAL = "total"

_CALL = re.compile(r"\b(?:fork|vfork|clone|clone3)\(.*\) += [0-9]+")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
UNFINISHED = "<unfinished ...>"
THREAD = "CLONE_THREAD"
FORKING = "trace=?fork,?vfork,?clone,?clone3"
"""Not every processor has each of these calls; "?" forgives one that is unknown."""


@dataclass
class SyscallCount:
    """The calls by name, once the block has ended; `reason` says why there are none, else it is ""."""

    reason: str = ""
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All calls together."""
        return sum(self.calls.values())


@contextmanager
def counting(tree: Tree) -> Iterator[SyscallCount]:
    """Count the calls of the tree, and of all that it starts, for the length of the block. It never fails."""
    count = SyscallCount()
    with attached(tree, "-c") as trace:
        count.reason = trace.reason
        yield count
    count.calls = parse_table(trace.text)
    if not count.calls:
        count.reason = count.reason or "strace counted no system call"


def parse_table(text: str) -> dict[str, int]:
    """Return the calls by name, the most frequent first."""
    rows = [(name, int(calls)) for calls, name in _ROW.findall(text) if name != TOTAL]
    return dict(sorted(rows, key=lambda row: (-row[1], row[0])))


@dataclass
class TracedBirths:
    """The births once the block has ended; `reason` says why nobody counted, else it is ""."""

    reason: str = ""
    spawned: int | None = None


@contextmanager
def counting_births(tree: Tree) -> Iterator[TracedBirths]:
    """Count under strace what the tree starts, for the length of the block. It never fails."""
    births = TracedBirths()
    with attached(tree, "-e", FORKING, "-e", "signal=none") as trace:
        births.reason = trace.reason
        yield births
    if not births.reason:
        births.spawned = parse_births(trace.text)


def parse_births(text: str) -> int:
    """Return how many processes were born, by what strace wrote: threads are none, nor are calls that failed.

    A call that others interrupted is in two lines, of which the first has the flags and the second the outcome.
    """
    begun: dict[str, str] = {}
    born = 0
    for line in text.splitlines():
        caller, _, call = line.partition(" ")
        if call.endswith(UNFINISHED):
            begun[caller] = call.removesuffix(UNFINISHED)
            continue
        call = _RESUMED.sub(begun.pop(caller, "").replace("\\", "\\\\"), call, count=1)
        born += bool(_CALL.search(call)) and THREAD not in call
    return born
