"""FastCGI 1.0, the web server's side of a connection, as bytes and events.

Simpler than the application's side in `protocol`, since it opens one request at a time and knows what it asked for. Its
care is for what comes back: only STDOUT, STDERR and END_REQUEST of that one request, and a CGI response inside STDOUT.

What goes out depends on the role (section 6)::

    responder    BEGIN_REQUEST  PARAMS ""  STDIN ""              a request, as everybody knows it
    authorizer   BEGIN_REQUEST  PARAMS ""  STDIN ""              without content, and without what would name it
    filter       BEGIN_REQUEST  PARAMS ""  STDIN ""  DATA ""     a request, and then the file that is to be filtered

A file is sent as Data and EndOfMessage too, after those of the content; FCGI_DATA_LENGTH and FCGI_DATA_LAST_MOD are
variables that the caller adds.
"""

from __future__ import annotations

import enum

from gateway_core import cgi, events
from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import NEED_DATA, NotNow

from . import records
from .events import Abort, GetValues, Stderr, UnknownType, Values
from .records import RecordReader, encode_begin, encode_pairs, encode_record, encode_stream

__all__ = ["ClientConnection"]

_WITHHELD = frozenset(("CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"))
"""What an authorizer is not told (section 6.3): these are of the resource that it decides about."""


class _Sending(enum.Enum):
    """What may be sent next."""

    NOTHING_YET = "the request"
    STDIN = "its content"
    DATA = "the file for a filter"
    ALL = "nothing more"


_Answer = events.Response | events.Data | events.EndOfMessage | Stderr | Values | UnknownType


class ClientConnection:
    """The web server's side: one request and its response. A kept connection takes a fresh codec for the next one.

    `keep_alive` asks the application to leave the connection open; `reusable` says, after EndOfMessage, that it may be
    used again. `head`: the request is a HEAD, so the response has no content. `role` is one of section 6. The request
    id is always 1: like most web servers, this one does not multiplex.
    """

    REQUEST_ID = 1

    def __init__(self, keep_alive: bool = False, head: bool = False, role: int = records.RESPONDER) -> None:
        self._keep_alive = keep_alive
        self._records = RecordReader()
        self._parser = cgi.ResponseParser(head=head)
        self._role = role
        self._sending = _Sending.NOTHING_YET
        self._stdout_open = True
        self._over = False  # EndOfMessage was given
        self._eof = False
        self._error: RemoteProtocolError | None = None

    @property
    def reusable(self) -> bool:
        """Both sides have said all, nothing is left over, and the connection was to stay open."""
        clean = not (self._records.pending or self._parser.overrun or self._eof)
        return self._keep_alive and self._over and self._sending is _Sending.ALL and clean

    def send(self, event: events.Request | events.Data | events.EndOfMessage | Abort | GetValues) -> bytes:
        """Encode one event. Raises LocalProtocolError out of turn, and for variables that cannot be sent."""
        if isinstance(event, GetValues):
            pairs = encode_pairs([(name, "") for name in event.names])
            return encode_record(records.GET_VALUES, records.NULL_REQUEST_ID, pairs)
        if isinstance(event, events.Request):
            return self._send_request(event)
        if self._sending is _Sending.NOTHING_YET:
            raise LocalProtocolError("the request has not begun")
        if isinstance(event, Abort):
            self._sending = _Sending.ALL
            return encode_record(records.ABORT_REQUEST, self.REQUEST_ID)
        if self._sending is _Sending.ALL:
            raise LocalProtocolError("the request is complete")
        stream = records.STDIN if self._sending is _Sending.STDIN else records.DATA
        if isinstance(event, events.Data):
            return encode_stream(stream, self.REQUEST_ID, event.data)
        return self._end_stream(stream)

    def _send_request(self, request: events.Request) -> bytes:
        if self._sending is not _Sending.NOTHING_YET:
            raise LocalProtocolError("one codec carries one request")
        variables = request.variables
        if self._role == records.AUTHORIZER:
            if request.body or not request.complete:
                raise LocalProtocolError("an authorizer gets no content")
            variables = [(name, value) for name, value in variables if name not in _WITHHELD]
        request_id = self.REQUEST_ID
        params = encode_stream(records.PARAMS, request_id, encode_pairs(variables))
        self._sending = _Sending.STDIN
        return b"".join(
            [
                encode_begin(request_id, self._role, self._keep_alive),
                params,
                encode_record(records.PARAMS, request_id),
                encode_stream(records.STDIN, request_id, request.body),
                self._end_stream(records.STDIN) if request.complete else b"",
            ]
        )

    def _end_stream(self, stream: int) -> bytes:
        more = stream == records.STDIN and self._role == records.FILTER
        self._sending = _Sending.DATA if more else _Sending.ALL
        return encode_record(stream, self.REQUEST_ID)

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes of the application; b"" is end of file."""
        if data:
            self._records.receive(data)
        else:
            self._eof = True

    def next_event(self) -> _Answer | NotNow:
        """Return Response, Data..., EndOfMessage, with Stderr anywhere between; NEED_DATA after that.

        Raises RemoteProtocolError: 503 if the application says that it is overloaded, 502 for all else.
        """
        if self._error is not None:
            raise self._error
        try:
            return self._next()
        except RemoteProtocolError as error:
            error.status = max(error.status, 502)  # whatever a backend gets wrong, the client of a front did not
            self._error = error
            raise

    def _next(self) -> _Answer | NotNow:
        while not self._over:
            event = self._parser.next_event()
            if event is not NEED_DATA:
                self._over = isinstance(event, events.EndOfMessage)
                return event
            record = self._records.next()
            if record is None:
                if self._eof:
                    raise RemoteProtocolError("the application closed before the end of the request", 502)
                break
            other = self._take(record.type, record.request_id, record.content)
            if other is not None:
                return other
        return NEED_DATA

    def _take(self, type_: int, request_id: int, content: bytes) -> Stderr | Values | UnknownType | None:
        """Act on one record. Those that an application may send are few (appendix A)."""
        if request_id == records.NULL_REQUEST_ID and type_ == records.GET_VALUES_RESULT:
            return Values(records.decode_pairs(content))
        if request_id == records.NULL_REQUEST_ID and type_ == records.UNKNOWN_TYPE and content:
            return UnknownType(content[0])
        if request_id != self.REQUEST_ID or self._sending is _Sending.NOTHING_YET:
            raise RemoteProtocolError(
                f"a {records.type_name(type_)} record with request id {request_id}, which was not asked for"
            )
        if type_ == records.STDERR:
            return Stderr(content) if content else None
        if type_ == records.STDOUT and self._stdout_open:
            if content:
                self._parser.receive_data(content)
            else:
                self._stdout_open = False
        elif type_ == records.END_REQUEST:
            self._end_request(*records.decode_end(content))
        else:
            raise RemoteProtocolError(f"an application sends no {records.type_name(type_)} record here")
        return None

    def _end_request(self, _app_status: int, protocol_status: int) -> None:
        if protocol_status != records.REQUEST_COMPLETE:
            name = records.PROTOCOL_STATUSES.get(protocol_status, str(protocol_status))
            status = 503 if protocol_status == records.OVERLOADED else 502
            raise RemoteProtocolError(f"the application refuses the request: {name}", status)
        self._parser.receive_data(b"")
