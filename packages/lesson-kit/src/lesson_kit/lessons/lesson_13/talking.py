"""A conversation over a WebSocket: either side speaks when it likes."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["Conversation"]

LIMIT = 10.0
"""Seconds to wait for what the other side says."""


class Conversation:
    """One end of a WebSocket to a server, for the length of a block."""

    def __init__(self, server: Server, path: str) -> None:
        self._server = server
        self._path = path
        self._heard: list[str] = []
        self._open = False

    def __enter__(self) -> Self:
        """Shake hands. Raises LabError."""
        self._sock = socket.create_connection((self._server.host, self._server.port), LIMIT)
        self._frames = WSConnection(ConnectionType.CLIENT)
        try:
            self._sock.sendall(self._frames.send(Request(host="museum", target=self._path)))
            while not self._open:
                self._read()
        except BaseException:
            self._sock.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say that we leave."""
        try:
            self._sock.sendall(self._frames.send(CloseConnection(1000)))
        except OSError:
            pass  # the other side has left before us
        self._sock.close()

    def say(self, words: str) -> None:
        """Say something."""
        self._sock.sendall(self._frames.send(TextMessage(words)))

    def hear(self) -> str:
        """Return what is said next. Raises LabError if nothing is."""
        while not self._heard:
            self._read()
        return self._heard.pop(0)

    def _read(self) -> None:
        try:
            data = self._sock.recv(65536)
        except OSError:
            raise LabError(f"Nothing was said for {LIMIT:g} s: run the cell again.") from None
        if not data:
            raise LabError("The other side has left: run the cell again.")
        self._frames.receive_data(data)
        for event in self._frames.events():
            if isinstance(event, TextMessage):
                self._heard.append(event.data)
            elif isinstance(event, AcceptConnection):
                self._open = True
            elif isinstance(event, RejectConnection):
                raise LabError(f"{self._path} is no WebSocket here.")
