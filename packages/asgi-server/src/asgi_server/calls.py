"""Which call a request is for: the application's, as a request or as a WebSocket, or one of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_core.http1 import HttpRequest

from .call import Call
from .handshake import VERSION, is_handshake, socket_scope
from .http import HttpCall
from .interfaces import Application, Receive, Scope, Send
from .scope import is_below
from .websocket import WebSocketCall

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["new_call"]


def new_call(connection: Connection, request: HttpRequest, scope: Scope) -> tuple[Call, Application]:
    """Return the call for a request, and what is to be called. Raises RemoteProtocolError for a bad handshake."""
    application = connection.site.lifespan.application
    if not is_below(scope):
        return HttpCall(connection, request, scope), _not_below_the_mount
    if not is_handshake(request):
        return HttpCall(connection, request, scope), application
    if (b"sec-websocket-version", VERSION) not in scope["headers"]:
        return HttpCall(connection, request, scope), _not_our_version
    return WebSocketCall(connection, request, socket_scope(scope, request)), application


async def _not_our_version(_scope: Scope, _receive: Receive, send: Send) -> None:
    """RFC 6455 section 4.4: say which version we speak."""
    body = f"Only version {VERSION.decode()} of WebSocket is spoken here.\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"sec-websocket-version", VERSION)]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _not_below_the_mount(_scope: Scope, _receive: Receive, send: Send) -> None:
    body = b"This application is mounted elsewhere.\n"
    start = {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
