"""A small HTTP server whose behaviour is known beforehand: `known_server.py MODE` on a free port, until it is killed.

stalling   answers at once, and does nothing at all for 200 ms at every 500th request
single     one request at a time, each of which takes 5 ms: 200 a second, whoever asks
late       every answer comes 20 ms after its request, however many there are
fast       answers at once, and does next to nothing for it

It answers every request alike. Those that are due later are sent by the clock and not by how long this slept, so a
machine that is busy for a moment does not change what is known. It waits by select(), whose waiting ends to the
microsecond.
"""

from __future__ import annotations

import heapq
import itertools
import select
import socket
import sys
import time

MODE = sys.argv[1]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n"

STALL = 0.2
EVERY = 500
HOLD = 0.005
DELAY = 0.02

requests = itertools.count(1)
waiting: list[tuple[float, int, socket.socket]] = []
"""Answers that are due later: when, which request, and where to."""
free = 0.0
"""When the single server will be free."""


def asked(client: socket.socket) -> None:
    """Answer a request, now or later."""
    global free
    number, now = next(requests), time.monotonic()
    if MODE == "single":
        free = max(free, now) + HOLD
        heapq.heappush(waiting, (free, number, client))
    elif MODE == "late":
        heapq.heappush(waiting, (now + DELAY, number, client))
    else:
        if MODE == "stalling" and number % EVERY == 0:
            time.sleep(STALL)
        client.send(ANSWER)


def serve(listener: socket.socket) -> None:
    """Serve for ever."""
    clients = [listener]
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for ready in select.select(clients, (), (), patience)[0]:
            if ready is listener:
                client = listener.accept()[0]
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients.append(client)
            elif ready.recv(65_536):
                asked(ready)
            else:
                clients.remove(ready)
                ready.close()
        while waiting and waiting[0][0] <= time.monotonic():
            heapq.heappop(waiting)[2].send(ANSWER)


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        print(f"ready http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        serve(listener)
