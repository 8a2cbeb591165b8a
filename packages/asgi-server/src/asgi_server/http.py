"""One HTTP request: `receive` and `send` on one side, the codec on the other ("HTTP Connection Scope").

::

    application                          stage       codec
    -----------                          -----       -----
    send http.response.start             HELD        nothing yet: it goes with the first of the body
    send http.response.body, more_body   BODY        head, data
    send http.response.body              ENDED       data and end; the next request may be read
    raises, or returns too early         CUT         500 if nothing was sent; else the connection is cut

Content is not collected before the call, as for WSGI: the application receives it as it comes. What it has not received
yet waits here, and beyond CONTENT_MAX in the kernel, and at last at the client. In the other direction `send` returns
when the kernel has taken all. So neither side can fill our memory.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from gateway_core.errors import ApplicationError, LocalProtocolError
from gateway_core.http1 import HttpRequest

from .answers import Head, check_start, message_type
from .call import ERROR_BODY, ERROR_START, Call
from .interfaces import ClientGone, Message, Scope

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["HttpCall"]


class _Stage(enum.Enum):
    """How far the response has come."""

    START = "nothing of it is known"
    HELD = "its status and fields are known, and wait for the first of the body"
    BODY = "its head is sent"
    ENDED = "it is complete"
    CUT = "it will never be complete"


_START, _HELD, _BODY, _ENDED, _CUT = _Stage


class HttpCall(Call):
    """A call for a request."""

    def __init__(self, connection: Connection, request: HttpRequest, scope: Scope) -> None:
        super().__init__(connection, request, scope)
        self._is_head = request.method == "HEAD"
        self._content = bytearray(request.body)  # not a list of pieces: one that drips would be a long list
        self.waiting = len(request.body)
        self._complete = request.complete
        self._told = False  # the application has received the end of the content
        self._left_alone = False  # the client will send no more
        self._stage = _START
        self._head: Head
        self._room: int | None = None  # of the declared length, bytes still to come

    # -- what the application is given ---------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next of the content, or http.disconnect when there is no more to wait for."""
        while True:
            if self.is_open and (self._content or (self._complete and not self._told)):
                body, self._content = bytes(self._content), bytearray()
                self.waiting = 0
                self._told = self._complete
                self._connection.settle()  # there is room again
                return {"type": "http.request", "body": body, "more_body": not self._complete}
            if self._left_alone or not self.is_open:
                return {"type": "http.disconnect"}
            if self._stage is _START or self._stage is _HELD:
                self._connection.send_continue()
            self._news.clear()
            await self._news.wait()

    async def send(self, message: Message) -> None:
        """Send a part of the response. Raises ApplicationError for one that may not come here, ClientGone."""
        kind = message_type(message)
        if self._stage is _ENDED:
            return  # "HTTP & WebSocket ASGI Message Format": what comes later is ignored
        if self._stage is _CUT:
            raise ClientGone("the client has gone, or the request was cut off")
        if kind == "http.response.start":
            if self._stage is not _START:
                raise ApplicationError("http.response.start comes a second time")
            self._head = check_start(message)
            self._stage = _HELD
        elif kind == "http.response.body":
            self._connection.write(self._body(message))
            if self._stage is _ENDED:
                self._over(complete=True)
                self._connection.over()
                await self._connection.drained()
            else:
                await self._connection.drain()
        else:
            raise ApplicationError(f"{kind!r} is nothing that may be sent in answer to a request")

    # -- encode --------------------------------------------------------------------------------------------------

    def _body(self, message: Message) -> bytes:
        """Encode a piece of the body, with the head before the first and the end behind the last."""
        if self._stage is _START:
            raise ApplicationError("http.response.body comes before http.response.start")
        data, more = message.get("body", b""), message.get("more_body", False)
        if not isinstance(data, bytes | bytearray | memoryview) or type(more) is not bool:
            raise ApplicationError("http.response.body has a body of bytes, and more_body is True or False")
        return self._encode(bytes(data), last=not more)

    def _encode(self, data: bytes, *, last: bool) -> bytes:
        codec = self._connection.codec
        head = self._head
        bare = head.bare or self._is_head
        out = b""
        if self._stage is _HELD:
            self._room = head.length
            length = len(data) if last and head.length is None else head.length
            self._check_room(data, bare, last)
            codec.close_after = codec.close_after or head.close
            if last and data and not bare:
                self._stage = _ENDED
                self._size += len(data)
                self._status = int(head.status[:3])
                return codec.whole(head.status, head.fields, data)
            out = codec.head(head.status, head.fields, head.length if bare and not data else length)
            self._status = int(head.status[:3])
            self._stage = _BODY
        else:
            self._check_room(data, bare, last)
        if data and not bare:
            out += codec.data(data)
            self._size += len(data)
        if last:
            self._stage = _ENDED
            out += codec.end()
        return out

    def _check_room(self, data: bytes, bare: bool, last: bool) -> None:
        """Hold the application to the length that it has declared. Raises ApplicationError; nothing is sent then."""
        if self._room is None or bare:
            return
        if len(data) > self._room:
            raise ApplicationError("the application sends more than its Content-Length")
        if last and len(data) < self._room:
            short = self._room - len(data)
            raise ApplicationError(f"the application sends {short} bytes fewer than its Content-Length")
        self._room -= len(data)

    # -- what the connection tells -------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """More content has come."""
        self._content += data
        self.waiting = len(self._content)
        self._news.set()

    def feed_end(self) -> None:
        """The content is complete."""
        self._complete = True
        self._news.set()

    def left_alone(self) -> None:
        """The client has shut its side. It may still want the response."""
        self._left_alone = True
        self._news.set()

    def cut(self, status: int = 0) -> None:
        """The response cannot be completed any more."""
        if self.is_open:
            self._stage = _CUT
            self._status = self._status or status
            self._over(complete=False)

    @property
    def is_open(self) -> bool:
        """Is the response not over?"""
        return self._stage is not _ENDED and self._stage is not _CUT

    @property
    def begun(self) -> bool:
        """Is a part of the response sent?"""
        return self._stage is _BODY

    # -- the end -------------------------------------------------------------------------------------------------

    def _finish(self, *, failed: bool) -> None:
        """A response that is not over is ended for the application."""
        if not self.is_open:
            return
        connection = self._connection
        if self._stage is _BODY:
            connection.cut()
            return
        self._stage, self._head = _HELD, check_start(ERROR_START)
        try:
            connection.write(self._encode(ERROR_BODY, last=True))
        except LocalProtocolError:  # a defect of ours: it costs this request, not the worker
            connection.cut()
            return
        self._over(complete=True)
        connection.over()
