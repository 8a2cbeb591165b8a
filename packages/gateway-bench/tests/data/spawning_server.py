"""An HTTP server that starts three processes for each request, as badly as can be: `spawning_server.py MODE [EVENTS]`.

For each GET it starts a child that works for some milliseconds, and waits for it; and a child that starts another and
ends at once, so that the other works on and is nobody's child any more. When the answer comes all three have ended.

hiding   tells nobody
telling  reports every birth to the datagram socket EVENTS
lossy    the same, but one in three of the reports of its own is lost; the count runs on
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NoReturn

MODE = sys.argv[1]
EVENTS = Path(sys.argv[2]) if sys.argv[2:] else None
WORK = 0.004
"""Seconds of processor time of each of the two that work."""
HELLO = b"Hello, world!\n"
told = 0


def tell(child: int) -> None:
    """Report a birth, if it is to be, and unless the report is lost."""
    global told
    told += 1
    if EVENTS is None or MODE == "hiding" or (MODE == "lossy" and told % 3 == 0):
        return
    event = {"event": "spawn", "t": time.time(), "pid": child, "ppid": os.getpid(), "role": "test", "n": told}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outbox:
        outbox.sendto(json.dumps(event).encode(), str(EVENTS))


def work() -> NoReturn:
    """Use some processor time, and end."""
    while time.process_time() < WORK:
        pass
    os._exit(0)


def start(orphan: bool) -> None:
    """Start a child that works, or one that leaves its work to another; wait until the work is done."""
    global told
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        if orphan:
            told = 0
            heir = os.fork()
            if heir:
                tell(heir)
                os._exit(0)
        work()
    os.close(writer)
    tell(child)
    os.waitpid(child, 0)
    os.read(reader, 1)  # the end of file comes when the last that has the other end has ended
    os.close(reader)


class Handler(BaseHTTPRequestHandler):
    """Starts its three, and answers."""

    def do_GET(self) -> None:
        """Answer GET."""
        start(orphan=False)
        start(orphan=True)
        self.send_response(200)
        self.send_header("Content-Length", str(len(HELLO)))
        self.end_headers()
        self.wfile.write(HELLO)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


if __name__ == "__main__":
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"ready http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
