"""What several tests of the front share: a request in this process, without a server."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from gateway_core.environ import base_environ, environ_from_http

__all__ = ["Seen", "ask", "environ"]


class Seen(NamedTuple):
    """A response."""

    status: str
    fields: dict[str, str]
    body: bytes


def environ(
    target: str, method: str = "GET", fields: Iterable[tuple[str, str]] = (), body: bytes = b"", peer: str = "192.0.2.9"
) -> dict[str, Any]:
    """Return the environ of a request."""
    base = base_environ(
        protocol="HTTP", software="test/1", server_name="localhost", server_port="80", errors=sys.stderr,
        multithread=True, multiprocess=False,
    )  # fmt: skip
    made = environ_from_http(base, method, target, "HTTP/1.1", [("Host", "museum.test"), *fields], peer)
    made["wsgi.input"] = io.BytesIO(body)
    if body:
        made["CONTENT_LENGTH"] = str(len(body))
    made["http_front.answers"] = []
    return made


def ask(application: Callable[..., Iterable[bytes]], *arguments: Any, **keywords: Any) -> Seen:
    """Send a request to an application; the arguments are those of `environ`."""
    head: list[tuple[str, list[tuple[str, str]]]] = []
    content = application(environ(*arguments, **keywords), lambda status, fields: head.append((status, fields)))
    body = b"".join(content)
    close = getattr(content, "close", None)
    if close is not None:
        close()
    ((status, fields),) = head
    assert len({name.lower() for name, _ in fields}) == len(fields), "no field comes twice"
    return Seen(status, {name.lower(): value for name, value in fields}, body)
