"""The uwsgi protocol (unbit/uwsgi-docs, Protocol.rst), both roles, as bytes and events.

A packet is a header of four bytes and a block; a request is one packet and the content::

     byte 0      1        2      3
    +---------+--------+--------+---------+
    |modifier1|  datasize (LE)  |modifier2|   front ->   00 b2 01 00
    +---------+--------+--------+---------+
    | vars: datasize bytes                |   key size (2, LE), key, value size (2, LE), value; repeated
    +-------------------------------------+
      content: CONTENT_LENGTH bytes, not counted in datasize
                                              front <-   HTTP/1.1 200 OK CRLF ... (close)

`modifier1` is what the packet is for: 0 a WSGI request, 100 a ping, 22 code to be run... (see `MODIFIERS`). Here only 0
is served and 100 answered. The response is plain HTTP, and by a pun it is a packet too: "H" is modifier 72.

The same pun bites those who send HTTP to a uwsgi port: "GET " reads as modifier 71 and a block of 0x5445 = 21573 bytes.
uWSGI complains of an "invalid request block size"; `ServerConnection` says what it saw.

The size is little-endian and 16 bits wide, so the variables of one request have 65,535 bytes at most.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import ConnectionClosed, NotNow, Request, Variables
from gateway_core.heads import Heads
from gateway_core.mismatch import http_refusal
from gateway_core.oneshot import OneShotClient, OneShotServer

__all__ = [
    "HEADER_SIZE",
    "MAX_BLOCK",
    "MAX_VARS",
    "MODIFIERS",
    "PING",
    "PONG",
    "ClientConnection",
    "PacketHeader",
    "ServerConnection",
    "decode_packet_header",
    "decode_vars",
    "encode_packet_header",
    "encode_vars",
]

# -- "uwsgi packet header" ---------------------------------------------------------------------------------------

HEADER_SIZE = 4

MAX_BLOCK = 65_535
"""Bytes of a block: what 16 bits can say. uWSGI's own default is 4096, which a few large cookies exceed."""

MAX_VARS = 1000
"""Variables of a request. Real ones have some dozens; each costs an object."""

# -- "Packet descriptions" ---------------------------------------------------------------------------------------

WSGI = 0
PING_MODIFIER = 100

MODIFIERS = {
    WSGI: "WSGI request",
    1: "reserved for UNBIT",
    2: "reserved for UNBIT",
    3: "reserved for UNBIT",
    5: "PSGI (Perl) request",
    6: "WSAPI (Lua) request",
    7: "Rack (Ruby) request",
    8: "JWSGI or Ring (JVM) request",
    9: "CGI request",
    10: "management request",
    14: "PHP request",
    15: "Mono (ASP.NET) request",
    17: "spooler request",
    18: "call of a C symbol",
    22: "code to evaluate",
    23: "XSLT request",
    24: "V8 (JavaScript) request",
    25: "GridFS request",
    26: "GlusterFS request",
    27: "call of a FastFunc",
    28: "RADOS request",
    30: "WSGI request with SCRIPT_NAME inside PATH_INFO",
    31: "message passing",
    32: "message passing, array of characters",
    33: "message passing, marshalled object",
    48: "SNMP message",
    72: "HTTP response",
    73: "announcement",
    74: "multicast message",
    95: "cluster membership change",
    96: "remote log line",
    97: "brutal reload",
    98: "graceful reload",
    99: "request for the configuration",
    PING_MODIFIER: "ping",
    101: "echo request",
    109: "legion message",
    110: "uwsgi signal",
    111: "cache operation",
    173: "remote procedure call",
    200: "close mark",
    224: "subscription",
    255: "generic response",
}
"""What `modifier1` can say. Many of these are commands: who may send them owns the server."""


class PacketHeader(NamedTuple):
    """The four bytes in front of a block; `size` is that of the block, in bytes."""

    modifier1: int
    size: int
    modifier2: int


_HEADER = struct.Struct("<BHB")


def encode_packet_header(modifier1: int, size: int, modifier2: int = 0) -> bytes:
    """Encode a header. Raises LocalProtocolError if a number does not fit."""
    try:
        return _HEADER.pack(modifier1, size, modifier2)
    except struct.error:
        raise LocalProtocolError(f"{size} bytes do not fit in one uwsgi packet (at most {MAX_BLOCK})") from None


def decode_packet_header(data: bytes | bytearray) -> PacketHeader:
    """Decode the first four bytes of `data`, which must be there."""
    return PacketHeader._make(_HEADER.unpack_from(data))


PING = encode_packet_header(PING_MODIFIER, 0, 0)
PONG = encode_packet_header(PING_MODIFIER, 0, 1)

