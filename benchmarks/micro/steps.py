r"""The hot path, step by step: what one request costs where, without a network in between.

::

    codec       bytes -> event; an answer's values -> bytes    it reads the next request when one is answered
    environ     fields, peer -> environ                        for a client whose fields are new
    line        that environ, request line -> environ          for one that sends the same fields again
    response    the application's call, PEP 3333's rules       between an encoder and a transport that do nothing
    session     bytes -> bytes: receive() and serve()          all of the above, with a small request as wrk sends it
    browser     the same, with the dozen fields of a browser
    form        the same, a POST with a body of 1 KiB
    fastcgi     bytes -> event, a request as nginx sends it    records, name-value pairs
    scgi        the same                                       a netstring
    uwsgi       the same                                       a packet
    variables   its variables -> environ                       for all three
    loop        a round trip over TCP to the engine            in another process, so the client's part is in it

A step is a function that makes what it needs and returns `run(loops)`. Nothing here measures: `hot_path.py` times the
steps and `instructions.py` counts what the processor does.
"""

from __future__ import annotations

import io
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fastcgi_server.protocol
import scgi_server.protocol
import uwsgi_gateway.protocol
from gateway_core.environ import base_environ, environ_from_fields, environ_from_line, environ_from_variables
from gateway_core.events import Request
from gateway_core.http1 import HttpRequest, ServerConnection
from gateway_core.response import Response
from gateway_core.session import Service
from gateway_runtime.addresses import Listener, listen, parse
from gateway_runtime.engine import Limits, Loop
from gateway_runtime.scoreboard import Scoreboard
from wsgi_server.server import HttpSession

__all__ = ["LOOP", "STEPS", "Run", "serving"]

Run = Callable[[int], object]
"""Makes the step that many times."""

HELLO = b"Hello, world!\n"
STATUS = "200 OK"
FIELDS = [("Content-Type", "text/plain"), ("Content-Length", "14")]
PLAIN = FIELDS[:1]
"""The same for an encoder, which is told the length apart."""

SMALL = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
BROWSER = (
    b"GET /hello?from=here HTTP/1.1\r\n"
    b"Host: museum.example:8000\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-GB,en;q=0.7,zh-CN;q=0.3\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Referer: http://museum.example:8000/\r\n"
    b"Cookie: first=1; second=2\r\n"
    b"Connection: keep-alive\r\n"
    b"Upgrade-Insecure-Requests: 1\r\n"
    b"Sec-Fetch-Dest: document\r\n"
    b"Sec-Fetch-Mode: navigate\r\n"
    b"Priority: u=0, i\r\n\r\n"
)
FORM = b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024

