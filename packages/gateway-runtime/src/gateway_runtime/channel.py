"""A connection to a server, seen from its client: a stream on which nothing waits for ever.

::

    connecting                          Patience.connect
    sending    the peer takes no byte   Patience.send
    receiving  the peer says nothing    Patience.silence
    all of it, from `begin` on          Patience.whole

`exchange` sends and receives, whichever can be done first. Without it two peers can wait for each other for ever: one
answers before it has read everything, and stops reading when nobody takes its answer; the other takes no answer before
it has sent everything.

A server that works for somebody who has left works for nobody, so who waits also watches the one whom the answer is
for. Like other fronts we take one who has closed his half of a connection for one who has left.
"""

from __future__ import annotations

import math
import select
import socket
import time
from dataclasses import dataclass

__all__ = ["Channel", "Patience"]

# A peer that has closed its side; where poll has no word for that, it says "hang-up".
_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits towards a server, in seconds; 0: none."""

    connect: float = 5.0
    """Until it accepts. One that is there does so in milliseconds, anywhere on Earth in one second."""
    send: float = 30.0
    """Without the server taking a byte of the request."""
    silence: float = 30.0
    """Without a byte of the answer."""
    whole: float = 0.0
    """For a request and its answer together, however busily they drip."""


class Channel:
    """A connected stream. Time-outs raise TimeoutError, all else that fails another OSError."""

    __slots__ = ("_poll", "_sock", "_until", "_watched", "close", "patience")

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._until = math.inf
        self._poll: select.poll | None = None
        self.patience = patience
        self._watched = -1
        self.close = sock.close

    def begin(self, watched: int = -1) -> None:
        """An exchange begins: from now on counts what is the limit for all of it.

        `watched`: the descriptor of whoever it is for. When he closes, waiting ends with ConnectionAbortedError.
        """
        self._watched = watched
        self._until = time.monotonic() + self.patience.whole if self.patience.whole else math.inf

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._sock.fileno()

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, self.patience.send)

    def recv(self, size: int) -> bytes:
        """Return some bytes, b"" at end of file."""
        if self._until != math.inf and time.monotonic() > self._until:  # one that never pauses is not waited for
            raise TimeoutError
        while True:
            try:
                return self._sock.recv(size)
            except BlockingIOError:
                self._wait(select.POLLIN, self.patience.silence)

    def exchange(self, data: bytes | memoryview, size: int) -> tuple[int, bytes | None]:
        """Send some of `data`, or receive: return how many bytes were taken, and what came (None: nothing)."""
        while True:
            try:
                sent = self._sock.send(data)
                if sent == len(data):
                    return sent, None
            except BlockingIOError:
                sent = 0
            try:
                return sent, self._sock.recv(size)
            except BlockingIOError:
                if sent:
                    return sent, None
            self._wait(select.POLLIN | select.POLLOUT, self.patience.send)

    def stale(self) -> bool:
        """Has the peer closed it, or sent what nobody asked for? Either way it is of no more use."""
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def ready(self, other: int) -> bool:
        """Wait until there is something to read. False: before that, the descriptor `other` could be written to."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(other, select.POLLOUT)
        found = dict(poll.poll(self._milliseconds(self.patience.silence)))
        if not found:
            raise TimeoutError
        return other not in found

    def _wait(self, mask: int, limit: float) -> None:
        """Wait until the socket is ready for what `mask` says. Raises TimeoutError."""
        if self._poll is None:
            self._poll = select.poll()
        self._poll.register(self._sock, mask)
        if self._watched >= 0:
            self._poll.register(self._watched, _GONE)
        found = self._poll.poll(self._milliseconds(limit))
        if not found:
            raise TimeoutError
        if self._watched >= 0:
            self._poll.unregister(self._watched)
            if len(found) == 1 and found[0][0] == self._watched:
                raise ConnectionAbortedError("whoever asked has gone")

    def _milliseconds(self, limit: float) -> float | None:
        """Return how long `limit` lets us wait, and the limit for all; None is for ever."""
        left = min(limit or math.inf, self._until - time.monotonic())
        return None if left == math.inf else max(0.0, left) * 1000
