"""The part of a connection that does not care what is said on it: what waits, for how long, and how it ends.

::

    who waits                  for what                                       and then
    ---------                  --------                                       --------
    `drain`, so the call       the client to take what is sent (READER)       cut, if it takes nothing for so long
    reading, so the client     the application to take what has come          (no limit: it may take its time)
    the connection             what comes next, by the rules of its protocol  `_too_late`
    its end                    the client to close after us (CLOSE)           closed all the same

Closing is in stages where the client may still be sending: a close with unread bytes makes the kernel send a reset,
which can destroy the response on its way (RFC 9112 section 9.6).

    open --_close(linger)--> our side is shut, what comes is dropped --the client closes, or LINGER--> closed
      '--_abort------------------------------------------------------------------------------------------^
"""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
from abc import ABC, abstractmethod
from math import inf
from typing import TYPE_CHECKING, Final

from gateway_runtime.log import line

from .interfaces import ClientGone

if TYPE_CHECKING:
    from .loop import AsyncLoop

__all__ = ["LINGER", "Wait", "Wire"]

LINGER = 2.0
"""Seconds that a lingering close waits for the peer to read and close: several round trips anywhere on Earth."""

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: the close sends a reset, by which a client of HTTP/1.0 knows that it was cut."""


class Wait(enum.Enum):
    """What a connection waits for; each has its own time limit."""

    NEXT = "a request"
    HEAD = "the rest of a request's head"
    CONTENT = "content of the request"
    FRAMES = "what a WebSocket's client says next"
    APPLICATION = "the application"
    READER = "the client to take what is sent"
    CLOSE = "the client to close, after we have"


class Wire(asyncio.Protocol, ABC):
    """An asyncio protocol without a protocol: subclasses say what they wait for, and take what comes."""

    def __init__(self, loop: AsyncLoop) -> None:
        self.lost = False
        """There is no socket any more."""
        self.deadline = inf
        """When the present wait has taken too long, in the loop's time."""
        self._loop = loop
        self._transport: asyncio.Transport
        self._eof = False  # the client will send no more
        self._closing = False  # our side is shut, or about to be
        self._drained = asyncio.Event()
        self._drained.set()
        self._unsent = 0  # when we last looked
        self._wait: Wait | None = None

    # -- what subclasses say -------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def _peer(self) -> str:
        """What the client is called in the log."""

    @abstractmethod
    def _awaited(self) -> Wait:
        """Say what is to come next, on an open connection that has sent all."""

    @abstractmethod
    def _may_read(self) -> bool:
        """Is there room for what may come?"""

    @abstractmethod
    def _too_late(self) -> None:
        """What was awaited has not come in time."""

    # -- sending -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes, as soon as the kernel takes them."""
        if data and not self.lost:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the kernel has taken all. Raises ClientGone.

        Others have their turn in any case: to await something that is there does not wait, so an application that only
        ever sends, to a client that reads as fast, would keep the loop to itself, and never hear that the client left.
        """
        await asyncio.sleep(0)
        await self.drained()
        if self.lost:
            raise ClientGone("the client has gone, or does not take what is sent")

    async def drained(self) -> None:
        """Wait until the kernel has taken all, or the client has gone."""
        if not self._drained.is_set():
            await self._drained.wait()

    def pause_writing(self) -> None:
        """The kernel does not take all."""
        self._drained.clear()
        self.settle()

    def resume_writing(self) -> None:
        """It has taken all."""
        self._drained.set()
        self.settle()

    # -- waiting -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a socket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(0)  # `drain` returns when the kernel has all

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whomever."""
        self.lost = True
        self.deadline = inf
        self._drained.set()

    def settle(self) -> None:
        """After anything that has happened: what are we waiting for, until when, and may more come?"""
        if self.lost:
            return
        wait = Wait.CLOSE if self._closing else self._awaited()
        if not self._drained.is_set():
            wait = Wait.READER
        if wait is not self._wait:
            self._wait = wait
            self._unsent = self._transport.get_write_buffer_size()
            self.deadline = self._loop.time() + self._loop.limit_of(wait)
        if not self._eof:
            if self._closing or self._may_read():
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def expire(self) -> None:
        """The deadline has passed."""
        if self._wait is Wait.READER:
            unsent = self._transport.get_write_buffer_size()
            if unsent < self._unsent:  # slow, but it reads
                self._unsent = unsent
                self.deadline = self._loop.time() + self._loop.limits.send
                return
            line(f"{self._peer}: the peer does not take what is sent; the connection is cut")
            self._abort()
        elif self._wait is Wait.CLOSE:
            self._transport.abort()
        else:
            self._too_late()

    # -- the end -------------------------------------------------------------------------------------------------

    def _close(self, *, linger: bool) -> None:
        """Close when all is sent; `linger`: in stages."""
        if self.lost or self._closing:
            return
        self._closing = True
        if linger and not self._eof:
            self._transport.write_eof()
        else:
            self._transport.close()
        self.settle()

    def _abort(self) -> None:
        """Close at once, so that the client can tell that something is missing."""
        if self.lost:
            return
        self._closing = True
        sock = self._transport.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
