"""The grammar of FastCGI 1.0 (Open Market, 29 April 1996): records, and the name-value pairs inside some of them.

Everything on the wire is a record (section 3.3)::

     byte 0      1      2      3      4      5      6      7
    +-------+------+-------------+-------------+-------+--------+
    |version| type |  requestId  |contentLength|padding|reserved|   numbers are big-endian
    +-------+------+-------------+-------------+-------+--------+
    | content: contentLength bytes, 0 to 65,535                 |
    | padding: that many bytes of nothing, 0 to 255             |
    +-----------------------------------------------------------+

Request id 0 is for *management* records, which concern the connection; ids from 1 on are *application* records, and
several requests may alternate on one connection. A *stream* (PARAMS, STDIN, STDOUT...) is any number of records with
content and one without, which ends it; how it was cut into records means nothing. The other types are *discrete*.

A pair (section 3.4) is two lengths and two strings. A length below 128 takes one byte; any length may take four::

    0x0e 0x03 REQUEST_METHOD GET            0x80 0x00 0x00 0x80 ...  (128: the first bit says "four bytes")
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import Variables

# -- section 8, in its order and under its names, without FCGI_ ---------------------------------------------------

LISTENSOCK_FILENO = 0
"""The listening socket of an application that a web server starts (section 2.2)."""

MAX_LENGTH = 0xFFFF
"""Bytes of content in one record."""

HEADER_LEN = 8
VERSION_1 = 1

BEGIN_REQUEST = 1
ABORT_REQUEST = 2
END_REQUEST = 3
PARAMS = 4
STDIN = 5
STDOUT = 6
STDERR = 7
DATA = 8
GET_VALUES = 9
GET_VALUES_RESULT = 10
UNKNOWN_TYPE = 11

NULL_REQUEST_ID = 0

KEEP_CONN = 1
"""Bit 0 of the flags in BEGIN_REQUEST (section 5.1); the others mean nothing."""

RESPONDER = 1
AUTHORIZER = 2
FILTER = 3

REQUEST_COMPLETE = 0
CANT_MPX_CONN = 1
OVERLOADED = 2
UNKNOWN_ROLE = 3

MAX_CONNS = "FCGI_MAX_CONNS"
MAX_REQS = "FCGI_MAX_REQS"
MPXS_CONNS = "FCGI_MPXS_CONNS"

TYPES = {
    BEGIN_REQUEST: "BEGIN_REQUEST",
    ABORT_REQUEST: "ABORT_REQUEST",
    END_REQUEST: "END_REQUEST",
    PARAMS: "PARAMS",
    STDIN: "STDIN",
    STDOUT: "STDOUT",
    STDERR: "STDERR",
    DATA: "DATA",
    GET_VALUES: "GET_VALUES",
    GET_VALUES_RESULT: "GET_VALUES_RESULT",
    UNKNOWN_TYPE: "UNKNOWN_TYPE",
}
ROLES = {RESPONDER: "responder", AUTHORIZER: "authorizer", FILTER: "filter"}
PROTOCOL_STATUSES = {
    REQUEST_COMPLETE: "REQUEST_COMPLETE",
    CANT_MPX_CONN: "CANT_MPX_CONN",
    OVERLOADED: "OVERLOADED",
    UNKNOWN_ROLE: "UNKNOWN_ROLE",
}

_HEADER = struct.Struct(">BBHHBx")
_BEGIN_BODY = struct.Struct(">HB5x")
_END_BODY = struct.Struct(">IB3x")
_LONG = struct.Struct(">I")

_BLOCK = MAX_LENGTH - 7
"""Content of a full record that we write: the largest multiple of 8, so that it needs no padding."""

_PADDING = [bytes(count) for count in range(8)]


def type_name(type_: int) -> str:
    """Return the specification's name of a record type."""
    return TYPES.get(type_, f"type {type_}")


# -- records -----------------------------------------------------------------------------------------------------


class Record(NamedTuple):
    """One record as it came; `padding` is a number of bytes."""

    type: int
    request_id: int
    content: bytes
    padding: int = 0


