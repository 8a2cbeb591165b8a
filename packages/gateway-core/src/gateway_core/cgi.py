"""The response grammar of CGI (RFC 3875 section 6), which FastCGI and SCGI took over and uwsgi nearly did.

::

    Status: 404 Not Found CRLF      optional: without it 200, or 302 if there is a Location
    Content-Type: text/plain CRLF
    CRLF
    content, up to end of file

Lines end in LF; CRLF is taken too, even mixed (section 7.2). There are no continuation lines. What a program sends may
be wrong in every way, so the decoder is strict and says 502: nothing of a broken head may reach the client.

Three kinds of response carry a Location (section 6.2). With a Status it is passed on as it came. Without one, an
absolute URI is a *client redirect*, 302. An absolute path and nothing else is a *local redirect*: the server is to
answer as if that path had been asked for. It comes as `LocalRedirect`, which is a `Response` with status 302, so a
front that does not look inside its own paths sends it to the client, and both arrive at the same page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from .errors import LocalProtocolError, RemoteProtocolError
from .events import NEED_DATA, Data, EndOfMessage, Fields, NotNow, Response, Variables

__all__ = [
    "MAX_FIELDS",
    "MAX_HEAD",
    "MAX_LENGTH_DIGITS",
    "MAX_LINE",
    "LocalRedirect",
    "ResponseParser",
    "content_length",
    "encode_head",
    "encode_lines",
    "leads_elsewhere",
    "phrase",
    "refusal",
]

MAX_LINE = 8 * 1024
"""Bytes of one header line: room for the largest cookie that browsers keep (4 KiB), twice."""

MAX_FIELDS = 200
"""Fields of one response. Real ones have a dozen."""

MAX_HEAD = 64 * 1024
"""Bytes of a whole head, so that a program which never ends its head costs no more memory than this."""

MAX_LENGTH_DIGITS = 18
"""Digits of a Content-Length: 18 fit in a signed 64-bit number."""

# RFC 3875 section 2.2: field-name = token. Section 6.3 allows no blank before the colon.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Section 6.3: field-value. Every byte but the controls; HTAB is a blank.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Section 6.3.3: status-code = 3digit, reason-phrase = *TEXT. Actually a program can send no 1xx, and often no reason.
_STATUS = re.compile(r"([2-5][0-9][0-9])(?: +(.*))?")
# RFC 9112 section 4: status-line, as uwsgi servers send it.
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([2-5][0-9][0-9])(?: +(.*))?")
# Section 6.3.2: fragment-URI = absoluteURI: a scheme, which begins with a letter, and a colon.
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+")
_DIGITS = re.compile(r"[0-9]+")
# "//host/x" is a path here (section 6.3.2), but a client would go to that host; browsers take the others for it too.
_ELSEWHERE = re.compile(r"/[/\\\t]")
# The end of the head: an empty line, the first one or a later one.
_BLANK = re.compile(rb"(?:^|\n)\r?\n")

_ONLY_ONCE = frozenset(("status", "location", "content-type", "content-length"))
_HOP_BY_HOP = frozenset(("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"))
_NO_CONTENT = frozenset((204, 304))


@dataclass(frozen=True, slots=True)
class LocalRedirect(Response):
    """A Location with an absolute path, and nothing else (section 6.2.2). `fields` holds the one Location."""

    @property
    def target(self) -> str:
        """Path and query to answer instead, beginning with "/"; "//host" is a path too, never another host."""
        return self.fields[0][1]


_WITH_LOCATION = ("3", "201")
"""How the statuses begin whose responses have a Location field (RFC 9110, 10.2.2)."""


def leads_elsewhere(path: str) -> bool:
    """Would a client that is redirected to this path go to another host?"""
    return _ELSEWHERE.match(path) is not None


def phrase(status: int) -> str:
    """Return the usual reason for a status code, "Unassigned" if there is none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"


