r"""The process connector of Linux: the kernel tells of each birth as it happens (netlink, linux/cn_proc.h).

A message, of which the kernel sends one to each listener for each event, in native byte order::

    0                 16                36                  52
    | nlmsghdr        | cn_msg          | what, cpu, time   | parent_pid, parent_tgid, child_pid, child_tgid |
                                                            | or, after an order: its error, 0 for none      |

What the kernel calls pid is a thread here, and tgid the process: a new thread has the tgid of its parent, and is no
birth. A filter in the kernel (classic BPF) lets births of processes through and nothing else, so listening costs
nothing while nobody is born.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import select
import socket
import struct
import sys

from gateway_bench.samples.inbox import widen

__all__ = ["parse_birth", "release", "subscribe"]

# linux/netlink.h, linux/connector.h, linux/cn_proc.h
NETLINK_CONNECTOR = 11
CN_IDX_PROC = 1
CN_VAL_PROC = 1
PROC_CN_MCAST_LISTEN = 1
PROC_CN_MCAST_IGNORE = 2
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

BLOCK = 65_536
ANSWER_LIMIT_MS = 1_000
"""Milliseconds for the kernel to say yes. In most containers it says nothing at all."""


def parse_birth(datagram: bytes) -> tuple[int, int] | None:
    """Return the ids of parent and child; None for any other message."""
    if len(datagram) < EVENT_AT + EVENT.size:
        return None
    what, _cpu, _parent_thread, parent, _child_thread, child = EVENT.unpack_from(datagram, EVENT_AT)
    return (parent, child) if what == PROC_EVENT_FORK else None


def subscribe() -> socket.socket | str:
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
        refused = _refusal(sock, _order(sock, PROC_CN_MCAST_LISTEN))
    except OSError as error:
        sock.close()
        return f"the kernel does not tell us of births ({error.strerror})"
    if refused:
        sock.close()
        return refused
    return sock


def release(sock: socket.socket) -> None:
    """Have the kernel tell no more, and close the socket: without the former it would go on to make messages."""
    with sock:
        try:
            _order(sock, PROC_CN_MCAST_IGNORE)
        except OSError:  # it has stopped by itself
            pass


def _order(sock: socket.socket, what: int) -> int:
    """Give the kernel an order; return the number (`ack`) by which its answer is known: ours and one."""
    number = secrets.randbits(31)
    order = ORDER.pack(what)
    message = MESSAGE.pack(CN_IDX_PROC, CN_VAL_PROC, 0, number, len(order), 0) + order
    sock.send(HEADER.pack(HEADER.size + len(message), NLMSG_DONE, 0, 0, 0) + message)
    return number + 1


def _refusal(sock: socket.socket, order: int) -> str:
    """Wait for the answer to our order; return one sentence that says why it was refused, or "".

    All listeners hear all answers. And whoever is refused hears of births all the same, while others listen: a count
    that ends with theirs.
    """
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    while poller.poll(ANSWER_LIMIT_MS):
        answer = sock.recv(BLOCK)
        _index, _value, _sequence, number, *_ = MESSAGE.unpack_from(answer, HEADER.size)
        what, _cpu, error, *_ = EVENT.unpack_from(answer, EVENT_AT)
        if what == PROC_EVENT_NONE and number == order:
            return f"the kernel does not tell us of births ({os.strerror(error)})" if error else ""
    return "the kernel tells nobody in this container of births"


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
