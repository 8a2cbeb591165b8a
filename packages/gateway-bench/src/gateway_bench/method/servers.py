"""A small HTTP server whose behaviour is known beforehand: `python -m gateway_bench.method.servers MODE`.

::

    stalling   answers at once, and does nothing at all for 200 ms at every 500th request
    single     one request at a time, each of which takes 5 ms: 200 a second, whoever asks
    late       every answer comes 20 ms after its request, however many there are
    honest     works for 1 ms and gives the right answer
    wrong      the same, but of three answers one is wrong, for which it does not work: by turns a byte is missing, or
               it says 500

It answers whatever comes as if it were GET /hello. Answers that are due later are sent by the clock, not by how long
this has slept, so a machine that is busy for a moment does not change what is known.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import select
import socket
import time
from collections.abc import Callable

__all__ = ["DELAY", "EVERY", "HOLD", "MODES", "STALL", "WRONG_EVERY", "main"]

STALL, EVERY = 0.2, 500
"""Seconds, at every so manieth request."""
HOLD = 0.005
"""Seconds that each request takes of a single one."""
DELAY = 0.02
WORK = 0.001
WRONG_EVERY = 3
BLOCK = 65_536

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!\n"
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"

Due = tuple[float, bytes]
"""When an answer is to be sent, by the monotonic clock, and the answer."""
Rule = Callable[[int, float], Due]
"""What becomes of request number n (from 1), which came at that moment."""


def _stalling(number: int, now: float) -> Due:
    if number % EVERY == 0:
        time.sleep(STALL)
    return now, HELLO


class _Single:
    """One request after the other."""

    def __init__(self) -> None:
        self._free = 0.0

    def __call__(self, _: int, now: float) -> Due:
        self._free = max(self._free, now) + HOLD
        return self._free, HELLO


def _late(_: int, now: float) -> Due:
    return now + DELAY, HELLO


def _honest(_: int, now: float) -> Due:
    until = time.monotonic() + WORK
    while time.monotonic() < until:
        pass
    return now, HELLO


def _wrong(number: int, now: float) -> Due:
    if number % WRONG_EVERY:
        return _honest(number, now)
    return now, FAILED if number // WRONG_EVERY % 2 else SHORT


MODES: dict[str, Rule] = {
    "stalling": _stalling,
    "single": _Single(),
    "late": _late,
    "honest": _honest,
    "wrong": _wrong,
}


def serve(listener: socket.socket, rule: Rule) -> None:
    """Serve until this process is ended."""
    numbers = itertools.count(1)
    clients = [listener]
    waiting: list[tuple[float, int, bytes, socket.socket]] = []  # answers that are due later
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for ready in select.select(clients, (), (), patience)[0]:  # its waiting ends to the microsecond
            if ready is listener:
                client = listener.accept()[0]
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients.append(client)
            elif _heard(ready):
                number = next(numbers)
                due, answer = rule(number, time.monotonic())
                heapq.heappush(waiting, (due, number, answer, ready))
            else:
                clients.remove(ready)
                ready.close()
        _send_due(waiting)


def _heard(client: socket.socket) -> bool:
    """Take a request, which is small enough to come at once; False at the end of the connection."""
    try:
        return bool(client.recv(BLOCK))
    except ConnectionError:
        return False


def _send_due(waiting: list[tuple[float, int, bytes, socket.socket]]) -> None:
    while waiting and waiting[0][0] <= time.monotonic():
        _, _, answer, client = heapq.heappop(waiting)
        try:
            client.send(answer)
        except OSError:  # it did not wait for its answer
            continue


def main() -> None:
    """Listen where it is told to, say so, and serve."""
    parser = argparse.ArgumentParser(prog="python -m gateway_bench.method.servers")
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--bind", default="127.0.0.1:0")
    told = parser.parse_args()
    host, _, port = told.bind.rpartition(":")
    with socket.create_server((host, int(port)), backlog=512) as listener:
        print(f"ready http://{host}:{listener.getsockname()[1]}", flush=True)
        serve(listener, MODES[told.mode])


if __name__ == "__main__":
    main()
