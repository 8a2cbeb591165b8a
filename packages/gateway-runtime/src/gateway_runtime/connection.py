"""One accepted connection: the transport that a session writes to.

Bytes are sent at once. What the socket does not take waits here and goes when it is writable; until then the transport
is `full` and whoever produces rests. So nothing lies here while the application works on (PEP 3333, "Buffering and
Streaming"), and a slow reader costs the memory of one block, not a thread. Closing is in stages where the peer may
still be sending: a close with unread bytes makes the kernel send a reset, which can destroy the response on its way
(RFC 9112 section 9.6).

::

    OPEN --close()--> CLOSING --all sent--> LINGERING (reads and drops, bounded) --> GONE
      |                  '----no linger------------------------------------------------^
      '--abort(), or the peer has gone: lost --------------------------------------------^
"""

from __future__ import annotations

import enum
import os
import select
import socket
import struct
import time
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from .log import line

if TYPE_CHECKING:
    from .trunk import Trunk

__all__ = ["Connection", "Session", "Stage"]

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: close() sends a reset, by which an HTTP/1.0 or uwsgi peer knows that it was cut."""

_TURN_BYTES = 1 << 20
"""Bytes that one `flush` sends at most: a peer that reads as fast as we send must not keep the loop to itself."""


class Stage(enum.Enum):
    """How far a connection is from its end."""

    OPEN = "requests may come"
    CLOSING = "the last bytes wait to be sent"
    LINGERING = "our side is shut; what the peer still sends is read and dropped"
    GONE = "closed"


# A look into an enum is a call, in 3.11.
_OPEN: Final = Stage.OPEN
_CLOSING: Final = Stage.CLOSING
_LINGERING: Final = Stage.LINGERING
_GONE: Final = Stage.GONE


class Session(Protocol):
    """What the engine needs of a gateway's side of a connection; `gateway_core.session.Session` fits."""

    @property
    def phase(self) -> enum.Enum:
        """What it is waiting for. The engine knows the members by name: IDLE, HEAD, BODY, BUSY."""

    @property
    def route(self) -> str:
        """Method and path of the request that stands ready, or is being served."""

    def receive(self, data: bytes, /) -> bool:
        """Take bytes, b"" at end of file. True: `serve` is wanted."""

    def serve(self) -> bool:
        """Serve the request that stands ready. True: another one stands ready."""

    def resume(self) -> bool:
        """The transport has drained. True: `serve` is wanted."""

    def expire(self) -> None:
        """The phase has taken too long."""

    def retire(self) -> None:
        """The server ends: the next response is the last. Also called while another thread is in a response."""

    def abandon(self) -> None:
        """The connection is gone."""


class _Piece:
    """A part of a file that waits to be sent. Whoever asked for it keeps the file open until the transport drains."""

    __slots__ = ("fd", "left", "offset")

    def __init__(self, fd: int, offset: int, left: int) -> None:
        self.fd, self.offset, self.left = fd, offset, left


