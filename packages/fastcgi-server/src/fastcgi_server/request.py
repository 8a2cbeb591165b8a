"""One request on the application's side: its life, and the encoder of its response.

The life of a request id. Any other record for it is an error, or is skipped (section 3.3)::

              BEGIN_REQUEST        PARAMS, empty        STDIN, empty
    inactive --------------> PARAMS -----------> STDIN -------------------------> ANSWERING --> inactive
                               |                   |  '--(filter)--> DATA ----------^  |        END_REQUEST sent
                               |                   |                  |   DATA, empty  |
                               +----------- ABORT_REQUEST, or refused by us -----------+
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from gateway_core import cgi
from gateway_core.errors import LocalProtocolError
from gateway_core.events import Fields, Variables

from . import records
from .events import Request
from .records import encode_end, encode_ending, encode_record, encode_stream

__all__ = ["ABORTED", "ActiveRequest", "Encoder", "State"]

ABORTED = 1
"""appStatus of a request that was aborted: what a program ends with that did not finish."""


class State(enum.Enum):
    """How far an active request has come."""

    PARAMS = "its variables are still to come"
    STDIN = "its content is still to come"
    DATA = "the file for a filter is still to come"
    ANSWERING = "all of it is here, or no more of it is wanted"


_PARAMS, _STDIN, _DATA, _ANSWERING = State  # a look into an enum is a call, in 3.11


class ActiveRequest:
    """From BEGIN_REQUEST received to END_REQUEST sent. `keep`: the connection outlives it."""

    __slots__ = (
        "announced", "encoder", "ended", "file", "file_left", "id", "keep", "left", "params", "role",
        "state", "stdin", "variables",
    )  # fmt: skip

    def __init__(self, request_id: int, role: int, keep: bool) -> None:
        self.id = request_id
        self.role = role
        self.keep = keep
        self.state = _PARAMS
        self.params = bytearray()  # not a list of pieces: a hostile peer would make them small and many
        self.variables: Variables = []
        self.stdin: list[bytes] = []  # content that came before the request was announced
        self.left: int | None = None  # bytes of CONTENT_LENGTH still to come; None: it was not given
        self.file: list[bytes] = []  # likewise, of a filter's file
        self.file_left: int | None = None  # of FCGI_DATA_LENGTH
        self.announced = False  # the Request event was given
        self.ended = False  # END_REQUEST is on its way
        self.encoder: Encoder | None = None

    def announce(self) -> Request:
        """Return the event that makes the request known outside."""
        self.announced = True
        body, file = b"".join(self.stdin), b"".join(self.file)
        self.stdin.clear()
        self.file.clear()
        return Request(self.id, self.role, self.variables, body, self.state is _ANSWERING, file)


class _Sent(enum.Enum):
    """How far the response has been sent."""

    NOTHING = "nothing yet"
    HEAD = "the head went out"
    ALL = "END_REQUEST went out"


_NOTHING, _HEAD, _ALL = _Sent  # a look into an enum is a call, in 3.11


class Encoder:
    """Values to records, for the response to one request. `ended(request)` is told of END_REQUEST, True: now close."""

    raw = False  # content is framed in records

    def __init__(self, request: ActiveRequest, ended: Callable[[ActiveRequest], bool]) -> None:
        self.request_id = request.id
        self.close_after = not request.keep
        self._request = request
        self._ended = ended
        self.tail = b""  # of the error stream: what has no end of line yet
        self._sent = _NOTHING
        self._stderr = False

    @property
    def ended(self) -> bool:
        """Has END_REQUEST been encoded, or is there nobody to send it to?"""
        return self._request.ended

    def head(self, status: str, fields: Fields, length: int | None) -> bytes:
        """Encode the response head. `status` is "200 OK", `length` the bytes of content if known."""
        self._expect(_NOTHING)
        head = cgi.encode_head(status, fields, None if status.startswith("204") else length)
        self._sent = _HEAD
        return encode_stream(records.STDOUT, self.request_id, head)

    def data(self, data: bytes) -> bytes:
        """Encode a piece of content: STDOUT records."""
        self._expect(_HEAD)
        return encode_stream(records.STDOUT, self.request_id, data)

    def skip(self, count: int) -> None:
        """Refuse: content that is in no record would be taken for one."""
        raise LocalProtocolError("content goes in records")

    def stderr(self, data: bytes) -> bytes:
        """Encode a message for the web server's log. Allowed at any time before `end`."""
        if self._sent is _ALL or self._request.ended:
            self._expect(_NOTHING)
        self._stderr = self._stderr or bool(data)
        return encode_stream(records.STDERR, self.request_id, data)

    def end(self, app_status: int = 0) -> bytes:
        """Encode the end of the streams and of the request. `app_status` is what a CGI program gives to exit()."""
        self._expect(_HEAD)
        errors = b""
        if self._stderr or self.tail:  # section 6.1: a stream that was used has an end
            errors = encode_stream(records.STDERR, self.request_id, self.tail)
            errors += encode_record(records.STDERR, self.request_id)
        self._sent = _ALL
        self.close_after = self._ended(self._request)
        return errors + encode_ending(self.request_id, app_status)

    def whole(self, status: str, fields: Fields, data: bytes) -> bytes:
        """Encode all of a response; head and content share their records."""
        self._expect(_NOTHING)
        head = cgi.encode_head(status, fields, len(data))
        self._sent = _HEAD
        return encode_stream(records.STDOUT, self.request_id, head + data) + self.end()

    def abort(self) -> bytes:
        """Encode the answer to ABORT_REQUEST (section 5.4), at whatever point; b"" if the request has ended already."""
        if self._request.ended:
            return b""
        self._sent = _ALL
        self.close_after = self._ended(self._request)
        return encode_end(self.request_id, ABORTED, records.REQUEST_COMPLETE)

    def _expect(self, sent: _Sent) -> None:
        if self._sent is not sent or self._request.ended:
            raise LocalProtocolError(f"out of turn in the response to request {self.request_id}: {self._sent.value}")
