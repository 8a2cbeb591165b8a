"""FastCGI: every record is a message, and its content is read by what its type makes of it (section 3.3 and on).

::

    01 04 00 01 01 38 00 00  0e 03 REQUEST_METHOD GET ...         1: PARAMS, 312 bytes
    [------- header ------]  [content: pairs, lines, ...] [padding]

Requests may alternate, record by record, so the pairs and the response head that are under way are kept by request id:
from BEGIN_REQUEST to the end of PARAMS, and from the first STDOUT to END_REQUEST.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from fastcgi_server import records
from fastcgi_server.records import Record, decode_begin, decode_end, read_records, type_name
from gateway_core.errors import RemoteProtocolError

from .cgi_head import HeadReader
from .message import BACKEND, FRONT, Field, size_of
from .pairs import PairReader
from .stream import Steps, Stream

__all__ = ["FastCGI"]

_FROM_BACKEND = frozenset(
    (records.END_REQUEST, records.STDOUT, records.STDERR, records.GET_VALUES_RESULT, records.UNKNOWN_TYPE)
)
_START = records.HEADER_LEN
"""Where the content begins."""

_ENDED = "empty: the stream ends"

MAX_REQUESTS = 4096
"""Requests under way on one connection whose pairs and heads are kept: four times what a busy multiplexer has."""

_T = TypeVar("_T")

TYPE_MEANINGS = {
    records.BEGIN_REQUEST: "a request begins",
    records.ABORT_REQUEST: "the front has lost interest",
    records.END_REQUEST: "the request has ended",
    records.PARAMS: "a stream: the meta-variables",
    records.STDIN: "a stream: the request's content",
    records.STDOUT: "a stream: the response, as from CGI",
    records.STDERR: "a stream: for the front's error log",
    records.DATA: "a stream: the file that a Filter works on",
    records.GET_VALUES: "the front asks what the application can",
    records.GET_VALUES_RESULT: "what the application can",
    records.UNKNOWN_TYPE: "the application does not know this type",
}
ROLE_MEANINGS = {
    records.RESPONDER: "as CGI: answer the request",
    records.AUTHORIZER: "say whether the request may pass",
    records.FILTER: "answer with a filtered file",
}
STATUS_MEANINGS = {
    records.REQUEST_COMPLETE: "the normal end",
    records.CANT_MPX_CONN: "refused: one request a connection",
    records.OVERLOADED: "refused: no room for it now",
    records.UNKNOWN_ROLE: "refused: this role is not played here",
}


class _Content(NamedTuple):
    """What a record's content says: fields, a note for the title, a fault."""

    fields: list[Field]
    note: str
    fault: str = ""


class FastCGI:
    """The decoder of one connection."""

    name = "FastCGI"

    def __init__(self) -> None:
        self._params: dict[int, PairReader] = {}
        self._stdout: dict[int, HeadReader] = {}

    def front(self, stream: Stream) -> Steps[None]:
        """Decode what the front sends."""
        return self._records(stream)

    def backend(self, stream: Stream) -> Steps[None]:
        """Decode what the application sends."""
        return self._records(stream)

    def _records(self, stream: Stream) -> Steps[None]:
        while (yield from stream.more()):
            header = yield from stream.peek(records.HEADER_LEN)
            size = len(header)
            if size == records.HEADER_LEN and header[0] == records.VERSION_1:
                size += int.from_bytes(header[4:6], "big") + header[6]
            (record,) = read_records((yield from stream.peek(size)))  # the codec says whether it is one
            content = self._content(record)
            title = f"{record.request_id}: {type_name(record.type)}, {content.note}"
            yield stream.cut(size, title, _fields(record, content.fields), _misplaced(record, stream) or content.fault)

    def _content(self, record: Record) -> _Content:
        size = size_of(len(record.content))
        try:
            match record.type:
                case records.BEGIN_REQUEST:
                    self._params.pop(record.request_id, None)
                    return _begin(record.content)
                case records.END_REQUEST:
                    self._stdout.pop(record.request_id, None)
                    return _end(record.content)
                case records.PARAMS:
                    return self._read_params(record)
                case records.STDOUT:
                    return self._read_stdout(record)
                case records.GET_VALUES | records.GET_VALUES_RESULT:
                    pairs = PairReader()
                    return _Content(pairs.fields(record.content, _START), size, pairs.fault())
                case records.UNKNOWN_TYPE if record.content:
                    return _unknown_type(record.content)
                case records.STDIN | records.STDERR | records.DATA if not record.content:
                    return _Content([], _ENDED)
        except RemoteProtocolError as error:
            return _Content([], size, str(error))
        return _Content([], size)

    def _read_params(self, record: Record) -> _Content:
        if not record.content:
            pairs = self._params.pop(record.request_id, None)
            return _Content([], _ENDED, pairs.fault() if pairs else "")
        pairs = _under_way(self._params, record.request_id, PairReader)
        return _Content(pairs.fields(record.content, _START), size_of(len(record.content)))

    def _read_stdout(self, record: Record) -> _Content:
        head = _under_way(self._stdout, record.request_id, HeadReader)
        in_head = head.in_head
        if record.content:
            fields = head.fields(bytes(_START) + record.content, _START, _START + len(record.content))
        else:
            fields = []
            head.end()
        note = size_of(len(record.content)) if record.content else _ENDED
        return _Content(fields, note, head.fault if in_head else "")


