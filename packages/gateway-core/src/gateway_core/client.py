"""The web server's side of a protocol, as a WSGI application: environ in, bytes out, response back.

A client half is a codec and channels to send its bytes over. Both are parameters, so this module does no I/O of its
own and serves HTTP, FastCGI, SCGI and uwsgi alike. Because a `Client` is a WSGI application, a front is any server that
runs one.

Request and response overlap. A backend may answer before it has read everything, and may then read no more::

    send     request ====================>            until all is sent, or the answer begins
    head     request .......=====> <====== response   what is left is sent whenever the backend takes some
    content                        <====== response   and forgotten if the answer ends first

So nothing is ever waited for that may not come, and memory holds one block of each direction.

A request that failed may be sent again, to this backend or another, only if nobody can have acted on it: no connection
came about, or it is safe, without content, and not a byte came back (`BackendError.again`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from .cgi import phrase
from .environ import Environ, variables_from_environ
from .errors import (
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    BadGateway,
    LocalProtocolError,
    NotSendable,
    RemoteProtocolError,
)
from .events import Data, EndOfMessage, Fields, NotNow, Request, Response, Variables
from .mismatch import ENOUGH, recognise
from .response_checks import HOP_BY_HOP

__all__ = ["Channel", "Channels", "Client", "ClientCodec", "Content", "Exchange", "answer", "fetch"]

RECEIVE = 64 * 1024
"""Bytes asked of a channel at a time, and sent at a time from a request's content."""

BLOCK_MAX = 65_535
"""Bytes of variables that every protocol here can carry. What is refused beyond that is refused for its size."""

NOTES_MAX = 100
"""Lines of a backend's error stream that are logged for one response: it must not be able to fill a disk."""

_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that may be sent again, if without content, when a connection turns out to be dead (RFC 9110, 9.2.1)."""


class Channel(Protocol):
    """A connected stream on which nothing waits for ever: time-outs raise TimeoutError, other failures OSError."""

    def begin(self) -> None:
        """An exchange begins."""

    def exchange(self, data: memoryview, size: int, /) -> tuple[int, bytes | None]:
        """Send some of `data`, or receive: return how many bytes were taken, and what came (None: nothing)."""

    def recv(self, size: int, /) -> bytes:
        """Return some bytes, b"" at end of file."""

    def close(self) -> None:
        """Close."""


class Channels(Protocol):
    """The channels to one backend."""

    def take(self) -> tuple[Any, bool]:
        """Return a Channel, and whether it was used before. Raises OSError."""

    def give_back(self, channel: Any, reusable: bool, /) -> None:
        """The exchange is over; `reusable`: another may follow on the channel."""

    def close(self) -> None:
        """Close those that nobody uses."""


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
        self._pending = memoryview(b"")
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

    def send(self, variables: Variables, pieces: Iterator[bytes]) -> None:
        """Send the request with its content, until the answer begins; the rest goes while that is read.

        Raises NotSendable for variables that the protocol cannot carry.
        """
        body = next(pieces, b"")
        more = next(pieces, b"") if body else b""
        try:
            self._pending = memoryview(self._codec.send(Request(variables, body, complete=not more)))
        except LocalProtocolError as error:
            size = sum(len(name) + len(value) for name, value in variables)
            raise NotSendable(f"the request cannot be sent on: {error}", 431 if size > BLOCK_MAX else 400) from None
        if more:
            self._outgoing = self._encode(more, pieces)
        self._channel.begin()
        while not self._first and not self._eof and self._load():
            self._step()

    def _encode(self, more: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the content, from its second piece on."""
        while more:
            yield self._codec.send(Data(more))
            more = next(pieces, b"")
        yield self._codec.send(EndOfMessage())

    def _load(self) -> bool:
        """Have something to send at hand. False: all is sent."""
        while not self._pending:
            piece = next(self._outgoing, None)
            if piece is None:
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
            except OSError:  # it takes no more; its answer, if there is one, can still be read
                self._outgoing = iter(())
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

    def _next(self) -> Any:
        """Return the next Response, Data or EndOfMessage; log what else comes (FastCGI's error stream)."""
        try:
            while True:
                event = self._codec.next_event()
                if isinstance(event, NotNow):
                    self._step()
                elif isinstance(event, (Response, Data, EndOfMessage)):
                    return event
                else:
                    self._note(str(event))
        except RemoteProtocolError as error:
            if error.status == BackendUnavailable.status:  # it keeps the protocol, and says that it has no room
                raise BackendUnavailable(str(error)) from None
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
    return exchange.head(), b"".join(exchange.content())


