r"""How many processes a server starts, counted without its help: the kernel tells of every birth.

A server that reports its births (`spawns`) can be believed or not, and most say nothing. Linux has three witnesses who
miss nobody, however short a life and however deep the tree. The first that can be had is heard:

``kernel``    the process connector (netlink): each fork, as it happens. For root in the machine's own namespaces.
``events``    the server's own reports; a program that it starts may start others of which it knows nothing.
``strace``    counted under `strace -f`, in a run of its own (`counting_births`): exact, and slow.

A message of the connector, of which the kernel sends one to each listener for each event (native byte order)::

    0                 16                36                  52
    | nlmsghdr        | cn_msg          | what, cpu, time   | parent_pid, parent_tgid, child_pid, child_tgid |

What the kernel calls pid is a thread here, and tgid the process: a new thread has the tgid of its parent, and is no
birth. A filter in the kernel (classic BPF) lets births of processes through and nothing else, so listening costs
nothing while nobody is born.

Where the kernel also tells of the ends (`ended`), the accounts of all that were born and have ended are summed up here,
and the tree is known exactly at any time: those that were born into it and have not ended.

A birth belongs to the tree if the parent does, and then the child does. That also holds for one whose parent has ended
since and which init has adopted: it cannot hide by a double fork. All births of the machine are seen, also those that
do not count: a process id that is used again is thereby taken from the tree.
"""

from __future__ import annotations

import ctypes
import os
import re
import select
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache

from gateway_bench.samples import ended
from gateway_bench.samples.ended import Ended, Exit
from gateway_bench.samples.inbox import Inbox, widen
from gateway_bench.samples.processes import Tree
from gateway_bench.samples.spawns import Births, SpawnListener
from gateway_bench.samples.strace import attached

__all__ = ["BirthCounter", "KernelBirths", "TracedBirths", "counting_births", "parse_births"]

# linux/netlink.h, linux/connector.h, linux/cn_proc.h
NETLINK_CONNECTOR = 11
CN_IDX_PROC = 1
CN_VAL_PROC = 1
PROC_CN_MCAST_LISTEN = 1
PROC_EVENT_NONE = 0
PROC_EVENT_FORK = 1
NLMSG_DONE = 3
HEADER = struct.Struct("=IHHII")
MESSAGE = struct.Struct("=IIIIHH")
ORDER = struct.Struct("=I")
EVENT = struct.Struct("=II8xIIII")
EVENT_AT = HEADER.size + MESSAGE.size

# linux/filter.h
SO_ATTACH_FILTER = 26
LOAD, COPY_TO_X, EQUALS, EQUALS_X, RETURN = 0x20, 0x07, 0x15, 0x1D, 0x06
INSTRUCTION = struct.Struct("=HBBI")
EVERYTHING = 0xFFFF_FFFF

ANSWER_LIMIT_MS = 1_000
"""Milliseconds for the kernel to say yes. In a namespace of its own (most containers) it says nothing at all."""

PAUSE = 0.05
"""Seconds between two awakenings: the queue has room for some thousand."""

