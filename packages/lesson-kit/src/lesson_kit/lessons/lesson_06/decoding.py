"""The codecs alone: the bytes of requests, decoded one after another. No socket, no other process, no application.

What a wire costs by its *form* is in here, and nothing else of it: a request that is dear over a wire and cheap to
decode is dear for another reason. It is the most that decoding takes. Each request has a fresh codec, which a kept
connection does not need; and no two requests are alike, since our codecs remember heads that come again.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import fastcgi_server.protocol
import gateway_core.http1.server
import scgi_server.protocol
import uwsgi_gateway.protocol
from fastcgi_server.webserver import ClientConnection
from gateway_core.events import Request

__all__ = ["PROTOCOLS", "decode_alone", "request_bytes"]

TIMES = 5
"""Goes, of which the median is taken."""

HTTP = (
    "GET /cache?user={n} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: museum\r\nAccept: text/html\r\n"
    "Accept-Language: en\r\n\r\n"
)
FIELDS = [("HOST", "127.0.0.1:8000"), ("USER_AGENT", "museum"), ("ACCEPT", "text/html"), ("ACCEPT_LANGUAGE", "en")]


def variables(number: int) -> list[tuple[str, str]]:
    """Return the same request as a front sends it on: the four fields of the visitor, and what CGI adds."""
    query = f"user={number}"
    return [
        ("CONTENT_LENGTH", "0"), ("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", ""), ("PATH_INFO", "/cache"),
        ("QUERY_STRING", query), ("REQUEST_URI", f"/cache?{query}"), ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "127.0.0.1"), ("SERVER_PORT", "8000"), ("REMOTE_ADDR", "127.0.0.1"), ("REMOTE_PORT", "41873"),
        *((f"HTTP_{name}", value) for name, value in FIELDS),
    ]  # fmt: skip


def _http(number: int) -> bytes:
    return HTTP.replace("{n}", str(number)).encode()


def _encoded(client: Callable[[], Any]) -> Callable[[int], bytes]:
    def encode(number: int) -> bytes:
        told: bytes = client().send(Request(variables(number)))
        return told

    return encode


_ENCODERS: dict[str, Callable[[int], bytes]] = {
    "http": _http,
    "fastcgi": _encoded(lambda: ClientConnection(keep_alive=True)),
    "scgi": _encoded(scgi_server.protocol.ClientConnection),
    "uwsgi": _encoded(uwsgi_gateway.protocol.ClientConnection),
}
_CODECS: dict[str, Callable[[], Any]] = {
    "http": gateway_core.http1.server.ServerConnection,
    "fastcgi": fastcgi_server.protocol.ServerConnection,
    "scgi": scgi_server.protocol.ServerConnection,
    "uwsgi": uwsgi_gateway.protocol.ServerConnection,
}
PROTOCOLS: Final = tuple(_CODECS)
_numbers = itertools.count()


def request_bytes(protocol: str, number: int) -> bytes:
    """Return the request of user `number` as it is on that wire."""
    return _ENCODERS[protocol](number)


def decode_alone(protocol: str, loops: int) -> float:
    """Return milliseconds of processor time to decode a request from its bytes: the median of a few goes."""
    codec, found = _CODECS[protocol], []
    for _ in range(TIMES):
        requests = [request_bytes(protocol, number) for number in itertools.islice(_numbers, loops)]
        began = time.thread_time()
        for wire in requests:
            connection = codec()
            connection.receive_data(wire)
            connection.next_event()
        found.append(1e3 * (time.thread_time() - began) / loops)
    return round(median(found), 5)
