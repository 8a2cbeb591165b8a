"""What is asked of every real front and every real backend, and what of the answers has to be the same."""

from __future__ import annotations

import re

from programs import Reply, ask

from gateway_runtime.addresses import Address

__all__ = ["FOOTER", "OWN", "REQUESTS", "ask_for", "comparable"]

FOOTER = re.compile(rb'<footer id="served">.*?</footer>', re.DOTALL)

REQUESTS = {
    "hello": ("GET", "/hello", None, {}),
    "home": ("GET", "/", None, {}),
    "page": ("GET", "/cgi", None, {}),
    "head": ("HEAD", "/hello", None, {}),
    "head of a page": ("HEAD", "/cgi", None, {}),
    "not found": ("GET", "/no/such/page", None, {}),
    "utf-8 path": ("GET", "/caf%C3%A9", None, {}),
    "echo": ("POST", "/echo", bytes(range(256)) * 4096, {"Content-Type": "application/octet-stream"}),
    "empty post": ("POST", "/echo", b"", {"Content-Type": "text/plain"}),
    "put": ("PUT", "/echo", b"put", {"Content-Type": "text/plain"}),
    "chunked": ("POST", "/echo", [b"one", b"two" * 50_000], {"Content-Type": "text/plain"}),
    "chunked, small": ("POST", "/echo", [b"one", b"two"], {"Content-Type": "text/plain"}),
    "stream": ("GET", "/stream?n=5&ms=1", None, {}),
    "write": ("GET", "/write?n=5", None, {}),
    "204": ("GET", "/status/204", None, {}),
    "304": ("GET", "/status/304", None, {}),
    "404": ("GET", "/status/404", None, {}),
    "503": ("GET", "/status/503", None, {}),
    "cookies": ("GET", "/cookies", None, {"Cookie": "a=1; b=2"}),
    "crash": ("GET", "/crash", None, {}),
    "guestbook": ("GET", "/guestbook", None, {}),
    "bad form": ("POST", "/guestbook", b"name=&message=", {"Content-Type": "application/x-www-form-urlencoded"}),
}


OWN = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "via"}
"""Fields about the connection to the client, which are the front's own; what they frame is compared instead."""


def comparable(reply: Reply) -> tuple[object, ...]:
    """Everything but what must differ: OWN, and the part of a page that says who served it."""
    html = ("content-type", "text/html; charset=utf-8") in reply.fields
    body, footers = FOOTER.subn(b"", reply.body)
    assert footers == (html and reply.body != b"")
    fields = sorted((field for field in reply.fields if field[0] not in OWN), key=lambda field: field[0])
    return reply.status, reply.reason, fields, body


def ask_for(address: Address, name: str) -> Reply:
    method, target, body, headers = REQUESTS[name]
    return ask(address, method, target, iter(body) if isinstance(body, list) else body, headers)