_CALL = re.compile(r"\b(?:fork|vfork|clone|clone3)\(.*\) += [0-9]+")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
UNFINISHED = "<unfinished ...>"
THREAD = "CLONE_THREAD"
FORKING = "trace=?fork,?vfork,?clone,?clone3"
"""Not every processor has each of these calls; "?" forgives one that is unknown."""


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

    @contextmanager
    def listening(self) -> Iterator[KernelBirths]:
        """Listen for the length of the block, where that can be had: see `reason`."""
        self.reason = _why_not()
        births = self.reason or _subscribe()
        if isinstance(births, str):
            self.reason = births
            yield self
            return
        with ExitStack() as stack:
            stack.callback(self._stop)
            self.reason, self._births = "", Inbox(stack.enter_context(births), self._take_birth, self._lock)
            stack.enter_context(self._births.reading("births", pause=PAUSE))
            ends = ended.subscribe()
            self.deaf_to_ends = ends if isinstance(ends, str) else ""
            if not isinstance(ends, str):
                self._ends = Inbox(stack.enter_context(ends), self._take_end, self._lock)
                stack.enter_context(self._ends.reading("ends", self._drain, PAUSE))
            yield self

    def follow(self, pids: Iterable[int]) -> None:
        """Count from now on what these processes start, and those; nobody else. They are to be at rest."""
        with self._lock:
            self._drain()
            self._members = set(pids)
            self._faults.clear()

    def count(self) -> Births:
        """Return all births counted so far. `lost`: how often a queue was full, and an unknown number was lost."""
        with self._lock:
            self._drain()
            return Births(self._born, sum(inbox.overflows for inbox in (self._births, self._ends) if inbox))

    def accounts(self) -> tuple[set[int], Ended] | None:
        """Return the processes of the tree, and the sum of all that have ended; None where nobody tells of the ends."""
        with self._lock:
            self._drain()
            return (set(self._members), replace(self._ended)) if self._ends else None

    def _stop(self) -> None:
        self._births = self._ends = None

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
        """Add up what a thread leaves behind: its process's time and faults count once that has ended."""
        total, faults = self._ended, self._faults
        total.voluntary += end.voluntary
        total.involuntary += end.involuntary
        faults[end.process, "minor"] += end.minor_faults
        faults[end.process, "major"] += end.major_faults
        if end.last:
            self._members.discard(end.process)
            total.cpu += end.cpu
            total.system += end.system
            total.minor_faults += faults.pop((end.process, "minor"))
            total.major_faults += faults.pop((end.process, "major"))

    def _take_end(self, datagram: bytes) -> None:
        end = ended.parse_exit(datagram)
        if end:
            self._exits.append(end)

    def _take_birth(self, datagram: bytes) -> None:
        if len(datagram) < EVENT_AT + EVENT.size:
            return
        what, _cpu, _parent, parent, _child, child = EVENT.unpack_from(datagram, EVENT_AT)
        if what != PROC_EVENT_FORK:
            return
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
        """Whether the accounts of all that end are known too."""
        return bool(self.kernel and not self.kernel.deaf_to_ends)

    def count(self) -> Births:
        """Return the births counted so far; zero where nobody counts."""
        return self._witness.count() if self._witness else Births(0, 0)


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


@cache
def _why_not() -> str:
    """Return one sentence that says why births cannot be heard of; "" if they can. It takes a second to be sure."""
    sock = _subscribe()
    if isinstance(sock, str):
        return sock
    sock.close()
    return ""


def _subscribe() -> socket.socket | str:
    """Return a socket that the kernel tells of births, or one sentence that says why there is none."""
    if sys.platform != "linux":
        return "only Linux tells of births"
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_CONNECTOR)
    except OSError as error:
        return f"this kernel tells nobody of births ({error.strerror})"
    try:
        sock.bind((0, CN_IDX_PROC))
        widen(sock)
        _let_births_through(sock)
        order = ORDER.pack(PROC_CN_MCAST_LISTEN)
        message = MESSAGE.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, len(order), 0) + order
        sock.send(HEADER.pack(HEADER.size + len(message), NLMSG_DONE, 0, 0, os.getpid()) + message)
    except OSError as error:
        sock.close()
        return f"the kernel tells only root of births ({error.strerror})"
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    if not poller.poll(ANSWER_LIMIT_MS):
        sock.close()
        return "the kernel tells nobody in this container of births"
    return sock


def _let_births_through(sock: socket.socket) -> None:
    """Have the kernel drop all but births of processes, and its answer to our order.

    A filter loads words in network byte order, and the message has them in ours.
    """
    what, child_pid, child_tgid = EVENT_AT, EVENT_AT + 24, EVENT_AT + 28
    program = (
        (LOAD, 0, 0, what),
        (EQUALS, 5, 0, socket.htonl(PROC_EVENT_NONE)),  # to "return everything"
        (EQUALS, 0, 5, socket.htonl(PROC_EVENT_FORK)),  # else to "return nothing"
        (LOAD, 0, 0, child_pid),
        (COPY_TO_X, 0, 0, 0),
        (LOAD, 0, 0, child_tgid),
        (EQUALS_X, 0, 1, 0),
        (RETURN, 0, 0, EVERYTHING),
        (RETURN, 0, 0, 0),
    )
    code = ctypes.create_string_buffer(b"".join(INSTRUCTION.pack(*step) for step in program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))
