"""Conversations as bytes, each of some protocol: (protocol, what the front sends, what the backend sends)."""

from __future__ import annotations

from fastcgi_server import records
from fastcgi_server.records import encode_begin, encode_end, encode_pairs, encode_record
from scgi_server.protocol import encode_headers, encode_netstring
from uwsgi_gateway.protocol import PING, PONG, encode_packet_header, encode_vars

VARIABLES = [
    ("REQUEST_METHOD", "POST"),
    ("REQUEST_URI", "/hello?a=1"),
    ("SCRIPT_FILENAME", "/srv/" + "x" * 200),
    ("HTTP_COOKIE", "k=\xe9"),
    ("HTTP_EMPTY", ""),
]
SCGI_VARIABLES = [("CONTENT_LENGTH", "5"), ("SCGI", "1"), *VARIABLES]
UWSGI_VARIABLES = [("CONTENT_LENGTH", "5"), *VARIABLES]

PARAMS = encode_pairs(VARIABLES)
CGI_RESPONSE = b"Status: 404 Not Found\r\nContent-Type: text/plain\n\nno\n"
HTTP_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nyes"


def fastcgi(request_id: int, step: int) -> tuple[bytes, bytes]:
    """Return a request and its response, whose streams are cut every `step` bytes."""

    def stream(type_: int, data: bytes) -> bytes:
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        return b"".join(encode_record(type_, request_id, piece) for piece in [*pieces, b""])

    front = encode_begin(request_id, records.RESPONDER, keep=True) + stream(records.PARAMS, PARAMS)
    backend = stream(records.STDERR, b"a warning\n") + stream(records.STDOUT, CGI_RESPONSE)
    return front + stream(records.STDIN, b"hello"), backend + encode_end(request_id, 7, records.REQUEST_COMPLETE)


def _packet(block: bytes) -> bytes:
    return encode_packet_header(0, len(block)) + block


def ajp13(magic: bytes, *parts: bytes | str | int) -> bytes:
    """Return a packet: bytes as they are, strings with size and NUL, numbers in two bytes."""
    body = b""
    for part in parts:
        if isinstance(part, str):
            body += len(part).to_bytes(2, "big") + part.encode("latin-1") + b"\0"
        else:
            body += part.to_bytes(2, "big") if isinstance(part, int) else part
    return magic + len(body).to_bytes(2, "big") + body


FORWARD = ajp13(
    b"\x12\x34", b"\x02\x04", "HTTP/1.1", "/hello", "127.0.0.1", b"\xff\xff", "localhost", 8080, b"\0",
    3, 0xA00B, "a", 0xA008, "5", "x-own", "\xe9",
    b"\x05", "a=1", b"\x0a", "AJP_REMOTE_PORT", "4711", b"\x0b", 256, b"\xff",
)  # fmt: skip
AJP13_RESPONSE = (
    ajp13(b"AB", b"\x04", 200, "OK", 2, 0xA001, "text/plain", "X-Own", "1")
    + ajp13(b"AB", b"\x03", 3, b"yes\0")
    + ajp13(b"AB", b"\x05\x01")
)

_MANAGEMENT = encode_record(records.GET_VALUES, 0, encode_pairs([("FCGI_MAX_CONNS", ""), ("FCGI_MPXS_CONNS", "")]))
_VALUES = encode_record(records.GET_VALUES_RESULT, 0, encode_pairs([("FCGI_MPXS_CONNS", "1")]))
_UNKNOWN = encode_record(records.UNKNOWN_TYPE, 0, bytes([77, 0, 0, 0, 0, 0, 0, 0]))

WIRES: dict[str, tuple[str, bytes, bytes]] = {
    "FastCGI": ("FastCGI", *fastcgi(1, 65535)),
    "FastCGI in small records": ("FastCGI", *fastcgi(258, 7)),
    "FastCGI, byte by byte": ("FastCGI", *fastcgi(1, 1)),
    "FastCGI, two requests": (
        "FastCGI", fastcgi(1, 50)[0] + fastcgi(1, 60)[0], fastcgi(1, 9)[1] + fastcgi(1, 10)[1],
    ),
    "FastCGI, management": ("FastCGI", _MANAGEMENT + encode_record(77, 0, b"?"), _VALUES + _UNKNOWN),
    "FastCGI, abort": (
        "FastCGI",
        encode_begin(1, 9, keep=False) + encode_record(records.ABORT_REQUEST, 1),
        encode_end(1, 0, records.UNKNOWN_ROLE),
    ),
    "SCGI": ("SCGI", encode_netstring(encode_headers(SCGI_VARIABLES)) + b"hello", CGI_RESPONSE),
    "uwsgi": ("uwsgi", _packet(encode_vars(UWSGI_VARIABLES)) + b"hello", HTTP_RESPONSE),
    "uwsgi, a CGI response": ("uwsgi", _packet(encode_vars(UWSGI_VARIABLES)) + b"hello", CGI_RESPONSE),
    "uwsgi ping": ("uwsgi", PING, PONG),
    "AJP13": ("AJP13", FORWARD + ajp13(b"\x12\x34", 5, b"hello") + FORWARD, AJP13_RESPONSE),
    "AJP13 ping": ("AJP13", ajp13(b"\x12\x34", b"\x0a"), ajp13(b"AB", b"\x09")),
    "HTTP": ("HTTP", b"GET /a?b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n", HTTP_RESPONSE),
    "HTTP, kept": (
        "HTTP",
        (
            b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n\r\n"
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"
            b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"
        ),
    ),
    "HTTP, chunks": (
        "HTTP",
        b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;x=1\r\nhello\r\n11000\r\n" + b"y" * 0x11000 + b"\r\n0\r\nX-Sum: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n"
    ),
    "HTTP up to the close": ("HTTP", b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nall there is"),
    "HTTP, another protocol": (
        "HTTP",
        b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello",
    ),
}  # fmt: skip
