"""The handshake of a WebSocket, from the client's side: a request of HTTP (RFC 6455 section 4.2.1).

::

    GET /chat HTTP/1.1
    Connection: Upgrade                                 \
    Upgrade: websocket                                   > `is_handshake`: without these it is any other request
    Sec-WebSocket-Version: 13                           `VERSION`: the only one there is
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==         `accept_key`: 16 bytes by chance, to be hashed
    Sec-WebSocket-Protocol: chat, superchat             `socket_scope`: what the client could speak within it
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Fields
from gateway_core.http1 import HttpRequest
from gateway_core.http1.grammar import options

from .interfaces import Scope

__all__ = ["VERSION", "accept_key", "is_handshake", "socket_scope"]

VERSION = b"13"
"""The only version of the protocol (RFC 6455 section 4.1)."""

# RFC 6455 section 1.3: what the server hashes with the client's key, so that both know that they mean a WebSocket.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16


def is_handshake(request: HttpRequest) -> bool:
    """Does the client want to switch to WebSocket? Upgrade has no meaning in HTTP/1.0 (RFC 9110 section 7.8)."""
    fields = request.fields
    if request.method != "GET" or request.version == "HTTP/1.0" or not any(name == "upgrade" for name, _ in fields):
        return False
    return "websocket" in options(fields, "upgrade") and "upgrade" in options(fields, "connection")


def socket_scope(scope: Scope, request: HttpRequest) -> Scope:
    """Turn the scope of a request into that of a WebSocket. Raises RemoteProtocolError for a bad handshake."""
    if not request.complete:
        raise RemoteProtocolError("a WebSocket's handshake has no content")
    accept_key(request.fields)
    offered = [value for name, value in request.fields if name == "sec-websocket-protocol"]
    subprotocols = [one.strip(" \t") for value in offered for one in value.split(",")]
    for one in subprotocols:
        if not one or not _is_token(one):
            raise RemoteProtocolError("Sec-WebSocket-Protocol is not a list of tokens")
    if len(set(subprotocols)) < len(subprotocols):  # section 4.1: all unique
        raise RemoteProtocolError("Sec-WebSocket-Protocol names a subprotocol twice")
    del scope["method"]
    scheme = "wss" if scope["scheme"] == "https" else "ws"
    extensions: dict[str, Scope] = {"websocket.http.response": {}}
    return scope | {"type": "websocket", "scheme": scheme, "subprotocols": subprotocols, "extensions": extensions}


def _is_token(text: str) -> bool:
    """RFC 9110 section 5.6.2."""
    return all(character.isascii() and (character.isalnum() or character in "!#$%&'*+-.^_`|~") for character in text)


def accept_key(fields: Fields) -> str:
    """Return Sec-WebSocket-Accept for Sec-WebSocket-Key (section 4.2.2). Raises RemoteProtocolError."""
    keys = [value for name, value in fields if name == "sec-websocket-key"]
    try:
        key = keys[0].encode("latin-1") if len(keys) == 1 else b""
        if len(base64.b64decode(key, validate=True)) != _KEY_BYTES:
            raise RemoteProtocolError(f"Sec-WebSocket-Key is not {_KEY_BYTES} bytes in base64, once")
    except binascii.Error:
        raise RemoteProtocolError(f"Sec-WebSocket-Key is not {_KEY_BYTES} bytes in base64, once") from None
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
