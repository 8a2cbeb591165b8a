"""Many small requests, so many at a time, over one connection with several ids, or over several with one id each.

Both are the same code, in one thread: a *slot* is an id on a connection, and has one request under way. So what differs
is only how the slots lie on connections.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from statistics import median

from fastcgi_server.records import END_REQUEST, PROTOCOL_STATUSES, REQUEST_COMPLETE, RecordReader, decode_end
from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["middle", "rush"]

PATIENCE = 20.0
PIECE = 65_536

Request = Callable[[int], bytes]
"""The bytes of a request, by its id."""


def rush(server: Server, request: Request, total: int, *, connections: int, ids: int, keep: bool = True) -> float:
    """Return the seconds for `total` requests, of which `connections` times `ids` are under way at a time.

    Without `keep` each connection is closed after its answer, and a new one is made for the next request; it has one id
    then.
    """
    if not keep and ids != 1:
        raise LabError("A connection that is closed after its answer has one request: ids=1.")
    begin = time.perf_counter()
    rusher = _Rusher(server, request, total, keep)
    try:
        for _ in range(connections):
            rusher.connect(ids)
        rusher.run()
    finally:
        rusher.close()
    return time.perf_counter() - begin


def middle(values: list[float]) -> float:
    """Return the median; 0.0 of none."""
    return median(values) if values else 0.0


def _served(end: bytes) -> None:
    """Raise LabError if END_REQUEST says that the request was not served at all: it would count as very fast."""
    status = decode_end(end)[1]
    if status != REQUEST_COMPLETE:
        raise LabError(f"The server refuses a request ({PROTOCOL_STATUSES.get(status, status)}): it takes up to 64 "
                       "at a time on a connection; try fewer ids.")  # fmt: skip


class _Rusher:
    def __init__(self, server: Server, request: Request, total: int, keep: bool) -> None:
        self._address = server.host, server.port
        self._request = request
        self._unsent = self._unanswered = total
        self._keep = keep
        self._selector = selectors.DefaultSelector()

    def connect(self, ids: int) -> None:
        """Open a connection, and send the first request of each id."""
        if not self._unsent:
            return
        sock = socket.create_connection(self._address, PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, RecordReader())
        self._send(sock, range(1, ids + 1))

    def run(self) -> None:
        """Answer each end with the next request of its slot, until all have ended. Raises LabError."""
        while self._unanswered:
            ready = self._selector.select(PATIENCE)
            if not ready:
                raise LabError(f"The server says nothing for {PATIENCE:g} s: run the cell again.")
            for key, _ in ready:
                self._receive(key)

    def close(self) -> None:
        """Close what is open."""
        for key in list(self._selector.get_map().values()):
            self._drop(key.fileobj)
        self._selector.close()

    def _receive(self, key: selectors.SelectorKey) -> None:
        sock, reader = key.fileobj, key.data
        assert isinstance(sock, socket.socket)
        data = sock.recv(PIECE)
        if not data:
            raise LabError("The server closed a connection with requests under way: was it stopped?")
        reader.receive(data)
        ended = []
        while (record := reader.next()) is not None:
            if record.type == END_REQUEST:
                _served(record.content)
                ended.append(record.request_id)
        self._unanswered -= len(ended)
        if self._keep:
            self._send(sock, ended)
        elif ended:
            self._drop(sock)
            self.connect(1)

    def _send(self, sock: socket.socket, ids: range | list[int]) -> None:
        now = list(ids)[: self._unsent]
        self._unsent -= len(now)
        if now:
            sock.sendall(b"".join(self._request(one) for one in now))

    def _drop(self, sock: object) -> None:
        assert isinstance(sock, socket.socket)
        self._selector.unregister(sock)
        sock.close()
