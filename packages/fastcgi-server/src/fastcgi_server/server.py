"""FastCGI in front of a WSGI application: from the command line to the sessions of its connections."""

from __future__ import annotations

import socket

from gateway_core.access import Access
from gateway_core.environ import base_environ
from gateway_core.session import Service, Session
from gateway_runtime.addresses import Address
from gateway_runtime.connection import Connection
from gateway_runtime.engine import SessionFactory
from gateway_runtime.log import line
from gateway_runtime.settings import Application, Gateway, Settings

from . import startup
from .multiplexed import MultiplexedSession
from .options import Options, add_arguments
from .protocol import ServerConnection
from .records import RESPONDER, ROLES
from .session import FastCgiSession

__all__ = ["GATEWAY", "SOFTWARE", "FastCgiSession", "Stranger", "sessions"]

SOFTWARE = "fastcgi_server/0.1.0"
"""SERVER_SOFTWARE, if the web server sends none."""


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
    base["fastcgi.role"] = ROLES[RESPONDER]
    service = Service(application, base, line, settings.max_body, settings.mount, Access.of(settings.access))
    options = Options.of(settings)
    known = startup.web_server_addresses()

    def new(connection: Connection) -> Session:
        if known is not None and connection.peer not in known:
            line(f"{connection.peer or 'a unix peer'} is not in FCGI_WEB_SERVER_ADDRS; the connection is closed")
            connection.sock.shutdown(socket.SHUT_RDWR)  # so that there is end of file to receive, at once
            return Stranger(service, connection, ServerConnection())
        if settings.multithread:
            return MultiplexedSession(service, connection, options)
        return FastCgiSession(service, connection, options)

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
    add_arguments=add_arguments,
    check=lambda _arguments: startup.check(),
)
