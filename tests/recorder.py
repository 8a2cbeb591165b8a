"""A relay between a front and a backend that keeps what passed: who opened how many connections, and which bytes.

It listens at a socket file and connects to one. Two threads a connection copy in one direction each, and pass an end of
file on as such, so that either side sees the other as if nobody stood between.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

__all__ = ["Connection", "Recorder"]


@dataclass
class Connection:
    """What has passed on one connection so far."""

    front: bytearray = field(default_factory=bytearray)
    backend: bytearray = field(default_factory=bytearray)
    ended: threading.Event = field(default_factory=threading.Event)
    """The front has closed, or sent its end of file."""


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
                self._start(self._copy, front, backend, passed.front, passed.ended)
                self._start(self._copy, backend, front, passed.backend, threading.Event())

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]  # a bound method
        self._threads.append(thread)
        thread.start()

    def _copy(self, source: socket.socket, sink: socket.socket, kept: bytearray, ended: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                kept += data
                sink.sendall(data)
        ended.set()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
