"""A crowd that waits: connections whose requests have come and have no answer yet. What holds them, and who notices?

::

    200 times  GET /sleep?ms=20000   --->  server   begun: as many calls as it holds at once
    one more   GET /hello            --->           answered at once, or behind the crowd?

The server tells of each call that begins (`--events`). Its threads are counted where the system keeps them.
"""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

import psutil

from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["QUICK", "Crowd", "threads_of", "visit"]

QUICK: Final = ("--grace-timeout", "0.1")
"""Options of a server that need not wait for the crowd when it ends."""
WAIT: Final = b"GET /sleep?ms=20000 HTTP/1.1\r\nHost: museum\r\n\r\n"
"""Longer than anything here takes: none of them is answered meanwhile."""
HELLO: Final = b"GET /hello HTTP/1.1\r\nHost: museum\r\nConnection: close\r\n\r\n"
QUIET = 0.4
"""Seconds in which no further call begins: then no further one will, until another has ended."""
MOST = 15.0
"""Seconds after which no more are waited for: a busy machine starts threads slowly."""
STEP = 0.01
PAUSE = 0.002
"""Seconds between two of the crowd: the server tells of each, and who listens can hear so many at a time."""


class Crowd:
    """So many connections to a server, each with a request that waits, for the length of a block."""

    def __init__(self, server: Server, size: int) -> None:
        self._server = server
        self._size = size
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Connect, and ask."""
        try:
            for _ in range(self._size):
                self._stack.enter_context(_connect(self._server)).sendall(WAIT)
                time.sleep(PAUSE)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        self._stack.close()

    def held(self) -> int:
        """Return how many of the calls have begun, once no further one does."""
        end = time.monotonic() + MOST
        count, since = -1, time.monotonic()
        while time.monotonic() < end:
            now = max((one.more["n"] for one in self._server.heard("begin")), default=0)  # it counts for itself
            if now != count:
                count, since = now, time.monotonic()
            if count >= self._size or time.monotonic() - since > QUIET:
                break
            time.sleep(STEP)
        return count


def threads_of(server: Server) -> int:
    """Return how many threads the server's worker has now. Raises LabError."""
    try:
        (worker,) = psutil.Process(server.pid).children()
        return int(worker.num_threads())
    except (psutil.Error, ValueError):
        raise LabError("The worker has ended meanwhile: run the cell again.") from None


def visit(server: Server, limit: float) -> float | None:
    """Return the seconds in which one more visitor is answered; None if it has not been within `limit`."""
    began = time.monotonic()
    with _connect(server) as sock:
        sock.settimeout(limit)
        try:
            sock.sendall(HELLO)
            answered = sock.recv(4096).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return None
    return time.monotonic() - began if answered else None


def _connect(server: Server) -> socket.socket:
    try:
        return socket.create_connection((server.host, server.port), MOST)
    except OSError as error:
        raise LabError(f"The server cannot be reached ({error.strerror or error}): run the cell again.") from None