# -- "The uwsgi vars" --------------------------------------------------------------------------------------------


def encode_vars(variables: Variables) -> bytes:
    """Encode a block. Raises LocalProtocolError for what a block cannot carry."""
    pieces = []
    for name, value in variables:
        if not name or "\0" in name or "\0" in value:
            raise LocalProtocolError("a variable needs a name, and holds no NUL")
        for text in (name, value):
            if len(text) > MAX_BLOCK:
                raise LocalProtocolError(f"the variable {name[:40]} is longer than {MAX_BLOCK} bytes")
            pieces.append(struct.pack("<H", len(text)).decode("latin-1") + text)
    try:
        return "".join(pieces).encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError("a variable has a character that is not latin-1") from None


def decode_vars(block: bytes) -> Variables:
    """Decode a block. Raises RemoteProtocolError if a size runs past the end, for an empty name and for NUL.

    On the way of every request, so the loop looks at nothing twice: a size that runs past the end shows at the next
    byte that is not there, or after the last one.
    """
    text = block.decode("latin-1")
    size = len(block)
    names, values = [], []
    at = 0
    try:
        while at < size:
            middle = at + 2 + (block[at] | block[at + 1] << 8)
            end = middle + 2 + (block[middle] | block[middle + 1] << 8)
            names.append(text[at + 2 : middle])
            values.append(text[middle + 2 : end])
            at = end
    except IndexError:
        inside = "the size of a name" if at + 2 > size else "a variable's name or the size of its value"
        raise RemoteProtocolError(f"the block ends inside {inside}") from None
    if at > size:
        raise RemoteProtocolError(f"the block ends inside the value of {names[-1][:40]!r}")
    if len(names) > MAX_VARS:
        raise RemoteProtocolError(f"the block has more than {MAX_VARS} variables", 431)
    if "" in names:
        raise RemoteProtocolError("a variable has no name")
    if "\0" in "".join(names) or "\0" in "".join(values):
        raise RemoteProtocolError("a variable holds NUL")
    return list(zip(names, values, strict=True))


_REQUEST_HEADS = Heads(decode_vars)

# -- both roles --------------------------------------------------------------------------------------------------


class ServerConnection(OneShotServer):
    """The application's side of one connection. `max_head`: bytes of a block that are taken, at most 65,535.

    A ping is answered through `data_to_send`; ConnectionClosed follows, since it is all that the connection was for.
    """

    protocol = "uwsgi"

    def __init__(self, *, max_head: int = MAX_BLOCK) -> None:
        super().__init__(min(max_head, MAX_BLOCK))
        self._pinged = False

    def _decode_head(self, buffer: bytes | bytearray) -> tuple[Variables, int] | None:
        if len(buffer) < HEADER_SIZE:
            return None
        header = decode_packet_header(buffer)
        if header.modifier1 != WSGI:
            self._check_peer(buffer, f" (read as a packet header they promise {header.size} bytes)")
            if header.modifier1 == PING_MODIFIER:
                raise RemoteProtocolError("a ping has modifier2 0 and an empty block")
            name = MODIFIERS.get(header.modifier1, "unknown")
            raise RemoteProtocolError(
                f"modifier {header.modifier1} ({name}) is not served here: only 0 and 100 are", 501
            )
        if header.size > self._max_head:
            raise RemoteProtocolError(f"the block has {header.size} bytes, the limit is {self._max_head}", 431)
        if not header.size:
            raise RemoteProtocolError("the request is empty: it has no variables")
        end = HEADER_SIZE + header.size
        if len(buffer) < end:
            return None
        return _REQUEST_HEADS[bytes(buffer[HEADER_SIZE:end])], end

    def _read_head(self) -> Request | ConnectionClosed | NotNow:
        if self._pinged:
            return ConnectionClosed()
        if self._buffer[:HEADER_SIZE] == PING:
            self._pinged = True
            self._answer = PONG
            return ConnectionClosed()
        return super()._read_head()

    def _status(self, status: str) -> str:
        return f"HTTP/1.1 {status}"  # mod_proxy_uwsgi insists on a status line

    def _refusal(self, status: int, sentence: str) -> bytes:
        return http_refusal(status, sentence)


class ClientConnection(OneShotClient):
    """The web server's side of one connection. `head`: the request is a HEAD, so the response has no content."""

    def __init__(self, keep_alive: bool = False, head: bool = False) -> None:
        super().__init__(keep_alive, head, status_line=True)

    def _encode_head(self, variables: Variables) -> bytes:
        block = encode_vars(variables)
        return encode_packet_header(WSGI, len(block)) + block