def encode_record(type_: int, request_id: int, content: bytes = b"") -> bytes:
    """Encode one record, padded to a multiple of 8 bytes. Raises LocalProtocolError above 65,535 bytes of content."""
    size = len(content)
    if size > MAX_LENGTH:
        raise LocalProtocolError(f"{size} bytes do not fit in one record (at most {MAX_LENGTH})")
    padding = -size & 7
    return _HEADER.pack(VERSION_1, type_, request_id, size, padding) + content + _PADDING[padding]


def encode_stream(type_: int, request_id: int, data: bytes) -> bytes:
    """Encode a piece of a stream in as many records as it takes: none for b"", since that record would be the end."""
    size = len(data)
    if 0 < size <= _BLOCK:
        padding = -size & 7
        return _HEADER.pack(VERSION_1, type_, request_id, size, padding) + data + _PADDING[padding]
    return b"".join(
        [encode_record(type_, request_id, data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK)],
    )


_ENDING = struct.Struct(">BBHHBx BBHHBx IB3x")


def encode_ending(request_id: int, app_status: int) -> bytes:
    """Encode what ends nearly every response: STDOUT, empty, and END_REQUEST with REQUEST_COMPLETE."""
    return _ENDING.pack(
        VERSION_1, STDOUT, request_id, 0, 0,
        VERSION_1, END_REQUEST, request_id, _END_BODY.size, 0, app_status, REQUEST_COMPLETE,
    )  # fmt: skip


