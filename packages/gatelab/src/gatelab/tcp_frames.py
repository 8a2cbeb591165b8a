"""The packets that TCP would have made of a connection, for programs that read packets.

::

    SYN ->   <- SYN ACK   ACK ->      data in pieces of one MSS, acknowledged      FIN ACK ->  <- ACK    or RST ACK ->

     0               1               2               3
    +-------+-------+---------------+-------------------------------+
    |version| IHL   |      TOS      |         total length          |   IPv4 (RFC 791): 20 bytes; IPv6 (RFC 8200): 40,
    +-------+-------+---------------+-----+-------------------------+   and the sum below is all that guards it
    |        identification         |flags|     fragment offset     |
    +---------------+---------------+-----+-------------------------+
    |  TTL (64)     | protocol (6)  |        header checksum        |
    +---------------+---------------+-------------------------------+
    |                 source, destination                           |
    +-------------------------------+-------------------------------+
    |          source port          |       destination port        |   TCP (RFC 9293): 20 bytes, 28 with a SYN
    +-------------------------------+-------------------------------+
    |    sequence number, acknowledgement number: one more than what came, SYN and FIN count too        |
    +-------+-----------+-----------+-------------------------------+
    | offset|           | flags     |            window             |
    +-------+-----------+-----------+-------------------------------+
    |           checksum            |        urgent pointer         |   over a pseudo-header of addresses, 6 and length
    +-------------------------------+-------------------------------+
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import NamedTuple

from .recording import Sender

__all__ = ["Flow", "Place"]

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

TCP = 6
TTL = 64
DO_NOT_FRAGMENT = 0x4000

MSS = {4: 1460, 6: 1440}
"""Bytes of data in a packet, as over Ethernet: 1500 without both headers."""

WINDOW = 0xFFFF
SCALE = 7
"""The window of both sides, which is 8 MiB, so that it is never full."""

ACKNOWLEDGED = 64 * 1024
"""Bytes after which the other side acknowledges what it has, if it says nothing itself."""


class Place(NamedTuple):
    """Address and port of one side."""

    ip: IP
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if self.ip.version == 6 else f"{self.ip}:{self.port}"


class Flow:
    """One connection between two places of the same family: what happens on it goes in, packets come out."""

    def __init__(self, front: Place, backend: Place) -> None:
        self._places: dict[Sender, Place] = {"front": front, "backend": backend}
        self._next: dict[Sender, int] = {"front": 0, "backend": 0}  # sequence numbers
        self._mss = MSS[front.ip.version]

    def opened(self) -> Iterator[bytes]:
        """Yield the handshake."""
        options = struct.pack(">BBHBBBB", 2, 4, self._mss, 1, 3, 3, SCALE)  # MSS; NOP; window scale
        yield self._packet("front", SYN, options=options)
        self._next["front"] += 1
        yield self._packet("backend", SYN | ACK, options=options)
        self._next["backend"] += 1
        yield self._packet("front", ACK)

    def data(self, sender: Sender, data: bytes) -> Iterator[bytes]:
        """Yield packets with these bytes, and the acknowledgement."""
        for start in range(0, len(data), ACKNOWLEDGED):
            end = min(start + ACKNOWLEDGED, len(data))
            for at in range(start, end, self._mss):
                piece = data[at : min(at + self._mss, end)]
                yield self._packet(sender, ACK | PSH * (at + len(piece) == len(data)), piece)
                self._next[sender] += len(piece)
            yield self._packet(_other(sender), ACK)

    def lost(self, sender: Sender, count: int) -> None:
        """So many bytes were sent that nobody has kept."""
        self._next[sender] += count

    def ended(self, sender: Sender) -> Iterator[bytes]:
        """Yield the end of one side, and its acknowledgement."""
        yield self._packet(sender, FIN | ACK)
        self._next[sender] += 1
        yield self._packet(_other(sender), ACK)

    def reset(self, sender: Sender) -> Iterator[bytes]:
        """Yield how one side breaks the connection."""
        yield self._packet(sender, RST | ACK)

    def _packet(self, sender: Sender, flags: int, data: bytes = b"", options: bytes = b"") -> bytes:
        """Return one packet."""
        source, destination = self._places[sender], self._places[_other(sender)]
        acknowledged = self._next[_other(sender)] if flags & ACK else 0
        offset = (20 + len(options)) // 4
        before = struct.pack(
            ">HHLLBBH",
            source.port,
            destination.port,
            self._next[sender] & 0xFFFFFFFF,
            acknowledged & 0xFFFFFFFF,
            offset << 4,
            flags,
            WINDOW,
        )
        rest = b"\0\0" + options + data
        size = len(before) + 2 + len(rest)
        pseudo = source.ip.packed + destination.ip.packed + struct.pack(">LHH", size, 0, TCP)
        segment = before + _checksum(pseudo + before + b"\0\0" + rest) + rest
        return _ip_header(source.ip, destination.ip, size) + segment


def _other(sender: Sender) -> Sender:
    return "backend" if sender == "front" else "front"


def _ip_header(source: IP, destination: IP, size: int) -> bytes:
    addresses = source.packed + destination.packed
    if source.version == 6:
        return struct.pack(">LHBB", 6 << 28, size, TCP, TTL) + addresses
    before = struct.pack(">BBHHHBB", 0x45, 0, 20 + size, 0, DO_NOT_FRAGMENT, TTL, TCP)
    return before + _checksum(before + b"\0\0" + addresses) + addresses


def _checksum(data: bytes) -> bytes:
    """Return the Internet checksum (RFC 1071): the complement of the ones' complement sum of 16-bit words.

    In that arithmetic 2^16 is 1, so the sum of the words is the whole number they spell, modulo 2^16 - 1.
    """
    return (0xFFFF - int.from_bytes(data + b"\0" * (len(data) % 2)) % 0xFFFF).to_bytes(2)
