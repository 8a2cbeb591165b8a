"""The web server's side of a protocol, as a WSGI application: environ in, bytes out, response back.

A client half is a codec and a way to connect. Both are parameters, so this module does no I/O of its own and serves
HTTP, FastCGI, SCGI and uwsgi alike. Because a `Client` is a WSGI application, a front is any server that runs one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from .cgi import phrase
from .environ import Environ, variables_from_environ
from .errors import BackendError, BackendTimeout, BackendUnavailable, BadGateway, RemoteProtocolError
from .events import Data, EndOfMessage, NotNow, Request, Response
from .response_checks import HOP_BY_HOP

__all__ = ["Channel", "Client", "ClientCodec", "Exchange", "fetch"]

RECEIVE = 64 * 1024
"""Bytes asked of a channel at a time, and sent at a time from a request's content."""

_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that may be sent again, if without content, when a kept connection turns out to be dead (RFC 9110, 9.2.1)."""

_ANSWERS = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class Channel(Protocol):
    """A connected stream. A blocking socket with a time limit fits; time-outs raise TimeoutError."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it. Raises OSError."""

    def recv(self, size: int, /) -> bytes:
        """Return some bytes, b"" at end of file. Raises OSError."""

    def close(self) -> None:
        """Close."""

    def stale(self) -> bool:
        """Has the peer closed it, or sent what was not asked for?"""


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
    """One request and its response over a channel. Raises BackendError for anything but a response."""

    def __init__(self, codec: ClientCodec, channel: Channel, *, log: Callable[[str], None] | None = None) -> None:
        self._codec = codec
        self._channel = channel
        self._log = log
        self.answered = False

    def send(self, variables: list[tuple[str, str]], pieces: Iterator[bytes]) -> None:
        """Send the request with its content. A backend that answers before it has read all is no error."""
        body = next(pieces, b"")
        more = next(pieces, b"") if body else b""
        taken = self._send(Request(variables, body, complete=not more))
        while more and taken:
            taken = self._send(Data(more))
            more = next(pieces, b"")
            if not more and taken:
                self._send(EndOfMessage())

    def _send(self, event: Request | Data | EndOfMessage) -> bool:
        """Send a part of the request. False: the backend takes no more; its answer, if there is one, can be read."""
        data = self._codec.send(event)
        try:
            self._channel.sendall(data)
        except TimeoutError:
            raise BackendTimeout("the backend did not take the request in time") from None
        except OSError:
            return False
        return True

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
                    data = self._channel.recv(RECEIVE)
                    self.answered = self.answered or bool(data)
                    self._codec.receive_data(data)
                elif isinstance(event, (Response, Data, EndOfMessage)):
                    return event
                elif self._log is not None:
                    self._log(str(event))
        except TimeoutError:
            raise BackendTimeout("the backend did not answer in time") from None
        except OSError as error:
            raise BadGateway(f"the connection to the backend broke: {error.strerror or error}") from None
        except RemoteProtocolError as error:
            if error.status == BackendUnavailable.status:  # it keeps the protocol, and says that it has no room
                raise BackendUnavailable(str(error)) from None
            raise BadGateway(f"the backend's answer breaks the protocol: {error}") from None


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

    `codec(head)` makes the client half of a connection (`head`: the request is a HEAD). `connect()` opens a channel,
    or raises OSError. `keep` is how many idle connections are kept for later requests (0: none). `log` takes one-line
    notes.
    """

    def __init__(
        self,
        codec: Callable[[bool], ClientCodec],
        connect: Callable[[], Channel],
        *,
        keep: int = 0,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._new_codec = codec
        self._connect = connect
        self._keep = keep
        self._idle: list[Channel] = []  # append and pop are atomic: no lock
        self._log = log

    def __call__(self, environ: Environ, start_response: Any) -> Iterator[bytes]:
        """Send the request on; answer 502, 503 or 504 with one sentence when there is no usable response."""
        try:
            head, content = self._exchange(environ)
        except BackendError as error:
            if self._log is not None:
                self._log(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}: {error}")
            text = f"{error}\n".encode()
            fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
            start_response(f"{error.status} {_ANSWERS[error.status]}", fields)
            return iter([text])
        try:
            start_response(f"{head.status} {head.reason or phrase(head.status)}", _end_to_end(head))
        except BaseException:
            content.close()
            raise
        return content

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, environ: Environ) -> tuple[Response, _Content]:
        variables = variables_from_environ(environ)
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        # Content can be read from its stream only once.
        repeatable = environ["REQUEST_METHOD"] in _SAFE and variables[0] == ("CONTENT_LENGTH", "0")
        while True:
            channel, kept = self._open()
            codec = self._new_codec(is_head)
            exchange = Exchange(codec, channel, log=self._log)
            try:
                exchange.send(variables, _pieces(environ))
                head, content = exchange.head(), exchange.content()
                # No head is sent on before there is content, so a backend that dies in between can still be told of.
                first = list(itertools.islice(content, 1))
                return head, _Content(itertools.chain(first, content), partial(self._release, codec, channel))
            except BackendError as error:
                channel.close()
                again = kept and repeatable and not exchange.answered
                if not again or isinstance(error, BackendTimeout):
                    raise
            except BaseException:
                channel.close()
                raise

    def _release(self, codec: ClientCodec, channel: Channel, complete: bool) -> None:
        """Keep the channel of an exchange that is over, or close it."""
        if complete and codec.reusable and len(self._idle) < self._keep:
            self._idle.append(channel)
        else:
            channel.close()

    def _open(self) -> tuple[Channel, bool]:
        """Return a channel, and whether it was kept from an earlier request."""
        while self._idle:
            try:
                channel = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if not channel.stale():
                return channel, True
            channel.close()
        try:
            return self._connect(), False
        except TimeoutError:
            raise BackendTimeout("the backend did not accept the connection in time") from None
        except OSError as error:
            raise BackendUnavailable(f"the backend cannot be reached: {error.strerror or error}") from None


class _Content(Iterator[bytes]):
    """The content of a response; `release(complete)` is called once, at its end or by `close`.

    Not a generator: one that is closed before its first step never runs, not even its `finally`.
    """

    def __init__(self, pieces: Iterator[bytes], release: Callable[[bool], None]) -> None:
        self._pieces = pieces
        self._release: Callable[[bool], None] | None = release

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException as error:
            self._end(isinstance(error, StopIteration))
            raise

    def close(self) -> None:
        """Give up what has not been read."""
        self._end(False)

    def _end(self, complete: bool) -> None:
        release, self._release = self._release, None
        if release is not None:
            release(complete)


def _end_to_end(head: Response) -> list[tuple[str, str]]:
    """Return the fields without those of the backend's own connection."""
    return [(name, value) for name, value in head.fields if name.lower() not in HOP_BY_HOP]