class Connection:
    """A non-blocking socket with what waits to be sent. One thread uses it at a time.

    `patience`: seconds that `drain` waits for a peer that takes nothing.
    """

    __slots__ = (
        "_aborted", "_linger", "_out", "away", "deadline", "earns", "fd", "fresh", "full", "limit", "lost",
        "mask", "patience", "peer", "phase", "queued", "recv", "renews", "resuming", "send", "session", "since", "sock",
        "stage", "trunk",
    )  # fmt: skip

    session: Session

    can_send_file: ClassVar[bool] = hasattr(os, "sendfile")

    def __init__(self, sock: socket.socket, peer: str, patience: float = 30.0) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.recv = sock.recv
        self.send = sock.send
        self.peer = peer
        self.patience = patience
        self.stage = _OPEN
        self.lost = False
        self.full = False  # something waits to be sent
        self.away = False  # the loop must leave it alone: a thread is in its session
        self.mask = 0  # what the poller watches
        self.fresh = True  # no request has come on it yet, or none since we were told to stop
        self.queued = False  # a request stands ready, and other connections, or our output, come first
        self.resuming = False  # it is a paused response that will go on then
        self.since = 0.0  # when it was queued
        self.phase: object = ""  # for which the deadline is
        self.limit = 0.0  # of that phase, in seconds
        self.earns = False  # do bytes that come move the deadline a little?
        self.renews = False  # does every bit of work on the connection begin it anew?
        self.deadline = 0.0
        self.trunk: Trunk | None = None  # if its session serves several requests at a time
        self._out: list[memoryview | _Piece] | None = None
        self._linger = False
        self._aborted = False

    # -- what a session uses -------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send, or queue what the socket does not take. Raises ConnectionError when the peer has gone."""
        if self.lost:
            raise ConnectionAbortedError("the peer has closed the connection")
        if self.full:
            assert self._out is not None
            self._out.append(memoryview(data))
            return
        try:
            sent = self.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.lost = True
            raise ConnectionAbortedError("the peer has closed the connection") from error
        if sent < len(data):
            self._out = [memoryview(data)[sent:]]
            self.full = True

    def send_file(self, fd: int, offset: int, count: int) -> None:
        """Send `count` bytes of a file from `offset` on, without reading them; or queue what the socket does not take.

        The file must stay open until the transport is no longer `full`. A file that ends early cuts the connection,
        since a part of the response is missing. Raises ConnectionError when the peer has gone.
        """
        if self.lost:
            raise ConnectionAbortedError("the peer has closed the connection")
        if self._out is None:
            self._out = []
        self._out.append(_Piece(fd, offset, count))
        if not self.full:
            self.full = True
            self.flush()
        if self.lost:
            raise ConnectionAbortedError("the file has ended early, or the peer has closed the connection")

    def drain(self) -> None:
        """Wait until all is sent. For PEP 3333's write(), whose caller cannot rest. Raises ConnectionError."""
        writable = select.poll()
        writable.register(self.fd, select.POLLOUT)
        deadline = time.monotonic() + self.patience
        while self.full and not self.lost:
            if not writable.poll(max(0.0, deadline - time.monotonic()) * 1000):
                self.abort()
            elif self.flush():
                deadline = time.monotonic() + self.patience
        if self.lost:
            raise ConnectionAbortedError("the peer has gone, or does not take what is sent")

    def close(self, *, linger: bool = False) -> None:
        """Close once all is sent; `linger`: in stages."""
        if self.stage is _OPEN:
            self.stage = _CLOSING
            self._linger = linger

    def abort(self) -> None:
        """Close at once, so that the peer can tell that the response is incomplete."""
        self.lost = self._aborted = True

    def finish(self, *, close: bool) -> None:
        """The response is over, the call is not: let the peer have all of it. `close`: end of file too."""
        if self.full:
            self.drain()
        if close:
            self.stage = _CLOSING
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has gone

    # -- what the engine uses ------------------------------------------------------------------------------------

    def flush(self) -> bool:
        """Send what waits, as far as the socket takes it, or a turn's worth. True: some progress was made."""
        out = self._out
        total = 0
        while out and total < _TURN_BYTES:
            piece = out[0]
            try:
                if isinstance(piece, _Piece):
                    sent = os.sendfile(self.fd, piece.fd, piece.offset, min(piece.left, _TURN_BYTES))
                    if not sent:
                        self._cut("the file has become shorter")
                        break
                    piece.offset += sent
                    left = piece.left = piece.left - sent
                else:
                    sent = self.send(piece)
                    out[0] = piece[sent:]
                    left = len(piece) - sent
            except BlockingIOError:
                break
            except (ConnectionError, TimeoutError):
                self.lost = True
                break
            except OSError as error:  # most likely of the file: the disk, a file system without sendfile
                self._cut(error.strerror or str(error))
                break
            total += sent
            if not left:
                del out[0]
        if not out:
            self._out = None
            self.full = False
        return total > 0

    def _cut(self, why: str) -> None:
        """What was promised cannot be sent: let the peer see that the response is incomplete, and the log say why."""
        line(f"{self.peer or 'unix peer'}: the response breaks off: {why}; the connection is cut")
        self.abort()

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
