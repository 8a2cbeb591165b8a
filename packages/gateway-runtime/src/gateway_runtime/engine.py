"""The loop of a worker: the thread that waits for bytes also decodes them, calls the application and sends.

There is no queue and no hand-over between threads on the way of a request, so a small one costs four steps::

    poll -> recv -> session.receive (decode) -> session.serve (call, encode, send)

Everything else happens beside that path: accepting (`acceptor`), what a socket did not take, time limits (looked at
once a second), and the end.

A worker has one loop. The one here has one thread. That of `shared_loop` can change hands, before a call that is
expected to be slow or in the middle of one that turns out to be: then another thread goes on here, and the connection
of the slow call is *away* until its thread gives it back. For its sake the functions of the path say whether the loop
is still ours, and requests may have to wait in line until a thread is free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from . import events
from .acceptor import Acceptor, Factory
from .connection import Connection, Stage
from .log import line
from .poller import READ, WRITE, Poller, new_poller

if TYPE_CHECKING:
    from .addresses import Listener
    from .scoreboard import WorkerSlot
    from .trunk import Unit

__all__ = ["Limits", "Loop", "Serving", "SessionFactory"]

SessionFactory = Factory
"""Makes the session of a new connection; each listener has its own."""

# A look into an enum is a call, in 3.11.
_OPEN: Final = Stage.OPEN
_CLOSING: Final = Stage.CLOSING
_LINGERING: Final = Stage.LINGERING
_GONE: Final = Stage.GONE

_RECEIVE: Final = 64 * 1024
"""Bytes read at a time: a request with a small body in one go."""

_TURN: Final = 16
"""Pipelined requests served before other connections have their turn."""

_TICK = 1.0
"""Seconds between two looks at the deadlines."""

_LINGER = 2.0
"""Seconds that a lingering close waits for the peer to read and close: several round trips anywhere on Earth."""

_LAST_REQUEST = 0.5
"""Seconds that an idle connection has for another request when we stop. Closed at once, it would cross with requests
that are on their way, and their senders could not know whether they were served. So the next one is answered, as the
last; who asks for nothing so long is not in the middle of anything."""

_LAST_TICK = 0.1
"""Seconds between two looks at the deadlines when we stop."""


_CONTENT_RATE = 500
"""Bytes of content that earn their sender another second. Whoever sends drop by drop is late in the end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds, and the number of connections a loop holds."""

    idle: float = 30.0
    """Between two requests."""
    head: float = 20.0
    """From a request's first byte to the end of its head, however slowly it drips."""
    body: float = 30.0
    """Without a byte of a request's content; and in all, but for what the bytes earn (_CONTENT_RATE)."""
    send: float = 30.0
    """Without the peer taking a byte of the response."""
    grace: float = 30.0
    """After being told to stop, for requests that are under way."""
    connections: int = 10_000


class Serving(Protocol):
    """What a worker does all its life: a `Loop`, or what a gateway has in its place (`Gateway.loop`)."""

    def start(self) -> None:
        """Get ready: when this returns, the worker says that it can serve. Raises StartupError."""

    def run(self) -> None:
        """Serve until told to stop."""


