"""A datagram socket that is never left to overflow, and never read too late.

A thread takes what comes, so that the queue stays short. But whoever wants to know a count *now* may not wait for that
thread: what the kernel has put into the queue has happened. So a count first takes all that is there, itself. Both do
so under one lock, and every datagram is taken once, in its order.
"""

from __future__ import annotations

import errno
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Inbox", "widen"]

LARGEST = 65_536
"""Bytes of a datagram: more than any of ours has."""
WAKE_UP_MS = 100
"""Milliseconds between two looks at whether to stop."""
ROOM = 1 << 22
"""Bytes for datagrams that nobody has read yet: some thousand."""
SO_RCVBUFFORCE = 33
"""Linux: root may have more than the system allows others."""


class Inbox:
    """Hands each datagram of `sock` to `take`, under `lock`. `overflows` counts the times that the queue was full."""

    def __init__(self, sock: socket.socket, take: Callable[[bytes], None], lock: threading.RLock) -> None:
        self.overflows = 0
        self._lock = lock
        self._sock = sock
        self._take = take

    @contextmanager
    def reading(self, name: str, drain: Callable[[], None] | None = None, pause: float = 0.0) -> Iterator[None]:
        """Read in a thread of that name for the length of the block.

        It calls `drain`, if that is given, in place of our own; and then it pauses for some seconds, so that many
        datagrams cost one awakening. That is for queues that have room for them.
        """
        finished = threading.Event()
        arguments = finished, drain or self.drain, pause
        thread = threading.Thread(target=self._read, args=arguments, name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()

    def drain(self) -> None:
        """Take all that has come."""
        with self._lock:
            while True:
                try:
                    datagram = self._sock.recv(LARGEST, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                except OSError as error:  # netlink(7) tells so of what it could not keep
                    if error.errno != errno.ENOBUFS:
                        raise
                    self.overflows += 1
                else:
                    self._take(datagram)

    def _read(self, finished: threading.Event, drain: Callable[[], None], pause: float) -> None:
        poller = select.poll()
        poller.register(self._sock, select.POLLIN)
        while not finished.is_set():
            if poller.poll(WAKE_UP_MS):
                drain()
                finished.wait(pause)


def widen(sock: socket.socket) -> None:
    """Have the kernel keep many datagrams of this socket, more than the system's limit if we are root."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
