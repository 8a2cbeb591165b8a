r"""FastCGI 1.0, both roles, as bytes and events. The records themselves are in `records`.

A request and its response; {1: ...} is a record of request 1 (the specification's appendix B, example 2)::

    front ->   {1: BEGIN_REQUEST, responder, KEEP_CONN}
               {1: PARAMS, "\016\003REQUEST_METHODGET..."} {1: PARAMS, ""}
               {1: STDIN, "quantity=100&item=3047936"} {1: STDIN, ""}
    front <-   {1: STDOUT, "Status: 200 OK\r\nContent-type: text/html\r\n\r\n<html>..."} {1: STDOUT, ""}
               {1: END_REQUEST, 0, REQUEST_COMPLETE}

The environment, standard input and standard output of a CGI program are three streams here. An empty record says what
the end of a process used to say, and that is the whole trick: the process may stay.

What needs no application (GET_VALUES, an unknown type, a request that is refused) is answered by the codec itself;
`data_to_send` gives the bytes. A request that is wrong in itself is answered 400 and does not disturb the others on its
connection; records that are wrong leave nothing to agree on, so the connection ends.

The application's side is below, the web server's side in `webserver`.
"""

from __future__ import annotations

from collections.abc import Collection

from gateway_core import cgi
from gateway_core.errors import LocalProtocolError, PeerMismatch, RemoteProtocolError
from gateway_core.events import NEED_DATA, ConnectionClosed, NotNow
from gateway_core.heads import Heads
from gateway_core.mismatch import ENOUGH, http_refusal, mismatch, recognise

from . import records
from .events import Abort, Data, EndOfMessage, FileData, GetValues, Request, Response, Stderr, UnknownType, Values
from .records import RecordReader, encode_end, encode_pairs, encode_record, encode_stream
from .request import ABORTED, ActiveRequest, Encoder, State
from .webserver import ClientConnection

__all__ = [
    "MAX_ACTIVE",
    "MAX_PAIRS",
    "MAX_PARAMS",
    "Abort",
    "ClientConnection",
    "Data",
    "Encoder",
    "EndOfMessage",
    "FileData",
    "GetValues",
    "Request",
    "Response",
    "ServerConnection",
    "Stderr",
    "UnknownType",
    "Values",
]

MAX_PARAMS = 128 * 1024
"""Bytes of the PARAMS of one request. The protocol has no limit; common web servers send 64 KiB at most."""

MAX_PAIRS = 1000
"""Variables of one request. Real ones have some dozens; each costs an object."""

MAX_ACTIVE = 64
"""Requests at a time on one connection: times MAX_PARAMS, that is what a connection can make us hold."""

_UNKNOWN_LENGTH = ("CONTENT_LENGTH", "-1")
"""Caddy (2.6) sends this with chunked content: Go's number for a length that is not known. Here it is left out."""

_PARAMS, _STDIN, _DATA, _ANSWERING = State  # a look into an enum is a call, in 3.11

_MANAGEMENT = frozenset((records.GET_VALUES, records.GET_VALUES_RESULT, records.UNKNOWN_TYPE))
_REQUEST_HEADS = Heads(records.decode_pairs)
_Event = Request | Data | FileData | EndOfMessage | Abort | ConnectionClosed


