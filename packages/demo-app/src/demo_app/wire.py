"""One small request and its answer, as the exact bytes that each protocol puts on its wire.

Every protocol carries the same thing here, ``GET /hello``, so the figures can be laid side by side.
A message is a list of `Line`, each some bytes that belong together and what they mean; its pieces say
which kind of thing each byte is. The figures, the byte counts and the tests are made from these lists.

The variables are those that RFC 3875 §4.1 demands of a server, and the one header that the client
sent. A real server sends more of them; it does not send them differently.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a piece of a message is, for its colour in a figure."""

    FRAME = "frame"
    """marks that say where something begins, ends, or what it is"""
    LENGTH = "length"
    """a number of bytes that follow"""
    NAME = "name"
    """the name of a variable or field"""
    VALUE = "value"
    """its value"""
    BODY = "body"
    """content, carried without a look at it"""
    PADDING = "padding"
    """bytes that mean nothing"""


@dataclass(frozen=True)
class Piece:
    """Some bytes of a message, all of one kind."""

    content: bytes
    kind: Kind


@dataclass(frozen=True)
class Line:
    """One line of a figure: bytes that belong together, and what they mean."""

    meaning: str
    pieces: tuple[Piece, ...]

    @property
    def content(self) -> bytes:
        """Return the bytes of the line."""
        return b"".join(piece.content for piece in self.pieces)


Message = list[Line]


def frame(content: bytes) -> Piece:
    """Return a mark that says where something begins or ends, or what it is."""
    return Piece(content, Kind.FRAME)


def length(content: bytes) -> Piece:
    """Return a number of bytes that follow."""
    return Piece(content, Kind.LENGTH)


def name(text: str) -> Piece:
    """Return the name of a variable or field."""
    return Piece(text.encode(), Kind.NAME)


def value(text: str) -> Piece:
    """Return a value."""
    return Piece(text.encode(), Kind.VALUE)


def bytes_of(message: Message) -> bytes:
    """Return a message as the bytes on the wire."""
    return b"".join(line.content for line in message)


BODY = b"Hello, world!\n"

#: The request as a dictionary, the same for all.
VARIABLES = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/hello",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "8000",
    "SERVER_SOFTWARE": "museum",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "localhost:8000",
}

#: The answer's fields, the same for all.
FIELDS = {"Content-Type": "text/plain", "Content-Length": str(len(BODY))}


def http_request() -> Message:
    """RFC 9112 §2.1: a request line, fields, an empty line."""
    words = (value("GET"), frame(b" "), value("/hello"), frame(b" "), value("HTTP/1.1"), frame(b"\r\n"))
    return [
        Line("the request line: method, target, version", words),
        _field("Host", "localhost:8000", b"\r\n", "the one field that HTTP/1.1 demands"),
        Line("an empty line: the head ends, and no body was announced", (frame(b"\r\n"),)),
    ]


def http_response() -> Message:
    """RFC 9112 §2.1: a status line, fields, an empty line, the content. The date is RFC 9110's example."""
    return [
        _status_line(),
        _field("Date", "Sun, 06 Nov 1994 08:49:37 GMT", b"\r\n", "a server with a clock says the time"),
        *_fields(b"\r\n"),
        Line("an empty line: the head ends", (frame(b"\r\n"),)),
        Line(f"the content: {len(BODY)} bytes, as Content-Length said", (Piece(BODY, Kind.BODY),)),
    ]


def cgi_request() -> Message:
    """RFC 3875 §4.1 and §7.2: environment strings NAME=VALUE, each ended by NUL, as execve() takes them."""
    return [
        Line("an environment string", (name(key), frame(b"="), value(text), frame(b"\0")))
        for key, text in VARIABLES.items()
    ]


def cgi_response() -> Message:
    """RFC 3875 §6: fields, an empty line, the body, on standard output. It ends where the output ends."""
    return [
        _field("Status", "200 OK", b"\n", "the status, for the server to put into its own status line"),
        *_fields(b"\n"),
        Line("an empty line: the head ends", (frame(b"\n"),)),
        Line("the body: everything up to the end of the output", (Piece(BODY, Kind.BODY),)),
    ]


#: FastCGI §8: the record types, the flag and the role that the example uses.
FCGI_BEGIN_REQUEST, FCGI_END_REQUEST, FCGI_PARAMS, FCGI_STDIN, FCGI_STDOUT = 1, 3, 4, 5, 6
FCGI_KEEP_CONN, FCGI_RESPONDER = 1, 1


