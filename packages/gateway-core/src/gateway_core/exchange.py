"""One request and its response over a channel: what a client half does when it has a connection.

Request and response overlap. A backend may answer before it has read everything, and may then read no more::

    send     request ====================>            until all is sent, or the answer begins
    head     request .......=====> <====== response   what is left is sent whenever the backend takes some
    content                        <====== response   and forgotten if the answer ends first

So nothing is ever waited for that may not come, and memory holds one block of each direction. Codec and channel are
parameters: nothing here knows a protocol, or a socket.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .errors import (
    BackendBusy,
    BackendTimeout,
    BackendUnavailable,
    BadGateway,
    LocalProtocolError,
    RemoteProtocolError,
    VisitorFault,
)
from .events import Data, EndOfMessage, NotNow, Request, Response, Variables
from .mismatch import ENOUGH, recognise

__all__ = ["RECEIVE", "Channel", "ClientCodec", "Exchange", "fetch"]

RECEIVE = 64 * 1024
"""Bytes asked of a channel at a time, and sent at a time from a request's content."""

BLOCK_MAX = 65_535
"""Bytes of variables that every protocol here can carry. What is refused beyond that is refused for its size."""

NOTES_MAX = 100
"""Lines of a backend's error stream that are logged for one response: it must not be able to fill a disk."""

_LEFT = "the visitor has left before the answer was complete"


class Channel(Protocol):
    """A connected stream on which nothing waits for ever: time-outs raise TimeoutError, other failures OSError."""

    def begin(self, watched: int, /) -> None:
        """An exchange begins. `watched`: the descriptor of whoever asked, or -1: it raises ConnectionAbortedError."""

    def exchange(self, data: memoryview, size: int, /) -> tuple[int, bytes | None]:
        """Send some of `data`, or receive: return how many bytes were taken, and what came (None: nothing)."""

    def recv(self, size: int, /) -> bytes:
        """Return some bytes, b"" at end of file."""

    def ready(self, other: int, /) -> bool:
        """Wait until there is something to read. False: the descriptor `other` could be written to before."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def close(self) -> None:
        """Close."""


class ClientCodec(Protocol):
    """The web server's side of a protocol."""

    @property
    def reusable(self) -> bool:
        """May another request follow on this connection?"""

    def send(self, event: Any, /) -> bytes:
        """Encode Request, Data or EndOfMessage."""

    def receive_data(self, data: bytes, /) -> None:
        """Take bytes; b"" is end of file."""

    def next_event(self) -> Any:
        """Return Response, Data, EndOfMessage, other events of the protocol, or NEED_DATA."""