class RecordReader:
    """Cuts bytes, in whatever pieces they come, into records."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> None:
        """Take the next bytes."""
        self._buffer += data

    def next(self) -> Record | None:
        """Return the next record, None if it is not complete. Raises RemoteProtocolError if it is not of version 1."""
        buffer = self._buffer
        have = len(buffer)
        if not have:
            return None
        if buffer[0] != VERSION_1:
            raise RemoteProtocolError(f"a FastCGI record has version 1, not {buffer[0]}")
        if have < HEADER_LEN:
            return None
        _, type_, request_id, size, padding = _HEADER.unpack_from(buffer)
        end = HEADER_LEN + size
        if have < end + padding:
            return None
        content = bytes(buffer[HEADER_LEN:end])
        del buffer[: end + padding]  # cheap: a bytearray forgets its beginning without moving the rest
        return Record(type_, request_id, content, padding)

    @property
    def empty(self) -> bool:
        """Is nothing left?"""
        return not self._buffer

    @property
    def pending(self) -> bytes:
        """The bytes of a record that is not complete: a header at most."""
        return bytes(self._buffer[:HEADER_LEN])


def read_records(data: bytes) -> Iterator[Record]:
    """Yield the records in `data`. Raises RemoteProtocolError for another version, and if a record is cut short."""
    reader = RecordReader()
    reader.receive(data)
    while (record := reader.next()) is not None:
        yield record
    if reader.pending:
        raise RemoteProtocolError("the bytes end inside a record")


# -- a request in one piece --------------------------------------------------------------------------------------

_OPENING = struct.Struct(">BBHHBx HB5x BBHHBx")
_CLOSING = struct.Struct(">BBHHBx BBHHBx")


def decode_opening(data: bytes) -> tuple[int, int, bool, bytes] | None:
    """Decode a request without content that lies in one piece, as nginx sends it: id, role, keep and PARAMS.

    None if it is anything else, or not complete, which says nothing about whether it is right. In place of four
    records, it looks at what the specification leaves no choice about::

        BEGIN_REQUEST  body | PARAMS, its content, padding | PARAMS, empty | STDIN, empty |
    """
    if len(data) < _OPENING.size:
        return None
    (
        version, type_, request_id, size, padding, role, flags,
        version_2, type_2, request_id_2, params_size, padding_2,
    ) = _OPENING.unpack_from(data)  # fmt: skip
    if (
        version != VERSION_1 or type_ != BEGIN_REQUEST or size != _BEGIN_BODY.size or padding or not params_size
        or version_2 != VERSION_1 or type_2 != PARAMS or request_id_2 != request_id or not request_id
    ):  # fmt: skip
        return None
    end = _OPENING.size + params_size
    closing = _CLOSING.pack(VERSION_1, PARAMS, request_id, 0, 0, VERSION_1, STDIN, request_id, 0, 0)
    if data[end + padding_2 :] != closing:
        return None
    return request_id, role, flags & KEEP_CONN != 0, data[_OPENING.size : end]


# -- the discrete records of a request (sections 5.1 and 5.5) ------------------------------------------------------


def encode_begin(request_id: int, role: int, keep: bool) -> bytes:
    """Encode BEGIN_REQUEST. `keep`: the connection stays open after the request."""
    return encode_record(BEGIN_REQUEST, request_id, _BEGIN_BODY.pack(role, KEEP_CONN if keep else 0))


def decode_begin(content: bytes) -> tuple[int, bool]:
    """Return role and keep of a BEGIN_REQUEST. Raises RemoteProtocolError."""
    if len(content) != _BEGIN_BODY.size:
        raise RemoteProtocolError(f"BEGIN_REQUEST has 8 bytes, not {len(content)}")
    role, flags = _BEGIN_BODY.unpack(content)
    return role, bool(flags & KEEP_CONN)


def encode_end(request_id: int, app_status: int, protocol_status: int) -> bytes:
    """Encode END_REQUEST. `app_status` is what a CGI program would have given to exit()."""
    return encode_record(END_REQUEST, request_id, _END_BODY.pack(app_status, protocol_status))


def decode_end(content: bytes) -> tuple[int, int]:
    """Return app status and protocol status of an END_REQUEST. Raises RemoteProtocolError."""
    if len(content) != _END_BODY.size:
        raise RemoteProtocolError(f"END_REQUEST has 8 bytes, not {len(content)}")
    app_status, protocol_status = _END_BODY.unpack(content)
    return app_status, protocol_status


# -- name-value pairs (section 3.4) --------------------------------------------------------------------------------


def _encode_length(length: int) -> str:
    return chr(length) if length < 128 else _LONG.pack(length | 0x8000_0000).decode("latin-1")


def _decode_length(data: bytes, at: int) -> tuple[int, int]:
    """Return the length that stands at `at`, and where the next thing stands."""
    if data[at] < 128:
        return data[at], at + 1
    return _LONG.unpack_from(data, at)[0] & 0x7FFF_FFFF, at + 4


def encode_pairs(pairs: Variables) -> bytes:
    """Encode pairs. Raises LocalProtocolError for NUL (section 6.1: textual values) and beyond latin-1."""
    pieces: list[str] = []
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise LocalProtocolError(f"the variable {name[:40]!r} holds NUL")
        pieces += (_encode_length(len(name)), _encode_length(len(value)), name, value)
    try:
        return "".join(pieces).encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError("a variable has a character that is not latin-1") from None


def decode_pairs(data: bytes) -> Variables:
    """Decode pairs. Raises RemoteProtocolError if a length runs past the end, and for NUL.

    A length is used for slices only, which take no more than is really there, so none can make us allocate.
    """
    text = data.decode("latin-1")
    size = len(data)
    pairs: Variables = []
    append = pairs.append
    at = 0
    zeros = data.count(0)
    try:
        while at < size:
            name_size, value_size = data[at], data[at + 1]
            if name_size < 128 and value_size < 128:  # nearly always
                at += 2
                if not value_size:
                    zeros -= 1
            else:
                name_size, at = _decode_length(data, at)
                value_size, at = _decode_length(data, at)
            middle = at + name_size
            end = middle + value_size
            append((text[at:middle], text[middle:end]))  # a slice takes no more than there is
            at = end
    except (IndexError, struct.error):
        raise RemoteProtocolError("the name-value pairs end inside a length") from None
    if at > size:
        raise RemoteProtocolError(f"a name-value pair is {at - size} bytes longer than what is there")
    # Most zeros are lengths of empty values. Only if there are others is it worth looking for them.
    if zeros and "\0" in "".join(map("".join, pairs)):
        raise RemoteProtocolError("a variable holds NUL")
    return pairs
