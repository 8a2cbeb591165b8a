"""A relay between a front and a backend that keeps what passed: who opened how many connections, and which bytes.

It listens at a socket file and connects to one. Two threads a connection copy in one direction each, and pass an end of
file on as such, so that either side sees the other as if nobody stood between.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import NamedTuple, Self

__all__ = ["Connection", "Recorder", "Segment"]


class Segment(NamedTuple):
    """Some bytes as they came; `data` is empty at the end of that direction."""

    t: float
    """Seconds since the connection was accepted."""
    sender: str
    """"front" or "backend"."""
    data: bytes


class Connection:
    """What has passed on one connection so far, in the order in which it came."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._begun = time.monotonic()

    def add(self, sender: str, data: bytes) -> None:
        self.segments.append(Segment(time.monotonic() - self._begun, sender, data))

    @property
    def front(self) -> bytes:
        return b"".join(segment.data for segment in self.segments if segment.sender == "front")

    @property
    def backend(self) -> bytes:
        return b"".join(segment.data for segment in self.segments if segment.sender == "backend")

    def ended(self, sender: str) -> bool:
        """Has that side closed, or sent its end of file?"""
        return any(segment.sender == sender and not segment.data for segment in list(self.segments))


class Recorder:
    """A context manager; `connections` in the order in which they were opened."""

    def __init__(self, path: str, backend: str) -> None:
        self.path = path
        self.connections: list[Connection] = []
        self._backend = backend
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for it
        for thread in self._threads:
            thread.join(20)
        for sock in (self._listener, *self._sockets):
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                front, _ = self._listener.accept()
                backend = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._sockets += [front, backend]
                backend.connect(self._backend)
                passed = Connection()
                self.connections.append(passed)
                self._start(self._copy, front, backend, passed, "front")
                self._start(self._copy, backend, front, passed, "backend")

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]  # a bound method
        self._threads.append(thread)
        thread.start()

    def _copy(self, source: socket.socket, sink: socket.socket, passed: Connection, sender: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                passed.add(sender, data)
                sink.sendall(data)
        passed.add(sender, b"")
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
