"""A request in pieces, poured into a socket one at a time: the next piece is sent once the last one has been read.

Without that wait the system would join pieces as it likes, and how many a reader sees would be chance.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["CONTENT_AT", "REQUEST", "Poured", "cut", "pour"]

REQUEST: Final = b"POST /echo HTTP/1.1\r\nHost: museum\r\nContent-Length: 11\r\n\r\nhello=world"
CONTENT_AT: Final = REQUEST.index(b"\r\n\r\n") + 4
ANSWER_LIMIT = 5.0
"""Seconds: a server that waits for the rest of a head says nothing."""


def cut(whole: bytes, size: int) -> list[bytes]:
    """Return the bytes in pieces of `size`, the last one shorter if need be."""
    if size < 1:
        raise LabError(f"A piece has at least one byte, not {size}.")
    return [whole[at : at + size] for at in range(0, len(whole), size)]


class Poured:
    """A connection as a reader sees it: `recv` gives the next piece, however much it would take; b"" at the end."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = list(pieces)
        self.calls = 0

    def __enter__(self) -> Self:
        """Open both ends."""
        self._sender, self._reader = socket.socketpair()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both ends."""
        self._sender.close()
        self._reader.close()

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes: what has arrived, which is a piece; b"" once the sender has closed."""
        self.calls += 1
        if self._pieces:
            self._sender.sendall(self._pieces.pop(0))
        else:
            self._sender.close()
        return self._reader.recv(size)


def pour(server: Server, pieces: Sequence[bytes]) -> int:
    """Send the pieces to a server, each in a segment of its own as far as the system lets; return the status.

    0: it closed the connection, or said nothing for `ANSWER_LIMIT` seconds.
    """
    answer = b""
    try:
        with socket.create_connection((server.host, server.port), ANSWER_LIMIT) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # do not wait for company
            for piece in pieces:
                sock.sendall(piece)
            while b"\r\n" not in answer and (more := sock.recv(4096)):
                answer += more
    except ConnectionRefusedError:
        raise LabError("The server runs no more: put `pour` into the block of `with serve(...)`.") from None
    except OSError:  # it waits for more, or has had enough
        pass
    return int(answer.split()[1]) if b"\r\n" in answer else 0
