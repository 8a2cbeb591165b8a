"""The page as a WSGI application: its files, the feed, and the actions. It runs under our own `wsgi_server`.

::

    GET /              the page; it carries a token      GET /feed   server-sent events, as long as somebody looks
    GET /static/NAME   style sheets and scripts          POST /do    an action as JSON, with the token

One process, many threads: a window's feed holds a thread, and the floor is in this process's memory.

The page can start processes and kill them, so it is for the machine that it runs on. A page of another site may make a
browser send requests here, and must not be heard: it does not know the token, and cannot read it, since its requests
name its own host, even if that name leads here (DNS rebinding). Nothing that our page needs lies elsewhere, and its
content security policy says so to the browser.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import signal
import threading
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from . import VOTES_IN
from .feed import TooManyWindows
from .floor import Floor
from .refusals import Refused

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

__all__ = ["app", "floor"]

STATIC: Final = Path(__file__).parent / "static"
KINDS: Final = {
    ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".json": "application/json",
    ".svg": "image/svg+xml",
}  # fmt: skip
PAGES: Final = {"/": "index.html", "/card": "card.html"}
PORT: Final = re.compile(r":[0-9]+$")
ACTION_MAX: Final = 10_000
"""Bytes of an action."""
SENTENCE_MAX: Final = 400
"""Characters of a refusal: it may quote what was sent, and a page has room for three lines."""
POLICY: Final = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
TOKEN: Final = secrets.token_urlsafe(24)
"""In the page, and with each action. Another start has another one."""

_lock = threading.Lock()
_floor: Floor | None = None


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request (PEP 3333)."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if not _local(environ.get("HTTP_HOST", "")):
        return _say(start_response, HTTPStatus.MISDIRECTED_REQUEST, "This page is for the machine that it runs on.")
    allowed = ("POST",) if path == "/do" else ("GET", "HEAD")
    if method not in allowed:
        allow = ", ".join(allowed)
        sentence = f"This address answers {allow}."
        return _say(start_response, HTTPStatus.METHOD_NOT_ALLOWED, sentence, [("Allow", allow)])
    if path == "/do":
        return _act(environ, start_response)
    if path == "/feed":
        return _feed(start_response)
    return _file(PAGES.get(path) or path.removeprefix("/static/"), start_response)


def floor() -> Floor:
    """Return the floor of this process, begun when it is first needed: in the worker, that is, not in its master.

    It ends with the process. Then the leashes of its gateways end these.
    """
    global _floor
    with _lock:
        if _floor is None:
            told = os.environ.get(VOTES_IN)
            folder = Path(told) if told else platformdirs.user_data_path("gatelab", appauthor=False) / "votes"
            _floor = Floor(folder)
            _floor.open()
        if not _floor.alive:
            os.kill(os.getpid(), signal.SIGTERM)  # the master starts another worker, and the windows find it
        return _floor


def _local(host: str) -> bool:
    """Does a page of this machine ask? A name that somebody else's DNS points here is none of ours."""
    name = PORT.sub("", host).lower()
    try:
        return name == "localhost" or ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _feed(start_response: StartResponse) -> Iterable[bytes]:
    try:
        window = floor().hub.window()
    except TooManyWindows:
        sentence = "Too many windows look already: close one."
        return _say(start_response, HTTPStatus.SERVICE_UNAVAILABLE, sentence, [("Retry-After", "5")])
    start_response("200 OK", [("Content-Type", "text/event-stream"), *HEADERS])
    return window


def _act(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    token = environ.get("HTTP_X_CLASSROOM_TOKEN", "")
    if not hmac.compare_digest(token.encode("latin-1"), TOKEN.encode()):
        return _refuse(start_response, HTTPStatus.FORBIDDEN, "This window is of an earlier start: load it anew.")
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > ACTION_MAX:
        return _refuse(start_response, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is too long for an action.")
    try:
        action = json.loads(environ["wsgi.input"].read(int(length)))
    except (ValueError, RecursionError):
        action = None
    if not isinstance(action, dict):
        return _refuse(start_response, HTTPStatus.BAD_REQUEST, "That is no action.")
    try:
        return _json(start_response, HTTPStatus.OK, {"done": floor().act(action)})
    except Refused as refused:
        return _refuse(start_response, HTTPStatus.CONFLICT, str(refused)[:SENTENCE_MAX])


def _file(name: str, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a file of ours: a request names one of a list, which leaves a path nothing to climb out of."""
    files = {file.name: file for file in STATIC.iterdir() if file.suffix in KINDS}
    if name not in files:
        return _say(start_response, HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    file = files[name]
    data = file.read_bytes()
    if file.suffix == ".html":
        data = data.replace(b"{{token}}", TOKEN.encode())
    return _send(start_response, HTTPStatus.OK, f"{KINDS[file.suffix]}; charset=utf-8", data)


def _refuse(start_response: StartResponse, status: HTTPStatus, sentence: str) -> Iterable[bytes]:
    return _json(start_response, status, {"sentence": sentence})


def _json(start_response: StartResponse, status: HTTPStatus, told: dict[str, Any]) -> Iterable[bytes]:
    return _send(start_response, status, "application/json", json.dumps(told).encode())


def _say(
    start_response: StartResponse, status: HTTPStatus, sentence: str, more: Sequence[tuple[str, str]] = ()
) -> Iterable[bytes]:
    return _send(start_response, status, "text/plain; charset=utf-8", f"{sentence}\n".encode(), more)


def _send(
    start_response: StartResponse, status: HTTPStatus, kind: str, data: bytes, more: Sequence[tuple[str, str]] = ()
) -> Iterable[bytes]:
    fields = [("Content-Type", kind), ("Content-Length", str(len(data))), *HEADERS, *more]
    start_response(f"{status.value} {status.phrase}", fields)
    return [data]