def _under_way(readers: dict[int, _T], request_id: int, new: Callable[[], _T]) -> _T:
    """Return the reader of a request, a new one if there is none; if there are too many the oldest is forgotten."""
    if request_id not in readers:
        if len(readers) >= MAX_REQUESTS:
            del readers[next(iter(readers))]
        readers[request_id] = new()
    return readers[request_id]


# -- layouts -----------------------------------------------------------------------------------------------------


def _fields(record: Record, inside: list[Field]) -> tuple[Field, ...]:
    """Return header, content and padding."""
    end = _START + len(record.content)
    found = [_header(record)]
    if record.content:
        meaning = TYPE_MEANINGS.get(record.type, "")
        found.append(Field("content", _START, end, size_of(len(record.content)), meaning, tuple(inside)))
    if record.padding:
        found.append(Field("padding", end, end + record.padding, size_of(record.padding), "to be skipped"))
    return tuple(found)


def _header(record: Record) -> Field:
    about = "the connection, no request" if record.request_id == records.NULL_REQUEST_ID else "which request"
    meaning = TYPE_MEANINGS.get(record.type, "unknown: to be answered with UNKNOWN_TYPE")
    children = (
        Field("version", 0, 1, "1", "FastCGI 1.0"),
        Field("type", 1, 2, str(record.type), f"{type_name(record.type)}, {meaning}"),
        Field("requestId", 2, 4, str(record.request_id), f"big-endian: {about}"),
        Field("contentLength", 4, 6, f"{len(record.content):,}", "big-endian: bytes of content"),
        Field("paddingLength", 6, 7, str(record.padding), "bytes to skip behind it"),
        Field("reserved", 7, 8, ""),
    )
    return Field("header", 0, records.HEADER_LEN, type_name(record.type), "", children)


def _begin(content: bytes) -> _Content:
    role, keep = decode_begin(content)
    flags = content[2]
    strays = ", ".join(str(bit) for bit in range(1, 8) if flags >> bit & 1)
    kept = "bit 0, KEEP_CONN: the connection stays open" if keep else "bit 0, KEEP_CONN, is not set: close afterwards"
    name = records.ROLES.get(role, "unknown role")
    fields = [
        Field("role", _START, _START + 2, str(role), f"{name}: {ROLE_MEANINGS.get(role, 'answer UNKNOWN_ROLE')}"),
        Field("flags", _START + 2, _START + 3, f"{flags:08b}", kept + (f"; bits {strays} mean nothing" * bool(strays))),
        Field("reserved", _START + 3, _START + 8, ""),
    ]
    return _Content(fields, name + ", keep the connection" * keep)


def _end(content: bytes) -> _Content:
    app_status, protocol_status = decode_end(content)
    name = records.PROTOCOL_STATUSES.get(protocol_status, f"protocol status {protocol_status}")
    meaning = f"{name}: {STATUS_MEANINGS.get(protocol_status, 'not in the specification')}"
    fields = [
        Field("appStatus", _START, _START + 4, str(app_status), "what a CGI program would give to exit()"),
        Field("protocolStatus", _START + 4, _START + 5, str(protocol_status), meaning),
        Field("reserved", _START + 5, _START + 8, ""),
    ]
    return _Content(fields, f"{name}, appStatus {app_status}")


def _unknown_type(content: bytes) -> _Content:
    end = _START + len(content)
    name = type_name(content[0])
    fields = [
        Field("type", _START, _START + 1, str(content[0]), f"{name} is not understood"),
        *([Field("reserved", _START + 1, end, "")] if len(content) > 1 else []),
    ]
    return _Content(fields, name)


def _misplaced(record: Record, stream: Stream) -> str:
    """Return a sentence if this type is not for this side to send, "" if it is."""
    owner = BACKEND if record.type in _FROM_BACKEND else FRONT
    if record.type not in records.TYPES or stream.sender == owner:
        return ""
    return f"{type_name(record.type)} is for the {owner} to send, not for the {stream.sender}"