def encode_head(status: str, fields: Fields, length: int | None = None) -> bytes:
    """Encode a response head: Status first, then the fields, Content-Length if `length` is known, the blank line.

    `status` is "200 OK", `length` a number of bytes. Raises LocalProtocolError as `encode_lines` does.
    """
    if fields and status.startswith(_WITH_LOCATION):
        # Actually HAProxy (2.6) takes a Location for a 302 whatever Status has said before it: so Status comes last.
        (name, value), *others = fields
        return encode_lines(f"{name}: {value}", [*others, ("Status", status)], length)
    return encode_lines(f"Status: {status}", fields, length)


def encode_lines(first: str, fields: Fields, length: int | None) -> bytes:
    """Encode a head with any first line: uwsgi has an HTTP status line there.

    Raises LocalProtocolError if a line break is hidden in any part, or if a character is not latin-1.
    """
    lines = [first, *[f"{name}: {value}" for name, value in fields]]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    text = "\r\n".join(lines) + "\r\n\r\n"
    if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
        raise LocalProtocolError("a header field of the response holds a line break")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError("a header field of the response has a character that is not latin-1") from None


def refusal(status: int, sentence: str) -> bytes:
    """Return a whole response that refuses a request: `sentence` as plain text."""
    body = f"{sentence}\n".encode("latin-1", "backslashreplace")
    fields = [("Content-Type", "text/plain; charset=iso-8859-1")]
    return encode_head(f"{status} {phrase(status)}", fields, len(body)) + body


def content_length(variables: Variables) -> int | None:
    """Return the number of content bytes that CONTENT_LENGTH promises (section 4.1.2); None if absent or empty.

    Raises RemoteProtocolError: 400 if it comes twice or is anything but digits, 413 if no disk could hold it.
    """
    values = [value for name, value in variables if name == "CONTENT_LENGTH"]
    if len(values) > 1:
        raise RemoteProtocolError("CONTENT_LENGTH comes more than once")
    if not values or not values[0]:
        return None
    if not _DIGITS.fullmatch(values[0]):
        raise RemoteProtocolError(f"CONTENT_LENGTH is {values[0][:40]!a}, not a number of bytes")
    if len(values[0]) > MAX_LENGTH_DIGITS:
        raise RemoteProtocolError("CONTENT_LENGTH is beyond any limit", status=413)
    return int(values[0])


class ResponseParser:
    """Decode one response. `head`: it answers HEAD, so content is discarded. `status_line`: it may begin as HTTP does.

    `complete` turns True when all that the head promised has come (Content-Length reached, or no content allowed): who
    need not wait for end of file may stop there. `overrun` says that content beyond the promise came, and was cut.
    """

    def __init__(self, *, head: bool = False, status_line: bool = False) -> None:
        self.complete = False
        self.overrun = False
        self._head = head
        self._status_line = status_line
        self._buffer = bytearray()
        self._searched = 0  # bytes of an unfinished head that hold no blank line
        self._in_head = True
        self._left: int | None = None  # content bytes still to come, None: until end of file
        self._discard = False
        self._eof = False
        self._error: RemoteProtocolError | None = None

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes of the program's output; b"" is end of file."""
        self._buffer += data
        if not data:
            self._eof = True

    def next_event(self) -> Response | Data | EndOfMessage | NotNow:
        """Return Response (or LocalRedirect), Data..., EndOfMessage at end of file. Raises RemoteProtocolError, 502."""
        if self._error is not None:
            raise self._error
        try:
            return self._read_head() if self._in_head else self._read_content()
        except RemoteProtocolError as error:
            self._error = error
            raise

    def _read_head(self) -> Response | NotNow:
        buffer = self._buffer
        blank = _BLANK.search(buffer, self._searched)
        size = blank.end() if blank else len(buffer)
        if size > MAX_HEAD:
            raise _broken(f"the head is longer than {MAX_HEAD} bytes")
        if blank is None:
            if self._eof:
                raise _broken("the output ended before the blank line" if buffer else "the output is empty")
            self._searched = max(0, len(buffer) - 2)
            return NEED_DATA
        response, self._left = _decode_head(bytes(buffer[: blank.start()]).decode("latin-1"), self._status_line)
        del buffer[:size]
        self._in_head = False
        if self._head or response.status in _NO_CONTENT or isinstance(response, LocalRedirect):
            self._discard, self._left = True, None
        self.complete = self._discard or self._left == 0
        return response

    def _read_content(self) -> Data | EndOfMessage | NotNow:
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            if self._left is not None and len(data) > self._left:
                self.overrun = True
                data = data[: self._left]
            if data and not self._discard:
                if self._left is not None:
                    self._left -= len(data)
                    self.complete = self._left == 0
                return Data(data)
        if not self._eof:
            return NEED_DATA
        if self._left:
            raise _broken(f"the output ended {self._left} bytes before its Content-Length")
        self.complete = True
        return EndOfMessage()


