"""One FastCGI connection, on a plain socket, that notes each record and when it passed.

A request is known by its number on this connection: ids are used again, numbers are not.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from fastcgi_server.records import BEGIN_REQUEST, END_REQUEST, RecordReader, read_records, type_name
from gateway_core.errors import RemoteProtocolError
from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["Passed", "Wire"]

PATIENCE = 20.0
"""Seconds of silence after which nothing is expected any more."""
PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Passed:
    """A record that passed: `at` seconds since the connection was made; `sent` by us, or received."""

    at: float
    sent: bool
    kind: str
    request_id: int
    number: int
    content: bytes


class Wire:
    """A connection to a server. A context manager."""

    def __init__(self, server: Server) -> None:
        self._address = server.host, server.port
        self._reader = RecordReader()
        self._numbers: dict[int, int] = {}  # of the request that has an id now
        self._begun = self._ended = 0
        self.passed: list[Passed] = []

    def __enter__(self) -> Self:
        """Connect. Raises LabError."""
        try:
            self._socket = socket.create_connection(self._address, PATIENCE)
        except OSError as error:
            raise LabError(f"The server cannot be reached ({error}): run the cell with `serve` again.") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._start = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send whole records, and note them. Raises LabError for anything else."""
        at = time.perf_counter() - self._start
        try:
            whole = list(read_records(data))
        except RemoteProtocolError as error:
            raise LabError(f"These are no whole records of FastCGI ({error}): make them with the encoder.") from None
        for record in whole:
            if record.type == BEGIN_REQUEST:
                self._begun += 1
                self._numbers[record.request_id] = self._begun
            self._note(at, True, record)
        self._socket.sendall(data)

    def wait_for_ends(self, count: int) -> None:
        """Receive until so many requests more have ended, and note the records. Raises LabError if that cannot be."""
        goal = self._ended + count
        while self._ended < goal:
            try:
                data = self._socket.recv(PIECE)
            except OSError as error:
                raise LabError(f"The server says nothing for {PATIENCE:g} s: {error}.") from error
            if not data:
                raise LabError("The server closed the connection before the requests had ended: was it stopped?")
            self._reader.receive(data)
            self._take(time.perf_counter() - self._start)

    def _take(self, at: float) -> None:
        while (record := self._reader.next()) is not None:
            self._ended += record.type == END_REQUEST
            self._note(at, False, record)

    def _note(self, at: float, sent: bool, record: Any) -> None:
        number = self._numbers.get(record.request_id, 0)
        self.passed.append(Passed(at, sent, type_name(record.type), record.request_id, number, record.content))
