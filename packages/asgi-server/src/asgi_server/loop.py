"""A worker's life with asyncio in place of the engine's loop.

::

    worker (gateway_runtime.worker)     start      the lifespan's start-up; then the worker says that it can serve
                                        run        accept, and look at the deadlines once a second
    told to stop                                   no more connections; the last responses say so; WebSockets are closed
    all done, or the grace is over                 what is left is cancelled; the lifespan's shut-down

The processes are those of every other server here: a master that forks, replaces, reloads and ends. Only what a worker
does with its connections is another thing: no thread belongs to a call, so none is held by a call that waits.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from typing import Any

from gateway_runtime.addresses import Listener
from gateway_runtime.engine import Limits
from gateway_runtime.log import line
from gateway_runtime.scoreboard import WorkerSlot

from .connection import Connection
from .crowd import Crowd
from .door import Door
from .site import Site
from .wire import LINGER, Wait

__all__ = ["AsyncLoop"]

_TICK = 1.0
"""Seconds between two looks at the deadlines."""

_LAST_TICK = 0.1
"""The same when we stop."""

_LAST_REQUEST = 0.5
"""Seconds that an idle connection has for another request when we stop. Closed at once, it would cross with requests
that are on their way, and their senders could not know whether they were served."""

_LAST_WORDS = 0.2
"""Seconds that a call has to end when it is cancelled."""

_SHUT_DOWN = 0.5
"""Seconds that the application has to shut down, if requests have used up the grace time: the master waits for one."""


class AsyncLoop:
    """A worker's connections. Made and used as `gateway_runtime.engine.Loop` is; each source comes with its `Site`."""

    def __init__(
        self,
        sources: Iterable[tuple[Listener, Site]],
        stop_fds: Iterable[int],
        board: WorkerSlot,
        limits: Limits,
        allowed: Callable[[str], bool] | None = None,
        quota: int = 0,
        spent: Callable[[], None] | None = None,
    ) -> None:
        assert allowed is None, "HTTP is for everybody who can connect"
        pairs = list(sources)
        self._listeners = [listener.sock for listener, _ in pairs]
        self._sites = [site for _, site in pairs]
        self._lifespan = self._sites[0].lifespan  # they all serve the same application
        self._stop_fds = tuple(stop_fds)
        self._board = board
        self.limits = limits
        self.connections: set[Connection] = set()
        self.crowd = Crowd(board.thread(0), quota, spent)
        self._selector = selectors.DefaultSelector()
        self._limit_of = {
            Wait.NEXT: limits.idle, Wait.HEAD: limits.head, Wait.CONTENT: limits.body, Wait.READER: limits.send,
            Wait.FRAMES: limits.idle, Wait.CLOSE: LINGER,
        }  # fmt: skip
        self._runner: asyncio.Runner
        self._started = False
        self._stop: asyncio.Event
        self._changed: asyncio.Event
        self._welcoming: dict[asyncio.Task[Any], tuple[Connection, socket.socket]] = {}

    # -- what the worker calls -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the application start up. Raises StartupError if it cannot."""
        self._runner = asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(self._selector))
        try:
            self._runner.run(self._start())
        except BaseException:
            self._runner.close()
            raise

    def run(self) -> None:
        """Serve until told to stop."""
        with self._runner:
            self._runner.run(self._serve())

    async def _start(self) -> None:
        """Start up; or be told to stop meanwhile."""
        loop = asyncio.get_running_loop()
        self.time = loop.time
        self._stop, self._changed = asyncio.Event(), asyncio.Event()
        for fd in self._stop_fds:
            loop.add_reader(fd, self._told_to_stop)
        starting = loop.create_task(self._lifespan.start())
        stopping = loop.create_task(self._stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
            self._started = True
        else:
            starting.cancel()

    def _told_to_stop(self) -> None:
        for fd in self._stop_fds:
            asyncio.get_running_loop().remove_reader(fd)  # at end of file it would be readable for ever
        self._stop.set()
        self._changed.set()

    async def _serve(self) -> None:
        if not self._started:
            return
        epoll_fd = self._selector.fileno() if isinstance(self._selector, _EPOLL) else None
        door = Door(self._listeners, self._welcome, lambda: len(self.connections), self.limits.connections, epoll_fd)
        try:
            door.open()
            while not self._stop.is_set():
                await self._tick(_TICK)
            door.shut()
            end = self.time() + self.limits.grace
            await self._finish(door, end)
            await self._lifespan.stop(max(_SHUT_DOWN, end - self.time()))
        finally:
            door.close()

    async def _finish(self, door: Door, end: float) -> None:
        """Finish what is under way, and no more than that, until `end`."""
        door.last()
        await asyncio.gather(*self._welcoming, return_exceptions=True)
        for connection in list(self.connections):
            connection.retire(_LAST_REQUEST)
        while (self.connections or self.crowd) and self.time() < end:
            await self._tick(_LAST_TICK)
        self.crowd.cancel()
        for connection in list(self.connections):
            connection.cut()
        end = self.time() + _LAST_WORDS
        while (self.connections or self.crowd) and self.time() < end:
            await self._tick(_LAST_TICK)

    async def _tick(self, pause: float) -> None:
        """Wait a moment, or until something has ended; then see to what has taken too long."""
        self._changed.clear()
        began = self.time()
        try:
            await asyncio.wait_for(self._changed.wait(), pause)
        except TimeoutError:
            self._board.lag(max(0.0, self.time() - began - pause))  # so much later than we wanted to be called
        now = self.time()
        for connection in [one for one in self.connections if one.deadline < now]:
            connection.expire()
        self._board.connections(len(self.connections))

    # -- what connections call -----------------------------------------------------------------------------------

    def limit_of(self, wait: Wait) -> float:
        """Return how many seconds a connection may wait for this."""
        return self._limit_of.get(wait, inf)

    def forget(self, connection: Connection) -> None:
        """A connection is closed."""
        self.connections.discard(connection)
        if self._stop.is_set():
            self._changed.set()

    def _welcome(self, number: int, sock: socket.socket) -> None:
        """Make a connection of a socket."""
        loop = asyncio.get_running_loop()
        connection = Connection(self._sites[number], self)
        self.connections.add(connection)
        task = loop.create_task(loop.connect_accepted_socket(lambda: connection, sock))
        self._welcoming[task] = connection, sock
        task.add_done_callback(self._welcomed)

    def _welcomed(self, task: asyncio.Task[Any]) -> None:
        """A connection is made; or its client was gone already, and nothing can be set on its socket any more.

        Then asyncio's half-made transport has the descriptor until the collector finds it: to close it here would leave
        the number to another connection, and asyncio would take the two for one.
        """
        connection, sock = self._welcoming.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            line(f"a connection was lost before it began: {error}")
            with suppress(OSError):  # not connected, as it should be
                sock.shutdown(socket.SHUT_RDWR)
            self.forget(connection)


_EPOLL: tuple[type, ...] = (selectors.EpollSelector,) if hasattr(selectors, "EpollSelector") else ()