VARIABLES = [
    ("CONTENT_LENGTH", ""), ("QUERY_STRING", "from=here"), ("REQUEST_METHOD", "GET"), ("CONTENT_TYPE", ""),
    ("REQUEST_URI", "/hello?from=here"), ("PATH_INFO", "/hello"), ("DOCUMENT_URI", "/hello"),
    ("DOCUMENT_ROOT", "/usr/share/nginx/html"), ("SERVER_PROTOCOL", "HTTP/1.1"), ("REQUEST_SCHEME", "http"),
    ("GATEWAY_INTERFACE", "CGI/1.1"), ("SERVER_SOFTWARE", "nginx/1.22.1"), ("REMOTE_ADDR", "127.0.0.1"),
    ("REMOTE_PORT", "41234"), ("SERVER_ADDR", "127.0.0.1"), ("SERVER_PORT", "8000"), ("SERVER_NAME", "museum.example"),
    ("REDIRECT_STATUS", "200"), ("HTTP_HOST", "museum.example:8000"), ("HTTP_ACCEPT", "*/*"),
    ("HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("HTTP_ACCEPT_ENCODING", "gzip, deflate, br, zstd"), ("HTTP_CONNECTION", "keep-alive"),
]  # fmt: skip
"""What nginx's stock files and a browser send, the longest of the three lists."""


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer as /hello of the demo application does: a fresh list of fields, one bytestring."""
    start_response(STATUS, [*FIELDS])
    return [HELLO]


class Sink:
    """A transport, and an encoder, that take everything and do nothing."""

    full = lost = can_send_file = close_after = raw = False
    peer = "127.0.0.1"
    fd = -1

    def write(self, data: bytes) -> None:
        """Take bytes."""

    def whole(self, status: str, fields: Any, data: bytes) -> bytes:
        """Encode nothing."""
        return data

    def close(self, *, linger: bool = False) -> None:
        """Stay open."""

    def abort(self) -> None:
        """Stay open."""


def template() -> dict[str, Any]:
    """Return the environ that a worker makes once."""
    return base_environ(
        protocol="HTTP", software="micro", server_name="127.0.0.1", server_port="8000", errors=io.StringIO(),
        multithread=False, multiprocess=False,
    )  # fmt: skip


def codec() -> Run:
    """Decode a small request and encode its answer."""
    connection = ServerConnection()

    def run(loops: int) -> None:
        for _ in range(loops):
            connection.receive_data(SMALL)
            connection.next_event()
            connection.whole(STATUS, PLAIN, HELLO)

    return run


def environ() -> Run:
    """Make an environ of the fields of a browser."""
    base, request = template(), _event(BROWSER)
    fields = request.fields

    def run(loops: int) -> None:
        for _ in range(loops):
            environ_from_fields(base, fields, "127.0.0.1")

    return run


def line() -> Run:
    """Make the environ of one more request with the same fields."""
    request = _event(BROWSER)
    known = environ_from_fields(template(), request.fields, "127.0.0.1")

    def run(loops: int) -> None:
        for _ in range(loops):
            environ_from_line(known, request.method, request.target, request.version)

    return run


def decoding(server: Callable[[], Any], client: Any) -> Callable[[], Run]:
    """Decode a request as nginx sends it, on a connection of its own as nginx makes them."""

    def make() -> Run:
        data = client.send(Request(VARIABLES))

        def run(loops: int) -> None:
            for _ in range(loops):
                connection = server()
                connection.receive_data(data)
                connection.next_event()

        return run

    return make


def variables() -> Run:
    """Make the environ of its variables."""
    base = template()

    def run(loops: int) -> None:
        for _ in range(loops):
            environ_from_variables(base, VARIABLES)

    return run


def response() -> Run:
    """Call the application under the rules of PEP 3333."""
    sink: Any = Sink()
    known = environ_from_line(template(), "GET", "/hello", "HTTP/1.1")

    def run(loops: int) -> None:
        for _ in range(loops):
            Response(sink, sink, "GET").respond(app, known)

    return run


def session(request: bytes) -> Callable[[], Run]:
    """Take the bytes of a request, and answer."""

    def make() -> Run:
        sink: Any = Sink()
        connection = HttpSession(Service(app, template(), print), sink)
        receive, serve = connection.receive, connection.serve

        def run(loops: int) -> None:
            for _ in range(loops):
                receive(request)
                serve()

        return run

    return make


def _event(request: bytes) -> HttpRequest:
    codec = ServerConnection()
    codec.receive_data(request)
    event = codec.next_event()
    assert isinstance(event, HttpRequest)
    return event


STEPS: dict[str, Callable[[], Run]] = {
    "codec": codec,
    "environ": environ,
    "line": line,
    "fastcgi": decoding(fastcgi_server.protocol.ServerConnection, fastcgi_server.protocol.ClientConnection()),
    "scgi": decoding(scgi_server.protocol.ServerConnection, scgi_server.protocol.ClientConnection()),
    "uwsgi": decoding(uwsgi_gateway.protocol.ServerConnection, uwsgi_gateway.protocol.ClientConnection()),
    "variables": variables,
    "response": response,
    "session": session(SMALL),
    "browser": session(BROWSER),
    "form": session(FORM),
}
"""By name, from the inside out. They need no second process."""

LOOP = "loop"


@contextmanager
def serving() -> Iterator[Run]:
    """Run the engine in a child for the length of a block; gives the round trip of a client."""
    listener = listen(parse("127.0.0.1:0"))
    stop_read, stop_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(stop_write)
            _serve(listener, stop_read)
        finally:
            os._exit(0)
    os.close(stop_read)
    try:
        with socket.create_connection((listener.address.host, listener.address.port), 10) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def run(loops: int) -> None:
                for _ in range(loops):
                    client.sendall(SMALL)
                    client.recv(65_536)

            yield run
    finally:
        os.close(stop_write)
        listener.sock.close()
        os.waitpid(pid, 0)


def _serve(listener: Listener, stop: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    service = Service(app, template(), print)
    board = Scoreboard(1, 1).worker(0)
    board.take(os.getpid(), 0)
    Loop([(listener, lambda connection: HttpSession(service, connection))], [stop], board, Limits()).run()
