"""Peers that are libraries: `python library_peers.py NAME MODULE:APP PLACE`.

For bjoern, cheroot and wsgiref the place is a host, where they take a free port; for flup the path of a unix socket.

Each is started as its documentation shows, and prints the ready line that the bench waits for. Their queues of waiting
connections are longer than the five of cheroot and wsgiref, since 32 visitors knock at once; and wsgiref writes no line
to the log for each request, as the others do not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

WAITING = 1024


def ready(host: str, port: int) -> None:
    """Say where the server listens."""
    print(f"ready http://{host}:{port}", flush=True)


def bjoern(app: Any, host: str) -> None:
    """Serve with bjoern."""
    import bjoern as library  # type: ignore[import-not-found]  # a peer is rarely installed

    ready(host, library.listen(app, host, 0, listen_backlog=WAITING).getsockname()[1])
    library.run()


def cheroot(app: Any, host: str) -> None:
    """Serve with cheroot and its default of ten threads."""
    from cheroot.wsgi import Server  # type: ignore[import-not-found]

    server = Server((host, 0), app, request_queue_size=WAITING)
    server.prepare()
    ready(host, server.socket.getsockname()[1])
    server.serve()


def wsgiref(app: Any, host: str) -> None:
    """Serve with the standard library."""

    class QuietHandler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Write nothing."""

    class PatientServer(WSGIServer):
        request_queue_size = WAITING

    with make_server(host, 0, app, PatientServer, QuietHandler) as server:
        ready(host, server.server_port)
        server.serve_forever()


def flup_fastcgi(app: Any, path: str) -> None:
    """Serve FastCGI with flup, a thread for each connection."""
    from flup.server.fcgi import WSGIServer as Library  # type: ignore[import-not-found]

    print(f"ready fastcgi+unix:{path}", flush=True)  # a moment early: it listens and serves in one call
    Library(app, bindAddress=path).run()


def flup_scgi(app: Any, path: str) -> None:
    """Serve SCGI with flup, a thread for each connection."""
    from flup.server.scgi import WSGIServer as Library  # type: ignore[import-not-found]

    print(f"ready scgi+unix:{path}", flush=True)
    Library(app, scriptName="", bindAddress=path).run()


SERVERS: dict[str, Callable[[Any, str], None]] = {
    "bjoern": bjoern,
    "cheroot": cheroot,
    "flup-fastcgi": flup_fastcgi,
    "flup-scgi": flup_scgi,
    "wsgiref": wsgiref,
}


def main() -> None:
    """Serve until the process is ended."""
    _, server, app, place = sys.argv
    module, _, name = app.partition(":")
    SERVERS[server](getattr(importlib.import_module(module), name), place)


if __name__ == "__main__":
    main()
