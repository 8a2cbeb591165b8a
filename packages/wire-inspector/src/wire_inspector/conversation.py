"""Both directions of one connection, and which protocol it speaks.

::

    receive("front", bytes) ---> the first four bytes tell ---> FastCGI | SCGI | ... ---> [Message, ...]
    receive("backend", bytes) -> wait until that is known ----^
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from gateway_core.mismatch import ENOUGH

from . import strangers
from .ajp13 import AJP13
from .cgi import CGI
from .fastcgi import FastCGI
from .http_messages import HTTP
from .message import BACKEND, FRONT, Message
from .scgi import SCGI
from .stream import Direction, Reader, Steps, Stream
from .uwsgi import Uwsgi

__all__ = ["PROTOCOLS", "Conversation"]

UNDECIDED = 64 * 1024
"""Bytes that wait for the front's first four. Then the backend speaks first, which none of these protocols does."""


class _Decoder(Protocol):
    def front(self, stream: Stream) -> Steps[None]: ...

    def backend(self, stream: Stream) -> Steps[None]: ...


PROTOCOLS: Mapping[str, Callable[[], _Decoder]] = MappingProxyType(
    {"FastCGI": FastCGI, "SCGI": SCGI, "uwsgi": Uwsgi, "HTTP": HTTP, "CGI": CGI, "AJP13": AJP13}
)
"""What can be decoded, by name."""


class Conversation:
    """Decodes one connection. `protocol`: a name from PROTOCOLS; None: the front's first bytes tell."""

    def __init__(self, protocol: str | None = None) -> None:
        if protocol is not None and protocol not in PROTOCOLS:
            raise ValueError(f"{protocol!r} is not one of {', '.join(PROTOCOLS)}")
        self._protocol = protocol
        self._directions: dict[str, Direction] = {}
        self._waiting: list[tuple[str, bytes]] = []
        self._first = b""
        self._size = 0  # bytes that wait
        if protocol is not None:
            self._open(protocol, b"")

    @property
    def protocol(self) -> str | None:
        """The protocol's name; None while it is not known."""
        return self._protocol

    def receive(self, sender: str, data: bytes) -> list[Message]:
        """Take what "front" or "backend" has sent, b"" for its end, and return what can be told now.

        Bad bytes raise nothing: a message says in `fault` what is wrong, and what follows comes undecoded.
        """
        if sender not in (FRONT, BACKEND):
            raise ValueError(f"the sender is {FRONT!r} or {BACKEND!r}, not {sender!r}")
        if self._directions:
            return self._directions[sender].receive(data)
        self._waiting.append((sender, data))
        self._size += len(data)
        if sender == FRONT:
            self._first = (self._first + data)[:ENOUGH]
        more_may_come = data or sender == BACKEND
        if len(self._first) < ENOUGH and more_may_come and self._size < UNDECIDED:
            return []
        self._protocol = strangers.recognised(self._first)
        self._open(self._protocol, self._first)
        waiting, self._waiting = self._waiting, []
        return [message for side, piece in waiting for message in self._directions[side].receive(piece)]

    def _open(self, protocol: str | None, first: bytes) -> None:
        """Make the two directions."""
        new = PROTOCOLS.get(protocol or "")
        name = protocol or "unknown"
        front: Reader
        backend: Reader
        if new is None:
            front, backend = strangers.unknown(first), strangers.undecoded
        else:
            decoder = new()
            front, backend = strangers.request(name, decoder.front), strangers.response(name, decoder.backend)
        self._directions = {
            FRONT: Direction(Stream(name, FRONT), front),
            BACKEND: Direction(Stream(name, BACKEND), backend),
        }
