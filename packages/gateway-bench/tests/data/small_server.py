"""A small HTTP server that stands for a gateway in tests: `small_server.py MODE` on a free port.

good      answers /hello and the guestbook rightly and keeps connections
closing   the same, a connection a request
wrong     one byte is missing from what it says
failing   500 for everything
bad       by turns: wrong, failing, no HTTP at all, and closing without a word
dead      ends before it is ready
frail     ends as soon as somebody signs the guestbook
"""

from __future__ import annotations

import itertools
import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

MODE = sys.argv[1]
FAULTS = itertools.cycle(("wrong", "failing", "broken", "silent"))
signed: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Answers as MODE says."""

    protocol_version = "HTTP/1.0" if MODE == "closing" else "HTTP/1.1"
    wbufsize = -1  # head and content in one packet
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer GET."""
        fault = next(FAULTS) if MODE == "bad" else MODE
        if fault in ("broken", "silent"):
            self.wfile.write(b"220 small.example ESMTP\r\n\r\n" * (fault == "broken"))
            self.close_connection = True
        elif self.path == "/guestbook":
            self.answer(200, f"<p>{'</p><p>'.join(signed[-20:])}</p></footer>".encode())
        else:
            self.answer(500 if fault == "failing" else 200, b"Hello, world!" + b"\n" * (fault != "wrong"))

    def do_POST(self) -> None:
        """Sign the guestbook."""
        if MODE == "frail":
            os._exit(3)
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        signed.append(form["message"][0])
        self.answer(303, b"")

    def answer(self, status: int, content: bytes) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class Server(socketserver.ThreadingTCPServer):
    """A thread a connection, none of which holds the process."""

    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    if MODE == "dead":
        sys.exit("this server never starts")
    with Server(("127.0.0.1", 0), Handler) as server:
        print(f"ready http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
