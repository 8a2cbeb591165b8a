r"""The last account of every process that ends, from the kernel: what its parent may lose, and threads take along.

The time of an ended child is in the account of whoever waits for it. But nobody need wait: a host that ignores SIGCHLD
(Apache's mod_cgid, fcgiwrap), or whose child leaves its work to a grandchild, has none of that time in its account.
And the context switches of ended threads and children are told to nobody. Linux has one witness, for root in the
machine's own namespaces: taskstats, which sends the accounts of each thread when it ends (generic netlink)::

    | nlmsghdr  16 | genlmsghdr  4 | AGGR_PID:  | PID  | STATS: struct taskstats, of this thread             |
                                   | AGGR_TGID: | TGID | STATS, of all threads; where there were several, and
                                                         this was the last                                   |

Of the struct (linux/taskstats.h, whose fields never move) these are read::

     0  u16  version            72  u64  processor time, ns       152  u64  user, us       272  u64  voluntary switches
     8  u8   flags              80  the program's name ...        160  u64  system, us     280  u64  involuntary ones
                                                                  168  u64  minor faults   368  u32  the process
                                                                  176  u64  major faults

Processor time is exact. Its two parts are sampled in ticks: right over many processes, never for one.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gateway_bench.samples.cgroup import read_text
from gateway_bench.samples.inbox import widen

__all__ = ["Ended", "Exit", "parse_exit", "subscribe"]

# linux/netlink.h, linux/genetlink.h
NETLINK_GENERIC = 16
NLM_F_REQUEST = 1
NLM_F_REQUEST_AND_ACK = 5
NLMSG_ERROR = 2
GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID = 1
CTRL_ATTR_FAMILY_NAME = 2
HEADER = struct.Struct("=IHHII")
GENERIC_HEADER = struct.Struct("=BBxx")
ATTRIBUTE = struct.Struct("=HH")
RESULT = struct.Struct("=i")

# linux/taskstats.h
TASKSTATS_CMD_GET = 1
TASKSTATS_CMD_ATTR_PID = 1
TASKSTATS_CMD_ATTR_REGISTER_CPUMASK = 3
TASKSTATS_TYPE_STATS = 3
TASKSTATS_TYPE_AGGR_PID = 4
TASKSTATS_TYPE_AGGR_TGID = 5
AGROUP = 0x20
"""linux/acct.h: "task was the last task in the process"."""
SINCE_VERSION = 12
"""Of the struct: older ones do not say to which process a thread belongs. Linux 5.18 or so has it."""
STATS = struct.Struct("=H6xB63xQ72xQQQQ88xQQ80xI")

POSSIBLE_CPUS = Path("/sys/devices/system/cpu/possible")
ANSWER_LIMIT = 1.0
BLOCK = 65_536


class Exit(NamedTuple):
    """A thread that has ended. Of the `last` of its process, `cpu`, `user` and `system` (s) are the whole process's."""

    process: int
    last: bool
    cpu: float
    user: float
    system: float
    minor_faults: int
    major_faults: int
    voluntary: int
    involuntary: int


@dataclass
class Ended:
    """The sum of what has ended: time of processes, faults of them, switches of threads."""

    cpu: float = 0.0
    system: float = 0.0
    minor_faults: int = 0
    major_faults: int = 0
    voluntary: int = 0
    involuntary: int = 0


def parse_exit(datagram: bytes) -> Exit | None:
    """Read a message of the kernel; None if it is another, or of a kernel too old."""
    start = HEADER.size + GENERIC_HEADER.size
    aggregates = dict(_attributes(datagram[start:]))
    thread, process = (
        _stats(aggregates.get(kind, b"")) for kind in (TASKSTATS_TYPE_AGGR_PID, TASKSTATS_TYPE_AGGR_TGID)
    )
    if thread is None or thread[0] < SINCE_VERSION:
        return None
    _version, flags, cpu, user, system, minor, major, voluntary, involuntary, leader = thread
    if process is not None:
        _version, _flags, cpu, user, system, *_ = process
    return Exit(
        process=leader,
        last=bool(flags & AGROUP),
        cpu=cpu / 1e9,
        user=user / 1e6,
        system=system / 1e6,
        minor_faults=minor,
        major_faults=major,
        voluntary=voluntary,
        involuntary=involuntary,
    )


def subscribe() -> socket.socket | str:
    """Return a socket that the kernel tells of ends, or one sentence that says why there is none."""
    if sys.platform != "linux":
        return "only Linux tells of ended processes"
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
    except OSError as error:
        return f"this kernel tells nobody of ended processes ({error.strerror})"
    try:
        sock.bind((0, 0))
        sock.settimeout(ANSWER_LIMIT)
        family = _family(sock)
        _check_knowledge(sock, family)
        widen(sock)
        mask = _attribute(TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, read_text(POSSIBLE_CPUS).encode() + b"\0")
        sock.send(_message(family, TASKSTATS_CMD_GET, NLM_F_REQUEST_AND_ACK, mask))
        _check(sock.recv(BLOCK))
        sock.settimeout(None)
    except OSError as error:
        sock.close()
        return f"the kernel does not tell us of ended processes ({error.strerror or error})"
    return sock


def _family(sock: socket.socket) -> int:
    """Return the number that this kernel has given to taskstats. Raises OSError if it has none."""
    sock.send(
        _message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_REQUEST, _attribute(CTRL_ATTR_FAMILY_NAME, b"TASKSTATS\0"))
    )
    answer = sock.recv(BLOCK)
    _check(answer)
    attributes = dict(_attributes(answer[HEADER.size + GENERIC_HEADER.size :]))
    return int.from_bytes(attributes[CTRL_ATTR_FAMILY_ID][:2], sys.byteorder)


def _check_knowledge(sock: socket.socket, family: int) -> None:
    """Ask for our own accounts. Raises OSError if an old kernel tells too little, or one that keeps none."""
    own = _attribute(TASKSTATS_CMD_ATTR_PID, os.getpid().to_bytes(4, sys.byteorder))
    sock.send(_message(family, TASKSTATS_CMD_GET, NLM_F_REQUEST, own))
    answer = sock.recv(BLOCK)
    _check(answer)
    told = parse_exit(answer)
    if told is None or not told.cpu:
        raise OSError("this kernel tells too little")


def _check(answer: bytes) -> None:
    """Raise OSError if this is an error."""
    _length, kind, *_ = HEADER.unpack_from(answer)
    if kind == NLMSG_ERROR:
        (number,) = RESULT.unpack_from(answer, HEADER.size)
        if number:
            raise OSError(-number, os.strerror(-number))


def _message(family: int, command: int, flags: int, attributes: bytes) -> bytes:
    payload = GENERIC_HEADER.pack(command, 1) + attributes
    return HEADER.pack(HEADER.size + len(payload), family, flags, 1, 0) + payload


def _attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Take a run of attributes apart; one that is longer than the run, or shorter than its head, ends it."""
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if not ATTRIBUTE.size <= length <= len(data):
            return
        yield kind, data[ATTRIBUTE.size : length]
        data = data[length + -length % 4 :]


def _stats(aggregate: bytes) -> tuple[int, ...] | None:
    stats = dict(_attributes(aggregate)).get(TASKSTATS_TYPE_STATS, b"")
    return STATS.unpack_from(stats) if len(stats) >= STATS.size else None
