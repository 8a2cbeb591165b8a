"""uWSGI itself on a free port, with no application: `uwsgi_itself.py UWSGI`.

It is given a socket that is open already, so that its port is known, and nobody else can have it in between.
"""

from __future__ import annotations

import os
import socket
import sys

__all__ = ["main"]

BACKLOG = 100
"""What uWSGI itself asks for."""


def main(program: str) -> None:
    """Become uWSGI."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    os.set_inheritable(listener.fileno(), True)
    port = listener.getsockname()[1]
    print(f"ready uwsgi://127.0.0.1:{port}", file=sys.stderr, flush=True)  # whoever connects now waits in the queue
    words = ["--socket", f"fd://{listener.fileno()}", "--master", "--die-on-term"]
    os.execv(program, ["uwsgi", *words])  # noqa: S606  # it takes our place


if __name__ == "__main__":
    main(*sys.argv[1:])
