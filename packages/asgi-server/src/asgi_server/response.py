"""One response, from the messages of an application to bytes ("Response Start", "Response Body").

::

    messages of the application          stage       codec
    ---------------------------          -----       -----
    ...response.start                    HELD        nothing yet: it goes with the first of the body
    ...response.body, more_body          BODY        head, data
    ...response.body                     ENDED       data and end; the next request may be read
    none that could complete it          CUT         500 if nothing was sent; else the connection is cut

Requests are answered so, and handshakes that an application denies. Nothing is sent here: whoever calls sends what it
is given, or none of it if ApplicationError is raised.
"""

from __future__ import annotations

import enum

from gateway_core.errors import ApplicationError
from gateway_core.http1 import ServerConnection

from .answers import Head, check_start
from .interfaces import Message

__all__ = ["ERROR_BODY", "Response", "Stage"]

ERROR_BODY = b"Internal Server Error: the application failed. The server's log says why.\n"
_ERROR_START: Message = {"status": 500, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}


class Stage(enum.Enum):
    """How far a response has come."""

    START = "nothing of it is known"
    HELD = "its status and fields are known, and wait for the first of the body"
    BODY = "its head is sent"
    ENDED = "it is complete"
    CUT = "it will never be complete"


_START, _HELD, _BODY, _ENDED, _CUT = Stage


class Response:
    """The response to the request that the codec has read last. HEAD has the fields of GET, and no content."""

    __slots__ = ("_codec", "_head", "_is_head", "_room", "size", "stage", "status")

    def __init__(self, codec: ServerConnection, *, is_head: bool) -> None:
        self.stage = _START
        self.status = 0
        """As it was sent; 0 before that."""
        self.size = 0
        """Bytes of content that are encoded."""
        self._codec = codec
        self._is_head = is_head
        self._head: Head
        self._room: int | None = None  # of the declared length, bytes still to come

    @property
    def is_open(self) -> bool:
        """May there be more of it?"""
        return self.stage is not _ENDED and self.stage is not _CUT

    def start(self, message: Message) -> None:
        """Take the status and the fields. Raises ApplicationError."""
        if self.stage is not _START:
            raise ApplicationError(f"{message['type']} comes a second time")
        self._head = check_start(message)
        self.stage = _HELD

    def body(self, message: Message) -> bytes:
        """Encode a piece of the body, with the head before the first and the end behind the last."""
        self._check_begun(message)
        data, more = message.get("body", b""), message.get("more_body", False)
        if not isinstance(data, bytes | bytearray | memoryview) or type(more) is not bool:
            raise ApplicationError(f"{message['type']} has a body of bytes, and more_body is True or False")
        return self.piece(bytes(data), last=not more)

    def declare(self, message: Message, size: int) -> bool:
        """Take it that so many bytes are the whole body, all that a message brings. Is any of it to be sent?"""
        self._check_begun(message)
        if self.stage is _BODY:
            raise ApplicationError(f"{message['type']} is a whole body, and comes after a piece of one")
        if self._head.length not in (None, size):
            raise ApplicationError(f"{message['type']} brings {size} bytes, and not the Content-Length")
        self._head = self._head._replace(length=size)
        return not (self._is_head or self._head.bare)

    def piece(self, data: bytes, *, last: bool) -> bytes:
        """Encode a piece of the body once its start is known."""
        codec, head = self._codec, self._head
        bare = head.bare or self._is_head
        out = b""
        if self.stage is _HELD:
            self._room = head.length
            length = len(data) if last and head.length is None else head.length
            self._check_room(data, bare, last)
            codec.close_after = codec.close_after or head.close
            self.status = int(head.status[:3])
            if last and data and not bare:
                self.stage = _ENDED
                self.size += len(data)
                return codec.whole(head.status, head.fields, data)
            out = codec.head(head.status, head.fields, head.length if bare and not data else length)
            self.stage = _BODY
        else:
            self._check_room(data, bare, last)
        if data and not bare:
            out += codec.data(data)
            self.size += len(data)
        if last:
            self.stage = _ENDED
            out += codec.end()
        return out

    def failure(self) -> bytes:
        """Encode a 500 in place of a response of which nothing is sent. Raises LocalProtocolError."""
        self.stage, self._head = _HELD, check_start(_ERROR_START)
        return self.piece(ERROR_BODY, last=True)

    def cut(self, status: int = 0) -> None:
        """It cannot be completed any more; `status` is what the client was told instead."""
        self.stage = _CUT
        self.status = self.status or status

    def _check_begun(self, message: Message) -> None:
        if self.stage is _START:
            kind: str = message["type"]
            raise ApplicationError(f"{kind} comes before {kind.rpartition('.')[0]}.start")

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
