"""One connection through the relay: two sockets, and what is between them.

::

    front ==== recv ===> unsent (one block at most) === send ===> backend        and the same the other way

Either side is to see the other as if nobody stood between:

* Bytes go on before anything else is done with them. A side is read only when the other has taken all that was read
  before, so whoever reads slowly slows the other, and a direction holds one block.
* An end of file is passed on as one (`shutdown`), behind the bytes: the other direction goes on.
* A broken connection breaks the other one: bytes still under way may be lost, as they may without us.
* A side that has closed altogether (a unix socket tells; of TCP nobody knows before he writes) is closed to the other.

What sockets do stays here; who waits for which of them is `relay`.
"""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Callable

from .recording import Sender
from .relay_call import reset_on_close

__all__ = ["BLOCK", "UNWATCHED", "End", "Pair"]

BLOCK = 64 * 1024
"""Bytes read at once: what a socket's buffer holds by default, more or less."""

UNWATCHED = -1
"""The loop does not look at an end at all."""

_HANGUP_TELLS = sys.platform == "linux"
"""Does POLLHUP, while we have not shut our half, mean that the peer has closed both of his? Elsewhere it may be one."""

Passed = Callable[[Sender, bytes, bool], None]
"""Called with who has sent what; b"" is the end, and True if that was a reset."""


class End:
    """One of the two sockets. `sender` is who sits at its other end."""

    __slots__ = ("ended", "fd", "gone", "other", "pair", "polled", "sender", "shut", "sock", "unsent")

    other: End

    def __init__(self, pair: Pair, sender: Sender, sock: socket.socket) -> None:
        self.pair = pair
        self.sender: Sender = sender
        self.sock = sock
        self.fd = sock.fileno()
        self.unsent = memoryview(b"")  # for this end
        self.ended = False  # it sends no more
        self.shut = False  # we send no more
        self.gone = False  # it takes no more
        self.polled = UNWATCHED  # else what the loop waits for; breaks are told anyway

    @property
    def readable(self) -> bool:
        """Is there room for what it may say?"""
        return not (self.ended or self.other.unsent)

    @property
    def wanted(self) -> int:
        """What is to be waited for."""
        return select.POLLIN * self.readable | select.POLLOUT * bool(self.unsent)


class Pair:
    """A front's connection and the one to the backend. `passed` hears of everything. `closed`: it is over."""

    def __init__(self, front: socket.socket, backend: socket.socket, passed: Passed) -> None:
        self.front = End(self, "front", front)
        self.backend = End(self, "backend", backend)
        self.front.other, self.backend.other = self.backend, self.front
        self.closed = False
        self._passed = passed

    def act(self, end: End, events: int) -> None:
        """Do what can be done now that `events` have come for one end."""
        if events & select.POLLOUT and end.unsent and not self._send(end):
            self._break(end)
        elif events & (select.POLLIN | select.POLLHUP | select.POLLERR) and end.readable:
            self._receive(end)
        elif events & select.POLLERR:
            self._break(end)
        if events & select.POLLHUP and _HANGUP_TELLS and not end.shut and end.ended:
            end.gone = True
        if not self.closed:
            self._settle()

    def close(self, *, reset: bool = False) -> None:
        """Close both sockets. `reset`: let both peers see a broken connection."""
        self.closed = True
        for end in (self.front, self.backend):
            if reset:
                reset_on_close(end.sock)
            end.sock.close()

    def _receive(self, end: End) -> None:
        """Read one block, pass it on, and tell."""
        try:
            data = end.sock.recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            self._break(end)
            return
        end.ended = not data
        end.other.unsent = memoryview(data)
        sent = not data or self._send(end.other)
        self._passed(end.sender, data, False)
        if not sent:
            self._break(end.other)

    def _send(self, end: End) -> bool:
        """Send what can be sent; False if the connection is broken."""
        try:
            end.unsent = end.unsent[end.sock.send(end.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def _break(self, end: End) -> None:
        """The connection to one end is broken: so is the other."""
        self.close(reset=True)
        self._passed(end.sender, b"", True)

    def _settle(self) -> None:
        """Pass ends of file on behind the bytes; close when nothing is left to do."""
        for end in (self.front, self.backend):
            if end.other.ended and not end.unsent and not end.shut:
                end.shut = True
                try:
                    end.sock.shutdown(socket.SHUT_WR)
                except OSError:  # it has gone meanwhile, which reading it will tell
                    pass
        done = [end.ended and end.other.shut for end in (self.front, self.backend)]
        if all(done) or any(end.gone and end.other.shut for end in (self.front, self.backend)):
            self.close()