def _record(kind: int, title: str, content: Message) -> Message:
    """FastCGI §3.3: an 8-byte header, the content, and padding up to a multiple of 8 bytes."""
    size = len(bytes_of(content))
    padding = -size % 8
    after = f" and {padding} of padding" if padding else ""
    header = (
        frame(bytes([1, kind])),
        frame(struct.pack(">H", 1)),
        length(struct.pack(">H", size)),
        length(bytes([padding])),
        frame(b"\0"),
    )
    message = [Line(f"{title}: version 1, type {kind}, request id 1, {size} bytes of content{after}", header), *content]
    if padding:
        message.append(Line("padding, to a multiple of 8", (Piece(bytes(padding), Kind.PADDING),)))
    return message


def fastcgi_request() -> Message:
    """FastCGI §3.4, §5.1, §6.2: BEGIN_REQUEST, PARAMS and its end, the end of STDIN."""
    begin = (frame(struct.pack(">H", FCGI_RESPONDER)), frame(bytes([FCGI_KEEP_CONN])), frame(bytes(5)))
    pairs = [
        Line(
            f"a name of {len(key)} bytes, a value of {len(text)}",
            (length(bytes([len(key), len(text)])), name(key), value(text)),
        )
        for key, text in VARIABLES.items()
    ]
    return [
        *_record(FCGI_BEGIN_REQUEST, "BEGIN_REQUEST", [Line("role 1, responder; flag 1, keep the connection", begin)]),
        *_record(FCGI_PARAMS, "PARAMS", pairs),
        *_record(FCGI_PARAMS, "PARAMS, empty, so no more variables", []),
        *_record(FCGI_STDIN, "STDIN, empty, so no body", []),
    ]


def fastcgi_response() -> Message:
    """FastCGI §5.5, §6.2: STDOUT carries what a CGI program would print; END_REQUEST ends it."""
    end = (frame(struct.pack(">I", 0)), frame(b"\0"), frame(bytes(3)))
    return [
        *_record(FCGI_STDOUT, "STDOUT", cgi_response()),
        *_record(FCGI_STDOUT, "STDOUT, empty, so no more output", []),
        *_record(FCGI_END_REQUEST, "END_REQUEST", [Line("exit status 0; protocol status 0, complete", end)]),
    ]


def scgi_request() -> Message:
    """SCGI §3, §4: one netstring of NUL-ended names and values, CONTENT_LENGTH first."""
    strings = [
        Line("a name and a value, each ended by NUL", (name(key), frame(b"\0"), value(text), frame(b"\0")))
        for key, text in {"CONTENT_LENGTH": "0", "SCGI": "1", **VARIABLES}.items()
    ]
    size = len(bytes_of(strings))
    return [
        Line(f"a netstring of {size} bytes begins", (length(str(size).encode()), frame(b":"))),
        *strings,
        Line("the netstring ends, and the body would begin", (frame(b","),)),
    ]


def uwsgi_request() -> Message:
    """One packet (uwsgi protocol): a 4-byte header, then names and values with 16-bit lengths."""
    block = [
        Line(
            f"a name of {len(key)} bytes, a value of {len(text)}",
            (length(struct.pack("<H", len(key))), name(key), length(struct.pack("<H", len(text))), value(text)),
        )
        for key, text in VARIABLES.items()
    ]
    size = len(bytes_of(block))
    header = (frame(b"\0"), length(struct.pack("<H", size)), frame(b"\0"))
    return [Line(f"modifier 0, a WSGI request; {size} bytes of variables; modifier 0", header), *block]


def uwsgi_response() -> Message:
    """Answer (uwsgi protocol) by an HTTP response, ended by the end of the connection."""
    return [
        _status_line(),
        *_fields(b"\r\n"),
        Line("an empty line: the head ends", (frame(b"\r\n"),)),
        Line("the content; then the connection is closed", (Piece(BODY, Kind.BODY),)),
    ]


def _status_line() -> Line:
    words = (value("HTTP/1.1"), frame(b" "), value("200 OK"), frame(b"\r\n"))
    return Line("the status line: version, status, reason", words)


def _fields(line_end: bytes) -> Message:
    return [_field(key, text, line_end, "a field") for key, text in FIELDS.items()]


def _field(key: str, text: str, line_end: bytes, meaning: str) -> Line:
    return Line(meaning, (name(key), frame(b": "), value(text), frame(line_end)))


#: Every message that a figure shows, by the figure's name.
MESSAGES: dict[str, Callable[[], Message]] = {
    "http-request": http_request,
    "http-response": http_response,
    "cgi-request": cgi_request,
    "cgi-response": cgi_response,
    "fastcgi-request": fastcgi_request,
    "fastcgi-response": fastcgi_response,
    "scgi-request": scgi_request,
    "scgi-response": cgi_response,
    "uwsgi-request": uwsgi_request,
    "uwsgi-response": uwsgi_response,
}
