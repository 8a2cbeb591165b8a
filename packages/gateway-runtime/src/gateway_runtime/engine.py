"""The loop of a worker's thread: the thread that waits for bytes also decodes them, calls the application and sends.

There is no queue and no hand-over between threads on the way of a request, so a small one costs four steps::

    poll -> recv -> session.receive (decode) -> session.serve (call, encode, send)

Everything else happens beside that path: accepting, what a socket did not take, time limits (looked at once a second),
and the end. Decoding and calling are two calls of the session, so that a later engine can give the loop to another
thread before or during the second one.

A thread has one loop; several threads share the listening sockets and nothing else.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from . import events
from .connection import Connection, Session, Stage
from .log import line

if TYPE_CHECKING:
    from .addresses import Listener
    from .scoreboard import Slot

__all__ = ["Limits", "Loop", "SessionFactory"]

SessionFactory = Callable[[Connection], Session]
"""Makes the session of a new connection; each listener has its own."""

_OPEN, _CLOSING, _LINGERING, _GONE = Stage  # a look into an enum is a call, in 3.11

_READ = select.POLLIN
_WRITE = select.POLLOUT
_EXCLUSIVE = getattr(select, "EPOLLEXCLUSIVE", 0)  # Linux 4.5: one waiting thread wakes for a connection, not all

_RECEIVE = 64 * 1024
"""Bytes read at a time: a request with a small body in one go."""

_TURN = 16
"""Pipelined requests served before other connections have their turn."""

_LAST_ACCEPTS = 4096
"""Connections accepted at the end, for those that the kernel has completed: its queue is no longer."""

_TICK = 1.0
"""Seconds between two looks at the deadlines."""

_LINGER = 2.0
"""Seconds that a lingering close waits for the peer to read and close: several round trips anywhere on Earth."""

_FIRST_REQUEST = 0.5
"""Seconds that a new connection has for its request when we stop: whoever has just connected is about to ask, and
cannot know, as one who has asked before must, that the connection may close."""

_BACK_OFF = 0.5
"""Seconds without accepting when descriptors or memory have run out."""

# accept(2): errors of the connection that was about to be accepted, not of the listener. The next may be fine.
_ACCEPT_IGNORES = frozenset((
    errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN,
    errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ETIMEDOUT, errno.EINTR,
))  # fmt: skip
# accept(2): the process or the system has run out of something. Waiting helps, trying again at once does not.
_ACCEPT_WAITS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds, and the number of connections a loop holds."""

    idle: float = 30.0
    """Between two requests."""
    head: float = 20.0
    """From a request's first byte to the end of its head, however slowly it drips."""
    body: float = 30.0
    """Without a byte of a request's content."""
    send: float = 30.0
    """Without the peer taking a byte of the response."""
    grace: float = 30.0
    """After being told to stop, for requests that are under way."""
    connections: int = 10_000


