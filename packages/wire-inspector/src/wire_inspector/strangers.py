"""Which protocol is this, and is it the one that was expected? The first bytes of each direction tell.

A front that speaks another protocol than its backend is the commonest fault in setting up a gateway, and both
directions show it: the request is not what the backend can read, and the answer is not what the front asked for.
"""

from __future__ import annotations

import re

from gateway_core.errors import RemoteProtocolError
from gateway_core.mismatch import ENOUGH, mismatch, recognise
from uwsgi_gateway.protocol import PING, decode_packet_header

from .stream import Reader, Steps, Stream

__all__ = ["recognised", "request", "response", "undecoded", "unknown"]

_REQUESTS = {
    "FastCGI": re.compile(rb"\x01"),
    "SCGI": re.compile(rb"[0-9]"),
    "uwsgi": re.compile(rb"[\x00d]"),
    "HTTP": re.compile(rb"\r\n"),
    "CGI": re.compile(rb""),
    "AJP13": re.compile(rb"\x124"),
}
"""What each protocol reads itself, whatever else it looks like."""

_EXTENSION_METHOD = re.compile(rb"[A-Z]{4}")

_ANSWERS = (
    ("HTTP", re.compile(rb"HTTP"), "spell 'HTTP'"),
    ("FastCGI", re.compile(rb"\x01[\x03\x06\x07\x0a\x0b]\x00"), "open a FastCGI record"),
    ("TLS", re.compile(rb"[\x15\x16]\x03"), "open a TLS record"),
    ("AJP13", re.compile(rb"AB\x00"), "open an AJP13 packet"),
    ("CGI", re.compile(rb"Stat|Cont", re.IGNORECASE), "begin a field of a CGI response"),
)
"""How the answers of each protocol begin."""

_SPOKEN = {"SCGI": ("CGI",), "uwsgi": ("HTTP", "CGI")}
"""What backends answer with, where that is not called as the protocol."""


def recognised(first: bytes) -> str | None:
    """Name the protocol of a connection by what its front sends first; None if that is not known."""
    guess = recognise(first)
    if guess is not None:
        return guess.protocol
    if first == PING:
        return "uwsgi"
    if _REQUESTS["AJP13"].match(first):
        return "AJP13"
    return "HTTP" if _EXTENSION_METHOD.match(first) else None


def request(protocol: str, reader: Reader) -> Reader:
    """Return a reader that first tells if the front speaks another protocol."""

    def read(stream: Stream) -> Steps[None]:
        if protocol != "CGI":  # there it is content, which may be anything
            first = yield from stream.peek(ENOUGH)
            stranger = None if _REQUESTS[protocol].match(first) else mismatch(first, protocol, _note(protocol, first))
            if stranger is not None:
                raise stranger
        yield from reader(stream)

    return read


def _note(protocol: str, first: bytes) -> str:
    """Return what uWSGI would say of a request in HTTP: it reads four bytes of it as a packet header."""
    if protocol != "uwsgi" or len(first) < ENOUGH:
        return ""
    return f" (read as a packet header they promise {decode_packet_header(first).size} bytes)"


def response(protocol: str, reader: Reader) -> Reader:
    """Return a reader that first tells if the backend answers in another protocol."""

    def read(stream: Stream) -> Steps[None]:
        first = yield from stream.peek(ENOUGH)
        for name, beginning, evidence in _ANSWERS:
            if beginning.match(first) and name not in _SPOKEN.get(protocol, (protocol,)):
                raise RemoteProtocolError(f"these bytes {evidence}: the backend speaks {name}, not {protocol}")
        yield from reader(stream)

    return read


def unknown(first: bytes) -> Reader:
    """Return a reader that decodes nothing, and says why."""

    def read(stream: Stream) -> Steps[None]:
        if not (yield from stream.more()):
            return
        guess = recognise(first)
        if guess is None:
            raise RemoteProtocolError("these bytes begin no protocol that is known here")
        raise RemoteProtocolError(f"these bytes {guess.evidence}: this is {guess.protocol}, which is not decoded here")

    return read


def undecoded(stream: Stream) -> Steps[None]:
    """Decode nothing."""
    yield from ()
