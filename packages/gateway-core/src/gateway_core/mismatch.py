"""Which protocol is this? What the first four bytes of a connection give away.

The commonest fault in setting up a gateway is a front that speaks another protocol to its port. Four bytes tell, and a
server that says so saves somebody an evening::

    47 45 54 20    "GET "       HTTP                    the letters of a method
    16 03 01 ..                 TLS                     record type 22 (handshake), version 3.x
    01 01 00 01                 FastCGI                 version 1, type 1 (BEGIN_REQUEST), request id 1
    01 09 00 00                 FastCGI                 version 1, type 9 (GET_VALUES), no request
    01 06 00 01                 FastCGI                 version 1, type 6 (STDOUT): the answer of an application
    37 30 3a 43    "70:C"       SCGI                    a netstring
    00 b2 01 00                 uwsgi                   modifier 0, a little-endian size, modifier 0
    64 00 00 00                 uwsgi                   modifier 100 and nothing else: a ping
    12 34 ..                    AJP13                   what Tomcat's neighbours speak
    50 52 49 20    "PRI "       HTTP/2                  the connection preface
    50 52 4f 58    "PROX"       the PROXY protocol      what a load balancer puts in front
    0d 0a 0d 0a    CRLF CRLF    the PROXY protocol      the same in binary; 00 0d 0a 51 where empty lines are skipped
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .cgi import phrase
from .errors import PeerMismatch

__all__ = ["ENOUGH", "Guess", "http_refusal", "mismatch", "recognise"]

ENOUGH = 4
"""Bytes that tell the protocols apart."""


class Guess(NamedTuple):
    """A protocol by name, and what its first bytes do: "spell 'GET '"."""

    protocol: str
    evidence: str


# Methods of RFC 9110 section 9, and of others in the registry that it names (section 16.1).
_METHODS = (
    "GET ", "HEAD", "POST", "PUT ", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
    "PROPFIND", "REPORT", "SEARCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "ACL ", "MERGE", "PURGE",
)  # fmt: skip
_SPELLED = {method[:ENOUGH].encode(): method for method in _METHODS}
# FastCGI, section 8: the types that a side may begin with. Those of a request have its id, the others have 0.
_RECORD = re.compile(rb"\x01(?:[\x01\x03\x06\x07](?!\0\0)..|[\x09-\x0b]\0\0)", re.DOTALL)
_NETSTRING = re.compile(rb"[1-9](?:[0-9]{3}|[0-9]{0,2}:.*)", re.DOTALL)


def recognise(first: bytes) -> Guess | None:
    """Guess the protocol from the first bytes of a connection; None if they look like nothing known, or are too few."""
    first = bytes(first[:ENOUGH])
    if len(first) < ENOUGH:
        return None
    if first in _SPELLED:
        method = _SPELLED[first]
        rest = f", as in {method}" if len(method) > ENOUGH else ""
        return Guess("HTTP", f"spell {first.decode()!r}{rest}")
    if first == b"PRI ":
        return Guess("HTTP/2", "spell 'PRI '")
    if first[0] == 0x16 and first[1] == 0x03:
        return Guess("TLS", "open a TLS handshake")
    if _RECORD.fullmatch(first):
        return Guess("FastCGI", "open a FastCGI record")
    if _NETSTRING.fullmatch(first):
        return Guess("SCGI", "begin a netstring")
    if first[0] == 0 and first[3] == 0 and first[1:3] != b"\0\0":
        return Guess("uwsgi", "are a uwsgi packet header")
    if first == b"\x64\0\0\0":
        return Guess("uwsgi", "are a uwsgi ping")
    if first[:2] == b"\x12\x34":
        return Guess("AJP13", "open an AJP13 packet")
    if first in (b"PROX", b"\r\n\r\n", b"\0\r\nQ"):
        return Guess("the PROXY protocol", "are a PROXY protocol header")
    return None


def mismatch(first: bytes, port: str, note: str = "") -> PeerMismatch | None:
    """Return the error for a peer that speaks another protocol than `port` ("uwsgi"), None if that cannot be told.

    `note` ends the sentence.
    """
    guess = recognise(first)
    if guess is None or guess.protocol == port:
        return None
    article = "an" if port in ("HTTP", "SCGI", "AJP13") else "a"
    return PeerMismatch(f"these bytes {guess.evidence}: this is {guess.protocol} on {article} {port} port{note}")


def http_refusal(status: int, sentence: str) -> bytes:
    """Return an HTTP/1.1 response that says `sentence` as plain text and ends the connection."""
    body = f"{sentence}\n".encode("latin-1", "backslashreplace")
    head = (
        f"HTTP/1.1 {status} {phrase(status)}\r\n"
        "Content-Type: text/plain; charset=iso-8859-1\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