class Exchange:
    """One request and its response over a channel. Raises BackendError for anything but a response.

    `protocol` is what the codec speaks, for a sentence about a backend that speaks another.
    """

    def __init__(
        self, codec: ClientCodec, channel: Channel, *, log: Callable[[str], None] | None = None, protocol: str = ""
    ) -> None:
        self._codec = codec
        self._channel = channel
        self._log = log
        self._protocol = protocol
        self._notes = 0
        self._outgoing: Iterator[bytes] = iter(())
        self._at_hand: Callable[[int], bool] | None = None
        self._pending = memoryview(b"")
        self._event: Any = None  # of the answer, decoded and not given yet
        self._first = b""  # bytes of the answer: they tell which protocol it is in
        self._eof = False

    @property
    def answered(self) -> bool:
        """Has a byte of the answer come?"""
        return bool(self._first)

    @property
    def reusable(self) -> bool:
        """All was sent and all was read: may another exchange follow on the channel?"""
        return not self._pending and self._codec.reusable

    # -- the request ---------------------------------------------------------------------------------------------

    def send(
        self,
        variables: Variables,
        pieces: Iterator[bytes],
        *,
        at_hand: Callable[[int], bool] | None = None,
        watched: int = -1,
    ) -> None:
        """Send the request with its content, until the answer begins; the rest goes while that is read.

        `at_hand(fd)` is for pieces that are still to come: it waits for the next one, and gives False if the descriptor
        can be read before. `watched` is the descriptor of whoever waits for the answer: it is given up when he leaves.
        Raises VisitorFault for that, and for variables that the protocol cannot carry.
        """
        body = next(pieces, b"") if at_hand is None else b""
        declared = next((value for name, value in variables if name == "CONTENT_LENGTH"), "")
        if declared.isdecimal():
            complete = len(body) == int(declared)
        else:
            second = next(pieces, b"") if body else b""
            complete = not second
            pieces = itertools.chain((second,), pieces)
        try:
            self._pending = memoryview(self._codec.send(Request(variables, body, complete)))
        except LocalProtocolError as error:
            size = sum(len(name) + len(value) for name, value in variables)
            raise VisitorFault(f"the request cannot be sent on: {error}", 431 if size > BLOCK_MAX else 400) from None
        if not complete:
            self._outgoing = self._encode(pieces)
            self._at_hand = at_hand
        self._channel.begin(watched)
        while not self._first and not self._eof and self._load():
            self._step()

    def finish(self) -> None:
        """Send what is left of the request although the answer is over: else the connection is of no more use."""
        while not self._eof and self._load():
            self._step()

    def _encode(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the content, from its second piece on."""
        for piece in pieces:
            yield self._codec.send(Data(piece))
        yield self._codec.send(EndOfMessage())

    def _load(self) -> bool:
        """Have something to send. False: all is sent, or the next piece is not here and the answer is."""
        while not self._pending:
            if self._at_hand is not None and not self._at_hand(self._channel.fileno()):
                return False
            piece = next(self._outgoing, None)
            if piece is None:
                self._at_hand = None
                return False
            self._pending = memoryview(piece)
        return True

    def _step(self) -> None:
        """Send some of what waits, or receive some, whichever can be done first."""
        data: bytes | None
        if self._load():
            try:
                sent, data = self._channel.exchange(self._pending, RECEIVE)
            except TimeoutError:
                raise BackendTimeout("the backend did not take the request in time") from None
            except ConnectionAbortedError:
                raise VisitorFault(_LEFT, 400) from None
            except OSError:  # it takes no more; its answer, if there is one, can still be read
                self._outgoing, self._at_hand = iter(()), None
                self._pending = memoryview(b"")
                return
            self._pending = self._pending[sent:]
            if data is None:
                return
        else:
            data = self._receive()
        if len(self._first) < ENOUGH:
            self._first += data[:ENOUGH]
        self._eof = not data
        self._codec.receive_data(data)

    def _receive(self) -> bytes:
        try:
            return self._channel.recv(RECEIVE)
        except TimeoutError:
            raise BackendTimeout("the backend did not answer in time") from None
        except ConnectionAbortedError:
            raise VisitorFault(_LEFT, 400) from None
        except OSError as error:
            raise BadGateway(f"the connection to the backend broke: {error.strerror or error}") from None

    # -- the response --------------------------------------------------------------------------------------------

    def head(self) -> Response:
        """Return the head of the response."""
        event = self._next()
        if not isinstance(event, Response):
            raise BadGateway("the backend ended the response before its head")
        if event.status < 200:
            raise BadGateway(f"the backend answered {event.status}, which nobody asked for")
        return event

    def content(self) -> Iterator[bytes]:
        """Yield the content piece by piece."""
        while not isinstance(event := self._next(), EndOfMessage):
            yield event.data

    def ready(self, other: int) -> bool:
        """Wait until content, or its end, is at hand. False: the descriptor `other` could be written to before."""
        while self._event is None:
            self._event = self._decode()
            if self._event is None:
                try:
                    if not self._channel.ready(other):
                        return False
                except TimeoutError:
                    raise BackendTimeout("the backend did not answer in time") from None
                self._step()
        return True

    def _next(self) -> Any:
        """Return the next Response, Data or EndOfMessage."""
        while (event := self._event or self._decode()) is None:
            self._step()
        self._event = None
        return event

    def _decode(self) -> Any:
        """Return the next of these from what has come, None if there is none yet; log what else there is.

        Else is FastCGI's error stream.
        """
        try:
            while not isinstance(event := self._codec.next_event(), NotNow):
                if isinstance(event, (Response, Data, EndOfMessage)):
                    return event
                self._note(str(event))
            return None
        except RemoteProtocolError as error:
            if error.status == BackendUnavailable.status:  # it keeps the protocol, and says that it has no room
                raise BackendBusy(str(error)) from None
            raise BadGateway(f"the backend's answer breaks the protocol: {error}{self._hint()}") from None

    def _note(self, sentence: str) -> None:
        self._notes += 1
        if self._log is not None and self._notes <= NOTES_MAX:
            self._log(sentence if self._notes < NOTES_MAX else "it says more, which is not logged")

    def _hint(self) -> str:
        """Say so if the answer is in another protocol."""
        guess = recognise(self._first)
        speaks = "HTTP" if self._first.startswith(b"HTTP") else guess.protocol if guess else ""
        if (
            not speaks
            or not self._protocol
            or speaks == self._protocol
            or (speaks, self._protocol) == ("HTTP", "uwsgi")
        ):
            return ""
        return f" (it speaks {speaks}, and was asked in {self._protocol})"


def fetch(
    codec: ClientCodec, channel: Channel, variables: list[tuple[str, str]], body: bytes = b""
) -> tuple[Response, bytes]:
    """Send one request, return head and whole content. For tools and tests; the caller closes the channel."""
    exchange = Exchange(codec, channel)
    exchange.send(variables, iter([body] if body else []))
    head, content = exchange.head(), b"".join(exchange.content())
    exchange.finish()
    return head, content
