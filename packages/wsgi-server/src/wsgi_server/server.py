"""HTTP/1.1 in front of a WSGI application.

What is here is only what joins the parts: `gateway_core.http1` decodes and encodes, `gateway_core.response` keeps
PEP 3333, `gateway_runtime` has the sockets and the processes. Other programs that need HTTP in (the CGI runner, the
front) start from `GATEWAY` and change its application.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

from gateway_core.environ import base_environ, environ_from_fields, environ_from_line
from gateway_core.events import Fields
from gateway_core.http1 import DEFAULT_LIMITS, HttpDate, HttpRequest, Limits, ServerConnection
from gateway_core.session import Peer, Service, Session
from gateway_runtime.addresses import Address
from gateway_runtime.connection import Connection
from gateway_runtime.engine import SessionFactory
from gateway_runtime.log import line
from gateway_runtime.settings import Application, Gateway, Settings

__all__ = ["GATEWAY", "SOFTWARE", "HttpSession", "sessions"]

SOFTWARE = "wsgi_server/0.1.0"
"""SERVER_SOFTWARE, and the value of the Server field."""

_date = HttpDate(time.time)


class HttpSession(Session):
    """One HTTP connection: its requests one after another, pipelined ones included.

    A client mostly sends the same fields again, for which the codec gives the same list. Then the part of the environ
    that comes from them is the same too.
    """

    __slots__ = ("_fields", "_template")

    request = HttpRequest
    linger = True

    def __init__(
        self, service: Service, transport: Peer, limits: Limits = DEFAULT_LIMITS, allow_missing_host: bool = False
    ) -> None:
        super().__init__(service, transport, ServerConnection(limits, allow_missing_host, SOFTWARE, _date))
        self._fields: Fields | None = None
        self._template: dict[str, Any] = {}

    def _begin(self, event: HttpRequest) -> None:
        method, target, version, fields, body, complete = event
        if fields is not self._fields:
            self._fields = fields
            self._template = environ_from_fields(self.service.base, fields, self.transport.peer)
        environ = environ_from_line(self._template, method, target, version)
        codec: Any = self.codec
        self._arrived(0, environ, codec, body, complete)


def sessions(application: Application, settings: Settings, address: Address) -> SessionFactory:
    """Return what makes the session of each connection to `address` (see `gateway_runtime.settings.Gateway`)."""
    base = base_environ(protocol="HTTP", software=SOFTWARE, **settings.environ(address))
    service = Service(application, base, line, settings.max_body, settings.mount)
    limits = replace(DEFAULT_LIMITS, body=settings.max_body)
    hostless: bool = getattr(settings.arguments, "allow_missing_host", False)  # programs built on this have no option

    def new(connection: Connection) -> HttpSession:
        return HttpSession(service, connection, limits, hostless)

    return new


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("HTTP")
    group.add_argument(
        "--allow-missing-host", action="store_true",
        help="serve requests of HTTP/1.1 without a Host field too, for old clients and test tools",
    )  # fmt: skip


GATEWAY = Gateway(
    program="wsgi_server",
    protocol="HTTP",
    scheme="http",
    description="Serve a WSGI application over HTTP/1.1. Ports speak plain HTTP: TLS, HTTP/2 and static files are the\n"
    "job of a front such as nginx.",
    sessions=sessions,
    default_bind="127.0.0.1:8000",
    add_arguments=_add_arguments,
)
