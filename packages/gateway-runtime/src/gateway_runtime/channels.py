"""The connections to one server: not too many, kept while they are idle, and not for too long.

::

            take            connect, or an idle one that is not stale
    (none) ------> in use   at most `limit` at once; more wait in line, and not for long
       ^             |
       |             | give_back
       |             v
       '--------- idle      at most `keep`, each for `idle` seconds; the one that rested last goes first

Some servers close after each answer whatever they were asked, and a request may cross with that close. One that can be
sent again loses nothing by it. The others are given a new connection until a kept one has served a second time.

A place in line is bounded in time and in number: who waits here is a thread of a front, and a server that answers
nobody must not come to hold them all.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from time import monotonic

from .channel import Channel

__all__ = ["Channels"]

LINE = 64
"""Requests that wait for a connection at most; the next ones are refused at once."""

LIMIT = 512
"""Connections in use at most: each is a thread of ours, and mostly a process or thread of the server's."""

WAIT = 5.0
"""Seconds that a request waits for a connection: about as long as a person does."""

IDLE = 20.0
"""Seconds that an idle connection is kept: less than the 30 of our own servers. Who closes first should be us, since a
request that crosses with the server's close is lost if it cannot be sent again."""


class Channels:
    """The channels that `connect()` opens. Any thread may take and give back.

    `keep` is the number of idle ones that are kept (0: none), `limit` that of those in use; times are in seconds.
    """

    def __init__(
        self,
        connect: Callable[[], Channel],
        *,
        keep: int = 0,
        limit: int = LIMIT,
        wait: float = WAIT,
        idle: float = IDLE,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._connect = connect
        self._keep = keep
        self._wait = wait
        self._idle_limit = idle
        self._now = now
        self._idle: list[tuple[Channel, float]] = []  # those that rest longest stand first
        self._free = threading.Condition()
        self._in_line = 0
        self._used_again: set[Channel] = set()  # of those in use
        self._proven = False  # the server does keep connections
        self.limit = limit
        self.in_use = 0

    @property
    def idle(self) -> int:
        """How many are kept now."""
        return len(self._idle)

    def take(self, repeatable: bool = True) -> tuple[Channel, bool]:
        """Return a channel, and whether it was used before; `repeatable`: the request can be sent again.

        Raises OSError: nobody listens, or all are in use.
        """
        with self._free:
            if self.in_use >= self.limit:
                self._stand_in_line()
            self.in_use += 1
        try:
            if not (repeatable or self._proven):
                self.close()  # a server of one process serves one connection: an idle one would be in the way
            channel = self._kept()
            if channel is not None:
                self._used_again.add(channel)
                return channel, True
            return self._connect(), False
        except BaseException:
            self._leave()
            raise

    def give_back(self, channel: Channel, reusable: bool) -> None:
        """The exchange is over; `reusable`: another may follow on it."""
        late = []
        with self._free:
            if channel in self._used_again:
                self._used_again.discard(channel)
                self._proven = self._proven or reusable
            if reusable and len(self._idle) < self._keep:
                self._idle.append((channel, self._now()))
            else:
                late.append(channel)
            late += self._aged()
        for one in late:
            one.close()
        self._leave()

    def sweep(self) -> None:
        """Close idle ones that are too old, or that the server has closed. To be called now and then."""
        with self._free:
            late = self._aged()
            late += [channel for channel, _ in self._idle if channel.stale()]
            self._idle = [one for one in self._idle if one[0] not in late]
        for channel in late:
            channel.close()

    def close(self) -> None:
        """Close the idle ones."""
        with self._free:
            late, self._idle = self._idle, []
        for channel, _ in late:
            channel.close()

    def _stand_in_line(self) -> None:
        """Wait for one that is given back."""
        busy = OSError(errno.EAGAIN, f"all {self.limit} connections to it are in use")
        if self._in_line >= LINE:
            raise busy
        self._in_line += 1
        try:
            if not self._free.wait_for(lambda: self.in_use < self.limit, self._wait):
                raise busy
        finally:
            self._in_line -= 1

    def _kept(self) -> Channel | None:
        """Return the idle channel that has rested least, if one is still good."""
        while True:
            with self._free:
                if not self._idle:
                    return None
                channel, since = self._idle.pop()
            if self._now() - since <= self._idle_limit and not channel.stale():
                return channel
            channel.close()

    def _aged(self) -> list[Channel]:
        """Take out those that have rested too long."""
        oldest = self._now() - self._idle_limit
        count = sum(since < oldest for _, since in self._idle)
        aged = [channel for channel, _ in self._idle[:count]]
        del self._idle[:count]
        return aged

    def _leave(self) -> None:
        with self._free:
            self.in_use -= 1
            self._free.notify()