class Loop:
    """A worker's connections. `run` returns when it was told to stop and all is done, or its grace is over.

    `sources` are the listeners, each with its session factory; `stop_fds` tell it to stop by becoming readable or
    reaching end of file; `board` is the worker's line on the scoreboard; `allowed(ip)` says who may connect over TCP.
    When `quota` requests were served (0: never) `spent()` is called, once.
    """

    threads = 1
    """Calls of the application at once."""

    def __init__(
        self,
        sources: Iterable[tuple[Listener, SessionFactory]],
        stop_fds: Iterable[int],
        board: WorkerSlot,
        limits: Limits,
        allowed: Callable[[str], bool] | None = None,
        quota: int = 0,
        spent: Callable[[], None] | None = None,
    ) -> None:
        self._stop_fds = frozenset(stop_fds)
        self._board = board
        self._limits = limits
        self._quota = quota if spent is not None else 0
        self._spent = spent
        self._acceptor = Acceptor(sources, allowed, limits.send)
        self._poller: Poller
        self._connections: dict[int, Connection] = {}
        self._ready: Iterator[tuple[int, int]] = iter(())  # what the poller has said and was not acted on yet
        self._queue: deque[Unit] = deque()  # requests stand ready on them
        self._served = 0
        self._now = self._polled = 0.0  # the time, and when the poller answered
        self._next_tick = 0.0
        self._pause = _TICK  # between two ticks
        self._told = events.wanted("begin") or events.wanted("end")
        self._stopping = False  # we have been told, and are to look round for the last time
        self._stop_by: float | None = None
        self._limit_of = {"IDLE": limits.idle, "HEAD": limits.head, "BODY": limits.body, "BUSY": limits.send}
        self._away = 0  # connections whose threads have left the loop; never more than `threads`
        self._slot = board.thread(0)

    def start(self) -> None:
        """There is nothing to wait for."""

    def run(self) -> None:
        """Serve until told to stop."""
        self._poller = new_poller()
        try:
            for fd in self._stop_fds:
                self._poller.register(fd, READ)
            self._acceptor.on(self._poller)
            self._go()
        finally:
            self._clean_up()

    def _go(self) -> None:
        """Drive until the end."""
        self._drive()

    def _clean_up(self) -> None:
        for connection in list(self._connections.values()):
            if connection.full:
                connection.abort()  # nobody shall take half a response for a whole one
            self._drop(connection)
        self._poller.close()

    def _drive(self) -> None:
        """Act on what is ready, poll, act again. The hot path of every gateway.

        Returns when all is over, or when the loop has changed hands: then the next thread goes on where this one was.
        """
        poll = self._poller.poll
        connections, queue = self._connections, self._queue
        while True:
            for fd, mask in self._ready:
                connection = connections.get(fd)
                if connection is None:
                    if not self._other(fd):
                        return
                elif mask & WRITE or connection.full:
                    if not self._writable(connection):
                        return
                elif connection.queued:
                    self._hold(connection)
                elif not self._readable(connection):
                    return
            if queue and not self._serve_the_queue():
                return
            self._after_a_turn()
            if self._stopping and self._away < self.threads:
                self._stopping = False
                self._ready = iter(self._look_round())
                continue
            if self._stop_by is not None and (not connections or self._polled >= self._stop_by):
                self._over()
                return
            found = poll(0.0 if queue and self._away < self.threads else self._pause)
            self._polled = self._now = monotonic()
            self._ready = iter(found)

    def _over(self) -> None:
        """All is done, or the grace is over."""

    def _serve_the_queue(self) -> bool:
        """Serve those who have let others go first, each once. False: the loop has changed hands meanwhile."""
        for _ in range(len(self._queue)):
            if self._away == self.threads:
                break
            unit = self._queue.popleft()
            self._board.lag(self._now - unit.since)
            if not self._take_turn(unit):
                return False
        return True

    def _take_turn(self, unit: Unit) -> bool:
        assert isinstance(unit, Connection)  # a loop of one thread has no branches
        return self._serve(unit, unit.resuming)

    def _after_a_turn(self) -> None:
        """All that was ready has been served: what is due besides?"""
        if self._now > self._polled:
            self._board.lag(self._now - self._polled)  # that long the last in the turn has waited
        if self._polled >= self._next_tick:
            self._tick(self._polled)
        if self._quota and self._served >= self._quota and self._spent is not None:
            self._quota = 0
            self._spent()

    # -- one connection ------------------------------------------------------------------------------------------

    def _readable(self, connection: Connection) -> bool:
        """Read once, decode, serve. False, here and below: the loop has changed hands meanwhile."""
        try:
            data = connection.recv(_RECEIVE)
        except BlockingIOError:
            self._settle(connection)
            return True
        except OSError:
            connection.lost = True
            self._settle(connection)
            return True
        if connection.stage is not _OPEN:  # lingering: what comes now is dropped, its end is the end
            if not data:
                self._drop(connection)
            return True
        if connection.session.receive(data):
            return self._serve(connection, False)
        if not data and not connection.full:
            connection.close()
        if connection.earns:
            earned = connection.deadline + len(data) / _CONTENT_RATE
            connection.deadline = min(self._now + connection.limit, earned)
        self._settle(connection)
        return True

    def _serve(self, connection: Connection, resuming: bool) -> bool:
        """Serve what stands ready, up to a turn's worth; `resuming`: go on with a paused response first."""
        connection.queued = connection.fresh = False
        for _ in range(_TURN):
            if self._away == self.threads:
                self._line_up(connection, resuming)
                break
            more = self._call(connection, resuming)
            if more is None:
                return False
            resuming = False
            if not more or connection.lost:
                break
            if connection.full:  # a peer that asks and does not read: `_writable` goes on
                connection.queued = True
                break
        else:
            self._line_up(connection, False)
        self._settle(connection)
        return True

    def _line_up(self, connection: Connection, resuming: bool) -> None:
        """Let others go first, or wait for a thread."""
        connection.queued = True
        connection.resuming = resuming
        connection.since = self._now
        self._queue.append(connection)

    def _writable(self, connection: Connection) -> bool:
        """Send what waits; when all has gone, let the response go on, or serve the next request."""
        if connection.flush():
            connection.phase = ""  # progress: a new time limit
        if connection.lost or connection.full or connection.stage is not _OPEN:
            self._settle(connection)
            return True
        return self._serve(connection, not connection.queued)

    def _hold(self, connection: Connection) -> None:
        """A peer speaks whose request is still in line: listen to it later, or the poller would say so again."""
        if self._away == self.threads and connection.mask:
            self._poller.unregister(connection.fd)
            connection.mask = 0

    def _settle(self, connection: Connection) -> None:
        """After any work on a connection: is it over, what is it waiting for, and until when?"""
        full = connection.full
        if connection.lost or (connection.stage is not _OPEN and not full and self._has_ended(connection)):
            self._drop(connection)
            return
        phase = None if full else connection.session.phase
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
            connection.deadline = self._now + _LAST_REQUEST
        mask = WRITE if full else READ
        if connection.mask != mask:
            if connection.mask:
                self._poller.modify(connection.fd, mask)
            else:
                self._poller.register(connection.fd, mask)
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
        connection.renews = name == "IDLE"
        connection.earns = name == "BODY"
        connection.deadline = self._now + connection.limit

    def _is_idle(self, connection: Connection) -> bool:
        """Is nothing under way on this connection, in either direction?"""
        under_way = connection.full or connection.queued or connection.stage is not _OPEN
        return not under_way and connection.session.phase.name == "IDLE"

    def _drop(self, connection: Connection) -> None:
        """Forget a connection and free its descriptor."""
        if connection.mask:
            self._poller.unregister(connection.fd)
            connection.mask = 0
        self._connections.pop(connection.fd, None)
        connection.lost = True
        connection.session.abandon()
        connection.dispose()

    # -- a call of the application -------------------------------------------------------------------------------

    def _call(self, connection: Unit, resuming: bool) -> bool | None:
        """Serve one request, or go on with a paused response. True: another one stands ready.

        None: the loop has changed hands, and may not be touched any more.
        """
        session, slot = connection.session, self._slot
        route = session.route
        slot.begin(route, self._now)
        if resuming:
            more = session.resume()
            slot.rest()
        else:
            if self._told:
                events.emit("begin", request=route)
            more = session.serve()
            slot.end()
            if self._told:
                events.emit("end", request=route)
            self._served += 1
        self._now = monotonic()  # the call may have taken longer than any limit
        return more

    # -- what is no connection yet -------------------------------------------------------------------------------

    def _other(self, fd: int) -> bool:
        if fd in self._acceptor:
            if not self._acceptor.active:  # we have stopped since the poller said so
                return True
            if len(self._connections) >= self._limits.connections:
                self._acceptor.rest(f"{len(self._connections)} connections are open, which is the limit", self._now)
                return True
            connection = self._acceptor.accept(fd, self._now)
            self._acceptor.to_the_back(fd)
            return connection is None or self._begin(connection)
        if fd in self._stop_fds and self._stop_by is None:
            self._stop()
        return True

    def _begin(self, connection: Connection) -> bool:
        """Read at once: most clients have sent their request by now, which saves a short connection two calls."""
        self._adopt(connection)
        held = self._readable(connection)
        if held and connection.stage is _OPEN and not connection.mask and not connection.lost:
            self._settle(connection)
        return held

    def _adopt(self, connection: Connection) -> None:
        """A connection is ours from now on."""
        self._connections[connection.fd] = connection

    # -- time ----------------------------------------------------------------------------------------------------

    def _tick(self, now: float) -> None:
        """Once a second: end what has taken too long.

        `now` is when the poller was asked: what peers have sent while the application was called was not read yet, and
        cannot be late.
        """
        self._next_tick = now + self._pause
        late = [one for one in self._connections.values() if one.deadline < now and not one.away]
        for connection in late:
            if connection.full:
                line(f"{connection.peer or 'unix peer'}: the peer does not take what is sent; the connection is cut")
                connection.abort()
            elif connection.stage is not _OPEN:  # it has lingered for long enough
                connection.lost = True
            elif not connection.queued:
                connection.session.expire()
                connection.phase = ""
            self._settle(connection)
        self._accept_again()
        self._acceptor.company(self._board.alone)
        self._board.connections(len(self._connections))
        self._board.lag(0.0)  # what has long passed fades while nothing happens

    def _accept_again(self) -> None:
        """Accept, if we do not, and nothing speaks against it."""
        room = len(self._connections) < self._limits.connections and self._away < self.threads
        if room and self._stop_by is None and self._acceptor.rested(self._now):
            self._acceptor.on(self._poller)

    def _stop(self) -> None:
        """Finish what is under way, and no more than that."""
        for fd in self._stop_fds:
            self._poller.unregister(fd)  # at end of file it would be ready for ever
        self._stop_by = self._now + self._limits.grace
        self._stopping = True
        for connection in self._connections.values():  # also those whose turn comes before we look round
            connection.session.retire()
        self._next_tick, self._pause = self._now, min(_TICK, _LAST_TICK)
        self._acceptor.off()

    def _look_round(self) -> list[tuple[int, int]]:
        """Return all that must be read once more: a request that has just come is served, as the last one there.

        So are connections that the kernel has completed. It waits until a thread is free: by then, if this is a reload,
        other workers have taken them.
        """
        for connection in self._acceptor.last(self._limits.connections - len(self._connections), self._now):
            self._adopt(connection)
        for connection in self._connections.values():
            connection.session.retire()
            connection.fresh = not connection.away and self._is_idle(connection)
        return [(fd, READ) for fd, one in self._connections.items() if not (one.full or one.queued or one.away)]
