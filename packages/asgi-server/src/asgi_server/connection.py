"""One connection under asyncio: bytes to the codec, events to the call that they are for.

::

    socket --data_received--> ServerConnection --event--> HttpCall or WebSocketCall    decode
                                                          their application: a task    call
    socket <-----write------- encoded bytes <------------ send                         encode

One thread has thousands of these. A connection that waits costs its objects and a descriptor, and no thread; nothing
here may block. Requests that come one behind another are answered one after another: the next one begins when the
client has taken the last answer, and what has come of it meanwhile lies here (`_behind`), up to CONTENT_MAX; then
reading rests. How connections wait and end is in `wire`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import NEED_DATA, ConnectionClosed, Data, EndOfMessage, NotNow, Phase
from gateway_core.http1 import HttpRequest, ServerConnection, http_date
from gateway_runtime.log import line

from .call import Call
from .calls import new_call
from .http import HttpCall
from .scope import Ends, ends_of, new_scope
from .site import Site
from .websocket import WebSocketCall
from .wire import Wait, Wire

if TYPE_CHECKING:
    from .loop import AsyncLoop

__all__ = ["CONTENT_MAX", "SOFTWARE", "Connection"]

SOFTWARE = "asgi_server/0.1.0"
"""The value of the Server field."""

CONTENT_MAX = 64 * 1024
"""Bytes that may wait for the application, or behind the request that it is at; then reading rests."""

_CONTENT_RATE = 500
"""Bytes of content that earn their sender another second. Whoever sends drop by drop is late in the end."""

_date = http_date(time.time)


class Connection(Wire):
    """A wire on which HTTP/1.1 is spoken, and from there on perhaps something else."""

    def __init__(self, site: Site, loop: AsyncLoop) -> None:
        super().__init__(loop)
        self.site = site
        self.codec = ServerConnection(site.limits, site.allow_missing_host, SOFTWARE, _date)
        self._ends: Ends = (None, ("", None))
        self._call: Call | None = None
        self._behind = bytearray()  # what has come behind the request that is being answered

    # -- what asyncio calls --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a socket."""
        super().connection_made(transport)
        self._ends = ends_of(self._transport, self.site.address)
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
        super().connection_lost(exc)
        if self._call is not None:
            self._call.cut()
            self._call = None
        self._loop.forget(self)

    def resume_writing(self) -> None:
        """It has taken all."""
        super().resume_writing()
        self._read_on()  # the next request has waited for that

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
        call, application = new_call(self, request, new_scope(self.site, request, self._ends))
        if isinstance(call, WebSocketCall) and (self._behind or not self.codec.exhausted):
            raise RemoteProtocolError("bytes have come before the WebSocket was open")
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

    def _awaited(self) -> Wait:
        if isinstance(self._call, WebSocketCall):
            return Wait.FRAMES if self._call.has_frames and self._may_read() else Wait.APPLICATION
        phase = self.codec.phase
        if phase is Phase.IDLE:
            return Wait.NEXT
        if phase is Phase.HEAD:
            return Wait.HEAD
        return Wait.CONTENT if phase is Phase.BODY and self._may_read() else Wait.APPLICATION

    def _may_read(self) -> bool:
        if isinstance(self._call, WebSocketCall) and not self._drained.is_set():
            return False  # who does not read what we say, pongs among it, shall not say more
        waiting = self._call.waiting if self._call is not None else 0
        return len(self._behind) <= CONTENT_MAX and waiting <= CONTENT_MAX

    def _too_late(self) -> None:
        if self._wait is Wait.NEXT:
            self._close(linger=False)
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
