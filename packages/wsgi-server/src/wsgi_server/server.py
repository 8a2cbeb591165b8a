"""HTTP/1.1 in front of a WSGI application.

What is here is only what joins the parts: `gateway_core.http1` decodes and encodes, `gateway_core.response` keeps
PEP 3333, `gateway_runtime` has the sockets and the processes. Other programs that need HTTP in (the CGI runner, the
front) start from `GATEWAY` and change its application.
"""

from __future__ import annotations

import argparse
import ipaddress
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from gateway_core import forwarded
from gateway_core.access import Access
from gateway_core.client import VISITOR
from gateway_core.environ import base_environ, environ_from_fields, environ_from_line
from gateway_core.errors import ApplicationError
from gateway_core.events import Fields
from gateway_core.http1 import DEFAULT_LIMITS, HttpRequest, Limits, ServerConnection, http_date
from gateway_core.response_checks import check_fields
from gateway_core.session import Peer, Service, Session
from gateway_runtime.addresses import Address
from gateway_runtime.arguments import network
from gateway_runtime.connection import Connection
from gateway_runtime.engine import SessionFactory
from gateway_runtime.log import line
from gateway_runtime.settings import Application, Gateway, Settings

__all__ = ["GATEWAY", "SOFTWARE", "HttpSession", "add_arguments", "is_front", "sessions"]

SOFTWARE = "wsgi_server/0.1.0"
"""SERVER_SOFTWARE, and the value of the Server field."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_date = http_date(time.time)


class Client(Peer, Protocol):
    """The transport of an HTTP connection."""

    @property
    def fd(self) -> int:
        """Its descriptor: to be asked whether the client is still there (`gatelab.visitor`), and for nothing else."""


class HttpSession(Session):
    """One HTTP connection: its requests one after another, pipelined ones included.

    A client mostly sends the same fields again, for which the codec gives the same list. Then the part of the environ
    that comes from them is the same too. `trusted(ip)` says whose X-Forwarded fields count (see `forwarded`).
    """

    __slots__ = ("_fields", "_http", "_template", "_trusted", "_visitor")

    request = HttpRequest
    linger = True

    def __init__(
        self,
        service: Service,
        transport: Client,
        limits: Limits = DEFAULT_LIMITS,
        allow_missing_host: bool = False,
        trusted: Callable[[str], bool] | None = None,
        software: str = SOFTWARE,
    ) -> None:
        self._http = ServerConnection(limits, allow_missing_host, software, _date)
        super().__init__(service, transport, self._http)
        self._fields: Fields | None = None
        self._template: dict[str, Any] = {}
        self._trusted = trusted
        self._visitor = transport.fd

    def early_hints(self, fields: Fields) -> None:
        """`wsgi.early_hints`: send `fields` in a 103 before the response, so that a browser can begin to load.

        Nothing is sent to a client of HTTP/1.0. Raises ApplicationError for fields that no response may have, and
        LocalProtocolError once the response has begun.
        """
        hints = self._http.interim(103, check_fields(fields)[0])
        if hints:
            self._write(hints)

    def raw_response(self) -> None:
        """`gatelab.raw_response`: what the application gives is the whole response, and the last on this connection.

        Raises ApplicationError after start_response, and when the response is over.
        """
        if self._response is None:  # called by what the application has left running
            raise ApplicationError("raw_response() comes too late: the response is over")
        self._response.raw()

    def retire(self) -> None:
        """Make the next response the last: it says `Connection: close` (RFC 9112 section 9.6)."""
        self._http.last = True

    def abandon(self) -> None:
        """The connection is gone; so is what refers to it from the template."""
        super().abandon()
        self._fields, self._template = None, {}

    def _begin(self, event: HttpRequest) -> None:
        method, target, version, fields, body, complete = event
        if fields is not self._fields:
            self._fields = fields
            template = self._template = environ_from_fields(self.service.base, fields, self.transport.peer)
            template["wsgi.early_hints"] = self.early_hints
            template["gatelab.raw_response"] = self.raw_response
            template[VISITOR] = self._visitor
            # What each request brings anew has its place already, so that no copy of the template has to grow.
            template["REQUEST_METHOD"] = template["REQUEST_URI"] = template["wsgi.input"] = None
            if self._trusted is not None:
                forwarded.apply(template, self._trusted)
        environ = environ_from_line(self._template, method, target, version)
        self._arrived(0, environ, self._http, body, complete)


def sessions(
    application: Application, settings: Settings, address: Address, software: str = SOFTWARE
) -> SessionFactory:
    """Return what makes the session of each connection to `address` (see `gateway_runtime.settings.Gateway`).

    `software`: name and version of the server, for SERVER_SOFTWARE and the Server field.
    """
    base = base_environ(protocol="HTTP", software=software, **settings.environ(address))
    service = Service(application, base, line, settings.max_body, settings.mount, Access.of(settings.access))
    limits = replace(DEFAULT_LIMITS, body=settings.max_body)
    # Programs that are built on this one do not have these options.
    hostless: bool = getattr(settings.arguments, "allow_missing_host", False)
    fronts: list[Network] = getattr(settings.arguments, "forwarded_allow", [])
    trusted = partial(is_front, fronts) if fronts else None

    def new(connection: Connection) -> HttpSession:
        return HttpSession(service, connection, limits, hostless, trusted, software)

    return new


def is_front(fronts: list[Network], peer: str) -> bool:
    """Is this the address of a front? Who connects to a unix socket (no address) is on this machine, so one of ours."""
    if not peer:
        return True
    address = ipaddress.ip_address(peer)
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in fronts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say of HTTP."""
    group = parser.add_argument_group("HTTP")
    group.add_argument(
        "--allow-missing-host", action="store_true",
        help="serve requests of HTTP/1.1 without a Host field too, for old clients and test tools",
    )  # fmt: skip
    group.add_argument(
        "--forwarded-allow", type=network, action="append", default=[], metavar="CIDR",
        help="fronts whose X-Forwarded-For and X-Forwarded-Proto say who the client is, and whether it used TLS; "
        "with any, peers on a unix socket are fronts too",
    )  # fmt: skip


GATEWAY = Gateway(
    program="wsgi_server",
    protocol="HTTP",
    scheme="http",
    description="Serve a WSGI application over HTTP/1.1. Ports speak plain HTTP: TLS, HTTP/2 and static files are the\n"
    "job of a front such as nginx.",
    sessions=sessions,
    default_bind="127.0.0.1:8000",
    add_arguments=add_arguments,
)
