"""The file form that Wireshark reads: pcapng (draft-ietf-opsawg-pcapng), as much of it as is needed.

::

    block    type (4)   length (4)   body ...   options ...   padding to 4 bytes   length (4), again
    option   code (2)   length (2)   value ...  padding to 4 bytes                 the last one has code and length 0

    section header       who wrote this, and what it is
    interface            what the packets are: here IP packets with nothing in front (LINKTYPE_RAW)
    enhanced packet ...  time, bytes, perhaps a comment

Numbers are little-endian, times are microseconds since 1970. A reader takes what is there, so a file that is still
being written can be read.
"""

from __future__ import annotations

import struct

__all__ = ["interface", "packet", "section"]

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
BYTE_ORDER = 0x1A2B3C4D
VERSION = (1, 0)
LENGTH_UNKNOWN = -1
LINKTYPE_RAW = 101
NO_LIMIT = 0

COMMENT = 1
SECTION_APPLICATION = 4
INTERFACE_NAME, INTERFACE_DESCRIPTION, INTERFACE_TIME_RESOLUTION = 2, 3, 9

MICROSECONDS = b"\x06"
"""10 to the minus 6."""

TEXT_MAX = 2000
"""Characters of a text: an option has 65,535 bytes at most, and nobody reads so much."""


def section(application: str, comment: str) -> bytes:
    """Return the block that begins a file."""
    head = struct.pack("<LHHq", BYTE_ORDER, *VERSION, LENGTH_UNKNOWN)
    return _block(SECTION, head, [(COMMENT, _text(comment)), (SECTION_APPLICATION, _text(application))])


def interface(name: str, description: str, comment: str) -> bytes:
    """Return the block that says where packets come from."""
    options = [
        (COMMENT, _text(comment)),
        (INTERFACE_NAME, _text(name)),
        (INTERFACE_DESCRIPTION, _text(description)),
        (INTERFACE_TIME_RESOLUTION, MICROSECONDS),
    ]
    return _block(INTERFACE, struct.pack("<HHL", LINKTYPE_RAW, 0, NO_LIMIT), options)


def packet(data: bytes, time: float, comment: str = "") -> bytes:
    """Return the block of one packet; `time` is in seconds since 1970."""
    high, low = divmod(round(time * 1_000_000), 1 << 32)
    head = struct.pack("<LLLLL", 0, high, low, len(data), len(data))
    return _block(PACKET, head + _padded(data), [(COMMENT, _text(comment))])


def _block(kind: int, body: bytes, options: list[tuple[int, bytes]]) -> bytes:
    said = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options if value]
    body += b"".join([*said, bytes(4)]) if said else b""
    length = struct.pack("<L", len(body) + 12)
    return struct.pack("<L", kind) + length + body + length


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _text(text: str) -> bytes:
    return text[:TEXT_MAX].encode("utf-8", "backslashreplace")
