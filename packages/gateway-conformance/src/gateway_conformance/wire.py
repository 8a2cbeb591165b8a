"""From a case to the events that a gateway's client half sends: HTTP fields, or variables as a front makes them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import fastcgi_server.protocol
import scgi_server.protocol
import uwsgi_gateway.protocol
from gateway_core.client import ClientCodec
from gateway_core.events import Request, Variables
from gateway_core.http1 import ClientConnection, HttpRequest

from .case import Case

__all__ = ["HOST", "codec_for", "request_event"]

HOST = "museum.test:81"
"""What every request asks for, wherever it is sent."""

_CODECS: dict[str, Callable[..., ClientCodec]] = {
    "asgi": ClientConnection,
    "cgi": ClientConnection,
    "fastcgi": fastcgi_server.protocol.ClientConnection,
    "http": ClientConnection,
    "scgi": scgi_server.protocol.ClientConnection,
    "uwsgi": uwsgi_gateway.protocol.ClientConnection,
}


def codec_for(scheme: str, method: str) -> ClientCodec:
    """Return a client half for one request. `scheme` is one of `case.SCHEMES`."""
    return _CODECS[scheme](head=method == "HEAD")


def request_event(scheme: str, case: Case, target: str, body: bytes, complete: bool) -> HttpRequest | Request:
    """Return the first event of a request, with the content that is to go at once."""
    length = None if case.chunked else len(case.body)
    if scheme in ("asgi", "cgi", "http"):
        fields = [("Host", HOST), *case.fields]
        if length or (length == 0 and case.method in ("POST", "PUT")):
            fields.append(("Content-Length", str(length)))
        return HttpRequest(case.method, target, "HTTP/1.1", fields, body, complete)
    return Request(_variables(case, target), body, complete)


def _variables(case: Case, target: str) -> Variables:
    """Make variables as a web server does: CONTENT_LENGTH first, repeated fields joined (RFC 3875, 4.1.18)."""
    path, _, query = target.partition("?")
    name, _, port = HOST.partition(":")
    variables = {
        "CONTENT_LENGTH": str(len(case.body)),
        "REQUEST_METHOD": case.method,
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": HOST,
    }
    for field, value in case.fields:
        key = field.upper().replace("-", "_")
        if key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ", "
        variables[key] = variables[key] + joint + value if key in variables else value
    return list(variables.items())