def _pieces(environ: Environ) -> Iterator[bytes]:
    """Yield the request's content in blocks."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left > 0 and (data := environ["wsgi.input"].read(min(RECEIVE, left))):
        left -= len(data)
        yield data


class Client:
    """A WSGI application that sends each request on to one backend.

    `codec(head)` makes the client half of a connection (`head`: the request is a HEAD). `channels` are those to the
    backend. `protocol` and `name` are what it speaks and what it is called, in the log. `log` takes one-line notes.
    """

    def __init__(
        self,
        codec: Callable[[bool], ClientCodec],
        channels: Channels,
        *,
        protocol: str = "",
        name: str = "",
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._new_codec = codec
        self.channels = channels
        self._protocol = protocol
        self._log = log
        self.name = name

    def __call__(self, environ: Environ, start_response: Any) -> Iterator[bytes]:
        """Send the request on; answer 502, 503 or 504 with one sentence when there is no usable response."""
        try:
            head, content = self.request(environ)
        except BackendError as error:
            return answer(error, start_response)
        try:
            start_response(f"{head.status} {head.reason or phrase(head.status)}", head.fields)
        except BaseException:
            content.close()
            raise
        return content

    def close(self) -> None:
        """Close the idle connections."""
        self.channels.close()

    def request(self, environ: Environ) -> tuple[Response, Content]:
        """Send a request on; return the head of its response and the content. Raises BackendError, and logs it.

        The fields of the backend's own connection are not in the head.
        """
        log = partial(self._note, f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}")
        variables = variables_from_environ(environ)
        # Content can be read from its stream only once.
        repeatable = environ["REQUEST_METHOD"] in _SAFE and variables[0] == ("CONTENT_LENGTH", "0")
        while True:
            kept = False
            try:
                channel, kept = self._take()
                return self._exchange(channel, variables, environ, repeatable, log)
            except BackendError as error:
                if not error.again or not kept:
                    log(str(error))
                    raise

    def _exchange(
        self, channel: Channel, variables: Variables, environ: Environ, repeatable: bool, log: Callable[[str], None]
    ) -> tuple[Response, Content]:
        codec = self._new_codec(environ["REQUEST_METHOD"] == "HEAD")
        exchange = Exchange(codec, channel, log=log, protocol=self._protocol)
        try:
            exchange.send(variables, _pieces(environ))
            head, content = exchange.head(), exchange.content()
            # No head is sent on before there is content, so a backend that dies in between can still be told of.
            first = list(itertools.islice(content, 1))
        except BaseException as error:
            self.channels.give_back(channel, False)
            if isinstance(error, BackendError):
                error.again = repeatable and not exchange.answered and not isinstance(error, BackendTimeout)
            raise
        fields = [(name, value) for name, value in head.fields if name.lower() not in HOP_BY_HOP]

        def release(complete: bool) -> None:
            self.channels.give_back(channel, complete and exchange.reusable)

        head = type(head)(head.status, head.reason, fields)
        return head, Content(itertools.chain(first, content), release, self.name)

    def _take(self) -> tuple[Channel, bool]:
        try:
            return self.channels.take()
        except TimeoutError:
            error: BackendError = BackendTimeout("the backend did not accept the connection in time")
        except OSError as reason:
            error = BackendUnavailable(f"the backend cannot be reached: {reason.strerror or reason}")
        error.again = True  # nothing was sent
        raise error

    def _note(self, request: str, sentence: str) -> None:
        if self._log is not None:
            self._log(f"{request}: {self.name}: {sentence}" if self.name else f"{request}: {sentence}")


def answer(error: BackendError, start_response: Callable[[str, Fields], Any]) -> Iterator[bytes]:
    """Tell the client of a front what went wrong, in one sentence of plain text."""
    text = f"{error}\n".encode("utf-8", "backslashreplace")
    fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
    start_response(f"{error.status} {phrase(error.status)}", fields)
    return iter([text])


class Content(Iterator[bytes]):
    """The content of a response; `release(complete)` is called once, at its end or by `close`.

    An error that breaks it off names the backend: by then only the log can be told. This is no generator: one that is
    closed before its first step never runs, not even its `finally`.
    """

    def __init__(self, pieces: Iterator[bytes], release: Callable[[bool], None], name: str = "") -> None:
        self._pieces = pieces
        self._release: Callable[[bool], None] | None = release
        self._name = name

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException as error:
            self._end(isinstance(error, StopIteration))
            if isinstance(error, BackendError) and self._name:
                error.args = (f"{self._name}: {error}",)
            raise

    def close(self) -> None:
        """Give up what has not been read."""
        self._end(False)

    def _end(self, complete: bool) -> None:
        release, self._release = self._release, None
        if release is not None:
            release(complete)
