"""Tokens, fields, hosts: the grammar that requests and responses share. ABNF above its regular expression.

Every expression is linear: quantifiers are possessive (`++`), so nothing is ever tried twice. Bytes become `str` with
one character a byte (latin-1) after they were matched, never before (RFC 9112 section 2.2).
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from ..errors import RemoteProtocolError
from ..events import Fields
from ..memo import KEY_MAX, Memo
from .limits import LENGTH_DIGITS

__all__ = [
    "HOP_BY_HOP",
    "REQUEST_FIELDS",
    "TCHAR",
    "check_authority",
    "content_length",
    "options",
    "split_field",
]

# RFC 9110 section 5.6.2: token = 1*tchar
TCHAR = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

# RFC 9112 section 5, RFC 9110 section 5.5: field-line = token ":" OWS field-value OWS; the value is visible characters,
# obs-text, SP and HTAB. Actually section 5.5 lets other controls pass; they are of use to attackers only.
_FIELD_LINE = re.compile(rb"(" + TCHAR + rb"++):([\t\x20-\x7e\x80-\xff]*+)")
_OWS = b" \t"  # RFC 9110 section 5.6.3; bytes.strip() without it would take VT and FF too (CVE-2019-16789)

# RFC 9110 section 7.2, RFC 3986 section 3.2.2: Host = uri-host [ ":" port ].
# Actually reg-name may hold a comma; it does so only where two Hosts were joined.
_AUTHORITY = re.compile(
    rb"(?:\[([0-9A-Fa-f:.]{2,45}+)\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})++)(?::([0-9]{0,5}+))?"
)
_PORT_MAX = 65535

# RFC 9110 section 8.6: Content-Length = 1*DIGIT
_DIGITS = re.compile(r"[0-9]++")

HOP_BY_HOP = frozenset((
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade",
))  # fmt: skip
"""RFC 9110 section 7.6.1 and RFC 2616 section 13.5.1: fields of one connection, in lower case."""

_SECRET = (b"cookie", b"authorization", b"proxy-authorization")


def split_field(line: bytes) -> tuple[str, str]:
    """Return name and value of a field line, the name as it came. Raises RemoteProtocolError (400)."""
    match = _FIELD_LINE.fullmatch(line)
    if match is None:
        raise RemoteProtocolError(_field_fault(line))
    return match[1].decode("latin-1"), match[2].strip(_OWS).decode("latin-1")


def _field_fault(line: bytes) -> str:
    """Say what is wrong with a field line."""
    name, colon, _ = line.partition(b":")
    if b"\n" in line:
        return "a line ends with LF, not CRLF"
    if line[:1] in (b" ", b"\t"):
        return "a field line begins with a blank: folded lines are not accepted"
    if not colon:
        return "a field line has no colon"
    if name[-1:] in (b" ", b"\t"):
        return "there is a blank between a field name and its colon"
    if re.fullmatch(TCHAR + rb"++", name):
        return f"the value of the field {name[:40].decode()} has a control character"
    return "a field name is empty or has a character that no token has"


def _request_field(line: bytes) -> tuple[str, str]:
    """Return a request field with its name in lower case."""
    name, value = split_field(line)
    name = name.lower()
    if name == "host":
        check_authority(value.encode("latin-1"), "Host")
    return name, value


def _field_size(line: bytes) -> int:
    """Return the size that a memo goes by: a secret must not stay in memory after its request."""
    return KEY_MAX + 1 if line.partition(b":")[0].lower() in _SECRET else len(line)


REQUEST_FIELDS: Final[Memo[bytes, tuple[str, str]]] = Memo(_request_field, _field_size)
"""Field lines of requests and what they say: `REQUEST_FIELDS[b"Host: a"] == ("host", "a")`. Raises as `split_field`."""


def check_authority(authority: bytes, where: str) -> tuple[bytes, bytes]:
    """Return host and port (b"" if absent) of `host[:port]`. Raises RemoteProtocolError (400), which names `where`."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None or int(match[2] or 0) > _PORT_MAX:
        raise RemoteProtocolError(f"{where} is not a host with an optional port" if authority else f"{where} is empty")
    if match[1] is not None:
        try:
            IPv6Address(match[1].decode())
        except AddressValueError:
            raise RemoteProtocolError(f"{where} has no IPv6 address between its brackets") from None
    port = match[2] or b""
    host = authority if match[2] is None else authority[: -1 - len(port)]
    return host, port


def content_length(values: list[str], status: int) -> int | None:
    """Return the number of content bytes that the values of Content-Length promise; None if there is none.

    Raises RemoteProtocolError(`status`) for several values or anything but digits (RFC 9112 section 6.3), 413 for a
    number beyond all limits.
    """
    if not values:
        return None
    if len(values) > 1:
        raise RemoteProtocolError("Content-Length comes more than once", status)
    if not _DIGITS.fullmatch(values[0]):
        raise RemoteProtocolError("Content-Length is not a number of bytes", status)
    if len(values[0]) > LENGTH_DIGITS:
        raise RemoteProtocolError("Content-Length is beyond any limit", 413 if status == 400 else status)
    return int(values[0])


def options(fields: Fields, name: str) -> list[str]:
    """Return the members of a list field, in lower case; lines are joined, empty members skipped (RFC 9110 5.6.1)."""
    members = [member.strip(" \t") for field, value in fields if field.lower() == name for member in value.split(",")]
    return [member.lower() for member in members if member]
