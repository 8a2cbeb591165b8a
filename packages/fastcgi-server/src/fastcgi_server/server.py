"""FastCGI in front of a WSGI application: the joint between the codec, the response half and the engine.

One connection may carry many requests, one after another (nginx with `fastcgi_keep_conn`) or side by side (HAProxy).
Side by side they are read together and served in the order in which they became complete; a request that is wrong is
answered alone, and the others go on.
"""

from __future__ import annotations

import socket
from typing import Any

from gateway_core.access import Access
from gateway_core.cgi import phrase
from gateway_core.environ import base_environ, environ_from_variables
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import ConnectionClosed, Phase
from gateway_core.session import Peer, Service, Session
from gateway_runtime.addresses import Address
from gateway_runtime.connection import Connection
from gateway_runtime.engine import SessionFactory
from gateway_runtime.log import line
from gateway_runtime.settings import Application, Gateway, Settings

from . import startup
from .protocol import MAX_ACTIVE, Abort, Data, EndOfMessage, Request, ServerConnection
from .request import Encoder

__all__ = ["GATEWAY", "SOFTWARE", "FastCgiSession", "Stranger", "sessions"]

SOFTWARE = "fastcgi_server/0.1.0"
"""SERVER_SOFTWARE, if the web server sends none."""


class FastCgiSession(Session):
    """One FastCGI connection. `max_conns` is what a web server is told that asks for FCGI_MAX_CONNS."""

    __slots__ = ()

    request = Request
    codec: ServerConnection

    def __init__(self, service: Service, transport: Peer, max_conns: int = 1) -> None:
        # FCGI_MAX_REQS is asked for by web servers that multiplex, to know how much one connection takes.
        super().__init__(service, transport, ServerConnection(max_conns=max_conns, max_reqs=MAX_ACTIVE))

    def _begin(self, event: Request) -> None:
        encoder = self.codec.encoder(event.request_id)
        try:
            environ = environ_from_variables(self.service.base, event.variables)
            self._arrived(event.request_id, environ, encoder, event.body, event.complete)
        except RemoteProtocolError as error:
            self._refuse_one(event.request_id, encoder, error)

    def _take(self, event: Any) -> None:
        if isinstance(event, Data):
            try:
                self._more(event.request_id, event.data)
            except RemoteProtocolError as error:
                self._refuse_one(event.request_id, self.codec.encoder(event.request_id), error)
        elif isinstance(event, EndOfMessage):
            self._complete(event.request_id)
        elif isinstance(event, Abort):
            self._abort(event.request_id)
        else:
            assert isinstance(event, ConnectionClosed), event
            self.transport.close(linger=True)

    def _collect(self) -> bool:
        ready = super()._collect()
        self._answer()  # also when a request stands ready
        if self._response is not None:
            return False  # one at a time: a paused response goes first
        if not ready and self.codec.idle:
            self.phase = Phase.IDLE  # after what needed no application, or was aborted
        return ready

    def _refuse_one(self, request_id: int, encoder: Encoder, error: RemoteProtocolError) -> None:
        """Answer one request that is wrong; the connection and its other requests go on."""
        self.service.log(f"{self._name()}: {error}")
        self._drop(request_id)
        body = f"{error}\n".encode("latin-1", "backslashreplace")
        fields = [("Content-Type", "text/plain; charset=iso-8859-1")]
        head = encoder.head(f"{error.status} {phrase(error.status)}", fields, len(body))
        self._write(head + encoder.data(body) + encoder.end())
        if self.service.access is not None:
            self.service.access.refused(self.transport.peer, error.status)
        if encoder.close_after:
            self.transport.close(linger=True)

    def _abort(self, request_id: int) -> None:
        """Stop working on a request that nobody waits for any more, and say so (section 5.4)."""
        encoder = self._drop(request_id)
        if encoder is not None:
            self._write(encoder.abort())
            if encoder.close_after:
                self.transport.close()

    def _drop(self, request_id: int) -> Encoder | None:
        """Forget a request wherever it is; return its encoder, None if it is not here."""
        request: Any = self._incoming.pop(request_id, None)
        if request is None and self._serving is not None:
            serving: Any = self._serving
            if serving.encoder.request_id == request_id and self._response is not None:
                self._response.abandon()
                self._response = self._serving = None
                request = serving
        if request is None:
            return None
        request.body.close()
        encoder: Encoder = request.encoder
        return encoder


class Stranger(Session):
    """A connection from an address that FCGI_WEB_SERVER_ADDRS does not list: closed, whatever it says."""

    __slots__ = ()

    def receive(self, data: bytes) -> bool:
        """Close; what it says is not even looked at."""
        self.transport.abort()
        return False


def sessions(application: Application, settings: Settings, address: Address) -> SessionFactory:
    """Return what makes the session of each connection to `address` (see `gateway_runtime.settings.Gateway`)."""
    base = base_environ(protocol="FastCGI", software=SOFTWARE, **settings.environ(address))
    service = Service(application, base, line, settings.max_body, settings.mount, Access.of(settings.access))
    max_conns = settings.limits.connections * settings.threads * settings.workers
    known = startup.web_server_addresses()

    def new(connection: Connection) -> Session:
        if known is not None and connection.peer not in known:
            line(f"{connection.peer or 'a unix peer'} is not in FCGI_WEB_SERVER_ADDRS; the connection is closed")
            connection.sock.shutdown(socket.SHUT_RDWR)  # so that there is end of file to receive, at once
            return Stranger(service, connection, ServerConnection())
        return FastCgiSession(service, connection, max_conns)

    return new


GATEWAY = Gateway(
    program="fastcgi_server",
    protocol="FastCGI",
    scheme="fastcgi",
    description=(
        "Serve a WSGI application over FastCGI, behind a web server (nginx: fastcgi_pass). "
        "Started by a web server, with a listening socket on descriptor 0, it needs no --bind."
    ),
    sessions=sessions,
    default_bind="fd:0" if startup.is_listening(startup.LISTENSOCK_FILENO) else "127.0.0.1:9000",
    guarded=True,
    check=lambda _arguments: startup.check(),
)
