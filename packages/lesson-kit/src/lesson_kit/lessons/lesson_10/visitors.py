"""Slow clients, and the visitor who asks among them.

A slow client opens a connection and sends its request at ten bytes a second. It never comes to the end: the head of its
request has one field that goes on. All of them are one thread, which sends a byte for each in turn.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import statistics
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["PATIENCE", "SlowClients", "among", "in_turn", "wait_for"]

MOST = 200
"""Slow clients at a time: descriptors are not without end."""
RATE = 10.0
"""Bytes a second of each."""
PATIENCE: Final = 1.5
"""Seconds that the visitor waits; then he goes."""
LONG = 10.0
"""Seconds where nobody is to be kept waiting, and only the machine could."""
TIMES = 5
"""Askings of a visitor, one after the other, while nobody keeps him waiting."""
BEGINNING = b"GET /hello HTTP/1.1\r\nHost: museum\r\nX-Slow: "


class SlowClients:
    """So many slow clients of a server, for the length of a block."""

    def __init__(self, server: Server, count: int) -> None:
        if not 0 <= count <= MOST:
            raise LabError(f"{count} slow clients? From 0 to {MOST} can be had here.")
        self._address = (server.host, server.port)
        self._count = count
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Connect them all: whoever comes later stands behind them in the server's queue."""
        self._socks: list[socket.socket] = []
        try:
            for _ in range(self._count):
                self._socks.append(socket.create_connection(self._address, PATIENCE))
        except OSError as error:
            self._close()
            raise LabError(f"The server does not take {self._count} connections: {error.strerror or error}.") from error
        self._thread = threading.Thread(target=self._send, name="slow clients", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._ended.set()
        self._thread.join()
        self._close()

    def _send(self) -> None:
        sent = 0
        while not self._ended.is_set():
            byte = BEGINNING[sent : sent + 1] or b"x"
            for sock in self._socks:
                with contextlib.suppress(OSError):  # the server has had enough of this one
                    sock.send(byte, socket.MSG_DONTWAIT)
            sent += 1
            self._ended.wait(1 / RATE)

    def _close(self) -> None:
        for sock in self._socks:
            sock.close()


def wait_for(server: Server, target: str = "/hello", patience: float = PATIENCE) -> float | None:
    """Ask for a page over a connection of one's own; return the seconds, or None if there was none in time."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=patience)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
    except TimeoutError:
        return None
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"{server.url} gave no answer ({error}): run the cell again.") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise LabError(f"{server.url} answered {answer.status} for {target}: run the cell again.")
    return time.perf_counter() - began


def in_turn(servers: Mapping[str, Server], target: str, times: int) -> dict[str, list[float]]:
    """Ask the servers in turn, so many times each; return the seconds. What the machine does else, it does to all."""
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(times):
        for name, server in servers.items():
            seconds = wait_for(server, target, LONG)
            if seconds is not None:
                found[name].append(seconds)
    return found


def among(server: Server, count: int, patience: float = PATIENCE) -> float | None:
    """Return the median seconds of a visitor among so many slow clients, or None if he went without an answer."""
    with SlowClients(server, count):
        found: list[float] = []
        for _ in range(TIMES):
            seconds = wait_for(server, "/hello", patience)
            if seconds is None:
                return None
            found.append(seconds)
        return statistics.median(found)
