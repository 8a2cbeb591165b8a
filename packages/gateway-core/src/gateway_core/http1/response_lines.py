"""The lines of a response, encoded once for values that keep coming back: statuses, fields, whole heads.

Applications send the same few statuses and fields again and again. Each is checked and encoded when it comes for the
first time, and remembered (see `memo`), so that a head is a few look-ups and one join. All raise LocalProtocolError
for what breaks the grammar.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..errors import LocalProtocolError
from ..memo import KEY_MAX, Memo
from .grammar import HOP_BY_HOP

__all__ = ["LENGTHS", "PLAIN_HEADS", "RESPONSE_FIELDS", "SERVER_LINES", "STATUS_LINES"]

# RFC 9112 section 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]; always our own version, 1.1.
_STATUS = re.compile(r"([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*+))?")
# RFC 9112 section 5. Checked here once more, so that nothing that breaks the grammar can be sent (section 11.1).
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*+")
_LENGTH = re.compile(r"[0-9]{1,18}+")


class _Status(NamedTuple):
    line: bytes
    code: int
    bare: bool
    """No content may follow (RFC 9110 section 6.4.1)."""


def _status(status: str) -> _Status:
    match = _STATUS.fullmatch(status)
    if match is None:
        raise LocalProtocolError(f"{status[:60]!r} is not a status")
    code = int(match[1])
    if code < 200:
        raise LocalProtocolError("an interim response is not a response: use interim()")
    return _Status(f"HTTP/1.1 {code} {match[2] or ''}\r\n".encode("latin-1"), code, code in (204, 304))


class _Field(NamedTuple):
    line: bytes
    steers: str
    """Lower-case name, if the codec would else have sent this field itself; "" for all others."""


def _field(field: tuple[str, str]) -> _Field:
    name, value = field
    lower = name.lower()
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise LocalProtocolError(f"the response field {name[:40]!r} has a character that no field may have")
    if lower in HOP_BY_HOP:
        raise LocalProtocolError(f"the response field {name} is for the connection to send")
    if lower == "content-length" and not _LENGTH.fullmatch(value):
        raise LocalProtocolError("Content-Length is not a number of bytes")
    steers = lower if lower in ("content-length", "date", "server") else ""
    return _Field(f"{name}: {value}\r\n".encode("latin-1"), steers)


def _field_size(field: tuple[str, str]) -> int:
    """Return the size that a memo goes by: a cookie is a secret and never repeats."""
    return KEY_MAX + 1 if field[0].lower() == "set-cookie" else len(field[0]) + len(field[1])


STATUS_LINES: Final[Memo[str, _Status]] = Memo(_status, len)
"""Statuses ("200 OK") and how they are sent. Raises LocalProtocolError."""

RESPONSE_FIELDS: Final[Memo[tuple[str, str], _Field]] = Memo(_field, _field_size)
"""Fields and how they are sent. Raises LocalProtocolError."""


def _plain_head(key: tuple[str, *tuple[tuple[str, str], ...]]) -> bytes:
    """Return status line and fields, or b"" where there is more to think about than what Date and Server are."""
    status, *fields = key
    line, _, bare = STATUS_LINES[status]
    encoded = [RESPONSE_FIELDS[field] for field in fields]
    if bare or any(field.steers for field in encoded):
        return b""
    return line + b"".join(field.line for field in encoded)


def _head_size(key: tuple[str, *tuple[tuple[str, str], ...]]) -> int:
    status, *fields = key
    return len(status) + sum(map(_field_size, fields))


PLAIN_HEADS: Final[Memo[tuple[str, *tuple[tuple[str, str], ...]], bytes]] = Memo(_plain_head, _head_size)
"""A status and fields that come together again and again, and how they are sent. Raises LocalProtocolError."""

LENGTHS: Final[Memo[int, bytes]] = Memo(b"Content-Length: %d\r\n\r\n".__mod__, int.bit_length)
"""Lengths of content, as the last line of a head and the empty line behind it. The number of bits is small enough."""

SERVER_LINES: Final[Memo[str, bytes]] = Memo(
    lambda server: f"Server: {server}\r\n".encode("latin-1") if server else b"", len
)
"""The Server field by its value, so that connections share it."""