class ServerConnection:
    """The application's side of one connection.

    `max_conns` and `max_reqs` are what a web server is told that asks for FCGI_MAX_CONNS and FCGI_MAX_REQS.
    `max_active` is the number of requests at a time on this connection; 1 means that it does not multiplex.
    `multiplexed`: they are also served at a time, so that a web server does well to send several (FCGI_MPXS_CONNS).
    `max_params` is a number of bytes, `max_pairs` of variables, `roles` those of section 6 that the application plays.
    """

    def __init__(
        self,
        *,
        max_conns: int = 1,
        max_reqs: int = 1,
        max_active: int = MAX_ACTIVE,
        multiplexed: bool = True,
        max_params: int = MAX_PARAMS,
        max_pairs: int = MAX_PAIRS,
        roles: Collection[int] = (records.RESPONDER,),
    ) -> None:
        self._values = {
            records.MAX_CONNS: str(max_conns),
            records.MAX_REQS: str(max_reqs),
            records.MPXS_CONNS: "1" if multiplexed and max_active > 1 else "0",
        }
        self._max_active = max_active
        self._max_params = max_params
        self._max_pairs = max_pairs
        self._roles = roles
        self._records = RecordReader()
        self._piece = b""  # what came in one piece, while nothing else is left
        self._recognised = False  # the first byte is that of FastCGI
        self._peer_speaks_http = False
        self._active: dict[int, ActiveRequest] = {}
        self._out: list[bytes] = []
        self._closing = False  # a request without KEEP_CONN has ended: close once no other is active
        self._eof = False
        self._error: RemoteProtocolError | None = None

    # -- input -----------------------------------------------------------------------------------------------------

    @property
    def exhausted(self) -> bool:
        """Is nothing left of what came, and nothing to say?"""
        return self.idle and not (self._out or self._eof or self._closing)

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes of the web server; b"" is end of file. What follows an error is dropped here."""
        if not data:
            self._eof = True
        elif self._error is not None:
            pass
        elif self._piece or not self._records.empty:
            self._unpiece()
            self._records.receive(data)
        else:
            self._piece = data

    def _unpiece(self) -> None:
        piece, self._piece = self._piece, b""
        self._records.receive(piece)

    def next_event(self) -> _Event | NotNow:
        """Return the next event, or NEED_DATA. Raises RemoteProtocolError, the same one ever after.

        ConnectionClosed also says that we are to close: after the refusal of a request without KEEP_CONN.
        """
        if self._error is not None:
            raise self._error
        try:
            if self._piece:
                request = self._whole_request()
                if request is not None:
                    return request
            if not self._recognised and not self._recognise():
                return NEED_DATA
            while not self.over:
                record = self._records.next()
                if record is None:
                    break
                event = self._take(record.type, record.request_id, record.content)
                if event is not None:
                    return event
            return self._rest()
        except RemoteProtocolError as error:
            self._error = error
            raise

    @property
    def idle(self) -> bool:
        """No request is active, and no record is half here."""
        return not self._active and not self._piece and self._records.empty

    @property
    def active(self) -> int:
        """How many requests are active."""
        return len(self._active)

    @property
    def over(self) -> bool:
        """Must this connection close now (section 3.5)?"""
        return self._closing and not self._active

    def give_up(self) -> None:
        """Refuse the requests whose variables do not come to an end: OVERLOADED, since nothing is wrong with them."""
        for request in list(self._active.values()):
            if request.state is _PARAMS:
                self._reject(request, records.OVERLOADED)

    def _whole_request(self) -> Request | None:
        """Take a request that lies in one piece, with nothing to object to. The hot path: else record by record."""
        found = records.decode_opening(self._piece)
        if found is not None:
            request_id, role, keep, params = found
            if (
                role == records.RESPONDER
                and role in self._roles
                and request_id not in self._active
                and not self._closing
                and len(self._active) < self._max_active
                and len(params) <= self._max_params
                and params.count(b"CONTENT_LENGTH")  # absent, empty (as from nginx), or 0 (as from most others)
                == params.count(b"\x0e\0CONTENT_LENGTH") + params.count(b"\x0e\x01CONTENT_LENGTH0")
            ):
                variables = _REQUEST_HEADS[params]
                if len(variables) <= self._max_pairs:
                    self._piece = b""
                    self._recognised = True
                    request = self._active[request_id] = ActiveRequest(request_id, role, keep)
                    request.state = _ANSWERING
                    request.announced = True
                    return Request(request_id, role, variables)
        self._unpiece()
        return None

    def _recognise(self) -> bool:
        """Look at the first bytes. False: too few to tell. Raises PeerMismatch if they are of another protocol."""
        first = self._records.pending[:ENOUGH]
        if first and first[0] != records.VERSION_1:
            error = mismatch(first, "FastCGI")
            if error is not None:
                guess = recognise(first)
                self._peer_speaks_http = guess is not None and guess.protocol == "HTTP"
                raise error
            if len(first) < ENOUGH and not self._eof:
                return False
        self._recognised = bool(first)
        return True

    def _rest(self) -> _Event | NotNow:
        """No whole record is left: what is there to say?"""
        if self.over:
            return ConnectionClosed()
        if not self._eof:
            for request in list(self._active.values()):  # another thread may end one meanwhile
                if not request.announced and request.state is not _PARAMS:
                    return request.announce()
            return NEED_DATA
        if self._records.pending:
            raise RemoteProtocolError("the web server closed in the middle of a record")
        for request in list(self._active.values()):  # section 5.4: a web server may abort by closing
            self._forget(request)
            if request.announced:
                return Abort(request.id)
        return ConnectionClosed()

    def _take(self, type_: int, request_id: int, content: bytes) -> _Event | None:
        """Act on one record."""
        if request_id == records.NULL_REQUEST_ID or type_ in _MANAGEMENT:
            self._manage(type_, request_id, content)
            return None
        if type_ == records.BEGIN_REQUEST:
            self._begin(request_id, content)
            return None
        request = self._active.get(request_id)
        if request is None:
            return None  # section 3.3: records for an inactive id are ignored
        if type_ == records.PARAMS:
            return self._params(request, content)
        if type_ == records.STDIN:
            return self._stdin(request, content)
        if type_ == records.DATA and request.role == records.FILTER:
            return self._data(request, content)
        if type_ == records.ABORT_REQUEST:
            return self._abort(request)
        # STDOUT, STDERR and END_REQUEST go the other way (appendix A); DATA is for filters (section 6.4).
        role = records.ROLES[request.role]
        raise RemoteProtocolError(f"a web server sends a {role} no {records.type_name(type_)} record")

    def _manage(self, type_: int, request_id: int, content: bytes) -> None:
        """Management records (section 4): always id 0."""
        if request_id != records.NULL_REQUEST_ID or records.BEGIN_REQUEST <= type_ <= records.DATA:
            raise RemoteProtocolError(f"a {records.type_name(type_)} record with request id {request_id}")
        if type_ == records.GET_VALUES:
            asked = {name for name, _ in records.decode_pairs(content)}
            known = [(name, value) for name, value in self._values.items() if name in asked]
            self._out.append(encode_record(records.GET_VALUES_RESULT, 0, encode_pairs(known)))
        elif type_ in _MANAGEMENT:
            raise RemoteProtocolError(f"a web server sends no {records.type_name(type_)} record")
        else:
            self._out.append(encode_record(records.UNKNOWN_TYPE, 0, bytes((type_, 0, 0, 0, 0, 0, 0, 0))))

    def _begin(self, request_id: int, content: bytes) -> None:
        if request_id in self._active:
            raise RemoteProtocolError(f"BEGIN_REQUEST for request {request_id}, which is active")
        role, keep = records.decode_begin(content)
        full = len(self._active) >= self._max_active
        request = self._active[request_id] = ActiveRequest(request_id, role, keep)
        if role not in self._roles:
            self._reject(request, records.UNKNOWN_ROLE)
        elif full:
            self._reject(request, records.CANT_MPX_CONN if self._max_active == 1 else records.OVERLOADED)

    def _params(self, request: ActiveRequest, content: bytes) -> _Event | None:
        if request.state is not _PARAMS:
            raise RemoteProtocolError(f"PARAMS of request {request.id} after their end")
        if content:
            request.params += content
            if len(request.params) > self._max_params:
                self._reject(request, records.OVERLOADED)
            return None
        request.variables = records.decode_pairs(bytes(request.params))
        request.params.clear()
        if len(request.variables) > self._max_pairs:
            self._reject(request, records.OVERLOADED)
            return None
        if request.role == records.AUTHORIZER:
            # Section 6.3: what it decides over comes without its content. lighttpd does not even end the empty stream.
            request.variables = [pair for pair in request.variables if pair[0] != "CONTENT_LENGTH"]
            request.state = _ANSWERING
            return request.announce()
        request.state = _STDIN
        if _UNKNOWN_LENGTH in request.variables:
            request.variables.remove(_UNKNOWN_LENGTH)
        try:
            request.left = cgi.content_length(request.variables)
            if request.role == records.FILTER:
                request.file_left = _file_length(request)
        except RemoteProtocolError as error:
            self._answer(request, error)
        return None

    def _stdin(self, request: ActiveRequest, content: bytes) -> _Event | None:
        if request.state is _PARAMS:
            raise RemoteProtocolError(f"STDIN of request {request.id} before the end of its PARAMS")
        if request.state is not _STDIN:
            return None  # after the end of the stream, or of our interest in it
        if not content:
            return self._end_of_stdin(request)
        if request.left is not None:  # section 6.2: at most CONTENT_LENGTH bytes are read
            content = content[: request.left]
            request.left -= len(content)
        if request.announced:
            return Data(request.id, content) if content else None
        request.stdin.append(content)
        return None

    def _end_of_stdin(self, request: ActiveRequest) -> _Event | None:
        if request.left:  # section 6.2: the client failed; the application is not to act on half of its data
            self._answer(request, RemoteProtocolError(f"the content ends {request.left} bytes before CONTENT_LENGTH"))
            return Abort(request.id) if request.announced else None
        if request.role == records.FILTER:
            request.state = _DATA
            return None
        request.state = _ANSWERING
        return EndOfMessage(request.id) if request.announced else request.announce()

    def _data(self, request: ActiveRequest, content: bytes) -> _Event | None:
        """The file for a filter (section 6.4). It comes after STDIN, and is compared with its length like that."""
        if request.state is _PARAMS or request.state is _STDIN:
            raise RemoteProtocolError(f"DATA of request {request.id} before the end of its STDIN")
        if request.state is _ANSWERING:
            return None
        if content:
            if request.file_left is not None:
                content = content[: request.file_left]
                request.file_left -= len(content)
            if request.announced:
                return FileData(request.id, content) if content else None
            request.file.append(content)
            return None
        if request.file_left:
            error = RemoteProtocolError(f"the file ends {request.file_left} bytes before FCGI_DATA_LENGTH")
            self._answer(request, error)
            return Abort(request.id) if request.announced else None
        request.state = _ANSWERING
        return EndOfMessage(request.id) if request.announced else request.announce()

    def _abort(self, request: ActiveRequest) -> Abort | None:
        request.state = _ANSWERING
        if request.announced:
            return Abort(request.id)  # whoever serves it sends END_REQUEST: `Encoder.abort`
        self._end(request, encode_end(request.id, ABORTED, records.REQUEST_COMPLETE))
        return None

    # -- output ----------------------------------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """Return, once, the bytes that answer what needs no application."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def refusal(self, error: RemoteProtocolError) -> bytes:
        """Return what to say to records that are wrong: nothing, unless the peer speaks HTTP."""
        if isinstance(error, PeerMismatch) and self._peer_speaks_http:
            return http_refusal(error.status, str(error))
        return b""

    def encoder(self, request_id: int) -> Encoder:
        """Return the encoder of the response to a request. Raises LocalProtocolError if the id is not active."""
        request = self._active.get(request_id)
        if request is None or not request.announced:
            raise LocalProtocolError(f"request {request_id} is not active")
        if request.encoder is None:
            request.encoder = Encoder(request, self._forget)
        return request.encoder

    def send(self, event: Response | Data | EndOfMessage) -> bytes:
        """Encode one event of a response."""
        encoder = self.encoder(event.request_id)
        if isinstance(event, Response):
            return encoder.head(f"{event.status} {event.reason}", event.fields, None)
        return encoder.data(event.data) if isinstance(event, Data) else encoder.end()

    def _reject(self, request: ActiveRequest, protocol_status: int) -> None:
        """Refuse a request in the protocol's own terms (section 5.5)."""
        self._end(request, encode_end(request.id, 0, protocol_status))

    def _answer(self, request: ActiveRequest, error: RemoteProtocolError) -> None:
        """Refuse a request in terms of HTTP."""
        stdout = encode_stream(records.STDOUT, request.id, cgi.refusal(error.status, str(error)))
        end = encode_record(records.STDOUT, request.id) + encode_end(request.id, 0, records.REQUEST_COMPLETE)
        self._end(request, stdout + end)

    def _end(self, request: ActiveRequest, data: bytes) -> None:
        self._out.append(data)
        self._forget(request)

    def _forget(self, request: ActiveRequest) -> bool:
        """END_REQUEST is on its way: the id is inactive. True: the connection must close now."""
        request.ended = True
        self._active.pop(request.id, None)  # it is not there if the web server has closed meanwhile
        self._closing = self._closing or not request.keep
        return self.over


def _file_length(request: ActiveRequest) -> int | None:
    """Return FCGI_DATA_LENGTH; None if it was not given. Raises RemoteProtocolError."""
    given = [("CONTENT_LENGTH", value) for name, value in request.variables if name == "FCGI_DATA_LENGTH"]
    try:
        return cgi.content_length(given)
    except RemoteProtocolError:
        raise RemoteProtocolError("FCGI_DATA_LENGTH is not a number of bytes, given once") from None
