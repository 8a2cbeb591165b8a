"""From a request as HTTP has it to the scope that ASGI wants ("HTTP & WebSocket ASGI Message Format").

::

    GET /a%20b?c=d HTTP/1.1          scope["path"]          "/a b"        decoded, then UTF-8
    Host: museum.test                scope["raw_path"]      b"/a%20b"     as it came
    Accept: */*                      scope["query_string"]  b"c=d"
                                     scope["headers"]       [(b"host", b"museum.test"), (b"accept", b"*/*")]

WSGI's environ joins repeated fields and must fear names that look alike; here fields stay a list of bytes, in order.
"""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any
from urllib.parse import unquote_to_bytes

from gateway_core import forwarded
from gateway_core.errors import RemoteProtocolError
from gateway_core.http1 import HttpRequest
from gateway_runtime.addresses import Address

from .interfaces import ASGI, Scope
from .site import Site

__all__ = ["Ends", "ends_of", "is_below", "new_scope"]

# RFC 3986 section 2.1: pct-encoded = "%" HEXDIG HEXDIG
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

Ends = tuple[tuple[str, int] | None, tuple[str, int | None]]
"""Who is at the two ends of a connection: client and server, as the scope has them."""


def new_scope(site: Site, request: HttpRequest, ends: Ends) -> Scope:
    """Return the scope of a request. Raises RemoteProtocolError (400) for a path that is no text.

    `state` is a copy of what the application has kept for all requests at its start.
    """
    raw_path, _, query = request.target.partition("?")
    client, server = ends
    scheme = "http"
    if site.trusted is not None:
        client, scheme = _forwarded(site, request, client)
    return {
        "type": "http",
        "asgi": ASGI.copy(),
        "http_version": request.version.removeprefix("HTTP/"),
        "method": request.method.upper(),
        "scheme": scheme,
        "path": _decode(raw_path),
        "raw_path": raw_path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": site.root,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.fields],
        "client": client,
        "server": server,
        "state": site.lifespan.state.copy(),
        "extensions": {"http.response.pathsend": {}},
    }


def ends_of(transport: asyncio.Transport, address: Address) -> Ends:
    """Say who is at the two ends. A peer that has gone already has no address any more."""
    sock = transport.get_extra_info("socket")
    if sock.family == socket.AF_UNIX:
        return None, (address.path, None)
    peer = transport.get_extra_info("peername")
    here = transport.get_extra_info("sockname") or (address.host, address.port)
    # The zone of a link-local address means something to this machine only.
    return ((peer[0].partition("%")[0], peer[1]) if peer else None), (here[0].partition("%")[0], here[1])


def is_below(scope: Scope) -> bool:
    """Is the path at or below the mount point? All is below the root, the `*` of OPTIONS too."""
    root = scope["root_path"]
    return not root or f"{scope['path']}/".startswith(f"{root}/")


def _decode(path: str) -> str:
    """Return the text of a path. What is no text could name anything, so it is refused and not replaced."""
    if "%" not in path:
        return path
    if _BAD_ESCAPE.search(path):
        raise RemoteProtocolError("the path has a % without two hexadecimal digits behind it")
    try:
        return unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise RemoteProtocolError("the path is not UTF-8") from None


def _forwarded(site: Site, request: HttpRequest, client: tuple[str, int] | None) -> tuple[tuple[str, int] | None, str]:
    """Return the client and the scheme as trusted fronts say (see `gateway_core.forwarded`)."""
    peer = client[0] if client else ""
    told: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    for name, value in request.fields:
        if name in ("x-forwarded-for", "x-forwarded-proto"):
            key = "HTTP_" + name.upper().replace("-", "_")
            told[key] = f"{told[key]}, {value}" if key in told else value
    assert site.trusted is not None
    forwarded.apply(told, site.trusted)
    said = told["REMOTE_ADDR"]
    return (client if said == peer else (said, 0)), told["wsgi.url_scheme"]
