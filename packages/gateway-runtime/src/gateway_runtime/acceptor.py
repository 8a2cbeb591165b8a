"""Accepting connections: one after another, whatever happens to one of them.

Connections stay with the worker that has accepted them, so they must be dealt out evenly. The kernel wakes the longest
registered of the workers that wait for a listener; whoever has accepted one registers anew, behind the others.
"""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .connection import Connection, Session
from .log import line
from .poller import EXCLUSIVE, READ, Poller

if TYPE_CHECKING:
    from .addresses import Listener

__all__ = ["BACK_OFF", "IGNORED", "LAST_ACCEPTS", "WAITED_FOR", "Acceptor", "Factory"]

Factory = Callable[[Connection], Session]

LAST_ACCEPTS = 4096
"""Connections accepted at the end, for those that the kernel has completed: its queue is no longer."""

BACK_OFF = 0.5
"""Seconds without accepting when descriptors or memory have run out."""

# accept(2): errors of the connection that was about to be accepted, not of the listener. The next may be fine.
IGNORED = frozenset((
    errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN,
    errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ETIMEDOUT, errno.EINTR,
))  # fmt: skip
# accept(2): the process or the system has run out of something. Waiting helps, trying again at once does not.
WAITED_FOR = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Acceptor:
    """The listeners of a loop. `sources`: each with what makes the sessions of its connections; `allowed`: see `Loop`.

    `patience` is given to the connections, in seconds.
    """

    def __init__(
        self,
        sources: Iterable[tuple[Listener, Factory]],
        allowed: Callable[[str], bool] | None,
        patience: float,
    ) -> None:
        self._sources = {listener.sock.fileno(): (listener.sock, factory) for listener, factory in sources}
        self._poller: Poller | None = None  # while we accept
        self._mask = READ | (EXCLUSIVE if hasattr(select, "epoll") else 0)
        self._allowed = allowed
        self._patience = patience
        self._again = 0.0
        self._alone = self._was_alone = False

    def __contains__(self, fd: int) -> bool:
        return fd in self._sources

    @property
    def active(self) -> bool:
        """Do we accept?"""
        return self._poller is not None

    def on(self, poller: Poller) -> None:
        """Begin to accept when `poller` says that there is somebody."""
        for fd in self._sources:
            poller.register(fd, self._mask)
        self._poller = poller

    def off(self) -> None:
        """Accept no more."""
        if self._poller is not None:
            for fd in self._sources:
                self._poller.unregister(fd)
            self._poller = None

    def rest(self, why: str, now: float) -> None:
        """Accept no more for a moment, and say `why`."""
        line(f"{why}; waiting before the next one")
        self._again = now + BACK_OFF
        self.off()

    def rested(self, now: float) -> bool:
        """Is it time to accept again?"""
        return self._poller is None and now >= self._again

    def accept(self, fd: int, now: float) -> Connection | None:
        """Accept one connection, if there is one that may be here."""
        sock, factory = self._sources[fd]
        while True:
            try:
                accepted, peer = sock.accept()
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno in IGNORED:
                    continue
                if error.errno not in WAITED_FOR:
                    raise
                self.rest(f"cannot accept connections: {error.strerror}", now)
                return None
            return self._welcome(accepted, peer, factory)

    def last(self, most: int, now: float) -> Iterable[Connection]:
        """Accept what the kernel has completed, which would otherwise be reset when the listeners are closed."""
        for fd in self._sources:
            for _ in range(min(most, LAST_ACCEPTS)):
                connection = self.accept(fd, now)
                if connection is None:
                    break
                yield connection

    def company(self, alone: bool) -> None:
        """Hear, about once a second, whether this is the only worker. Once may be while others are about to start."""
        self._alone = alone and self._was_alone
        self._was_alone = alone

    def to_the_back(self, fd: int) -> None:
        """Let another worker have the next connection, if there is one."""
        if self._poller is not None and EXCLUSIVE and not self._alone:
            self._poller.unregister(fd)
            self._poller.register(fd, self._mask)

    def _welcome(self, sock: socket.socket, peer: object, factory: Factory) -> Connection | None:
        sock.setblocking(False)
        ip = ""
        if isinstance(peer, tuple):
            ip = str(peer[0]).partition("%")[0]  # the zone of a link-local address means something to this machine only
            if self._allowed is not None and not self._allowed(ip):
                line(f"{ip} is not among those whom --allow-from lets in; the connection is closed")
                sock.close()
                return None
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:  # it has gone already, which recv will say too
                pass
        connection = Connection(sock, ip, self._patience)
        connection.session = factory(connection)
        return connection
