"""One of several servers that are alike: `twin_server.py MICROSECONDS` on a free port, until it is killed.

It answers every request alike, after it has been busy for so long, one request after the other.
"""

from __future__ import annotations

import select
import socket
import sys
import time

BUSY_NS = int(sys.argv[1]) * 1_000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n"


def serve(listener: socket.socket) -> None:
    """Serve for ever."""
    clients = [listener]
    while True:
        for ready in select.select(clients, (), ())[0]:
            if ready is listener:
                client = listener.accept()[0]
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients.append(client)
            elif ready.recv(65_536):
                until = time.monotonic_ns() + BUSY_NS
                while time.monotonic_ns() < until:
                    pass
                ready.send(ANSWER)
            else:
                clients.remove(ready)
                ready.close()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"ready http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        serve(listener)
