"""Waiting for descriptors: epoll where there is one, else poll, with the same few methods."""

from __future__ import annotations

import select
from typing import Final, Protocol

__all__ = ["EXCLUSIVE", "READ", "WRITE", "Poller", "new_poller"]

READ: Final = select.POLLIN
WRITE: Final = select.POLLOUT
EXCLUSIVE = getattr(select, "EPOLLEXCLUSIVE", 0)
"""Linux 4.5: one waiting process wakes for a connection, not all of them."""


class Poller(Protocol):
    """What the loop uses of an epoll object. Times are in seconds."""

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch a descriptor."""

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch it for something else."""

    def unregister(self, fd: int, /) -> None:
        """Watch it no more."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Wait until something is ready, or for `timeout`; return (descriptor, mask) pairs."""

    def close(self) -> None:
        """Free what it holds."""


class _Poll:
    """`select.poll` with epoll's arguments."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register, self.modify, self.unregister = self._poll.register, self._poll.modify, self._poll.unregister

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        return self._poll.poll(timeout * 1000)

    def close(self) -> None:
        pass


def new_poller() -> Poller:
    """Return an empty poller."""
    return select.epoll() if hasattr(select, "epoll") else _Poll()
