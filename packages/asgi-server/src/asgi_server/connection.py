"""One connection under asyncio: bytes to the codec, events to the call that they are for.

::

    socket --data_received--> ServerConnection --event--> HttpCall or WebSocketCall    decode
                                                          their application: a task    call
    socket <-----write------- encoded bytes <------------ send                         encode

One thread has thousands of these. A connection that waits costs its objects and a descriptor, and no thread; nothing
here may block. Reading rests while what has come is not taken (`_may_read`), `drain` rests while the client does not
take what is sent, and each thing that a connection can wait for has its time limit (`Wait`).
"""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
import time
from math import inf
from typing import TYPE_CHECKING, Final

from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import NEED_DATA, ConnectionClosed, Data, EndOfMessage, NotNow, Phase
from gateway_core.http1 import HttpRequest, ServerConnection, http_date
from gateway_runtime.log import line

from .call import Call
from .http import HttpCall
from .interfaces import ClientGone, Message, Receive, Scope, Send
from .scope import Ends, is_below, new_scope
from .site import Site
from .websocket import VERSION, WebSocketCall, is_handshake, socket_scope

if TYPE_CHECKING:
    from .server import AsyncLoop

__all__ = ["CONTENT_MAX", "LINGER", "SOFTWARE", "Connection", "Wait"]

SOFTWARE = "asgi_server/0.1.0"
"""The value of the Server field."""

CONTENT_MAX = 64 * 1024
"""Bytes that may wait for the application, or behind the request that it is at; then reading rests."""

LINGER = 2.0
"""Seconds that a lingering close waits for the peer to read and close: several round trips anywhere on Earth."""

