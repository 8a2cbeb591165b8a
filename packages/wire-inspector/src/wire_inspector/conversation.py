"""Both directions of one connection, and which protocol it speaks.

::

    receive("front", bytes) ---> the first four bytes tell ---> FastCGI | SCGI | ... ---> [Message, ...]
    receive("backend", bytes) -> wait until that is known ----^
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from gateway_core.errors import RemoteProtocolError
from gateway_core.mismatch import ENOUGH, mismatch, recognise
from uwsgi_gateway.protocol import PING, decode_packet_header

from .ajp13 import AJP13
from .ajp13 import MAGIC as AJP13_MAGIC
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

_OWN = {
    "FastCGI": re.compile(rb"\x01"),
    "SCGI": re.compile(rb"[0-9]"),
    "uwsgi": re.compile(rb"[\x00d]"),
    "HTTP": re.compile(rb"\r\n"),
    "CGI": re.compile(rb""),
    "AJP13": re.compile(rb"\x124"),
}
"""First bytes that each protocol would read itself, whatever else they look like."""

_EXTENSION_METHOD = re.compile(rb"[A-Z]{4}")


class Conversation:
    """Decodes one connection. `protocol`: a name from PROTOCOLS; None: the front's first bytes tell."""

    def __init__(self, protocol: str | None = None) -> None:
        if protocol is not None and protocol not in PROTOCOLS:
            raise ValueError(f"{protocol!r} is not one of {', '.join(PROTOCOLS)}")
        self._protocol = protocol
        self._directions: dict[str, Direction] = {}
        self._waiting: list[tuple[str, bytes]] = []
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
        first = b"".join(piece for side, piece in self._waiting if side == FRONT)[:ENOUGH]
        if len(first) < ENOUGH and data and sum(len(piece) for _, piece in self._waiting) < UNDECIDED:
            return []
        self._protocol = _recognise(first)
        self._open(self._protocol, first)
        waiting, self._waiting = self._waiting, []
        return [message for side, piece in waiting for message in self._directions[side].receive(piece)]

    def _open(self, protocol: str | None, first: bytes) -> None:
        """Make the two directions."""
        new = PROTOCOLS.get(protocol or "")
        name = protocol or "unknown"
        if new is None:
            front, backend = _unknown(first), _undecoded
        else:
            decoder = new()
            front, backend = _checked(name, decoder.front), decoder.backend
        self._directions = {
            FRONT: Direction(Stream(name, FRONT), front),
            BACKEND: Direction(Stream(name, BACKEND), backend),
        }


def _recognise(first: bytes) -> str | None:
    """Name the protocol of a connection by its first bytes."""
    guess = recognise(first)
    if guess is not None:
        return guess.protocol
    if first == PING:
        return Uwsgi.name
    if first.startswith(AJP13_MAGIC[FRONT]):
        return AJP13.name
    return "HTTP" if _EXTENSION_METHOD.match(first) else None


def _checked(protocol: str, reader: Reader) -> Reader:
    """Return a reader that tells if the first bytes are those of another protocol."""

    def read(stream: Stream) -> Steps[None]:
        if protocol != CGI.name:
            first = yield from stream.peek(ENOUGH)
            stranger = None if _OWN[protocol].match(first) else mismatch(first, protocol, _note(protocol, first))
            if stranger is not None:
                raise stranger
        yield from reader(stream)

    return read


def _note(protocol: str, first: bytes) -> str:
    """Return what uWSGI would say of a request in HTTP: it reads four bytes of it as a packet header."""
    if protocol != Uwsgi.name or len(first) < ENOUGH:
        return ""
    return f" (read as a packet header they promise {decode_packet_header(first).size} bytes)"


def _unknown(first: bytes) -> Reader:
    """Return a reader that decodes nothing, and says why."""

    def read(stream: Stream) -> Steps[None]:
        if not (yield from stream.more()):
            return
        guess = recognise(first)
        if guess is None:
            raise RemoteProtocolError("these bytes begin no protocol that is known here")
        raise RemoteProtocolError(f"these bytes {guess.evidence}: this is {guess.protocol}, which is not decoded here")

    return read


def _undecoded(stream: Stream) -> Steps[None]:
    yield from ()