def _broken(sentence: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"not a response: {sentence}", status=502)


def _decode_head(text: str, status_line: bool) -> tuple[Response, int | None]:
    """Return the head as an event, and the content bytes that it promises or None."""
    lines = [line.removesuffix("\r") for line in text.split("\n")] if text else []
    status, reason = 0, ""
    if status_line and lines and lines[0].startswith("HTTP/"):
        status, reason = _decode_status(_STATUS_LINE, lines.pop(0))
    elif not lines:
        raise _broken("the head has no field")
    if len(lines) > MAX_FIELDS:
        raise _broken(f"the head has more than {MAX_FIELDS} fields")
    special: dict[str, str] = {}
    fields: Fields = []
    for line in lines:
        name, value = _decode_field(line)
        lower = name.lower()
        if lower in _ONLY_ONCE:
            if lower in special:
                raise _broken(f"{name} comes more than once")
            special[lower] = value
            if not value or lower == "status":
                continue  # section 6.3: an empty field is an absent one
        if lower not in _HOP_BY_HOP and not lower.startswith("proxy-"):
            fields.append((name, value))
    if special.get("status") and not status:
        status, reason = _decode_status(_STATUS, special["status"])
    response = _decode_kind(status, reason, special.get("location", ""), fields)
    return response, _decode_length(special.get("content-length", ""))


def _decode_field(line: str) -> tuple[str, str]:
    if len(line) > MAX_LINE:
        raise _broken(f"a header line is longer than {MAX_LINE} bytes")
    name, colon, value = line.partition(":")
    if not colon:
        raise _broken(f"the header line {line[:60]!a} has no colon")
    if not _TOKEN.fullmatch(name):
        raise _broken(f"{name[:60]!a} is not the name of a header field")
    if not _VALUE.fullmatch(value):
        raise _broken(f"the header field {name[:60]} holds a control character")
    return name, value.strip(" \t")


def _decode_status(pattern: re.Pattern[str], text: str) -> tuple[int, str]:
    match = pattern.fullmatch(text)
    if match is None or not _VALUE.fullmatch(text):
        raise _broken(f"{text[:60]!a} is not a status from 200 to 599")
    status = int(match[1])
    return status, (match[2] or "").strip(" \t") or phrase(status)


def _decode_length(text: str) -> int | None:
    if not text:
        return None
    if not _DIGITS.fullmatch(text) or len(text) > MAX_LENGTH_DIGITS:
        raise _broken(f"Content-Length is {text[:40]!a}, not a number of bytes")
    return int(text)


def _decode_kind(status: int, reason: str, location: str, fields: Fields) -> Response:
    """Tell the four kinds of response apart (section 6.2). `status` is 0 if the program sent none."""
    if status == 204:
        fields = [field for field in fields if field[0].lower() != "content-length"]
    if status or not location:
        return Response(status or 200, reason or "OK", fields)
    if location.startswith("/"):
        # Section 6.3.2: only the client knows what to do with a fragment, so a path with one is for the client.
        if len(fields) == 1 and "#" not in location:
            return LocalRedirect(302, "Found", fields)
        if leads_elsewhere(location):
            raise _broken(f"Location {location[:60]!a} would lead the client to another host; a path has one slash")
        return Response(302, "Found", fields)
    if not _ABSOLUTE.fullmatch(location):
        raise _broken(f"Location {location[:60]!a} is neither an absolute path nor an absolute URI")
    return Response(302, "Found", fields)
