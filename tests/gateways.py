"""Ask any of the gateways, each through its own client half: the five of WSGI, or with that of ASGI."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import fastcgi_server.client
import scgi_server.client
import uwsgi_gateway.client
import wsgi_server.client
from gateway_runtime.testing import Server

CLIENTS: dict[str, Callable[..., Any]] = {
    "cgi_runner": wsgi_server.client.client,
    "fastcgi_server": fastcgi_server.client.client,
    "scgi_server": scgi_server.client.client,
    "uwsgi_gateway": uwsgi_gateway.client.client,
    "wsgi_server": wsgi_server.client.client,
}
"""The gateways of WSGI."""

EVERY: dict[str, Callable[..., Any]] = CLIENTS | {"asgi_server": wsgi_server.client.client}
"""With that of ASGI, for what does not depend on the interface."""

TWINS = {"demo_app:app": "demo_app.asgi:app"}
"""Of applications for WSGI, those for ASGI that answer alike."""


@dataclass(frozen=True)
class Answer:
    """A response. `fields` keeps order and repeats; names in lower case."""

    status: str
    fields: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field == name]


class Gateway:
    """A running gateway, to be asked."""

    def __init__(self, program: str, server: Server) -> None:
        self.program = program
        self.server = server
        self._client = EVERY[program](server.address, timeout=20.0)

    def ask(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = {}) -> Answer:
        """Send a request and read its response."""
        head: list[Any] = []
        content = self._client(_environ(method, target, body, headers), lambda *start: head.extend(start))
        whole = b"".join(content)
        return Answer(head[0], [(name.lower(), value) for name, value in head[1]], whole)

    def leave(self, target: str) -> None:
        """Ask for `target`, and close the connection as soon as some of the response's content is here."""
        content = self._client(_environ("GET", target, b"", {}), lambda *_: None)
        assert next(iter(content))
        content.close()

    def close(self) -> None:
        self._client.close()


def _environ(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "SERVER_NAME": "museum.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "museum.test",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers.items():
        variable = name.upper().replace("-", "_")
        environ[variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"] = value
    return environ


@contextmanager
def running(program: str, application: str, folder: Path, *options: str) -> Iterator[Gateway]:
    """Start a gateway with an application from `folder`, or with its twin for ASGI; ask it, stop it."""
    if program == "asgi_server":
        application = TWINS[application]
    named = ["--app", application] if program == "cgi_runner" else [application]
    with Server(program, *named, "--bind", "127.0.0.1:0", *options, cwd=folder) as server:
        gateway = Gateway(program, server)
        try:
            yield gateway
        finally:
            gateway.close()
