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

import asyncio
import enum
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gateway_core.errors import ApplicationError, LocalProtocolError
from gateway_core.http1 import HttpRequest
from gateway_runtime.line_stream import ERRORS

from .answers import Head, check_start, message_type
from .interfaces import Application, ClientGone, Message, Scope

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["HttpCall", "only_gone", "report"]

_ERROR_BODY = b"Internal Server Error: the application failed. The server's log says why.\n"
_ERROR: Final[Message] = {"status": 500, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}


class _Stage(enum.Enum):
    """How far the response has come."""

    START = "nothing of it is known"
    HELD = "its status and fields are known, and wait for the first of the body"
    BODY = "its head is sent"
    ENDED = "it is complete"
    CUT = "it will never be complete"


_START, _HELD, _BODY, _ENDED, _CUT = _Stage


class HttpCall:
    """One call of the application for one request. Whatever happens to it, `run` never raises, unless cancelled."""

    def __init__(self, connection: Connection, request: HttpRequest, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope
        self._is_head = request.method == "HEAD"
        self._content = [request.body] if request.body else []
        self.waiting = len(request.body)
        """Bytes of content that the application has not received."""
        self._complete = request.complete
        self._told = False  # the application has received the end of the content
        self._left_alone = False  # the client will send no more
        self._news = asyncio.Event()
        self._stage = _START
        self._head: Head
        self._room: int | None = None  # of the declared length, bytes still to come
        self._end_of_log: Callable[[int, int, bool], None] | None = None
        self._status = self._size = 0
        if connection.site.access is not None:
            self._end_of_log = connection.site.access.begin(_for_the_log(request, scope))

    async def run(self, application: Application) -> None:
        """Call the application; see to it that the request is answered, or that the client can tell that it is not."""
        try:
            await application(self._scope, self.receive, self.send)
            if self._stage not in (_ENDED, _CUT):
                report(self._scope, "the application returned before its response was complete")
        except asyncio.CancelledError:
            report(self._scope, "the call is cancelled: it has not ended in time")
            raise
        except BaseException as error:
            if not only_gone(error):
                report(self._scope, "the application raised an exception", error)
        finally:
            self._finish()

    # -- what the application is given ---------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next of the content, or http.disconnect when there is no more to wait for."""
        while True:
            if self._stage not in (_ENDED, _CUT) and (self._content or (self._complete and not self._told)):
                body, self._content = b"".join(self._content), []
                self.waiting = 0
                self._told = self._complete
                self._connection.settle()  # there is room again
                return {"type": "http.request", "body": body, "more_body": not self._complete}
            if self._left_alone or self._stage in (_ENDED, _CUT):
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
        self._content.append(data)
        self.waiting += len(data)
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
        """The response cannot be completed any more; `status` is what the client was told instead."""
        if self._stage is not _ENDED:
            self._stage = _CUT
            self._status = self._status or status
            self._over(complete=False)

    @property
    def begun(self) -> bool:
        """Is a part of the response sent?"""
        return self._stage is _BODY

    # -- the end -------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """The call is over. A response that is not is ended for it."""
        if self._stage in (_ENDED, _CUT):
            return
        connection = self._connection
        if self._stage is _BODY:
            connection.cut()
            return
        self._stage, self._head = _HELD, check_start(_ERROR)
        try:
            connection.write(self._encode(_ERROR_BODY, last=True))
        except LocalProtocolError:  # a defect of ours: it costs this request, not the worker
            connection.cut()
            return
        self._over(complete=True)
        connection.over()

    def _over(self, *, complete: bool) -> None:
        self._news.set()  # who waits for more content waits in vain
        end, self._end_of_log = self._end_of_log, None
        if end is not None:
            end(self._status, self._size, complete)


def _for_the_log(request: HttpRequest, scope: Scope) -> dict[str, str]:
    """Return what the access log wants to know of a request, as its meta-variables."""
    told = {
        "REQUEST_METHOD": request.method,
        "REQUEST_URI": request.target,
        "SERVER_PROTOCOL": request.version,
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
    }
    names = {"referer": "HTTP_REFERER", "user-agent": "HTTP_USER_AGENT"}
    return told | {names[name]: value for name, value in request.fields if name in names}


def only_gone(error: BaseException) -> bool:
    """Is this what `send` has raised, and nothing else? Task groups put it into a group."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(ClientGone)[1] is None
    return isinstance(error, ClientGone)


def report(scope: Scope, sentence: str, error: BaseException | None = None) -> None:
    """Write a sentence about a call to the log, and the traceback of what it has raised."""
    request = f"{scope.get('method', 'WEBSOCKET')} {scope['path']}".encode("unicode_escape").decode()[:500]
    text = "".join(traceback.format_exception(error)) if error is not None else ""
    ERRORS.write(f"{request}: {sentence}\n{text}")