_CONTENT_RATE = 500
"""Bytes of content that earn their sender another second. Whoever sends drop by drop is late in the end."""

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: the close sends a reset, by which a client of HTTP/1.0 knows that it was cut."""

_date = http_date(time.time)


class Wait(enum.Enum):
    """What a connection waits for; each has its own time limit."""

    NEXT = "a request"
    HEAD = "the rest of a request's head"
    CONTENT = "content of the request"
    FRAMES = "what a WebSocket's client says next"
    APPLICATION = "the application"
    READER = "the client to take what is sent"
    CLOSE = "the client to close, after we have"


class Connection(asyncio.Protocol):
    """An asyncio protocol that speaks HTTP/1.1, and other things from there on."""

    def __init__(self, site: Site, loop: AsyncLoop) -> None:
        self.site = site
        self.codec = ServerConnection(site.limits, site.allow_missing_host, SOFTWARE, _date)
        self.lost = False
        self._loop = loop
        self._transport: asyncio.Transport
        self._ends: Ends = (None, ("", None))
        self._call: Call | None = None
        self._behind = bytearray()  # what has come behind the request that is being answered
        self._eof = False
        self._closing = False  # our side is shut: what still comes is dropped
        self._drained = asyncio.Event()
        self._drained.set()
        self._unsent = 0  # when we last looked
        self._wait: Wait | None = None
        self.deadline = inf
        """When the present wait has taken too long, in the loop's time."""

    # -- what asyncio calls --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a socket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(0)  # `drain` returns when the kernel has all
        self._ends = _ends(transport, self.site)
        self.settle()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._closing:
            return
        if isinstance(self._call, WebSocketCall):
            self._read_frames(self._call, data)
            return
        if self._wait is Wait.CONTENT:
            self.deadline = min(self._loop.time() + self._loop.limits.body, self.deadline + len(data) / _CONTENT_RATE)
        if self._is_busy():
            self._behind += data
            self.settle()
        else:
            self._read(data)

    def eof_received(self) -> bool:
        """The client will send no more. That is not the end of interest (RFC 9112 section 9.6)."""
        self._eof = True
        if self._closing:
            self._transport.close()
        else:
            if self._call is not None:
                self._call.left_alone()
            if not self._behind:
                self._read(b"")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by whomever."""
        self.lost = True
        self.deadline = inf
        self._drained.set()
        if self._call is not None:
            self._call.cut()
            self._call = None
        self._loop.forget(self)

    def pause_writing(self) -> None:
        """The kernel does not take all."""
        self._drained.clear()
        self.settle()

    def resume_writing(self) -> None:
        """It has taken all."""
        self._drained.set()
        self._read_on()

    # -- decode --------------------------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        """Act on what the codec makes of `data`; b"" is end of file."""
        try:
            self.codec.receive_data(data)
            self._take_events()
        except RemoteProtocolError as error:
            self._refuse(error)
        self.settle()

    def _read_frames(self, call: WebSocketCall, data: bytes) -> None:
        self.deadline = self._loop.time() + self._loop.limits.idle
        try:
            call.feed(data)
        except RemoteProtocolError as error:
            self._refuse(error)
        self.settle()

    def _is_busy(self) -> bool:
        """Is a response under way, also one that the client has not taken? Then the next request has to wait."""
        return self.codec.phase is Phase.BUSY or (self._call is None and not self._drained.is_set())

    def _take_events(self) -> None:
        while not self._is_busy():
            event = self.codec.next_event()
            if event is NEED_DATA and self._behind:
                data, self._behind = bytes(self._behind), bytearray()
                self.codec.receive_data(data)
                if self._eof:
                    self.codec.receive_data(b"")
            elif type(event) is NotNow:
                return
            elif type(event) is HttpRequest:
                self._begin(event)
            elif type(event) is ConnectionClosed:
                if self._call is None:
                    self._close(linger=False)
                return
            elif isinstance(self._call, HttpCall):  # else its response was complete before its content
                if type(event) is Data:
                    self._call.feed(event.data)
                elif type(event) is EndOfMessage:
                    self._call.feed_end()

    def _begin(self, request: HttpRequest) -> None:
        """Call the application for a request."""
        scope = new_scope(self.site, request, self._ends)
        application = self.site.lifespan.application
        call: Call
        if not is_below(scope):
            call, application = HttpCall(self, request, scope), _not_below_the_mount
        elif not is_handshake(request):
            call = HttpCall(self, request, scope)
        elif (b"sec-websocket-version", VERSION) not in scope["headers"]:
            call, application = HttpCall(self, request, scope), _not_our_version
        else:
            scope = socket_scope(scope, request)
            if self._behind or not self.codec.exhausted:
                raise RemoteProtocolError("bytes have come before the WebSocket was open")
            call = WebSocketCall(self, request, scope)
        self._call = call
        self._loop.crowd.begin(call.route, call.run(application))

    def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer bytes that break the protocol, once, log a line, close."""
        if self._closing or self.lost:
            return
        line(f"{self._peer}: {error}")
        call, self._call = self._call, None
        begun = call is not None and call.begun
        try:
            answer = self.codec.refusal(error)
        except LocalProtocolError:  # a response is half sent: only closing is left
            answer = b""
        if call is not None:
            call.cut(error.status)
        elif answer and self.site.access is not None:
            self.site.access.refused(self._peer_address, error.status)
        if begun:
            self._abort()
            return
        self.write(answer)
        self._close(linger=True)

    @property
    def _peer_address(self) -> str:
        client = self._ends[0]
        return client[0] if client else ""

    @property
    def _peer(self) -> str:
        return self._peer_address or "unix peer"

    # -- what calls use ------------------------------------------------------------------------------------------

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

    def send_continue(self) -> None:
        """The application waits for content: if the client waits for leave to send it, say 100 Continue."""
        self.write(self.codec.data_to_send())

    def over(self) -> None:
        """The response is complete: on to the next request, if there is to be one."""
        self._call = None
        if self.codec.close_after:
            self._close(linger=True)
        else:
            self._read_on()

    def _read_on(self) -> None:
        """Take what has come meanwhile."""
        try:
            if not self.lost and not self._closing:
                self._take_events()
        except RemoteProtocolError as error:
            self._refuse(error)
        self.settle()

    def close_after_frames(self) -> None:
        """A WebSocket is closed by one side: the server closes the connection, and gives the other side time for it."""
        self._call = None
        self._close(linger=True)

    def cut(self) -> None:
        """The response breaks off: let the client see that."""
        call, self._call = self._call, None
        if call is not None:
            call.cut()
        self._abort()

    # -- waiting -------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """After anything that has happened: what are we waiting for, until when, and may more come?"""
        if self.lost:
            return
        wait = self._present_wait()
        if wait is not self._wait:
            self._wait = wait
            self._unsent = self._transport.get_write_buffer_size()
            self.deadline = self._loop.time() + self._loop.limit_of(wait)
        if not self._eof:
            if self._may_read():
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _present_wait(self) -> Wait:
        if not self._drained.is_set():
            return Wait.READER
        if self._closing:
            return Wait.CLOSE
        if isinstance(self._call, WebSocketCall):
            return Wait.FRAMES if self._call.has_frames and self._may_read() else Wait.APPLICATION
        phase = self.codec.phase
        if phase is Phase.IDLE:
            return Wait.NEXT
        if phase is Phase.HEAD:
            return Wait.HEAD
        return Wait.CONTENT if phase is Phase.BODY and self._may_read() else Wait.APPLICATION

    def _may_read(self) -> bool:
        """Is there room for what may come?"""
        waiting = self._call.waiting if self._call is not None else 0
        if isinstance(self._call, WebSocketCall) and not self._drained.is_set():
            return self._closing  # who does not read what we say, pongs among it, shall not say more
        return self._closing or (len(self._behind) <= CONTENT_MAX and waiting <= CONTENT_MAX)

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
        elif self._wait is Wait.NEXT:
            self._close(linger=False)
        elif self._wait is Wait.CLOSE:
            self._transport.abort()
        elif isinstance(self._call, WebSocketCall):
            self.deadline = self._loop.time() + self._loop.limits.idle
            if self._call.is_silent():
                line(f"{self._peer}: the WebSocket's client does not answer a ping; the connection is cut")
                self.cut()
        else:
            self._refuse(RemoteProtocolError("the request did not arrive within the time limit", 408))

    # -- the end -------------------------------------------------------------------------------------------------

    def retire(self, patience: float) -> None:
        """The server ends: the next response is the last. An idle client has `patience` seconds to ask for it."""
        self.codec.last = True
        if isinstance(self._call, WebSocketCall):
            self._call.go_away()
        if self._wait is Wait.NEXT:
            self.deadline = min(self.deadline, self._loop.time() + patience)

    def _close(self, *, linger: bool) -> None:
        """Close when all is sent; `linger`: in stages, since a close with unread bytes makes the kernel send a reset.

        A reset can destroy the response on its way (RFC 9112 section 9.6). So shut our side, drop what comes, and wait
        for the client's end.
        """
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


def _ends(transport: asyncio.Transport, site: Site) -> Ends:
    """Say who is at the two ends. A peer that has gone already has no address any more."""
    sock = transport.get_extra_info("socket")
    if sock.family == socket.AF_UNIX:
        return None, (site.address.path, None)
    peer = transport.get_extra_info("peername")
    here = transport.get_extra_info("sockname") or (site.address.host, site.address.port)
    # The zone of a link-local address means something to this machine only.
    return ((peer[0].partition("%")[0], peer[1]) if peer else None), (here[0].partition("%")[0], here[1])


async def _not_our_version(_scope: Scope, _receive: Receive, send: Send) -> None:
    """RFC 6455 section 4.4: say which version we speak."""
    body = f"Only version {VERSION.decode()} of WebSocket is spoken here.\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"sec-websocket-version", VERSION)]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _not_below_the_mount(_scope: Scope, _receive: Receive, send: Send) -> None:
    body = b"This application is mounted elsewhere.\n"
    start: Message = {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
