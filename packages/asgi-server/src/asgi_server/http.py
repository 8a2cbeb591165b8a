"""One HTTP request: `receive` and `send` on one side, the codec on the other ("HTTP Connection Scope").

Content is not collected before the call, as for WSGI: the application receives it as it comes. What it has not received
yet waits here, and beyond CONTENT_MAX in the kernel, and at last at the client. In the other direction `send` returns
when the kernel has taken all. So neither side can fill our memory. How messages become a response: `response`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_core.errors import ApplicationError, LocalProtocolError
from gateway_core.http1 import HttpRequest

from .answers import message_type
from .call import Call
from .files import open_file, read
from .interfaces import ClientGone, Message, Scope
from .response import Response, Stage

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["HttpCall"]


class HttpCall(Call):
    """A call for a request."""

    def __init__(self, connection: Connection, request: HttpRequest, scope: Scope) -> None:
        super().__init__(connection, request, scope)
        self._response = Response(connection.codec, is_head=request.method == "HEAD")
        self._content = bytearray(request.body)  # not a list of pieces: one that drips would be a long list
        self.waiting = len(request.body)
        self._complete = request.complete
        self._told = False  # the application has received the end of the content
        self._left_alone = False  # the client will send no more

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
            if not self.begun:
                self._connection.send_continue()
            self._news.clear()
            await self._news.wait()

    async def send(self, message: Message) -> None:
        """Send a part of the response. Raises ApplicationError for one that may not come here, ClientGone."""
        kind = message_type(message)
        response = self._response
        if response.stage is Stage.ENDED:
            return  # "HTTP & WebSocket ASGI Message Format": what comes later is ignored
        if response.stage is Stage.CUT:
            raise ClientGone("the client has gone, or the request was cut off")
        if kind == "http.response.start":
            response.start(message)
        elif kind == "http.response.body":
            await self._pass_on(response.body(message))
        elif kind == "http.response.pathsend":
            await self._send_file(message)
        else:
            raise ApplicationError(f"{kind!r} is nothing that may be sent in answer to a request")

    async def _send_file(self, message: Message) -> None:
        """Send the file that a message names, as the whole body."""
        file, left = open_file(message.get("path"))
        with file:
            if not self._response.declare(message, left):
                left = 0
            last = False
            while not last:
                data = await read(file, left)
                if self._response.stage is Stage.CUT:
                    raise ClientGone("the client has gone, while its file was read")
                left -= len(data)
                last = not left or not data  # a file may have become shorter meanwhile: then too little is sent
                await self._pass_on(self._response.piece(data, last=last))

    async def _pass_on(self, encoded: bytes) -> None:
        """Send bytes of the response, wait until they are taken, and go on to the next request behind the last."""
        connection = self._connection
        connection.write(encoded)
        if self._response.stage is Stage.ENDED:
            self._over(complete=True)
            connection.over()
            await connection.drained()
        else:
            await connection.drain()

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
            self._response.cut(status)
            self._over(complete=False)

    @property
    def is_open(self) -> bool:
        """Is the response not over?"""
        return self._response.is_open

    @property
    def begun(self) -> bool:
        """Is a part of the response sent?"""
        return self._response.stage is Stage.BODY

    # -- the end -------------------------------------------------------------------------------------------------

    def _finish(self, *, failed: bool) -> None:
        """A response that is not over is ended for the application."""
        if not self.is_open:
            return
        connection = self._connection
        if self.begun:
            connection.cut()
            return
        try:
            connection.write(self._response.failure())
        except LocalProtocolError:  # a defect of ours: it costs this request, not the worker
            connection.cut()
            return
        self._over(complete=True)
        connection.over()

    def _over(self, *, complete: bool) -> None:
        self._status, self._size = self._response.status, self._response.size
        super()._over(complete=complete)
