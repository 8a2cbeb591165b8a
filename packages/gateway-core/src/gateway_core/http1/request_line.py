"""The request line: method, target, version (RFC 9112 section 3).

::

    GET /path?query HTTP/1.1              origin-form: what clients send to servers
    GET http://host/path?query HTTP/1.1   absolute-form: what they send to proxies, and every server must accept
    OPTIONS * HTTP/1.1                    asterisk-form: about the server itself
    CONNECT host:443 HTTP/1.1             authority-form: a tunnel, which we do not dig
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..errors import RemoteProtocolError
from ..memo import Memo
from ..mismatch import ENOUGH, mismatch
from .grammar import TCHAR, check_authority

__all__ = ["METHOD_MAX", "METHOD_SO_FAR", "REQUEST_LINES", "RequestLine", "check_method"]

METHOD_MAX = 32
"""Characters of a method; the longest registered one, UPDATEREDIRECTREF, has 17. Beyond: 501 (RFC 9112 section 3)."""

_METHOD = TCHAR + rb"{1," + str(METHOD_MAX).encode() + rb"}+"

METHOD_SO_FAR = re.compile(_METHOD + rb"(?: |\Z)")
"""What a request begins with, even if no more of it has arrived."""

# Section 3: request-line = method SP request-target SP HTTP-version. Exactly one SP each: a target with a blank in it
# would mean something else to the next server. Target: visible characters but "#", which begins a fragment.
_REQUEST_LINE = re.compile(rb"(" + _METHOD + rb") ([\x21\x22\x24-\x7e]++) HTTP/([0-9])\.([0-9])")
_VERSION = re.compile(rb" HTTP/([0-9])\.[0-9]\Z")
_ABSOLUTE = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*+)://([^/?]*+)(.*+)")

_NOT_HERE = frozenset((b"CONNECT", b"TRACE"))
"""CONNECT digs tunnels. TRACE echoes what it got, cookies included (RFC 9110, 9.3.6 and 9.3.8). Neither is ours."""


class RequestLine(NamedTuple):
    """`target` in origin-form or `*`; `host` is the authority of an absolute-form, else None."""

    method: str
    target: str
    version: str
    host: str | None


def _parse(line: bytes) -> RequestLine:
    """Parse a whole line. Raises RemoteProtocolError: 400, 501 or 505."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None or match[3] != b"1":
        raise _fault(line)
    method, target, _, minor = match.groups()
    if method in _NOT_HERE:
        if method == b"CONNECT" and not check_authority(target, "the target of CONNECT")[1]:
            raise RemoteProtocolError("the target of CONNECT has no port")
        raise RemoteProtocolError(f"{method.decode()} is not implemented here", 501)
    # Section 2.5 of RFC 9110: a later minor version is understood as the highest that we know.
    version = "HTTP/1.0" if minor == b"0" else "HTTP/1.1"
    host = None
    if not target.startswith(b"/"):
        target, host = _other_form(method, target)
    return RequestLine(method.decode(), target.decode(), version, host)


def _other_form(method: bytes, target: bytes) -> tuple[bytes, str | None]:
    """Return origin-form and host of a target that does not begin with "/"."""
    if target == b"*":
        if method != b"OPTIONS":
            raise RemoteProtocolError("the target * is for OPTIONS only")
        return target, None
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise RemoteProtocolError("the target is neither a path nor a URI")
    if match[1].lower() != b"http":
        raise RemoteProtocolError("the target's scheme is not http, which is all that this port speaks")
    check_authority(match[2], "the authority in the target")
    path = match[3]
    if not path and method == b"OPTIONS":
        path = b"*"  # RFC 9112 section 3.2.4
    elif not path.startswith(b"/"):
        path = b"/" + path
    return path, match[2].decode()


def check_method(line: bytes) -> None:
    """Raise RemoteProtocolError unless `line`, which may be incomplete, begins with a method (400 or 501)."""
    if METHOD_SO_FAR.match(line) is None:
        if re.match(_METHOD + TCHAR, line):
            raise RemoteProtocolError(f"the method is longer than {METHOD_MAX} characters", 501)
        raise RemoteProtocolError("the request does not begin with a method and a blank")


def _fault(line: bytes) -> RemoteProtocolError:
    """Say what is wrong with a whole request line."""
    check_method(line + b"\r\n")
    if b"\n" in line:
        return RemoteProtocolError("a line ends with LF, not CRLF")
    if re.search(rb"[\x00-\x1f\x7f-\xff]", line):
        return RemoteProtocolError("the request line has a control character or a byte that is not ASCII")
    stranger = mismatch(line[:ENOUGH], "HTTP")  # HTTP/2 and the PROXY protocol begin as a request does
    version = _VERSION.search(line)
    if version is not None and version[1] != b"1":
        return RemoteProtocolError(str(stranger or "only HTTP/1.0 and HTTP/1.1 are spoken here"), 505)
    if stranger is not None:
        return stranger
    if version is None:
        return RemoteProtocolError("the request line does not end with a version such as HTTP/1.1")
    if b"#" in line:
        return RemoteProtocolError("the target has a fragment, which is not for servers")
    return RemoteProtocolError("the request line is not method, target and version with one blank between")


REQUEST_LINES: Final[Memo[bytes, RequestLine]] = Memo(_parse, len)
"""Request lines and what they say. Raises RemoteProtocolError: 400, 501 or 505."""
