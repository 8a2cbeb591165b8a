"""How many connections wait in a listening socket's queue, and how many may. Linux tells; elsewhere nobody knows.

The kernel completes connections by itself and queues them until a worker accepts. A queue that is not empty when one
looks is the first sign of too few workers; one that is full makes clients wait for their handshake, or be refused.

::

    TCP     tcp(7), struct tcp_info       of a listening socket, tcpi_unacked is the queue, tcpi_sacked its limit
    unix    sock_diag(7)                  asked over netlink, about the inode:

        nlmsghdr        length, type, flags, sequence, port                       16 bytes
        unix_diag_req   family, protocol, pad, states, inode, show, cookie        24 bytes

        nlmsghdr, unix_diag_msg (family, type, state, pad, inode, cookie: 16 bytes), then attributes:
        length, type, value; UNIX_DIAG_RQLEN of a listening socket: the queue, and its limit
"""

from __future__ import annotations

import os
import socket
import struct

__all__ = ["backlog"]

_LISTEN = 10
"""TCP_LISTEN; unix sockets have borrowed TCP's states."""

_TCP_INFO = struct.Struct("=B23xII")
"""tcpi_state; seven more octets; rto, ato, snd_mss, rcv_mss; tcpi_unacked, tcpi_sacked."""

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_UDIAG_SHOW_RQLEN = 0x10
_UNIX_DIAG_RQLEN = 4
_ANY = 0xFFFFFFFF  # every state, and any cookie

_NLMSGHDR = struct.Struct("=IHHII")
_UNIX_DIAG_REQ = struct.Struct("=BBHIIIII")
_UNIX_DIAG_MSG = struct.Struct("=BBBxIII")
_NLATTR = struct.Struct("=HH")
_RQLEN = struct.Struct("=II")

_PATIENCE = 0.1
"""Seconds to wait for the kernel's answer. It comes with the question; this is so that nothing can ever hang here."""


def backlog(sock: socket.socket) -> tuple[int, int] | None:
    """Return the length of the queue and its limit, or None where the system does not tell."""
    try:
        if sock.family == socket.AF_UNIX:
            return _unix(sock)
        return _tcp(sock)
    except (OSError, AttributeError, struct.error):  # AttributeError: a system that has no such option or family
        return None


def _tcp(sock: socket.socket) -> tuple[int, int] | None:
    state, queue, limit = _TCP_INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
    return (queue, limit) if state == _LISTEN else None


def _unix(sock: socket.socket) -> tuple[int, int] | None:
    request = _UNIX_DIAG_REQ.pack(
        socket.AF_UNIX, 0, 0, _ANY, os.fstat(sock.fileno()).st_ino, _UDIAG_SHOW_RQLEN, _ANY, _ANY
    )
    header = _NLMSGHDR.pack(_NLMSGHDR.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE)
        kernel.send(header + request)
        answer = kernel.recv(4096)
    length, kind, *_ = _NLMSGHDR.unpack_from(answer)
    if kind != _SOCK_DIAG_BY_FAMILY:  # an error: no such socket, or the kernel has no module for it
        return None
    _family, _type, state, *_ = _UNIX_DIAG_MSG.unpack_from(answer, _NLMSGHDR.size)
    if state != _LISTEN:
        return None
    return _find_rqlen(answer[_NLMSGHDR.size + _UNIX_DIAG_MSG.size : length])


def _find_rqlen(attributes: bytes) -> tuple[int, int] | None:
    at = 0
    while at < len(attributes):
        size, kind = _NLATTR.unpack_from(attributes, at)
        if kind == _UNIX_DIAG_RQLEN:
            queue, limit = _RQLEN.unpack_from(attributes, at + _NLATTR.size)
            return queue, limit
        at += max(_NLATTR.size, (size + 3) & ~3)  # attributes begin at multiples of four
    return None
