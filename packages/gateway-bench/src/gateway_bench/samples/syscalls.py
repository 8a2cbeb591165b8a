"""Which system calls a server makes, and how many, counted by `strace -c` in a short run of its own.

::

    % time     seconds  usecs/call     calls    errors syscall
    ------ ----------- ----------- --------- --------- ----------------
     42.86    0.000012           2         6         2 recvfrom            -> {"recvfrom": 6}
    ...
    100.00    0.000028           1        23         4 total

The column with the times is that of a traced server, and is thrown away. Calls that failed are calls too. One that was
under way when strace came or went is counted or not, so a count is right to one call a thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway_bench.samples.processes import Tree
from gateway_bench.samples.strace import attached, why_not

__all__ = ["SyscallCount", "counting", "parse_table", "why_not"]

_ROW = re.compile(r"^ *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+) +(?:[0-9]+ +)?([a-z_][a-z0-9_]*)$", re.MULTILINE)
TOTAL = "total"


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
