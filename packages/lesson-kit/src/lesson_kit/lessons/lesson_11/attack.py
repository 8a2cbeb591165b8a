"""The attack, within this machine: a visitor with a header of his own, a service, and a proxy that is the visitor's.

::

    visitor ---- Proxy: http://127.0.0.1:PORT ----> gateway ----> program ---- what is the price? ----> service
                             |                                        |
                             |                                        '- or, if it obeys, by way of
                             '------------------------------------------> the visitor's proxy
"""

from __future__ import annotations

import inspect
import json
import socket
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Final

from fastcgi_server import records
from gateway_lab.errors import LabError
from gateway_lab.servers import Server, serve
from lesson_kit.lessons.lesson_11.runner_2015 import OTHER
from scgi_server.protocol import encode_headers, encode_netstring
from uwsgi_gateway.protocol import encode_packet_header, encode_vars

__all__ = ["GATEWAYS", "OLD", "SIGN", "Answering", "answering", "attack", "gateway", "runner_with"]

OLD: Final = "runner of 2015"
GATEWAYS: Final = (OLD, "cgi", "fastcgi", "scgi", "uwsgi", "wsgi")
SIGN: Final = "() { :;}; echo broken into"
"""What an old bash took for a function, and a command behind it to be run at once."""
HERE = Path(__file__).parent
PATIENCE = 20.0
"""Seconds without a byte from a gateway, on a machine with forty learners."""
HEAD = 65_536
"""Bytes of a head that are read: it is one of ours, and short."""


class Answering(ThreadingTCPServer):
    """Answers every request of HTTP with the same words. `heard` has the first lines of these requests."""

    daemon_threads = True

    def __init__(self, words: str) -> None:
        super().__init__(("127.0.0.1", 0), _Once)
        self.words = words
        self.heard: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Once(BaseRequestHandler):
    server: Answering

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < HEAD and (more := self.request.recv(4096)):
            head += more
        self.server.heard.append(head.partition(b"\r\n")[0].decode("latin-1"))
        content = self.server.words.encode()
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(content))
        self.request.sendall(content)


@contextmanager
def answering(words: str) -> Iterator[Answering]:
    """Answer with these words, in a thread, until the block ends."""
    with Answering(words) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="answering", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def gateway(name: str) -> Server:
    """Return one of GATEWAYS, with the program behind it. Raises LabError."""
    return runner_with(None) if name == OLD else serve(name, "inside:app", folder=HERE)


def runner_with(environment: Callable[..., Any] | None) -> Server:
    """Return the runner of 2015, with another function that makes its programs' environments. Raises LabError."""
    source = ""
    if environment is not None:
        try:
            source = textwrap.dedent(inspect.getsource(environment))
        except (OSError, TypeError):
            raise LabError("The source of this function cannot be found: run the cell that defines it, then this one."
                           ) from None  # fmt: skip
    return Server([sys.executable, str(HERE / "runner_2015.py")], {OTHER: source})


def attack(url: str, service: str, proxy: str, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Ask a gateway as the visitor does, in its own protocol, and return what the program says, or {"failed": why}.

    `more` are further fields of the visitor's.
    Our client halves would drop `Proxy`, so the bytes are made here, as a front makes them that passes everything on.
    """
    scheme, _, where = url.partition("://")
    host, _, port = where.rstrip("/").rpartition(":")
    target = f"{service}/price"
    fields = {"Museum": "open", "Proxy": proxy, "X-Sign": SIGN, **(more or {})}
    try:
        with socket.create_connection((host, int(port)), PATIENCE) as sock:
            sock.sendall(ENCODERS[scheme](target, fields))
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
    except OSError as error:
        raise LabError(f"The gateway gave no whole answer ({error}): run this cell again.") from error
    if scheme == "fastcgi":
        answer = b"".join(one.content for one in records.read_records(answer) if one.type == records.STDOUT)
    head, _, content = answer.partition(b"\r\n\r\n")
    first = head.partition(b"\r\n")[0].decode("latin-1")
    if " 200" not in first:
        return {"failed": content.decode("utf-8", "replace").strip() or first}
    found: dict[str, Any] = json.loads(content)
    return found


def _http(query: str, fields: Mapping[str, str]) -> bytes:
    lines = [f"GET /?{query} HTTP/1.0", "Host: museum", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _variables(query: str, fields: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        ("CONTENT_LENGTH", "0"), ("SCGI", "1"), ("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", ""), ("PATH_INFO", "/"),
        ("QUERY_STRING", query), ("REQUEST_URI", f"/?{query}"), ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "museum"), ("SERVER_PORT", "80"), ("REMOTE_ADDR", "127.0.0.1"), ("HTTP_HOST", "museum"),
        *(("HTTP_" + name.upper().replace("-", "_"), value) for name, value in fields.items()),
    ]  # fmt: skip


def _scgi(query: str, fields: Mapping[str, str]) -> bytes:
    return encode_netstring(encode_headers(_variables(query, fields)))


def _uwsgi(query: str, fields: Mapping[str, str]) -> bytes:
    block = encode_vars(_variables(query, fields))
    return encode_packet_header(0, len(block)) + block


def _fastcgi(query: str, fields: Mapping[str, str]) -> bytes:
    return b"".join((
        records.encode_begin(1, records.RESPONDER, keep=False),
        records.encode_record(records.PARAMS, 1, records.encode_pairs(_variables(query, fields))),
        records.encode_record(records.PARAMS, 1),
        records.encode_record(records.STDIN, 1),
    ))  # fmt: skip


ENCODERS: Final = {"http": _http, "scgi": _scgi, "uwsgi": _uwsgi, "fastcgi": _fastcgi}
