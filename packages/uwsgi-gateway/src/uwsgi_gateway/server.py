"""The uwsgi protocol in front of a WSGI application: the joint between codec, response half and engine."""

from __future__ import annotations

from typing import Any

from gateway_core.access import Access
from gateway_core.environ import base_environ, environ_from_variables
from gateway_core.events import Request
from gateway_core.session import Peer, Service, Session
from gateway_runtime.addresses import Address
from gateway_runtime.connection import Connection
from gateway_runtime.engine import SessionFactory
from gateway_runtime.log import line
from gateway_runtime.settings import Application, Gateway, Settings

from .protocol import ServerConnection

__all__ = ["GATEWAY", "SOFTWARE", "UwsgiSession", "sessions"]

SOFTWARE = "uwsgi_gateway/0.1.0"
"""SERVER_SOFTWARE, if the web server sends none."""


class UwsgiSession(Session):
    """One uwsgi connection: one request, one response, close; or a ping and its pong."""

    __slots__ = ()

    request = Request

    def __init__(self, service: Service, transport: Peer) -> None:
        super().__init__(service, transport, ServerConnection())

    def _begin(self, event: Request) -> None:
        environ = environ_from_variables(self.service.base, event.variables)
        codec: Any = self.codec
        self._arrived(0, environ, codec, event.body, event.complete)


def sessions(application: Application, settings: Settings, address: Address) -> SessionFactory:
    """Return what makes the session of each connection to `address` (see `gateway_runtime.settings.Gateway`)."""
    base = base_environ(protocol="uwsgi", software=SOFTWARE, **settings.environ(address))
    service = Service(application, base, line, settings.max_body, settings.mount, Access.of(settings.access))

    def new(connection: Connection) -> UwsgiSession:
        return UwsgiSession(service, connection)

    return new


GATEWAY = Gateway(
    program="uwsgi_gateway",
    protocol="uwsgi",
    scheme="uwsgi",
    description="Serve a WSGI application over the uwsgi protocol, behind a web server (nginx: uwsgi_pass).",
    sessions=sessions,
    default_bind="127.0.0.1:3031",
    guarded=True,
)
