"""The writing half of a client's connection: requests to bytes.

A request comes in one of two forms: as HTTP has it (`HttpRequest`), or as the meta-variables that every other protocol
here carries (`Request`), so that one client can send one environ on over any of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from ..errors import LocalProtocolError
from ..events import Data, EndOfMessage, Fields, Request
from .chunked import LAST_CHUNK, encode_chunk
from .grammar import HOP_BY_HOP
from .request import HttpRequest

__all__ = ["RequestWriter", "request_from_variables"]

# The grammar of grammar.py and request_line.py, for text that we are asked to send.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_TARGET = re.compile(r"[\x21\x22\x24-\x7e]++")
_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_LENGTH = re.compile(r"[0-9]{1,18}+")

_STAY_BEHIND = HOP_BY_HOP | {"content-length", "content-type", "expect", "host", "proxy"}
"""Fields of meta-variables that do not go on: they belong to another connection, or are written from elsewhere."""

_PATH_SAFE = "/!$&'()*+,;=:@-._~"  # RFC 3986 section 3.3: pchar and "/"


def request_from_variables(event: Request) -> HttpRequest:
    """Make a request line and fields of meta-variables (RFC 3875 section 4.1). Raises LocalProtocolError."""
    variables = dict(reversed(event.variables))  # of repeats the first counts, but all HTTP_* are sent
    fields: Fields = [("host", _host(variables))]
    fields += [
        (name, value)
        for key, value in event.variables
        if key.startswith("HTTP_") and (name := key[5:].lower().replace("_", "-")) not in _STAY_BEHIND
    ]
    if variables.get("CONTENT_TYPE"):
        fields.append(("content-type", variables["CONTENT_TYPE"]))
    if variables.get("CONTENT_LENGTH"):
        fields.append(("content-length", variables["CONTENT_LENGTH"]))
    method = variables.get("REQUEST_METHOD") or "GET"
    return HttpRequest(method, _target(variables), "HTTP/1.1", fields, event.body, event.complete)


def _host(variables: dict[str, str]) -> str:
    if variables.get("HTTP_HOST"):
        return variables["HTTP_HOST"]
    name, port = variables.get("SERVER_NAME") or "localhost", variables.get("SERVER_PORT") or "80"
    return name if port == "80" else f"{name}:{port}"


def _target(variables: dict[str, str]) -> str:
    """Return REQUEST_URI, which is as the client sent it; else put the target together."""
    uri = variables.get("REQUEST_URI", "")
    if uri.startswith("/") or uri == "*":
        return uri
    path = variables.get("SCRIPT_NAME", "") + variables.get("PATH_INFO", "")
    target = quote_from_bytes(path.encode("latin-1", "replace"), safe=_PATH_SAFE) or "/"
    query = variables.get("QUERY_STRING")
    return f"{target}?{query}" if query else target


class _Plan(NamedTuple):
    """How the content of a request is marked: `length` bytes, or chunks (None)."""

    length: int | None
    fields: Fields


class RequestWriter:
    """`send`, for one request."""

    __slots__ = ("_chunks", "_keep_alive", "_left", "_sending")

    def __init__(self, keep_alive: bool) -> None:
        self._keep_alive = keep_alive
        self._sending: bool | None = None  # None: not begun; True: content is to follow; False: all sent
        self._chunks = False
        self._left = 0

    @property
    def sent(self) -> bool:
        """The request was sent to its end."""
        return self._sending is False

    def send(self, event: HttpRequest | Request | Data | EndOfMessage) -> bytes:
        """Encode a request, or the content of one that was not complete. Raises LocalProtocolError."""
        if isinstance(event, Request):
            return self._begin(request_from_variables(event))
        if isinstance(event, HttpRequest):
            return self._begin(event)
        if not self._sending:
            raise LocalProtocolError("there is no request whose content is to follow")
        if isinstance(event, Data):
            return self._content(event.data)
        return self._end()

    def _begin(self, request: HttpRequest) -> bytes:
        if self._sending is not None:
            raise LocalProtocolError("a connection object carries one request")
        if not _TOKEN.fullmatch(request.method) or not _TARGET.fullmatch(request.target):
            raise LocalProtocolError("method or target has a character that no request line may have")
        plan = _plan(request)
        fields = [field for field in plan.fields if field[0].lower() != "connection"]
        fields.append(("connection", "keep-alive" if self._keep_alive else "close"))
        head = f"{request.method} {request.target} {request.version}\r\n{''.join(map(_line, fields))}\r\n"
        self._chunks = plan.length is None
        self._left = plan.length or 0
        self._sending = True
        out = head.encode("latin-1") + self._content(request.body)
        return out + self._end() if request.complete else out

    def _content(self, data: bytes) -> bytes:
        if not data:
            return b""
        if self._chunks:
            return encode_chunk(data)
        if len(data) > self._left:
            raise LocalProtocolError("there is more content than Content-Length")
        self._left -= len(data)
        return data

    def _end(self) -> bytes:
        if self._left:
            raise LocalProtocolError(f"the content is {self._left} bytes shorter than Content-Length")
        self._sending = False
        return LAST_CHUNK if self._chunks else b""


def _line(field: tuple[str, str]) -> str:
    name, value = field
    if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise LocalProtocolError(f"the request field {name[:40]!r} has a character that no field may have")
    return f"{name}: {value}\r\n"


def _plan(request: HttpRequest) -> _Plan:
    """Choose how the content is marked, and make the fields say so."""
    fields = list(request.fields)
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    codings = [value.lower() for name, value in fields if name.lower() == "transfer-encoding"]
    if codings:
        if codings != ["chunked"] or lengths or request.version != "HTTP/1.1":
            raise LocalProtocolError("the only transfer coding is chunked, without Content-Length, in HTTP/1.1")
        return _Plan(None, fields)
    if lengths:
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise LocalProtocolError("Content-Length is not one number of bytes")
        return _Plan(int(lengths[0]), fields)
    if request.complete:
        if request.body or request.method in ("POST", "PUT", "PATCH"):  # RFC 9110 section 8.6
            fields.append(("content-length", str(len(request.body))))
        return _Plan(len(request.body), fields)
    if request.version != "HTTP/1.1":
        raise LocalProtocolError("content of unknown length cannot be sent in HTTP/1.0")
    fields.append(("transfer-encoding", "chunked"))
    return _Plan(None, fields)
