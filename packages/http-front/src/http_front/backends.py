"""From a URL to a server that requests can be sent to.

::

    http://127.0.0.1:8000      http+unix:/run/app.sock       wsgi_server.client
    fastcgi://127.0.0.1:9000   fastcgi+unix:/run/app.sock    fastcgi_server.client
    scgi://127.0.0.1:4000      scgi+unix:/run/app.sock       scgi_server.client
    uwsgi://127.0.0.1:3031     uwsgi+unix:/run/app.sock      uwsgi_gateway.client

The four differ in how they write a request down, and in who may use a connection twice: HTTP and FastCGI can keep one
open for the next request, while SCGI and uwsgi end a response by closing. And each has its own way to say that it is
well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import fastcgi_server.client
import scgi_server.client
import uwsgi_gateway.client
import wsgi_server.client
from fastcgi_server.records import AUTHORIZER, MAX_CONNS
from gateway_core.client import Client
from gateway_core.errors import BackendError, BackendUnavailable
from gateway_runtime.addresses import Address, connect, parse_url
from gateway_runtime.channel import Patience
from gateway_runtime.channels import Channels
from gateway_runtime.errors import StartupError

from .upstream import Server

if TYPE_CHECKING:
    from .plan import Route

__all__ = ["SCHEMES", "authorizer", "read_url", "server"]

SCHEMES = ("fastcgi", "http", "scgi", "uwsgi")
"""What a backend may speak."""

CHECK_SECONDS = 3.0
"""How long a server may take to say that it is well."""


def read_url(url: str) -> tuple[str, Address]:
    """Return scheme and address of a backend. Raises StartupError with one sentence."""
    scheme, address = parse_url(url)
    if scheme not in SCHEMES:
        raise StartupError(f"{url!r}: a backend speaks {', '.join(SCHEMES)}, not {scheme!r}")
    if not address.path and not address.port:
        raise StartupError(f"{url!r}: nobody can be reached at port 0")
    return scheme, address


def server(url: str, route: Route, log: Callable[[str], None]) -> Server:
    """Return the server at `url`, with the limits of `route`. `log` takes one line.

    Raises StartupError for a URL that is none; nothing is connected yet.
    """
    scheme, address = read_url(url)
    patience = Patience(route.connect, route.send, route.silence, route.whole)
    client: Client
    if scheme == "fastcgi":
        client = fastcgi_server.client.client(
            address, timeout=patience, keep=route.keep, limit=route.connections, name=url, log=log
        )
    elif scheme == "scgi":
        client = scgi_server.client.client(address, timeout=patience, limit=route.connections, name=url, log=log)
    elif scheme == "uwsgi":
        client = uwsgi_gateway.client.client(address, timeout=patience, limit=route.connections, name=url, log=log)
    else:
        client = wsgi_server.client.client(
            address, timeout=patience, keep=route.keep, limit=route.connections, name=url, log=log
        )
    channels = client.channels
    assert isinstance(channels, Channels)
    checks = {"fastcgi": partial(_values, address, channels, channels.limit), "uwsgi": partial(_pong, address)}
    return Server(client, channels, checks.get(scheme, partial(_listens, address)))


def authorizer(url: str, route: Route, log: Callable[[str], None]) -> Client:
    """Return a client that asks the FastCGI Authorizer at `url`, with the limits of `route`."""
    patience = Patience(route.connect, route.send, route.silence, route.whole)
    return fastcgi_server.client.client(
        read_url(url)[1], timeout=patience, keep=route.keep, limit=route.connections, role=AUTHORIZER, name=url, log=log
    )


def _values(address: Address, channels: Channels, most: int) -> None:
    """Ask how many connections it takes, and keep to that (FastCGI section 4.1). One that does not say may be well."""
    try:
        said = fastcgi_server.client.ask_values(address, CHECK_SECONDS)
    except BackendUnavailable:
        raise
    except BackendError:  # it does not know the question, and its answers to requests will tell
        return
    channels.limit = min(most, said.get(MAX_CONNS) or most)


def _pong(address: Address) -> None:
    uwsgi_gateway.client.ping(address, CHECK_SECONDS)


def _listens(address: Address) -> None:
    try:
        connect(address, CHECK_SECONDS).close()
    except OSError as error:
        raise BackendUnavailable(f"the backend cannot be reached: {error.strerror or error}") from None
