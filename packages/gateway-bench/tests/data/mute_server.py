"""A server that says that it is ready before it listens, and never says where: `mute_server.py PORT`."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers /hello."""

    def do_GET(self) -> None:
        """Answer GET."""
        self.send_response(200)
        self.send_header("Content-Length", "14")
        self.end_headers()
        self.wfile.write(b"Hello, world!\n")


print("up, more or less", flush=True)
with HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    server.serve_forever()
