r"""One request in five forms, each made by the codec that a real gateway reads it with.

==========  ==================  ======================================================================
CGI         environment         NAME=value\0 ..., made for a new program: on no wire
FastCGI     records             eight bytes of header before each piece of the same variables
uwsgi       packet              four bytes of header before all of them
HTTP        text                lines
WSGI        call                ``app(environ, start_response)``: 0 bytes, both are in one process
==========  ==================  ======================================================================

A column shows the first lines, in pieces that fit a projector: text, or four bytes as hexadecimal digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import fastcgi_server.protocol
import uwsgi_gateway.protocol
from cgi_runner.environment import cgi_environment
from fastcgi_server import records
from gateway_core import http1
from gateway_core.events import Request

from .asking import request_of

__all__ = ["READ_BY_NGINX", "TARGET", "columns"]

TARGET: Final = "/hello"
HOST: Final = "museum"
READ_BY_NGINX: Final = ("FastCGI", "uwsgi", "HTTP")
"""What nginx has a module for (fastcgi, uwsgi, proxy; scgi besides): it starts no programs, and cannot call Python."""
WORD: Final = 4
"""Bytes of a line: the header of a uwsgi packet, half of that of a FastCGI record."""
RECORDS: Final = 3
"""Records whose header is shown."""
PAIR: Final = "REQUEST_METHOD"

Line = dict[str, str]


def columns() -> list[dict[str, Any]]:
    """Return the five columns: what starts a process, what is sent to one, and last what needs neither."""
    request = request_of(TARGET, host=HOST)
    return [_cgi(request), _fastcgi(request), _uwsgi(request), _http(request), _wsgi()]


def _cgi(request: Request) -> dict[str, Any]:
    environment = cgi_environment(dict(request.variables))
    size = sum(len(name) + len(value) + 2 for name, value in environment.items())  # with "=" and NUL
    lines = [
        {"text": f"{name.decode()}={value.decode()}", "note": ""}
        for name, value in environment.items()
        if name in (b"REQUEST_METHOD", b"PATH_INFO", b"SERVER_PROTOCOL", b"HTTP_HOST")
    ]
    return _column("CGI", "environment", size, lines)


def _fastcgi(request: Request) -> dict[str, Any]:
    data = fastcgi_server.protocol.ClientConnection(keep_alive=True).send(request)
    lines: list[Line] = []
    at = 0
    for record in list(records.read_records(data))[:RECORDS]:
        header, content = data[at : at + records.HEADER_LEN], record.content
        at += records.HEADER_LEN + len(content) + header[6]
        lines += _hex(header[:WORD], f"{records.type_name(record.type)}, id {record.request_id}")
        lines += _hex(header[WORD:], f"{len(content)} bytes follow")
        if PAIR.encode() in content:
            lines.append({"text": PAIR, "note": ""})
    return _column("FastCGI", "records", len(data), lines)


def _uwsgi(request: Request) -> dict[str, Any]:
    data = uwsgi_gateway.protocol.ClientConnection(keep_alive=False).send(request)
    header = uwsgi_gateway.protocol.decode_packet_header(data)
    variable = uwsgi_gateway.protocol.encode_vars([(PAIR, "GET")])
    assert variable in data
    lines = [
        *_hex(data[:WORD], f"{header.size} bytes follow"),
        *_hex(variable[:2], f"{len(PAIR)} letters"),
        {"text": PAIR, "note": ""},
        *_hex(variable[2 + len(PAIR) :][:2], "3 letters"),
        {"text": "GET", "note": ""},
    ]
    return _column("uwsgi", "packet", len(data), lines)


def _http(request: Request) -> dict[str, Any]:
    data = http1.ClientConnection(keep_alive=True).send(request)
    lines = [{"text": line, "note": ""} for line in data.decode("latin-1").split("\r\n") if line]
    return _column("HTTP", "text", len(data), lines)


def _wsgi() -> dict[str, Any]:
    lines = [{"text": word, "note": ""} for word in ("app(", "environ,", "start_response", ")")]
    return _column("WSGI", "call", 0, lines)


def _column(name: str, carrier: str, size: int, lines: list[Line]) -> dict[str, Any]:
    return {"name": name, "carrier": carrier, "bytes": size, "lines": lines}


def _hex(data: bytes, note: str) -> Iterator[Line]:
    yield {"hex": data.hex(" "), "note": note}
