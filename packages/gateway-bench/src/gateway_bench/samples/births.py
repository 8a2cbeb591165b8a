"""How many processes a server starts, counted without its help: the kernel tells of every birth.

A server that reports its births (`spawns`) can be believed or not, and most say nothing. Linux has three witnesses who
miss nobody, however short a life and however deep the tree. The first that can be had is heard:

``kernel``    the process connector (`connector`): each fork, as it happens. In the machine's own namespaces.
``events``    the server's own reports; a program that it starts may start others of which it knows nothing.
``strace``    counted under `strace -f`, in a run of its own (`syscalls.counting_births`): exact, and slow.

A birth belongs to the tree if the parent does, and then the child does. That also holds for one whose parent has ended
since and which init has adopted: it cannot hide by a double fork. All births of the machine are seen, also those that
do not count: a process id that is used again is thereby taken from the tree.

Where the kernel also tells of the ends (`ended`), what all that were born and have ended leave behind is summed up
here, and the tree is known exactly at any time: those that were born into it and have not ended. Their time is charged
to a control group (`group`), if that can be had.

Neither is believed before it has told the truth once (`deafness`): a container may have numbers of its own for its
processes, and then hears of births under other numbers, or of nothing at all.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from gateway_bench.samples import connector, ended
from gateway_bench.samples.ended import Ended, Exit
from gateway_bench.samples.group import TimeGroup, time_group
from gateway_bench.samples.inbox import Inbox
from gateway_bench.samples.processes import Tree
from gateway_bench.samples.spawns import Births, SpawnListener

__all__ = ["Accounts", "BirthCounter", "KernelBirths", "deafness"]

PAUSE = 0.05
"""Seconds between two awakenings: the queue has room for some thousand."""
CHILD = ("/bin/sh", "-c", "")
"""What is born and ends when the kernel is put to the test."""
OTHER_NUMBERS = "the kernel tells this container nothing of its own processes"


class Accounts(NamedTuple):
    """`time` is processor time, and the system's part of it, of all; None where no group is charged with it.

    `living` are the processes of the tree, `ended` what the others left behind; None where nobody tells of the ends.
    """

    time: tuple[float, float] | None
    living: set[int] | None
    ended: Ended | None


class KernelBirths:
    """Hears of every birth on this machine while `listening()`, and counts those in the tree that it follows.

    `reason` says why nothing is heard of births, else it is ""; `deaf_to_ends` the same of ends.
    """

    def __init__(self) -> None:
        self.reason = self.deaf_to_ends = "nobody listens yet"
        self._lock = threading.RLock()
        self._births: Inbox | None = None
        self._ends: Inbox | None = None
        self._members: set[int] = set()
        self._born = 0
        self._exits: list[Exit] = []
        self._faults: Counter[tuple[int, str]] = Counter()
        self._ended = Ended()
        self._group = TimeGroup(None, self.reason)
        self._charged = False

    @contextmanager
    def listening(self) -> Iterator[KernelBirths]:
        """Listen for the length of the block, where that can be had: see `reason`."""
        self.reason, self.deaf_to_ends = deafness()
        births = self.reason or connector.subscribe()
        ends = self.deaf_to_ends or ended.subscribe()
        with ExitStack() as stack:
            stack.callback(self._stop)
            if isinstance(births, str):
                self.reason = births
            if isinstance(ends, str):
                self.deaf_to_ends = ends
            if self.reason:
                self._group = TimeGroup(None, self.reason)
            else:
                self._group = stack.enter_context(time_group())
            if isinstance(births, socket.socket):
                stack.callback(connector.release, births)
                self._births = Inbox(births, self._take_birth, self._lock)
                stack.enter_context(self._births.reading("births", pause=PAUSE))
            if isinstance(ends, socket.socket):
                self._ends = Inbox(stack.enter_context(ends), self._take_end, self._lock)
                stack.enter_context(self._ends.reading("ends", self._drain, PAUSE))
            yield self

    def shortcomings(self) -> list[str]:
        """Return a sentence for each thing that this machine does not let us know, and what is read in its place."""
        found = []
        if self.reason:
            found.append(f"Births are those that a server reports: {self.reason}.")
        if self.deaf_to_ends:
            found.append(f"Context switches are those of threads that lived on: {self.deaf_to_ends}.")
        if self._group.reason:
            found.append(f"The time of a child is known where its parent waits for it: {self._group.reason}.")
        return found

    def follow(self, pids: Iterable[int]) -> None:
        """Count from now on what these processes start, and those; nobody else. They are to be at rest."""
        with self._lock:
            self._drain()
            self._members = set(pids)
            self._faults.clear()
            self._charged = self._group.take(self._members)

    def count(self) -> Births:
        """Return all births counted so far. `lost`: how often a queue was full, and an unknown number was lost."""
        with self._lock:
            self._drain()
            return Births(self._born, sum(inbox.overflows for inbox in (self._births, self._ends) if inbox))

    @property
    def charged(self) -> bool:
        """Whether all the time of the tree that it follows is known, also that of children that nobody waits for."""
        return self._charged

    def accounts(self) -> Accounts:
        """Return what is known of the tree and of all that were in it."""
        with self._lock:
            self._drain()
            living, gone = (set(self._members), replace(self._ended)) if self._ends else (None, None)
            return Accounts(self._group.used() if self._charged else None, living, gone)

    def _stop(self) -> None:
        self._births = self._ends = None
        self._charged = False

    def _drain(self) -> None:
        """Take all that has come, the births first: whoever has ended, and all that he started, is known by then."""
        with self._lock:
            if self._ends:
                self._ends.drain()
            if self._births:
                self._births.drain()
            exits, self._exits = self._exits, []
            for end in exits:
                if end.process in self._members:
                    self._bury(end)

    def _bury(self, end: Exit) -> None:
        """Add up what a thread leaves behind: its process's faults count once that has ended."""
        total, faults = self._ended, self._faults
        total.voluntary += end.voluntary
        total.involuntary += end.involuntary
        faults[end.process, "minor"] += end.minor_faults
        faults[end.process, "major"] += end.major_faults
        if end.last:
            self._members.discard(end.process)
            total.minor_faults += faults.pop((end.process, "minor"))
            total.major_faults += faults.pop((end.process, "major"))

    def _take_end(self, datagram: bytes) -> None:
        end = ended.parse_exit(datagram)
        if end:
            self._exits.append(end)

    def _take_birth(self, datagram: bytes) -> None:
        birth = connector.parse_birth(datagram)
        if birth is None:
            return
        parent, child = birth
        if parent in self._members:
            self._members.add(child)
            self._born += 1
        else:
            self._members.discard(child)


