"""The web server's side of a protocol, as a WSGI application: environ in, bytes out, response back.

A client half is a codec and channels to send its bytes over (`exchange`). Both are parameters, so this module does no
I/O of its own and serves HTTP, FastCGI, SCGI and uwsgi alike. Because a `Client` is a WSGI application, a front is any
server that runs one.

A request that failed may be sent again, to this backend or another, only if nobody can have acted on it: no connection
came about, it is safe and without content and not a byte came back, or the backend says that it has no room
(`BackendError.again`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from .cgi import phrase
from .environ import Environ, variables_from_environ
from .errors import BackendBusy, BackendError, BackendTimeout, BackendUnavailable, VisitorFault
from .events import Fields, Response, Variables
from .exchange import RECEIVE, Channel, ClientCodec, Exchange, fetch
from .response_checks import HOP_BY_HOP

__all__ = ["VISITOR", "Channels", "Client", "ClientCodec", "Content", "Exchange", "answer", "fetch"]

VISITOR = "gatelab.visitor"
"""Key of an environ: the descriptor of the visitor's connection, so that nobody works for one who has left."""

_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that may be sent again, if without content, when a connection turns out to be dead (RFC 9110, 9.2.1)."""


class Channels(Protocol):
    """The channels to one backend."""

    def take(self, repeatable: bool, /) -> tuple[Any, bool]:
        """Return a Channel for a request that can or cannot be sent again, and whether it was used before.

        Raises OSError.
        """

    def give_back(self, channel: Any, reusable: bool, /) -> None:
        """The exchange is over; `reusable`: another may follow on the channel."""

    def close(self) -> None:
        """Close those that nobody uses."""


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
                channel, kept = self._take(repeatable)
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
            at_hand = getattr(environ.get("wsgi.input"), "at_hand", None)  # of content that is still on its way
            exchange.send(variables, _pieces(environ), at_hand=at_hand, watched=environ.get(VISITOR, -1))
            head, content = exchange.head(), exchange.content()
            # No head is sent on before there is content, so a backend that dies in between can still be told of.
            first = list(itertools.islice(content, 1))
        except BaseException as error:
            self.channels.give_back(channel, False)
            if isinstance(error, BackendError):
                untouched = not exchange.answered or isinstance(error, BackendBusy)
                error.again = repeatable and untouched and not isinstance(error, (BackendTimeout, VisitorFault))
            raise
        fields = [(name, value) for name, value in head.fields if name.lower() not in HOP_BY_HOP]

        def release(complete: bool) -> None:
            self.channels.give_back(channel, complete and exchange.reusable)

        head = type(head)(head.status, head.reason, fields)
        return head, Content(itertools.chain(first, content), release, exchange.ready, self.name)

    def _take(self, repeatable: bool) -> tuple[Channel, bool]:
        try:
            return self.channels.take(repeatable)
        except TimeoutError:
            error: BackendError = BackendTimeout("the backend did not accept the connection in time")
        except BlockingIOError as reason:
            error = BackendBusy(f"the backend has no room: {reason.strerror}")
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

    def __init__(
        self, pieces: Iterator[bytes], release: Callable[[bool], None], ready: Callable[[int], bool], name: str = ""
    ) -> None:
        self._pieces = pieces
        self._ready = ready
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

    def ready(self, other: int) -> bool:
        """Wait until the next step need not wait. False: the descriptor `other` could be written to before.

        Not before the first step. Raises BackendError.
        """
        return self._ready(other)

    def close(self) -> None:
        """Give up what has not been read."""
        self._end(False)

    def _end(self, complete: bool) -> None:
        release, self._release = self._release, None
        if release is not None:
            release(complete)
