"""Several requests at a time on one connection: a trunk that stays with the loop, and a branch for each call.

Else a connection goes away with the thread that serves its request. Where the protocol lets requests alternate on one
connection (FastCGI), that would keep all others waiting. So there the loop keeps the connection, reads on whatever is
being served, and what is handed to a thread is a *branch*: one request, with a transport of its own::

                         the loop                                     threads
    socket --> trunk: session.receive --line_up--> queue --> branch: session.serve  -- write --+
      ^          '---- _rejoin: over, or paused <------------ branch                           |
      '------------------------- one write at a time: `Trunk.lock` ----------------------------'

A write is whole records, so those of different branches may alternate and never tear. When the socket does not take
everything, every branch rests after the block that it has just written: they are `resting` until the trunk has drained.
Only the loop's thread touches the queue, `resting`, and what a session keeps of its branches.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from typing import Protocol

from .connection import Connection

__all__ = ["Branch", "BranchSession", "Trunk", "Unit"]


class BranchSession(Protocol):
    """What the loop needs of the session of one request."""

    @property
    def route(self) -> str:
        """Method and path."""

    def serve(self) -> bool:
        """Call the application. In any thread; likewise `resume`."""

    def resume(self) -> bool:
        """Go on with a response that was paused."""

    def rest(self) -> bool:
        """In the loop, after a call: True if the response is paused and still wanted; else clear up."""


class Trunk:
    """A connection with branches. `queue` is the line of the loop that has the connection.

    Whoever uses the connection's output, or closes it, holds `lock`: also the session, for what it says by itself.
    """

    __slots__ = ("connection", "lock", "queue", "resting")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.queue: deque[Unit] = deque()
        self.resting: list[Branch] = []

    def line_up(self, branch: Branch, resuming: bool) -> None:
        """Have a branch served, or its paused response resumed, when its turn comes."""
        branch.resuming = resuming
        branch.since = time.monotonic()
        self.queue.append(branch)

    def drained(self) -> None:
        """The socket has taken everything: those that rest go on."""
        resting, self.resting = self.resting, []
        for branch in resting:
            if not branch.lost:
                self.line_up(branch, resuming=True)


class Branch:
    """The transport of one request. The thread that serves the request has it; the loop may set `lost`."""

    __slots__ = ("away", "cut", "lost", "refused", "resuming", "session", "since", "trunk")

    can_send_file = False

    def __init__(self, trunk: Trunk, session: BranchSession) -> None:
        self.trunk = trunk
        self.session = session
        self.lost = False  # nobody wants the response any more
        self.cut = False  # it cannot be completed
        self.refused = False  # something was to be written that was not wanted any more
        self.away = False  # a thread without the loop is in the session
        self.resuming = False
        self.since = 0.0

    @property
    def peer(self) -> str:
        """IP address, or "" for a unix socket."""
        return self.trunk.connection.peer

    @property
    def full(self) -> bool:
        """Does something wait to be sent, of whichever branch?"""
        return self.trunk.connection.full

    def write(self, data: bytes) -> None:
        """Send whole records. Raises ConnectionError when the peer has gone, or wants no more of this response."""
        trunk = self.trunk
        with trunk.lock:
            if self.lost:
                self.refused = True
                raise ConnectionAbortedError("the peer has aborted the request")
            trunk.connection.write(data)

    def send_file(self, fd: int, offset: int, count: int) -> None:
        """Nobody calls this: content is framed."""
        raise AssertionError

    def drain(self) -> None:
        """Wait until all is sent, whoever sends it. Raises ConnectionError."""
        trunk, connection = self.trunk, self.trunk.connection
        writable = select.poll()
        writable.register(connection.fd, select.POLLOUT)
        while connection.full and not self._unwanted():
            if not writable.poll(connection.patience * 1000):
                connection.abort()
                break
            with trunk.lock:
                if not self._unwanted() and connection.flush():
                    connection.phase = ""  # progress: a new time limit
        if self._unwanted():
            raise ConnectionAbortedError("the peer has gone, or does not take what is sent")

    def _unwanted(self) -> bool:
        return self.lost or self.trunk.connection.lost

    def close(self, *, linger: bool = False) -> None:
        """Nothing: when the trunk ends is for its session to say, in the loop."""

    def abort(self) -> None:
        """The response cannot be completed."""
        self.lost = self.cut = True

    def finish(self, *, close: bool) -> None:
        """The response is over, the call is not: let the peer have all of it. `close`: the connection has no other."""
        if self.full:
            self.drain()
        if close:
            with self.trunk.lock:
                if not self.lost:
                    self.trunk.connection.finish(close=True)


Unit = Connection | Branch
"""What a thread can be away with."""
