"""For tests of whole HTTP servers: an application that tells what reached it, requests as bytes, answers as values.

Answers are read by the standard library, so that not only our own reader has to understand them.
"""

from __future__ import annotations

import http.client
import io
import itertools
import os
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from gateway_runtime.testing import Server

APPLICATION = '''
import json

def app(environ, start_response):
    """The path says what to do. Each call is a line in the log."""
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    print("called", method, path, file=environ["wsgi.errors"], flush=True)
    content = environ["wsgi.input"].read()
    if path == "/environ":
        seen = {name: value for name, value in environ.items() if isinstance(value, str)}
        return answer(start_response, "200 OK", json.dumps(seen).encode())
    if path == "/echo":
        return answer(start_response, "200 OK", content)
    if path.startswith("/status/"):
        start_response(f"{path[8:11]} Status", [("ETag", '"1"'), ("Vary", "*")])
        return []
    if path == "/pieces":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"one", b"", b"two"])
    if path == "/breaks":
        return breaks(start_response)
    if path == "/inject":
        start_response("200 OK", [("X-Name", environ["QUERY_STRING"].replace("+", "\\r\\n"))])
        return [b"never"]
    if path == "/endless":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return endless()
    return answer(start_response, "200 OK", path.encode("latin-1"))

def answer(start_response, status, body):
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]

def breaks(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    raise ValueError("in the middle")

def endless():
    while True:
        yield b"x" * 65536
'''

_marks = itertools.count()

CLOSE = "Connection: close"
CHUNKED = "Transfer-Encoding: chunked"


def application(folder: Path) -> Path:
    """Write the application into `folder`, as `told:app`."""
    (folder / "told.py").write_text(APPLICATION)
    return folder


def request(target: str, *fields: str, method: str = "GET", version: str = "HTTP/1.1", body: bytes = b"") -> bytes:
    """Return a request with a Host."""
    return "\r\n".join([f"{method} {target} {version}", "Host: museum.test", *fields, "", ""]).encode() + body


def read_all(sock: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    found = b""
    while piece := sock.recv(65536):
        found += piece
    return found


def talk(server: Server, *pieces: bytes) -> bytes:
    """Send the pieces and return what comes until the server closes."""
    with server.connect() as sock:
        for piece in pieces:
            sock.sendall(piece)
        return read_all(sock)


class Answer(NamedTuple):
    """A response. Names of fields in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes


class _Stream(io.BytesIO):
    """A stream of responses that stands in for a socket, and stays open from one to the next."""

    def makefile(self, _mode: str) -> _Stream:
        return self

    def close(self) -> None:
        pass


def answers(raw: bytes, methods: Iterable[str] = ("GET",)) -> list[Answer]:
    """Return the responses to requests with these methods; AssertionError if that is not all there is."""
    stream: Any = _Stream(raw)
    found = []
    for method in methods:
        response = http.client.HTTPResponse(stream, method=method)
        response.begin()
        fields = {name.lower(): value for name, value in response.getheaders()}
        found.append(Answer(response.status, fields, response.read()))
    assert stream.read() == b""
    return found


def ask(server: Server, target: str, *fields: str, **how: Any) -> Answer:
    """Send one request on a connection of its own and return the answer."""
    method = how.get("method", "GET")
    return answers(talk(server, request(target, *fields, CLOSE, **how)), [method])[0]


def reset(sock: socket.socket) -> None:
    """Close in the rudest way."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def descriptors(pid: int) -> int | None:
    """Return how many descriptors a process has open; None where the system does not tell."""
    folder = f"/proc/{pid}/fd"
    return len(os.listdir(folder)) if os.path.isdir(folder) else None  # noqa: PTH112, PTH208 - names are all


def called(server: Server) -> list[str]:
    """Return "METHOD path" of every call of the application so far.

    The log comes through a pipe, so a call of our own marks its end.
    """
    mark = f"GET /mark/{next(_marks)}"
    ask(server, mark.removeprefix("GET "))
    server.wait_for_line(f"called {mark}$")
    lines = server.stderr.split(f"called {mark}\n")[0].split("\n")
    calls = [line.removeprefix("called ") for line in lines if line.startswith("called ")]
    return [call for call in calls if "/mark/" not in call]
