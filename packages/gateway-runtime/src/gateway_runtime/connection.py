"""One accepted connection: the transport that a session writes to.

Bytes are sent at once. What the socket does not take waits in `_out` and goes when it is writable; above HIGH_WATER the
transport is `full` and whoever produces rests. Closing is in stages where the peer may still be sending: a close with
unread bytes makes the kernel send a reset, which can destroy the response on its way (RFC 9112 section 9.6).

::

    OPEN --close()--> CLOSING --all sent--> LINGERING (reads and drops, bounded) --> closed
      |                  '----no linger-----------------------------------------------^
      '--abort(), or the peer has gone: lost ------------------------------------------^
"""

from __future__ import annotations

import enum
import socket
import struct
from typing import Protocol

__all__ = ["HIGH_WATER", "Connection", "Session", "Stage"]

HIGH_WATER = 64 * 1024
"""Bytes that may wait in a connection before producers rest: as much as a usual socket buffer takes in one go."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: close() sends a reset, by which an HTTP/1.0 or uwsgi peer knows that it was cut."""


class Stage(enum.Enum):
    """How far a connection is from its end."""

    OPEN = "requests may come"
    CLOSING = "the last bytes wait to be sent"
    LINGERING = "our side is shut; what the peer still sends is read and dropped"
    GONE = "closed"


_OPEN, _CLOSING, _LINGERING, _GONE = Stage  # a look into an enum is a call, in 3.11


class Session(Protocol):
    """What the engine needs of a gateway's side of a connection; `gateway_core.session.Session` fits."""

    @property
    def phase(self) -> enum.Enum:
        """What it is waiting for. The engine knows the members by name: IDLE, HEAD, BODY, BUSY."""

    @property
    def route(self) -> str:
        """Method and path of the request that stands ready."""

    def receive(self, data: bytes, /) -> bool:
        """Take bytes, b"" at end of file. True: `serve` is wanted."""

    def serve(self) -> bool:
        """Serve the request that stands ready. True: another one stands ready."""

    def resume(self) -> bool:
        """The transport has drained. True: `serve` is wanted."""

    def expire(self) -> None:
        """The phase has taken too long."""

    def abandon(self) -> None:
        """The connection is gone."""


class Connection:
    """A non-blocking socket with the bytes that wait to be sent. One thread uses it at a time."""

    __slots__ = (
        "_aborted", "_linger", "_out", "deadline", "fd", "fresh", "limit", "lost", "mask", "peer",
        "phase", "queued", "recv", "renews", "session", "sock", "stage",
    )  # fmt: skip

    session: Session

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.recv = sock.recv
        self.peer = peer
        self.stage = _OPEN
        self.lost = False
        self.mask = 0  # what the poller watches
        self.fresh = True  # no request has come on it yet
        self.queued = False  # a request stands ready, and other connections, or our output, come first
        self.phase: object = ""  # for which the deadline is
        self.limit = 0.0  # of that phase, in seconds
        self.renews = False  # does every bit of work on the connection begin it anew?
        self.deadline = 0.0
        self._out = bytearray()
        self._linger = False
        self._aborted = False

    # -- what a session uses -------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """More than HIGH_WATER bytes wait."""
        return len(self._out) > HIGH_WATER

    def write(self, data: bytes) -> None:
        """Send, or queue what the socket does not take. Raises ConnectionError when the peer has gone."""
        if self.lost:
            raise ConnectionAbortedError("the peer has closed the connection")
        if self._out:
            self._out += data
            return
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.lost = True
            raise ConnectionAbortedError("the peer has closed the connection") from error
        if sent < len(data):
            self._out += memoryview(data)[sent:]

    def close(self, *, linger: bool = False) -> None:
        """Close once all is sent; `linger`: in stages."""
        if self.stage is _OPEN:
            self.stage = _CLOSING
            self._linger = linger

    def abort(self) -> None:
        """Close at once, so that the peer can tell that the response is incomplete."""
        self.lost = self._aborted = True

    # -- what the engine uses ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Do bytes wait to be sent?"""
        return bool(self._out)

    def flush(self) -> bool:
        """Send what waits, as far as the socket takes it. True: some progress was made."""
        try:
            sent = self.sock.send(self._out)
        except BlockingIOError:
            return False
        except OSError:
            self.lost = True
            return False
        del self._out[:sent]
        return True

    def shut(self) -> None:
        """All is sent: shut our side, and linger if the peer may still be sending."""
        self.stage = _GONE
        if self._linger:
            try:
                self.sock.shutdown(socket.SHUT_WR)
                self.stage = _LINGERING
            except OSError:
                pass

    def dispose(self) -> None:
        """Free the descriptor."""
        self.stage = _GONE
        self.lost = True
        if self._aborted and self.sock.family != socket.AF_UNIX:
            try:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            except OSError:
                pass
        self.sock.close()
