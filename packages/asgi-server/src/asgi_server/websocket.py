"""One WebSocket: from the handshake to the close (RFC 6455; "WebSocket Connection Scope").

::

    client                          stage        application
    GET, Upgrade: websocket  -->    CONNECTING   receives websocket.connect
    101 Switching Protocols  <--    OPEN         sends websocket.accept
    frames                  <-->    OPEN         receives websocket.receive, sends websocket.send
    Close                    -->    CLOSED       receives websocket.disconnect
    Close                    <--    CLOSED       sends websocket.close, or its call ends

    403 Forbidden            <--    CLOSED       sends websocket.close in place of .accept
    any response             <--    DENYING      sends websocket.http.response.start and .body

What the client asks for is in `handshake`, and what goes over the wire behind it in `frames`.
Messages are not compressed: a compressor for each of thousands of idle clients is memory that they do not use.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING

from gateway_core.errors import ApplicationError, RemoteProtocolError
from gateway_core.http1 import HttpRequest
from gateway_core.http1.response_lines import RESPONSE_FIELDS
from gateway_core.response_checks import HOP_BY_HOP, check_fields

from .answers import message_type, pairs
from .call import Call
from .handshake import accept_key
from .interfaces import ClientGone, Message, Scope
from .response import ERROR_BODY, Response, Stage

if TYPE_CHECKING:
    from .connection import Connection
    from .frames import Frames

__all__ = ["WebSocketCall"]

_MESSAGE_COST = 64
"""What a message that waits counts beside its bytes: a flood of empty ones takes memory too."""

# RFC 6455 section 7.4.1.
_NORMAL, _GOING_AWAY, _NO_STATUS, _LOST, _FAILED = 1000, 1001, 1005, 1006, 1011
_NOT_ON_THE_WIRE = frozenset((1004, _NO_STATUS, _LOST, 1015))

# Of the handshake, these are the server's to send.
_OURS = HOP_BY_HOP | {"sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol"}


class _Stage(enum.Enum):
    """How far a WebSocket has come."""

    CONNECTING = "the application has not answered the handshake"
    DENYING = "it answers with a response of its own, and there will be no WebSocket"
    OPEN = "messages go both ways"
    CLOSED = "nothing more is sent"


_CONNECTING, _DENYING, _OPEN, _CLOSED = _Stage

_MOMENTS = {
    _CONNECTING: "before the handshake is answered",
    _DENYING: "in a response to the handshake",
    _OPEN: "in an open WebSocket",
}


class WebSocketCall(Call):
    """A call for a WebSocket."""

    def __init__(self, connection: Connection, request: HttpRequest, scope: Scope) -> None:
        super().__init__(connection, request, scope)
        self._accept = accept_key(request.fields)
        self._stage = _CONNECTING
        self._frames: Frames | None = None
        self._denial = Response(connection.codec, is_head=False)
        self._inbox: deque[Message] = deque(({"type": "websocket.connect"},))
        self._disconnect: Message | None = None
        self._pinged = False

    # -- what the application is given ---------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next message of the client, or websocket.disconnect when there is no more to wait for."""
        while not self._inbox:
            if self._disconnect is not None:
                return self._disconnect.copy()
            self._news.clear()
            await self._news.wait()
        message = self._inbox.popleft()
        if message["type"] == "websocket.receive":
            self.waiting -= len(message.get("text") or message.get("bytes") or b"") + _MESSAGE_COST
        self._connection.settle()  # there is room again
        return message

    async def send(self, message: Message) -> None:
        """Send a message, or answer the handshake. Raises ApplicationError for what may not come here, ClientGone."""
        kind = message_type(message)
        if self._stage is _CLOSED:
            raise ClientGone("the WebSocket is closed")
        if kind == "websocket.close" and self._stage is not _DENYING:
            self._send_close(message)
        elif kind == "websocket.accept" and self._stage is _CONNECTING:
            self._send_accept(message)
        elif kind == "websocket.send" and self._stage is _OPEN:
            self._send_message(message)
        elif kind == "websocket.http.response.start" and self._stage is _CONNECTING:
            self._denial.start(message)
            self._stage = _DENYING
        elif kind == "websocket.http.response.body" and self._stage is _DENYING:
            self._deny(message)
        else:
            raise ApplicationError(f"{kind!r} is nothing that may be sent {_MOMENTS[self._stage]}")
        if self._stage is _CLOSED:  # this was the last of it, whoever is there to read it
            await self._connection.drained()
        else:
            await self._connection.drain()

    # -- encode --------------------------------------------------------------------------------------------------

    def _send_accept(self, message: Message) -> None:
        """Answer the handshake: from here on the connection speaks frames."""
        from .frames import Frames  # here: only a WebSocket needs wsproto

        subprotocol = message.get("subprotocol")
        if subprotocol is not None and subprotocol not in self._scope["subprotocols"]:
            raise ApplicationError(f"the client has not offered the subprotocol {subprotocol!r:.200}")
        fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", self._accept)]
        if subprotocol is not None:
            fields.append(("Sec-WebSocket-Protocol", subprotocol))
        head = "HTTP/1.1 101 Switching Protocols\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
        others = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs(message)]
        checked, _ = check_fields([field for field in others if field[0] not in _OURS])
        lines = b"".join(RESPONSE_FIELDS[field].line for field in checked)
        self._stage, self._status, self._frames = _OPEN, 101, Frames()
        self._connection.write(head.encode("latin-1") + lines + b"\r\n")
        self._connection.settle()

    def _send_message(self, message: Message) -> None:
        assert self._frames is not None
        data: object = message.get("bytes")
        text: object = message.get("text")
        if (data is None) == (text is None):
            raise ApplicationError("websocket.send has either bytes or text")
        whole: str | bytes
        if isinstance(text, str) and _is_text(text):
            whole = text
        elif isinstance(data, bytes | bytearray | memoryview):
            whole = bytes(data)
        else:
            raise ApplicationError("the text of websocket.send is a str that UTF-8 can encode, its bytes are bytes")
        self._size += len(whole)
        self._connection.write(self._frames.message(whole))

    def _send_close(self, message: Message) -> None:
        code, reason = message.get("code", _NORMAL), message.get("reason") or ""
        if type(code) is not int or not _NORMAL <= code <= 4999 or code in _NOT_ON_THE_WIRE:
            raise ApplicationError(f"websocket.close cannot send the code {code!r:.200}")
        if not _is_text(reason):
            raise ApplicationError("the reason of websocket.close is a str that UTF-8 can encode")
        if self._stage is _CONNECTING:
            self._answer("403 Forbidden", b"This WebSocket is not open to you.\n")
        else:
            self._close(code, reason)

    def _answer(self, status: str, body: bytes) -> None:
        """Answer the handshake with a response: the connection goes on as HTTP."""
        connection = self._connection
        connection.write(connection.codec.whole(status, [("Content-Type", "text/plain; charset=utf-8")], body))
        self._answered(int(status[:3]), len(body))

    def _deny(self, message: Message) -> None:
        """Send a piece of the application's own response to the handshake."""
        self._connection.write(self._denial.body(message))
        if self._denial.stage is Stage.ENDED:
            self._answered(self._denial.status, self._denial.size)

    def _answered(self, status: int, size: int) -> None:
        """The response is complete, and was none that opens a WebSocket."""
        self._status, self._size = status, size
        self._ended(_LOST, "", complete=True)
        self._connection.over()

    def _close(self, code: int, reason: str = "") -> None:
        """Send Close, and let the connection end. Messages that have come and were not received are dropped."""
        assert self._frames is not None
        self._inbox.clear()
        self.waiting = 0
        self._ended(code, reason)
        self._connection.write(self._frames.close(code, reason))
        self._connection.close_after_frames()

    def _ended(self, code: int, reason: str, *, complete: bool | None = None) -> None:
        self._stage = _CLOSED
        self._disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._over(complete=code != _LOST if complete is None else complete)

    # -- what the connection tells -------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Is the handshake not answered to its end, or the WebSocket open?"""
        return self._stage is not _CLOSED

    @property
    def begun(self) -> bool:
        """Is the handshake answered, or a part of an answer sent?"""
        return self._denial.stage is Stage.BODY if self._stage is _DENYING else self._stage is not _CONNECTING

    @property
    def has_frames(self) -> bool:
        """Does the client send frames now?"""
        return self._stage is _OPEN

    def feed(self, data: bytes) -> None:
        """Bytes have come."""
        if self._frames is None:
            raise RemoteProtocolError("bytes have come before the WebSocket was open")
        self._pinged = False
        for whole in self._frames.receive(data):
            kind = "text" if isinstance(whole, str) else "bytes"
            self._inbox.append({"type": "websocket.receive", kind: whole})
            self.waiting += len(whole) + _MESSAGE_COST
        self._news.set()
        self._connection.write(self._frames.data_to_send())
        if self._frames.ended is not None:
            self._ended(*self._frames.ended)
            self._connection.close_after_frames()

    def left_alone(self) -> None:
        """The client has shut its side without Close: a WebSocket does not do that while it lives."""
        if self._stage is not _CLOSED:
            self.cut()
            self._connection.cut()

    def cut(self, status: int = 0) -> None:
        """The connection is lost, or the handshake was refused."""
        if self._stage is not _CLOSED:
            self._status, self._size = self._status or self._denial.status or status, self._size or self._denial.size
            self._ended(_LOST, "")

    def is_silent(self) -> bool:
        """Nothing has come for a while. Ask whether anybody is there; True if we have, and nobody has answered."""
        if self._pinged or self._frames is None:
            return True
        self._pinged = True
        self._connection.write(self._frames.ping())
        return False

    def go_away(self) -> None:
        """The server ends."""
        if self._stage is _OPEN:
            self._close(_GOING_AWAY)

    # -- the end -------------------------------------------------------------------------------------------------

    def _returned_early(self) -> None:
        if self._stage is _CONNECTING:
            self._report("the application returned before it answered the handshake")
        elif self._stage is _DENYING:
            super()._returned_early()

    def _finish(self, *, failed: bool) -> None:
        """What is open is closed for the application."""
        if self._stage is _DENYING and self.begun:
            self._connection.cut()
        elif self._stage is _CONNECTING or self._stage is _DENYING:
            self._answer("500 Internal Server Error", ERROR_BODY)
        elif self._stage is _OPEN:
            self._close(_FAILED if failed else _NORMAL)


def _is_text(text: object) -> bool:
    """Is it a str without lone surrogates, which are no text on the wire?"""
    try:
        return isinstance(text, str) and text.encode() is not None
    except UnicodeEncodeError:
        return False
