"""One question to a gateway, in the gateway's own protocol, and its answer: the client halves of our codecs.

`ask` speaks HTTP, FastCGI, SCGI and uwsgi, and needs no front. `Talk` keeps its connection where the protocol can.
Addresses are written as `gatelab request` takes them::

    fastcgi://127.0.0.1:9000/counter?by=2
    fastcgi+unix:/tmp/app.socket:/counter?by=2      a unix socket, then ":" and the path
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import fastcgi_server.client
import scgi_server.client
import uwsgi_gateway.client
import wsgi_server.client
from gateway_core.client import Client
from gateway_core.errors import BackendError
from gateway_lab.errors import LabError
from gateway_runtime.addresses import parse_url
from gateway_runtime.errors import StartupError

__all__ = ["Answer", "Talk", "ask"]

CLIENTS: dict[str, Any] = {
    "http": wsgi_server.client.client,
    "fastcgi": fastcgi_server.client.client,
    "scgi": scgi_server.client.client,
    "uwsgi": uwsgi_gateway.client.client,
}
KEEPING = ("http", "fastcgi")
"""Protocols whose connections carry more than one request."""
_URL = re.compile(r"(?P<where>(?P<scheme>\w+)(?:://[^/?]+|\+unix:[^:]+))(?::(?=/))?(?P<target>[/?].*)?", re.DOTALL)
TIMEOUT = 20.0
"""Seconds of silence after which a question is given up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `fields` by lower-case name, `seconds` from the question to the last byte."""

    status: int
    fields: dict[str, str]
    content: bytes
    seconds: float

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")


class Talk:
    """Questions to one server, over one connection where the protocol and the server keep it. A context manager."""

    def __init__(self, url: str, *, keep: bool = True, timeout: float = TIMEOUT) -> None:
        self._scheme, where, _ = _parts(url)
        try:
            address = parse_url(where)[1]
        except StartupError as error:
            raise LabError(f"{url!r} is no address of a gateway: {error}.") from None
        more = {"keep": int(keep)} if self._scheme in KEEPING else {}
        self._client: Client = CLIENTS[self._scheme](address, timeout=timeout, limit=1, **more)
        self._host = "localhost" if address.path else str(address)
        self._where = where

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._client.close()

    def ask(
        self, target: str, method: str = "GET", content: bytes = b"", fields: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and return its answer. `target` is a path with its query. Raises LabError."""
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote(path or "/", "latin-1"),
            "QUERY_STRING": query, "REQUEST_URI": target or "/", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": self._host,
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(content)), "wsgi.input": io.BytesIO(content), "wsgi.url_scheme": "http",
            **{_variable(name): value for name, value in (fields or {}).items()},
        }  # fmt: skip
        began = time.perf_counter()
        try:
            head, body = self._client.request(environ)
            whole = b"".join(body)
        except BackendError as error:
            raise LabError(f"{self._where} gave no answer ({error}). If its server has ended, run the cell that has "
                           "`serve` again.") from error  # fmt: skip
        found = {name.lower(): value for name, value in head.fields}
        return Answer(head.status, found, whole, time.perf_counter() - began)


def ask(url: str, method: str = "GET", content: bytes = b"", fields: Mapping[str, str] | None = None) -> Answer:
    """Send one request over a connection of its own and return the answer. Raises LabError if there is none."""
    with Talk(url, keep=False) as talk:
        return talk.ask(_parts(url)[2], method, content, fields)


def _parts(url: str) -> tuple[str, str, str]:
    """Return an address's scheme, the part of it that says where, and the path with the query."""
    found = _URL.fullmatch(url)
    if not found or found["scheme"] not in CLIENTS:
        names = ", ".join(CLIENTS)
        raise LabError(f"{url!r} is no address of a gateway: write SCHEME://HOST:PORT/PATH, with one of {names}.")
    return found["scheme"], found["where"], found["target"] or "/"


def _variable(name: str) -> str:
    """Return the CGI variable of a header field (RFC 3875, section 4.1.18)."""
    plain = name.upper().replace("-", "_")
    return plain if plain == "CONTENT_TYPE" else f"HTTP_{plain}"