class _Poll:
    """`select.poll` with epoll's arguments, where there is no epoll."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register, self.modify, self.unregister = self._poll.register, self._poll.modify, self._poll.unregister

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        return self._poll.poll(timeout * 1000)

    def close(self) -> None:
        pass


class Loop:
    """One thread's connections. `run` returns when it was told to stop and all is done, or its grace is over.

    `sources` are the listeners, each with its session factory; `stop_fds` tell it to stop by becoming readable or
    reaching end of file; `allowed(ip)` says who may connect over TCP.
    """

    def __init__(
        self,
        sources: Iterable[tuple[Listener, SessionFactory]],
        stop_fds: Iterable[int],
        slot: Slot,
        limits: Limits,
        allowed: Callable[[str], bool] | None = None,
    ) -> None:
        self._sources = {listener.sock.fileno(): (listener.sock, factory) for listener, factory in sources}
        self._stop_fds = frozenset(stop_fds)
        self._slot = slot
        self._limits = limits
        self._allowed = allowed
        self._connections: dict[int, Connection] = {}
        self._queue: deque[Connection] = deque()
        self._poller: select.epoll | _Poll
        self._now = 0.0
        self._next_tick = 0.0
        self._accept_mask = _READ | (_EXCLUSIVE if hasattr(select, "epoll") else 0)
        self._told = events.wanted("begin") or events.wanted("end")
        self._accepting = False
        self._accept_again = 0.0
        self._stop_by: float | None = None
        self._limit_of = {"IDLE": limits.idle, "HEAD": limits.head, "BODY": limits.body, "BUSY": limits.send}

    def run(self) -> None:
        """Serve until told to stop."""
        self._poller = select.epoll() if hasattr(select, "epoll") else _Poll()
        try:
            for fd in self._stop_fds:
                self._poller.register(fd, _READ)
            self._accept_on()
            self._loop()
        finally:
            for connection in list(self._connections.values()):
                if connection.waiting:
                    connection.abort()  # nobody shall take half a response for a whole one
                self._drop(connection)
            self._poller.close()

    def _loop(self) -> None:
        """Poll and act. The hot path of every gateway."""
        poll = self._poller.poll
        connections = self._connections
        while True:
            ready = poll(0.0 if self._queue else _TICK)
            now = self._now = time.monotonic()
            for fd, mask in ready:
                connection = connections.get(fd)
                if connection is None:
                    self._other(fd)
                elif mask & _WRITE or connection.waiting:
                    self._writable(connection)
                elif not connection.queued:
                    self._readable(connection)
            for _ in range(len(self._queue)):
                self._serve(self._queue.popleft())
            if now >= self._next_tick:
                self._tick(now)
            if self._stop_by is not None and (not connections or now >= self._stop_by):
                return

    # -- one connection ------------------------------------------------------------------------------------------

    def _readable(self, connection: Connection) -> None:
        """Read once, decode, serve."""
        try:
            data = connection.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            connection.lost = True
            self._settle(connection)
            return
        if connection.stage is not _OPEN:  # lingering: what comes now is dropped, its end is the end
            if not data:
                self._drop(connection)
            return
        if connection.session.receive(data):
            self._serve(connection)
            return
        if not data and not connection.waiting:
            connection.close()
        self._settle(connection)

    def _serve(self, connection: Connection) -> None:
        """Serve what stands ready, up to a turn's worth."""
        connection.queued = connection.fresh = False
        session, slot, told = connection.session, self._slot, self._told
        for _ in range(_TURN):
            if connection.lost:
                break
            route = session.route
            slot.begin(route, self._now)
            if told:
                events.emit("begin", request=route)
            more = session.serve()
            slot.end()
            if told:
                events.emit("end", request=route)
            if not more:
                break
            if connection.full:  # a peer that asks and does not read: `_writable` goes on
                connection.queued = True
                break
        else:
            connection.queued = True
            self._queue.append(connection)
        self._now = time.monotonic()  # the call may have taken longer than any limit
        self._settle(connection)

    def _writable(self, connection: Connection) -> None:
        """Send what waits; when enough has gone, let the response go on, or serve the next request."""
        held = connection.full
        if connection.flush():
            connection.phase = ""  # progress: a new time limit
        drained = not connection.lost and not connection.full and connection.stage is _OPEN
        if drained and (held if connection.queued else connection.session.resume()):
            self._serve(connection)
        else:
            self._settle(connection)

    def _settle(self, connection: Connection) -> None:
        """After any work on a connection: is it over, what is it waiting for, and until when?"""
        waiting = connection.waiting
        if connection.lost or (connection.stage is not _OPEN and not waiting and self._has_ended(connection)):
            self._drop(connection)
            return
        phase = None if waiting else connection.session.phase
        if connection.stage is _LINGERING:
            pass  # with a deadline of its own
        elif phase is not connection.phase:
            self._enter(connection, phase)
        elif connection.renews:
            connection.deadline = self._now + connection.limit
        if self._stop_by is not None and self._is_idle(connection):
            if not connection.fresh:
                self._drop(connection)
                return
            connection.deadline = self._now + _FIRST_REQUEST
        mask = _WRITE if waiting else _READ
        if connection.mask != mask:
            if connection.mask:
                self._poller.modify(connection.fd, mask)
            else:
                self._poller.register(connection.fd, mask)
                self._connections[connection.fd] = connection
            connection.mask = mask

    def _has_ended(self, connection: Connection) -> bool:
        """All is sent on a connection that is to close: shut our side. True: nothing is left to wait for."""
        if connection.stage is _CLOSING:
            connection.shut()
            connection.deadline = self._now + _LINGER
        return connection.stage is _GONE

    def _enter(self, connection: Connection, phase: Enum | None) -> None:
        """Set the time limit of the phase that a connection has come to; None: it waits for its peer to read."""
        name = "BUSY" if phase is None else phase.name
        connection.phase = phase
        connection.limit = self._limit_of[name]
        connection.renews = name in ("BODY", "IDLE")
        connection.deadline = self._now + connection.limit

    def _is_idle(self, connection: Connection) -> bool:
        """Is nothing under way on this connection, in either direction?"""
        under_way = connection.waiting or connection.queued or connection.stage is not _OPEN
        return not under_way and connection.session.phase.name == "IDLE"

    def _drop(self, connection: Connection) -> None:
        """Forget a connection and free its descriptor."""
        if connection.mask:
            self._poller.unregister(connection.fd)
            self._connections.pop(connection.fd, None)
            connection.mask = 0
        connection.lost = True
        connection.session.abandon()
        connection.dispose()

    # -- accepting -----------------------------------------------------------------------------------------------

    def _other(self, fd: int) -> None:
        if fd in self._sources:
            if self._accepting:  # else we have stopped since the poller said so
                self._accept(*self._sources[fd])
                self._to_the_back(fd)
        elif fd in self._stop_fds and self._stop_by is None:
            self._stop()

    def _accept(self, sock: socket.socket, factory: SessionFactory, most: int = 1) -> None:
        """Accept what is there, up to `most`. An error of one connection is not an error of the listener.

        One at a time, so that the other workers get theirs: connections stay with who has accepted them.
        """
        for _ in range(most):
            if len(self._connections) >= self._limits.connections:
                self._accept_off(f"{len(self._connections)} connections are open, which is the limit")
                return
            try:
                accepted, peer = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _ACCEPT_IGNORES:
                    continue
                if error.errno not in _ACCEPT_WAITS:
                    raise
                self._accept_off(f"cannot accept connections: {error.strerror}")
                return
            self._welcome(accepted, peer, factory)

    def _welcome(self, sock: socket.socket, peer: object, factory: SessionFactory) -> None:
        sock.setblocking(False)
        ip = ""
        if isinstance(peer, tuple):
            ip = str(peer[0])
            if self._allowed is not None and not self._allowed(ip):
                line(f"{ip} is not among those whom --allow-from lets in; the connection is closed")
                sock.close()
                return
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:  # it has gone already, which recv will say too
                pass
        connection = Connection(sock, ip)
        connection.session = factory(connection)
        # Most clients have sent their request by now: reading first saves a short connection two system calls.
        self._readable(connection)
        if connection.stage is _OPEN and not connection.mask and not connection.lost:
            self._settle(connection)

    def _to_the_back(self, fd: int) -> None:
        """Let another worker have the next connection: the kernel wakes the longest registered of those that wait."""
        if self._accepting and _EXCLUSIVE:
            self._poller.unregister(fd)
            self._poller.register(fd, self._accept_mask)

    def _accept_on(self) -> None:
        for fd in self._sources:
            self._poller.register(fd, self._accept_mask)
        self._accepting = True

    def _accept_off(self, why: str = "") -> None:
        """Stop accepting: for good when `why` is empty, else for a moment."""
        if why:
            line(f"{why}; waiting before the next one")
            self._accept_again = self._now + _BACK_OFF
        if self._accepting:
            self._accepting = False
            for fd in self._sources:
                self._poller.unregister(fd)

    # -- time ----------------------------------------------------------------------------------------------------

    def _tick(self, now: float) -> None:
        """Once a second: end what has taken too long.

        `now` is when the poller was asked: what peers have sent while the application was called was not read yet, and
        cannot be late.
        """
        self._next_tick = now + _TICK
        for connection in [one for one in self._connections.values() if one.deadline < now]:
            if connection.waiting:
                line(f"{connection.peer or 'unix peer'}: the peer does not take what is sent; the connection is cut")
                connection.abort()
            elif connection.stage is not _OPEN:  # it has lingered for long enough
                connection.lost = True
            elif not connection.queued:
                connection.session.expire()
                connection.phase = ""
            self._settle(connection)
        room = len(self._connections) < self._limits.connections
        if room and not self._accepting and self._stop_by is None and now >= self._accept_again:
            self._accept_on()

    def _stop(self) -> None:
        """Take no new connection, finish what is under way, close what is idle."""
        if self._accepting:
            for sock, factory in self._sources.values():
                self._accept(sock, factory, _LAST_ACCEPTS)  # what the kernel has completed would otherwise be reset
        for fd in self._stop_fds:
            self._poller.unregister(fd)  # at end of file it would be ready for ever
        self._accept_off()
        self._stop_by = self._now + self._limits.grace
        for connection in list(self._connections.values()):
            if not connection.waiting and not connection.queued:
                self._readable(connection)  # a request that has just come is still served
            if not connection.lost:
                self._settle(connection)
