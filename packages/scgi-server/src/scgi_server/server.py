"""SCGI in front of a WSGI application: the joint between the codec, the response half and the engine."""

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

__all__ = ["GATEWAY", "SOFTWARE", "ScgiSession", "sessions"]

SOFTWARE = "scgi_server/0.1.0"
"""SERVER_SOFTWARE, if the web server sends none."""


class ScgiSession(Session):
    """One SCGI connection: one request, one response, close."""

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
    base = base_environ(protocol="SCGI", software=SOFTWARE, **settings.environ(address))
    service = Service(application, base, line, settings.max_body, settings.mount, Access.of(settings.access))

    def new(connection: Connection) -> ScgiSession:
        return ScgiSession(service, connection)

    return new


GATEWAY = Gateway(
    program="scgi_server",
    protocol="SCGI",
    scheme="scgi",
    description="Serve a WSGI application over SCGI, behind a web server (nginx: scgi_pass).",
    sessions=sessions,
    default_bind="127.0.0.1:4000",
    guarded=True,
)
