"""What ASGI is made of: one call, and messages both ways (asgiref, "ASGI Specification", version 3.0).

::

    await application(scope, receive, send)

    scope     what the call is about: a request, a WebSocket, or the life of the process. A dictionary
    receive   await it for the next message from the client. A dictionary with a "type"
    send      await it with a message to the client. Likewise

WSGI's call gives one answer and is over. This one may wait, be told, and tell, as often as it likes, and while it waits
its thread does something else. That is all that ASGI adds, and all that it is for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["ASGI", "Application", "ClientGone", "Message", "Receive", "Scope", "Send"]

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ASGI = {"version": "3.0", "spec_version": "2.5"}
"""The versions of ASGI and of "HTTP & WebSocket ASGI Message Format"."""


class ClientGone(ConnectionError):
    """`send` raises it when nobody is there any more: an OSError, as version 2.4 asks. Not a fault of anybody's."""
