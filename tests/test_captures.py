"""What real peers have sent, read by our codecs: the recordings in captures/, whole, byte by byte and at random splits.

The front's half of a recording goes through our server codecs and must give the requests that were asked; a backend's
half through our client codecs, with the responses. The inspector must find nothing wrong with either.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "captures"))

import compare

import fastcgi_server.protocol
import fastcgi_server.webserver
import gateway_core.http1
import scgi_server.protocol
import uwsgi_gateway.protocol
from fastcgi_server.events import Stderr
from gatelab.recording import Connection, Recording
from gateway_core.environ import base_environ, environ_from_variables
from gateway_core.events import NEED_DATA, ConnectionClosed, Data, EndOfMessage, NotNow, Request, Response

FILES = sorted(Path(__file__).resolve().parents[1].glob("captures/*.json"))
CAPTURES = {path.stem: Recording.load(path) for path in FILES}
FROM_FRONTS = [name for name, capture in CAPTURES.items() if not capture.front.startswith("http_front")]
FROM_BACKENDS = [name for name in CAPTURES if name not in FROM_FRONTS]


def connections(name: str) -> list[Connection]:
    """Return the connections that were used; Apache opens one before it refuses."""
    found = CAPTURES[name].connections
    return [connection for connection in found if any(segment.data for segment in connection.segments)]


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Yield the data whole, byte by byte, and cut in three other ways."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(3):
        chance = random.Random(seed)
        cuts = sorted(chance.sample(range(1, len(data)), min(8, len(data) - 1)))
        yield [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


# -- what fronts send --------------------------------------------------------------------------------------------------

SERVERS: dict[str, Any] = {
    "FastCGI": fastcgi_server.protocol.ServerConnection,
    "HTTP": gateway_core.http1.ServerConnection,
    "SCGI": scgi_server.protocol.ServerConnection,
    "uwsgi": uwsgi_gateway.protocol.ServerConnection,
}
Asked = tuple[str, str, bytes]

ASKED: list[Asked] = [
    ("GET", "/cookies?a=%20b&c", b""),
    ("POST", "/echo", b"hello world"),
    ("POST", "/echo", b"hello"),
    ("HEAD", "/hello", b""),
    ("GET", "/hello", b""),
    ("GET", "/hello", b""),
    ("GET", "/stepwise?fifo=/tmp/gatelab-capture/fifo", b""),
]
CHUNKED = ASKED[2]


def read_requests(protocol: str, pieces: list[bytes]) -> list[Asked]:
    """Return the requests on one connection. Each is answered as soon as it is whole: its front has waited for that."""
    codec = SERVERS[protocol]()
    open_: dict[int, tuple[str, str, bytearray]] = {}
    found: list[Asked] = []
    for piece in pieces:
        codec.receive_data(piece)
        while not isinstance(event := codec.next_event(), NotNow | ConnectionClosed):
            stream = getattr(event, "request_id", 0)
            complete = getattr(event, "complete", None)
            if complete is not None:
                open_[stream] = (*asked(event), bytearray(event.body))
            elif hasattr(event, "data"):
                open_[stream][2].extend(event.data)
            if complete or (complete is None and not hasattr(event, "data")):
                method, target, content = open_.pop(stream)
                found.append((method, target, bytes(content)))
                encoder = codec.encoder(stream) if protocol == "FastCGI" else codec
                encoder.head("204 No Content", [], None)
                encoder.end()
    assert not open_
    return found


def asked(event: Any) -> tuple[str, str]:
    """Return method and target of a request, whatever its protocol calls them."""
    if hasattr(event, "target"):
        return event.method, event.target
    variables = dict(event.variables)
    return variables["REQUEST_METHOD"], variables["REQUEST_URI"]


@pytest.mark.parametrize("name", FROM_FRONTS)
def test_our_servers_read_what_fronts_send(name: str) -> None:
    protocol = CAPTURES[name].protocol
    fronts = [connection.bytes_from("front") for connection in connections(name)]
    refused = "refused" in CAPTURES[name].note
    expected = [request for request in ASKED if request != CHUNKED or not refused]
    # Sorted: a front may use the first of its connections again when it has opened a second.
    assert sorted(request for front in fronts for request in read_requests(protocol, [front])) == sorted(expected)
    for front in fronts:
        for pieces in splits(front):
            assert read_requests(protocol, pieces) == read_requests(protocol, [front])


def test_the_page_about_fronts_says_what_they_have_sent() -> None:
    page = (FILES[0].parents[1] / "docs/how-to/fronts.md").read_text()
    assert compare.table() in page


SEEN = {
    "HTTP_HOST": "museum.test",
    "HTTP_X_LATIN": "caf\xe9",
    "HTTP_X_TAG": "one, two",
    "PATH_INFO": "/cookies",
    "QUERY_STRING": "a=%20b&c",
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "REQUEST_URI": "/cookies?a=%20b&c",
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
}
"""What an application sees of the GET with odd fields, whatever front it is behind."""


@pytest.mark.parametrize("name", [name for name in FROM_FRONTS if CAPTURES[name].protocol != "HTTP"])
def test_an_application_sees_the_same_behind_any_front(name: str) -> None:
    protocol = CAPTURES[name].protocol
    codec = SERVERS[protocol]()
    codec.receive_data(connections(name)[0].bytes_from("front"))
    base = base_environ(
        protocol=protocol, software="test", server_name="", server_port="", errors=sys.stderr, multithread=False,
        multiprocess=False,
    )  # fmt: skip
    environ = environ_from_variables(base, codec.next_event().variables)
    assert {variable: environ.get(variable) for variable in SEEN} == SEEN
    assert "HTTP_PROXY" not in environ
    # Two Cookie fields, joined by the front with a comma, are one cookie for ever.
    comma = name.partition("-")[0] in ("apache", "caddy")
    assert environ["HTTP_COOKIE"] == ("a=1, b=2" if comma else "a=1; b=2")


# -- what backends send ------------------------------------------------------------------------------------------------

CLIENTS: dict[str, Any] = {
    "FastCGI": fastcgi_server.webserver.ClientConnection,
    "SCGI": scgi_server.protocol.ClientConnection,
    "uwsgi": uwsgi_gateway.protocol.ClientConnection,
}
METHODS = [method for method, _, _ in ASKED[:-1]]
MUSEUM = [b"Cookie: a=1; b=2\n", b"hello world", b"hello", b"", b"Hello, world!\n", b"Hello, world!\n"]
FILES_SAY = [
    b"GET /cookies?a=%20b&c\n0 bytes of content\n",
    b"POST /echo?\n11 bytes of content\n",
    b"POST /echo?\n5 bytes of content\n",
    b"",
    b"GET /hello?\n0 bytes of content\n",
    b"GET /hello?\n0 bytes of content\n",
]


def answers(connection: Connection) -> list[tuple[bytes, bool]]:
    """Return the bytes of each response on a connection, and whether the connection ended with it.

    A new response begins with the first bytes of the backend behind those of the front.
    """
    found: list[tuple[bytes, bool]] = []
    last = "front"
    for segment in connection.segments:
        if segment.sender == "backend":
            if segment.data and last == "front":
                found.append((b"", False))
            found[-1] = (found[-1][0] + segment.data, not segment.data)
        if segment.data:
            last = segment.sender
    return found


def read_response(protocol: str, method: str, pieces: list[bytes], ends: bool) -> tuple[Response, bytes, bytes]:
    """Return head, content and what came on the error stream."""
    codec = CLIENTS[protocol](head=method == "HEAD")
    codec.send(Request([("CONTENT_LENGTH", "0"), ("REQUEST_METHOD", method), ("REQUEST_URI", "/")], b""))
    head, content, errors = None, b"", b""
    for piece in [*pieces, b""] if ends else pieces:
        codec.receive_data(piece)
        while (event := codec.next_event()) is not NEED_DATA:
            if isinstance(event, Response):
                head = event
            elif isinstance(event, Data):
                content += event.data
            elif isinstance(event, Stderr):
                errors += event.data
            else:
                assert isinstance(event, EndOfMessage)
                assert head is not None
                return head, content, errors
    raise AssertionError("the response has no end")


@pytest.mark.parametrize("name", FROM_BACKENDS)
def test_our_clients_read_what_backends_send(name: str) -> None:
    protocol = CAPTURES[name].protocol
    files = name in ("fcgiwrap", "php-cgi", "php-fpm")
    found = [answer for connection in connections(name) for answer in answers(connection)]
    for (data, ended), method, says in zip(found, METHODS, FILES_SAY if files else MUSEUM, strict=True):
        expected = read_response(protocol, method, [data], ended)
        assert (expected[0].status, expected[1]) == (200, says)
        assert (b"a line for the log" in expected[2]) == files
        for pieces in splits(data):
            assert read_response(protocol, method, pieces, ended) == expected


@pytest.mark.parametrize("name", CAPTURES)
def test_the_inspector_finds_nothing_wrong(name: str) -> None:
    for connection in connections(name):
        messages = connection.messages()  # which recognises the protocol
        assert {message.protocol for message in messages} == {CAPTURES[name].protocol}
        # The one client that leaves gets half a response, and that is what the inspector has to say of it.
        left = b"stepwise" in connection.bytes_from("front")
        allowed = {"the connection ended before the last chunk"} if left else set()
        assert {message.fault for message in messages if message.fault} <= allowed
        for sender in ("front", "backend"):
            said = b"".join(message.data for message in messages if message.sender == sender)
            assert said == connection.bytes_from(sender)
