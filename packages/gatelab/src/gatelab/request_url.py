"""From a URL to who is asked, and for what.

::

    http://127.0.0.1:8000/path?query                TCP; only http has a port of its own, 80
    fastcgi://127.0.0.1:9000/status                 likewise scgi:// and uwsgi://
    fastcgi+unix:/run/php/php8.2-fpm.sock:/status   a unix socket, then ":" and the path
    cgi:./program.py/path?query                     a program on disk: the first part of the path that is a file

Nothing of a path is resolved or tidied: who looks into servers wants to send exactly what he wrote, `/../` too. Only
what no URL can hold is changed: characters beyond ASCII become the escapes of their UTF-8 bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from gateway_runtime.addresses import Address
from gateway_runtime.addresses import parse as parse_address
from gateway_runtime.errors import StartupError

from .request_errors import BadRequest

__all__ = ["NAMES", "Url", "parse"]

NAMES = {"http": "HTTP", "fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi", "cgi": "CGI"}
"""The schemes, and what people call the protocols."""

HTTP_PORT = 80

HOW = "write SCHEME://HOST:PORT/PATH, SCHEME+unix:SOCKET:/PATH or cgi:PROGRAM/PATH"

_TCP = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<host>[^/?]*)(?P<target>.*)")
_UNIX = re.compile(r"(?P<scheme>[A-Za-z]+)\+unix:(?P<socket>[^:]+)(?::(?P<target>/.*))?")
_PROGRAM = re.compile(r"cgi:(?P<target>[^?]+.*)")
_PORT = re.compile(r".*:[0-9]+")
_ASCII = "".join(map(chr, range(128)))


@dataclass(frozen=True, slots=True)
class Url:
    """`address` is where to connect: nowhere for `cgi`. `host` is for the Host field.

    `path` and `query` are as they were written. A path begins with "/", but for `cgi`, where a file comes first.
    """

    text: str
    scheme: str
    address: Address
    host: str
    path: str
    query: str

    def __str__(self) -> str:
        return self.text

    @property
    def protocol(self) -> str:
        """The name of the protocol."""
        return NAMES[self.scheme]


def parse(text: str, unix_socket: str | None = None) -> Url:
    """Read a URL; `unix_socket` is where to connect, whatever host it names. Raises BadRequest."""
    plain = quote(text.partition("#")[0], safe=_ASCII, errors="surrogateescape")
    match = _UNIX.fullmatch(plain) or _TCP.fullmatch(plain) or _PROGRAM.fullmatch(plain)
    if match is None:
        raise BadRequest(f"{text!r} is not a URL: {HOW}")
    target = match["target"] or "/"
    if not target.isprintable() or (" " in target and match.re is not _PROGRAM):
        raise BadRequest(f"{text!r} has a character that no URL may have: write a blank as %20")
    if unix_socket and match.re is not _TCP:
        raise BadRequest(f"{text!r} says already where it is: leave --unix-socket out")
    path, _, query = target.partition("?")
    if match.re is _PROGRAM:
        return Url(text, "cgi", Address(), "localhost", path, query)
    scheme, host = _scheme(match["scheme"].lower(), text), "localhost"
    if match.re is _UNIX:
        address = Address(path=match["socket"])
    else:
        host = _host(match["host"], text)
        address = Address(path=unix_socket) if unix_socket else _address(host, scheme, text)
    return Url(text, scheme, address, host, path or "/", query)


def _scheme(scheme: str, text: str) -> str:
    if scheme == "https":
        raise BadRequest(f"{text!r}: gateways speak plain HTTP, and so does gatelab")
    if scheme == "cgi":
        raise BadRequest(f"{text!r}: a program has no host: write cgi:./PROGRAM/PATH, or cgi:/FOLDER/PROGRAM/PATH")
    if scheme not in NAMES:
        raise BadRequest(f"{text!r}: the scheme {scheme!r} is none of {', '.join(NAMES)}")
    return scheme


def _host(host: str, text: str) -> str:
    if "@" in host:
        raise BadRequest(f"{text!r}: a name and a password do not go here: use -H 'Authorization: Basic ...'")
    if not host or host.startswith(":"):
        raise BadRequest(f"{text!r} has no host: {HOW}")
    return host


def _address(host: str, scheme: str, text: str) -> Address:
    if not _PORT.fullmatch(host):
        if scheme != "http":
            raise BadRequest(f"{text!r} has no port, and {NAMES[scheme]} has none of its own: {HOW}")
        host = f"{host}:{HTTP_PORT}"
    try:
        address = parse_address(host)
    except StartupError:
        raise BadRequest(f"{text!r}: {host!r} is not HOST:PORT or [IPV6]:PORT") from None
    if not address.port:
        raise BadRequest(f"{text!r}: nobody can be reached at port 0")
    return address
