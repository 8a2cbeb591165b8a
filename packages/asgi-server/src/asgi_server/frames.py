"""The frames of an open WebSocket (RFC 6455 section 5), as a codec like every other here: bytes in, messages out.

Frames, masks and fragments are wsproto's. What is added is what an application must never see half of: pieces become
whole messages, pings are answered, and whatever ends the conversation, a Close or a fault, ends it in one way
(`ended`), with our own Close among the `data_to_send`.

This module is imported when the first handshake is accepted: a server that has no WebSockets does without wsproto.
"""

from __future__ import annotations

from io import StringIO

from wsproto.connection import SERVER, Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import RemoteProtocolError

__all__ = ["MESSAGE_MAX", "Frames"]

MESSAGE_MAX = 16 << 20
"""Bytes, or characters, of one message. It is in memory as a whole, since ASGI has no pieces of messages."""

# RFC 6455 section 7.4.1
_PROTOCOL_ERROR, _TOO_BIG = 1002, 1009


class Frames:
    """One WebSocket, on the server's side. Not to be used any more when it has `ended`, or after `close`."""

    def __init__(self) -> None:
        self._connection = Connection(SERVER)
        self._answer = bytearray()
        # Of a message that is incomplete. Not a list of pieces: one that comes byte by byte would be a long list.
        self._text = StringIO()
        self._bytes = bytearray()
        self.ended: tuple[int, str] | None = None
        """Code and reason of the end, once the client has closed, or was told to go for a fault."""

    def receive(self, data: bytes) -> list[str | bytes]:
        """Take bytes; return the messages that are complete with them."""
        messages: list[str | bytes] = []
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                self._take(event, messages)
                if self.ended is not None:
                    break
        except RemoteProtocolError as error:
            self._fail(int(getattr(error.event_hint, "code", _PROTOCOL_ERROR)), str(error))
        return messages

    def data_to_send(self) -> bytes:
        """Return what is to be sent by itself, once: pongs, and our Close; or b""."""
        data, self._answer = bytes(self._answer), bytearray()
        return data

    def message(self, message: str | bytes) -> bytes:
        """Encode a message."""
        return self._connection.send(TextMessage(message) if isinstance(message, str) else BytesMessage(message))

    def ping(self) -> bytes:
        """Encode a ping, which every client answers (section 5.5.2)."""
        return self._connection.send(Ping())

    def close(self, code: int, reason: str) -> bytes:
        """Encode a Close."""
        return self._connection.send(CloseConnection(code, reason))

    def _take(self, event: Event, messages: list[str | bytes]) -> None:
        if isinstance(event, TextMessage):
            self._text.write(event.data)
        elif isinstance(event, BytesMessage):
            self._bytes += event.data
        elif isinstance(event, Ping):
            self._answer += self._connection.send(event.response())
        elif isinstance(event, CloseConnection):
            self.ended = int(event.code), event.reason or ""
            self._answer += self._connection.send(event.response())
        if self._text.tell() > MESSAGE_MAX or len(self._bytes) > MESSAGE_MAX:
            self._fail(_TOO_BIG, f"a message is larger than {MESSAGE_MAX} bytes")
        elif isinstance(event, TextMessage | BytesMessage) and event.message_finished:
            messages.append(self._text.getvalue() if isinstance(event, TextMessage) else bytes(self._bytes))
            self._text, self._bytes = StringIO(), bytearray()

    def _fail(self, code: int, reason: str) -> None:
        self.ended = code, reason
        self._answer += self.close(code, reason)
