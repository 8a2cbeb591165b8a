"""One direction of a connection: bytes come in whatever pieces, messages go out.

A decoder is a generator, so that it can be written as the grammar reads, and rest wherever bytes are missing::

    def records(stream):                                    yield None       give me more bytes
        while (yield from stream.more()):                   yield message    this has been decoded
            header = yield from stream.peek(8)              raise            from here on nothing can be read
            ...
            yield stream.cut(size, title, fields)

Every decision is taken on bytes that are there for certain, `peek` waits for them, so no split changes a message.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from gateway_core.errors import RemoteProtocolError

from .message import Field, Message, size_of

__all__ = ["MAX_FIELDS", "MAX_HEAD", "Direction", "Lost", "Reader", "Steps", "Stream"]

MAX_HEAD = 1 << 20
"""Bytes of a head or of the variables of one request that are kept: 16 times what the servers here take."""

MAX_FIELDS = 10_000
"""Pairs, headers or lines of one head that are shown. Two bytes make one: a megabyte could ask for half a million."""

_T = TypeVar("_T")
Steps = Generator[Message | None, None, _T]
"""A decoder, or a part of one that returns a T."""


class Lost(Exception):
    """The decoder cannot go on, and a message has told why."""


class Stream:
    """The bytes of one direction that are not decoded yet."""

    def __init__(self, protocol: str, sender: str) -> None:
        self.protocol = protocol
        self.sender = sender
        self.ended = False
        self.buffer = bytearray()
        self._offset = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes; b"" is the end of the direction."""
        self.buffer += data
        if not data:
            self.ended = True

    def more(self) -> Steps[bool]:
        """Wait for a byte. Returns False at the end."""
        return bool((yield from self.peek(1)))

    def peek(self, size: int) -> Steps[bytes]:
        """Wait for `size` bytes and return them; fewer at the end. They stay where they are."""
        while len(self.buffer) < size and not self.ended:
            yield None
        return bytes(self.buffer[:size])

    def line_end(self, at: int, limit: int = MAX_HEAD) -> Steps[int]:
        """Wait for the line that begins at `at`, and return where the next one begins; -1 if the end comes first.

        Raises RemoteProtocolError if it ends more than `limit` bytes from here.
        """
        searched = at
        while (found := self.buffer.find(b"\n", searched, limit)) < 0:
            if len(self.buffer) >= limit:
                raise RemoteProtocolError(f"a head has more than {limit:,} bytes")
            if self.ended:
                return -1
            searched = len(self.buffer)
            yield None
        return found + 1

    def cut(self, size: int, title: str, fields: tuple[Field, ...] = (), fault: str = "") -> Message:
        """Make the first `size` bytes a message. Without fields they are one, which is called content."""
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        if data and not fields:
            fields = (Field("content", 0, len(data), size_of(len(data))),)
        message = Message(self.protocol, self.sender, self._offset, data, title, fields, fault)
        self._offset += len(data)
        return message


Reader = Callable[[Stream], Steps[None]]
"""What decodes one direction, as a generator."""


class Direction:
    """Drives one decoder. It never raises on bad bytes: what cannot be read comes undecoded, the first with a fault."""

    def __init__(self, stream: Stream, reader: Reader) -> None:
        self._stream = stream
        self._steps: Steps[None] | None = reader(stream)
        self._fault = ""

    def receive(self, data: bytes) -> list[Message]:
        """Take the next bytes, b"" for the end, and return what can be told now."""
        self._stream.feed(data)
        found = list(self._decoded())
        if self._steps is None and (self._stream.buffer or self._fault):
            found.append(self._undecoded())
        return found

    def _decoded(self) -> Generator[Message, None, None]:
        while self._steps is not None:
            try:
                message = next(self._steps)
            except (StopIteration, Lost):
                self._steps = None
            except RemoteProtocolError as error:
                self._steps = None
                self._fault = str(error)
            else:
                if message is None:
                    return
                yield message

    def _undecoded(self) -> Message:
        size = len(self._stream.buffer)
        fields = (Field("undecoded", 0, size, size_of(size)),) if size else ()
        title = f"undecoded, {size_of(size)}" if size else "the end"
        message = self._stream.cut(size, title, fields, self._fault)
        self._fault = ""
        return message
