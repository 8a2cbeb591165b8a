"""Accepting connections in an asyncio loop: one at a time, and one worker at a time.

All workers wait for the same listeners. asyncio's own servers would all wake for each connection, and the first to come
would take all that are there. So the listeners stand in the loop's epoll set as EXCLUSIVE, where the kernel wakes one
worker for each, the longest registered one, and whoever has accepted registers anew, behind the others (the engine does
the same: `gateway_runtime.acceptor`). Where there is no epoll, they are watched as any other descriptor.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Callable

from gateway_runtime.acceptor import BACK_OFF, IGNORED, LAST_ACCEPTS, WAITED_FOR
from gateway_runtime.log import line
from gateway_runtime.poller import EXCLUSIVE, READ

__all__ = ["Door"]


class Door:
    """Watches listening sockets while it is open. `welcome(number, sock)` takes a connection to listener `number`.

    `number_open()` of `most` connections are there. `epoll_fd` is that of the loop's selector, if it is an epoll.
    """

    def __init__(
        self,
        listeners: list[socket.socket],
        welcome: Callable[[int, socket.socket], None],
        number_open: Callable[[], int],
        most: int,
        epoll_fd: int | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners = dict(enumerate(listeners))
        self._welcome = welcome
        self._number_open = number_open
        self._most = most
        self._epoll = None
        if EXCLUSIVE and epoll_fd is not None:
            self._epoll = select.epoll.fromfd(os.dup(epoll_fd))  # the same set, to be closed by itself
        self._again: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to accept."""
        self._again = None
        for number in self._listeners:
            self._watch(number)

    def shut(self) -> None:
        """Accept no more."""
        if self._again is not None:
            self._again.cancel()
        for sock in self._listeners.values():
            self._loop.remove_reader(sock)

    def close(self) -> None:
        """Free what it holds. The listeners are not its own."""
        self.shut()
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None

    def last(self) -> None:
        """Accept what the kernel has completed, which would otherwise be reset when the listeners are closed."""
        for number in self._listeners:
            for _ in range(LAST_ACCEPTS):
                if self._number_open() >= self._most or not self._accept(number):
                    break

    def _watch(self, number: int) -> None:
        fd = self._listeners[number].fileno()
        self._loop.add_reader(fd, self._on_readable, number)
        if self._epoll is not None:
            self._epoll.unregister(fd)
            self._epoll.register(fd, READ | EXCLUSIVE)

    def _on_readable(self, number: int) -> None:
        if self._number_open() >= self._most:
            self._rest(f"{self._most} connections are open, which is the limit")
        elif self._accept(number) and self._epoll is not None:
            self._loop.remove_reader(self._listeners[number])
            self._watch(number)

    def _accept(self, number: int) -> bool:
        """Accept one connection. False: there is none, or there can be none now."""
        while True:
            try:
                sock, _ = self._listeners[number].accept()
            except BlockingIOError:  # another worker was quicker
                return False
            except OSError as error:
                if error.errno in IGNORED:
                    continue
                if error.errno not in WAITED_FOR:
                    raise
                self._rest(f"cannot accept connections: {error.strerror}")
                return False
            sock.setblocking(False)
            self._welcome(number, sock)
            return True

    def _rest(self, why: str) -> None:
        """Accept no more for a moment."""
        line(f"{why}; waiting before the next one")
        self.shut()
        self._again = self._loop.call_later(BACK_OFF, self.open)