class BirthCounter:
    """The best witness of a server's births: the kernel if it tells, else the server itself, else nobody."""

    def __init__(self, kernel: KernelBirths | None = None, reports: SpawnListener | None = None) -> None:
        self._witness = kernel if kernel and not kernel.reason else reports
        self.source = "" if self._witness is None else "kernel" if self._witness is kernel else "events"

    def follow(self, tree: Tree) -> None:
        """Count the births of this server from now on. It is to be at rest."""
        if self.kernel:
            self.kernel.follow(tree.pids())

    @property
    def kernel(self) -> KernelBirths | None:
        """The kernel, where it is the witness."""
        return self._witness if isinstance(self._witness, KernelBirths) else None

    @property
    def complete(self) -> bool:
        """Whether all the processor time of this server is known."""
        return bool(self.kernel and self.kernel.charged)

    def count(self) -> Births:
        """Return the births counted so far; zero where nobody counts."""
        return self._witness.count() if self._witness else Births(0, 0)


@cache
def deafness() -> tuple[str, str]:
    """Return one sentence that says why births cannot be heard of, and one for the ends; "" if they can.

    To be sure, a child is started: whoever listens must hear of it, under its number. An end without its birth is
    of no use, for nobody would know whose it was.
    """
    births = connector.subscribe()
    if isinstance(births, str):
        return births, births
    ends = ended.subscribe()
    born: list[tuple[int, int] | None] = []
    gone: list[Exit | None] = []
    with ExitStack() as stack:
        stack.callback(connector.release, births)
        child = os.posix_spawn(CHILD[0], CHILD, os.environ)
        os.waitpid(child, 0)
        Inbox(births, lambda told: born.append(connector.parse_birth(told)), threading.RLock()).drain()
        if isinstance(ends, socket.socket):
            with ends:
                Inbox(ends, lambda told: gone.append(ended.parse_exit(told)), threading.RLock()).drain()
    if (os.getpid(), child) not in born:
        return OTHER_NUMBERS, OTHER_NUMBERS
    if isinstance(ends, str):
        return "", ends
    return "", "" if child in {end.process for end in gone if end and end.last} else OTHER_NUMBERS
