"""The page as a WSGI application: its files, the feed, and the actions. It runs under our own `wsgi_server`.

::

    GET /            the page; it carries a token            GET /feed    server-sent events, for as long as somebody looks
    GET /static/...  style sheet and scripts                 POST /do     an action as JSON, with the token

One process, many threads: a window's feed holds a thread, and the floor is in this process's memory. Nothing that the page
needs lies elsewhere, and its content security policy says so to the browser.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from .feed import TooManyWindows
from .floor import Floor, Refused

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

__all__ = ["VOTES_IN", "app"]

VOTES_IN: Final = "CLASSROOM_VOTES"
"""The environment variable that names another folder for the votes."""
STATIC: Final = Path(__file__).parent / "static"
KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".json": "application/json"}
ACTION_MAX: Final = 10_000
"""Bytes of an action."""
HEADERS: Final = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
                                "frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]  # fmt: skip
TOKEN: Final = secrets.token_urlsafe(24).encode()
"""In the page, and with each action: another site's page cannot know it, so cannot act here."""

_lock = threading.Lock()
_floor: Floor | None = None


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request (PEP 3333)."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if not _local(environ.get("HTTP_HOST", "")):
        return _text(start_response, HTTPStatus.MISDIRECTED_REQUEST, "This page is for the machine that it runs on.")
    if path == "/do":
        if method != "POST":
            return _text(start_response, HTTPStatus.METHOD_NOT_ALLOWED, "Actions are POSTed.", [("Allow", "POST")])
        return _act(environ, start_response)
    if method not in ("GET", "HEAD"):
        return _text(start_response, HTTPStatus.METHOD_NOT_ALLOWED, "Only GET.", [("Allow", "GET, HEAD")])
    if path == "/feed":
        return _feed(start_response)
    if path in ("/", "/index.html"):
        page = (STATIC / "index.html").read_text("utf-8").replace("{{token}}", TOKEN.decode())
        return _send(start_response, HTTPStatus.OK, "text/html; charset=utf-8", page.encode())
    return _file(path, start_response)


def floor() -> Floor:
    """Return the floor of this process, begun when it is first needed: after the fork, and not in the master."""
    global _floor
    with _lock:
        if _floor is None:
            told = os.environ.get(VOTES_IN)
            folder = Path(told) if told else platformdirs.user_data_path("gatelab", appauthor=False) / "votes"
            _floor = Floor(folder)
            _floor.open()
        return _floor


def _feed(start_response: StartResponse) -> Iterable[bytes]:
    try:
        window = floor().hub.window()
    except TooManyWindows:
        return _text(start_response, HTTPStatus.SERVICE_UNAVAILABLE, "Too many windows look already: close one.",
                     [("Retry-After", "5")])  # fmt: skip
    start_response("200 OK", [("Content-Type", "text/event-stream"), *HEADERS])
    return window


def _act(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if not hmac.compare_digest(environ.get("HTTP_X_CLASSROOM_TOKEN", "").encode("latin-1"), TOKEN):
        return _json(
            start_response, HTTPStatus.FORBIDDEN, {"sentence": "This window is of an earlier start: load it anew."}
        )
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > ACTION_MAX:
        return _json(start_response, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"sentence": "That is no action."})
    try:
        action = json.loads(environ["wsgi.input"].read(int(length)))
        if not isinstance(action, dict):
            raise ValueError("no object")
    except ValueError:
        return _json(start_response, HTTPStatus.BAD_REQUEST, {"sentence": "That is no action."})
    try:
        return _json(start_response, HTTPStatus.OK, {"done": floor().act(action)})
    except Refused as refused:
        return _json(start_response, HTTPStatus.CONFLICT, {"sentence": str(refused)})


def _file(path: str, start_response: StartResponse) -> Iterable[bytes]:
    files = {f"/static/{file.name}": file for file in STATIC.iterdir() if file.suffix in KINDS}
    file = files.get(path)
    if file is None:
        return _text(start_response, HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    return _send(start_response, HTTPStatus.OK, f"{KINDS[file.suffix]}; charset=utf-8", file.read_bytes())


def _local(host: str) -> bool:
    """Tell whether a page of this machine asks: a name that somebody else's DNS points here is none of ours."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return name in ("127.0.0.1", "localhost", "[::1]")


def _json(start_response: StartResponse, status: HTTPStatus, told: dict[str, Any]) -> Iterable[bytes]:
    return _send(start_response, status, "application/json", json.dumps(told).encode())


def _text(
    start_response: StartResponse, status: HTTPStatus, sentence: str, more: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    return _send(start_response, status, "text/plain; charset=utf-8", f"{sentence}\n".encode(), more)


def _send(
    start_response: StartResponse, status: HTTPStatus, kind: str, data: bytes, more: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    fields = [("Content-Type", kind), ("Content-Length", str(len(data))), *HEADERS, *(more or [])]
    start_response(f"{status.value} {status.phrase}", fields)
    return [data]
