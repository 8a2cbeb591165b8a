"""wsgiref as a peer: `python wsgiref_peer.py MODULE:APP` serves it on a free port and prints a ready line.

Two things differ from `wsgiref.simple_server` as it comes: it writes no line to the log for each request, and
its queue of waiting connections is longer than five, since 32 visitors knock at once.
"""

from __future__ import annotations

import importlib
import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class QuietHandler(WSGIRequestHandler):
    """Answers without an access log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


class PatientServer(WSGIServer):
    """Lets more connections wait."""

    request_queue_size = 128


def main() -> None:
    """Serve until the process is ended."""
    module, _, name = sys.argv[1].partition(":")
    app = getattr(importlib.import_module(module), name)
    with make_server("127.0.0.1", 0, app, PatientServer, QuietHandler) as server:
        print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
