"""A server in which each connection has a worker, from its first byte to its last.

`blocking_server.py MODULE:APP WORKERS`. It is as simple as a server of HTTP can be, and it is how the sync workers of
gunicorn go about it: those are processes, these are threads, and each has one connection at a time. Whoever is slow has
a worker for himself.
"""

from __future__ import annotations

import importlib
import io
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

__all__ = ["main"]

BACKLOG = 128


def work(listener: socket.socket, app: WSGIApplication) -> None:
    """One worker: a connection at a time."""
    while True:
        sock, _ = listener.accept()  # accept
        with sock:
            try:
                head, content = read_request(sock)  # decode
                answer = call(app, head, content)  # call
                sock.sendall(answer)  # encode
            except (OSError, EOFError):
                pass  # the client has gone
        # release, and on to the next one


def read_request(sock: socket.socket) -> tuple[list[str], bytes]:
    """Return the lines of a head, and the content. Raises EOFError."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += receive(sock)
    head, _, content = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:")]
    while len(content) < sum(lengths):
        content += receive(sock)
    return lines, content


def receive(sock: socket.socket) -> bytes:
    """Return what has come. Raises EOFError if nothing will."""
    piece = sock.recv(4096)
    if not piece:
        raise EOFError
    return piece


def call(app: WSGIApplication, lines: list[str], content: bytes) -> bytes:
    """Return the application's answer as bytes."""
    method, target, _ = lines[0].split(" ", 2)
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query,
                               "CONTENT_LENGTH": str(len(content)), "wsgi.input": io.BytesIO(content)}  # fmt: skip
    setup_testing_defaults(environ)
    said: list[Any] = []
    written: list[bytes] = []

    def start_response(status: str, fields: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        said[:] = status, fields
        return written.append

    body = app(environ, start_response)
    try:
        data = b"".join((*written, *body))
    finally:
        getattr(body, "close", lambda: None)()
    kept = [(name, value) for name, value in said[1] if name.lower() != "content-length"]
    fields = [*kept, ("Content-Length", str(len(data))), ("Connection", "close")]
    head = "".join((f"HTTP/1.1 {said[0]}\r\n", *(f"{name}: {value}\r\n" for name, value in fields), "\r\n"))
    return head.encode("latin-1") + data


def main(name: str, workers: int) -> None:
    """Serve until somebody ends it."""
    module, _, attribute = name.partition(":")
    app = getattr(importlib.import_module(module), attribute)
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        threads = [threading.Thread(target=work, args=(listener, app), daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        print(f"ready http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
