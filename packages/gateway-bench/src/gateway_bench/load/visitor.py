"""One visitor: a connection to a gateway, and requests over it in the gateway's own protocol.

The client halves of our codecs do the talking, so no gateway is measured through another one's protocol. A
visitor keeps its connection where protocol and server allow (HTTP, FastCGI); SCGI and uwsgi end a request by
closing, so there a connection a request is not a choice but the protocol. A server may close a kept connection that
is idle (RFC 9112, section 9.5): so a visitor who comes back after a while looks first, and opens another.

Sockets here are plain and blocking. Under the load engine gevent has replaced them by cooperative ones.
"""

from __future__ import annotations

import importlib
import socket
import time
from collections.abc import Callable
from functools import cache

from gateway_bench.load.address import Address
from gateway_bench.load.scenarios import Answer, Exchange
from gateway_core.client import ClientCodec
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import NEED_DATA, Data, EndOfMessage, Request, Response, Variables

__all__ = ["REQUEST_LIMIT", "Failure", "Visitor", "codec_of"]

REQUEST_LIMIT = 15.0
"""Seconds that a visitor waits for any one send or receive."""
RECEIVE = 65_536
A_WHILE = 0.2
"""Seconds without a request after which a server may have closed the connection: none gives up earlier."""

CODECS = {
    "http": "gateway_core.http1",
    "fastcgi": "fastcgi_server.protocol",
    "scgi": "scgi_server.protocol",
    "uwsgi": "uwsgi_gateway.protocol",
}
KEEPING = frozenset(("http", "fastcgi"))
"""Protocols in which a connection can carry a second request."""


class Failure(Exception):
    """A request without a right answer. `kind` is "connect", "timeout", "closed", "protocol", "status 500" or such."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Visitor:
    """Makes requests to `address`, one at a time, over one connection as long as that can be kept."""

    def __init__(self, address: Address, keep_alive: bool = True) -> None:
        self._address = address
        self._keep = keep_alive and address.scheme in KEEPING
        self._connection: socket.socket | None = None
        self._used = 0.0
        self._common = _common_variables(address)

    def fetch(self, exchange: Exchange) -> Answer:
        """Make one request and return whatever answer comes. Raises Failure; then the connection is gone."""
        codec = codec_of(self._address.scheme)(keep_alive=self._keep, head=exchange.method == "HEAD")
        try:
            connection = self._connected()
            connection.sendall(codec.send(Request(self._variables(exchange), exchange.content)))
            answer = _receive(codec, connection)
        except Failure:
            self.close()
            raise
        except TimeoutError:
            self.close()
            raise Failure("timeout") from None
        except OSError:
            self.close()
            raise Failure("closed") from None
        if codec.reusable:
            self._used = time.monotonic()
        else:
            self.close()
        return answer

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connected(self) -> socket.socket:
        if self._connection and time.monotonic() - self._used > A_WHILE and not _is_open(self._connection):
            self.close()
        if self._connection is None:
            try:
                self._connection = self._address.connect(REQUEST_LIMIT)
            except OSError:
                raise Failure("connect") from None
        return self._connection

    def _variables(self, exchange: Exchange) -> Variables:
        path, _, query = exchange.path.partition("?")
        variables = [
            ("REQUEST_METHOD", exchange.method),
            ("REQUEST_URI", exchange.path),
            ("PATH_INFO", path),
            ("QUERY_STRING", query),
            ("CONTENT_LENGTH", str(len(exchange.content)) if exchange.content else ""),
        ]
        if exchange.content_type:
            variables.append(("CONTENT_TYPE", exchange.content_type))
        return variables + self._common


def _common_variables(address: Address) -> Variables:
    """Return what a web server says in each request: the same for every protocol."""
    host = address.host or "localhost"
    port = str(address.port or 80)
    return [
        ("SCRIPT_NAME", ""),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", "gateway-bench"),
        ("SERVER_NAME", host),
        ("SERVER_PORT", port),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("HTTP_HOST", f"{host}:{port}"),
        ("HTTP_USER_AGENT", "gateway-bench"),
        ("HTTP_ACCEPT", "*/*"),
        *([("SCRIPT_FILENAME", address.script)] if address.script else []),
    ]


def _is_open(connection: socket.socket) -> bool:
    """Tell whether nothing has come on a connection that is idle: neither its end, nor words before it, such as 408."""
    connection.settimeout(0.0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(REQUEST_LIMIT)
    return False


def _receive(codec: ClientCodec, connection: socket.socket) -> Answer:
    status, pieces, ended = 0, [], False
    while True:
        try:
            event = codec.next_event()
        except RemoteProtocolError:
            raise Failure("closed" if ended else "protocol") from None
        if event is NEED_DATA:
            if ended:
                raise Failure("closed")
            data = connection.recv(RECEIVE)
            ended = not data
            codec.receive_data(data)
        elif isinstance(event, Response):
            status = event.status
        elif isinstance(event, Data):
            pieces.append(event.data)
        elif isinstance(event, EndOfMessage):
            return Answer(status, b"".join(pieces))


@cache
def codec_of(scheme: str) -> Callable[..., ClientCodec]:
    """Return the class of the client half. Imported late: a run over HTTP needs no other gateway installed."""
    client: Callable[..., ClientCodec] = importlib.import_module(CODECS[scheme]).ClientConnection
    return client
