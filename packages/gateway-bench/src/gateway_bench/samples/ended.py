r"""What every thread that ends leaves behind: its page faults and context switches, told by the kernel.

Nobody else tells them. A child that nobody waits for takes its page faults along, and the context switches of ended
threads and children are told to themselves alone. Linux has one witness, for root in the machine's own namespaces:
taskstats, which sends the accounts of each thread when it ends (generic netlink)::

    | nlmsghdr  16 | genlmsghdr  4 | AGGR_PID:  | PID  | STATS: struct taskstats, of this thread             |

Of the struct (linux/taskstats.h, whose fields never move) these are read::

     0  u16  version      168  u64  minor faults     272  u64  voluntary switches        368  u32  the process
     8  u8   flags        176  u64  major faults     280  u64  involuntary ones

The processor time in it is not: it is told before the process takes its memory apart, and for a small program that is
as much again. `group` has all of it.
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
AGROUP = 0x20
"""linux/acct.h: "task was the last task in the process"."""
SINCE_VERSION = 12
"""Of the struct: older ones do not say to which process a thread belongs. Linux 5.18 or so has it."""
STATS = struct.Struct("=H6xB159xQQ88xQQ80xI")

POSSIBLE_CPUS = Path("/sys/devices/system/cpu/possible")
ANSWER_LIMIT = 1.0
BLOCK = 65_536


class Exit(NamedTuple):
    """What a thread leaves behind; it may have been the `last` of its process."""

    process: int
    last: bool
    minor_faults: int
    major_faults: int
    voluntary: int
    involuntary: int


@dataclass
class Ended:
    """The sum of what has ended: faults of processes, switches of threads."""

    minor_faults: int = 0
    major_faults: int = 0
    voluntary: int = 0
    involuntary: int = 0


def parse_exit(datagram: bytes) -> Exit | None:
    """Read a message of the kernel; None if it is another, or of a kernel too old."""
    start = HEADER.size + GENERIC_HEADER.size
    aggregate = dict(_attributes(datagram[start:])).get(TASKSTATS_TYPE_AGGR_PID, b"")
    stats = dict(_attributes(aggregate)).get(TASKSTATS_TYPE_STATS, b"")
    if len(stats) < STATS.size:
        return None
    version, flags, minor, major, voluntary, involuntary, process = STATS.unpack_from(stats)
    if version < SINCE_VERSION:
        return None
    return Exit(process, bool(flags & AGROUP), minor, major, voluntary, involuntary)


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
    """Ask for our own accounts. Raises OSError if the kernel is old and tells too little."""
    own = _attribute(TASKSTATS_CMD_ATTR_PID, os.getpid().to_bytes(4, sys.byteorder))
    sock.send(_message(family, TASKSTATS_CMD_GET, NLM_F_REQUEST, own))
    answer = sock.recv(BLOCK)
    _check(answer)
    if parse_exit(answer) is None:
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
