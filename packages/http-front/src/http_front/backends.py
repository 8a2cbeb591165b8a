"""From a URL to a WSGI application that sends each request to what stands behind it.

::

    http://127.0.0.1:8000      http+unix:/run/app.sock       wsgi_server.client
    fastcgi://127.0.0.1:9000   fastcgi+unix:/run/app.sock    fastcgi_server.client
    scgi://127.0.0.1:4000      scgi+unix:/run/app.sock       scgi_server.client
    uwsgi://127.0.0.1:3031     uwsgi+unix:/run/app.sock      uwsgi_gateway.client

The four differ in how they write a request down, and in who may use a connection twice: HTTP and FastCGI can keep one
open for the next request, while SCGI and uwsgi end a response by closing.
"""

from __future__ import annotations

from collections.abc import Callable

import fastcgi_server.client
import scgi_server.client
import uwsgi_gateway.client
import wsgi_server.client
from gateway_core.client import Client
from gateway_runtime.addresses import Address, parse_url
from gateway_runtime.errors import StartupError

__all__ = ["SCHEMES", "backend", "read_url"]

SCHEMES = ("fastcgi", "http", "scgi", "uwsgi")
"""What a backend may speak."""


def read_url(url: str) -> tuple[str, Address]:
    """Return scheme and address of a backend. Raises StartupError with one sentence."""
    scheme, address = parse_url(url)
    if scheme not in SCHEMES:
        raise StartupError(f"{url!r}: a backend speaks {', '.join(SCHEMES)}, not {scheme!r}")
    if not address.path and not address.port:
        raise StartupError(f"{url!r}: nobody can be reached at port 0")
    return scheme, address


def backend(url: str, *, timeout: float, keep: int, log: Callable[[str], None]) -> Client:
    """Return a WSGI application that sends requests to `url`.

    `timeout`: seconds for connecting, and for each silence. `keep`: idle connections that are kept for later requests,
    where the protocol can. `log` takes one line. Raises StartupError for a URL that is none; nothing is connected yet.
    """
    scheme, address = read_url(url)
    if scheme == "fastcgi":
        return fastcgi_server.client.client(address, timeout=timeout, keep=keep, log=log)
    if scheme == "scgi":
        return scgi_server.client.client(address, timeout=timeout, log=log)
    if scheme == "uwsgi":
        return uwsgi_gateway.client.client(address, timeout=timeout, log=log)
    return wsgi_server.client.client(address, timeout=timeout, keep=keep, log=log)
