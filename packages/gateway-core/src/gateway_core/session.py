"""One connection of a server: a codec on one side, the application on the other, and no I/O.

The engine (or a test) feeds bytes and calls; the session answers through its transport::

    bytes --receive--> codec --events--> environ + content      decode
                                         ready: True
          --serve----> application --> Response --> transport   call, encode
          --resume---> (the transport has drained)

`receive` and `serve` are two calls so that an engine may choose which thread makes the second one.
Content is collected before the call: small in memory, large in a temporary file, too large refused with 413.
"""

from __future__ import annotations

import tempfile  # noqa: F401 - for `spool`, and before descriptors run out: to import a module takes one
import traceback  # noqa: F401 - likewise, for what `Response` logs
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, ClassVar, Final, Protocol

from .access import Access
from .environ import Environ, mount
from .errors import LocalProtocolError, RemoteProtocolError
from .events import ConnectionClosed, Data, EndOfMessage, NotNow, Phase
from .input import spool
from .interfaces import Application, Encoder, Transport
from .response import Response

__all__ = ["MAX_BODY", "Peer", "ServerCodec", "Service", "Session"]

# A look into an enum is a call, in 3.11.
_IDLE: Final = Phase.IDLE
_HEAD: Final = Phase.HEAD
_BODY: Final = Phase.BODY
_BUSY: Final = Phase.BUSY

MAX_BODY = 1 << 30
"""Default limit of a request's content, bytes: 1 GiB. Large content lies on disk: it is the disk that this protects."""

_DIGITS_MAX = 18
"""Digits of a CONTENT_LENGTH that are worth converting: 64 bits. int() itself refuses some thousand."""


class ServerCodec(Protocol):
    """The application's side of a protocol, as a session uses it."""

    def receive_data(self, data: bytes, /) -> None:
        """Take bytes; b"" is end of file."""

    def next_event(self) -> Any:
        """Return an event, or a NotNow. Raises RemoteProtocolError."""

    @property
    def exhausted(self) -> bool:
        """Is nothing left of what came, so that `next_event` need not be asked? False is always right."""

    def data_to_send(self) -> bytes:
        """Return what the protocol answers by itself (100 Continue, GET_VALUES_RESULT, PONG), or b""."""

    def refusal(self, error: RemoteProtocolError, /) -> bytes:
        """Return the protocol's own answer to bytes that break it, or b""."""


class Peer(Transport, Protocol):
    """A transport that knows who is at its other end."""

    @property
    def peer(self) -> str:
        """IP address, or "" for a unix socket."""


@dataclass(slots=True)
class Service:
    """What the connections of a worker share."""

    application: Application
    base: Environ
    log: Callable[[str], None]
    max_body: int = MAX_BODY
    mount: str | None = None
    access: Access | None = None


class _Request:
    """A request on its way in, or ready to be served."""

    __slots__ = ("body", "encoder", "environ", "file", "size")

    def __init__(self, environ: Environ, encoder: Encoder, body: IO[bytes]) -> None:
        self.environ = environ
        self.encoder = encoder
        self.body = body
        self.size = 0  # of the body, as far as it was collected
        self.file: IO[bytes] | None = None  # a second input, which only FastCGI has

    def close(self) -> None:
        """Drop the content."""
        for file in (self.body, self.file):
            if file is not None:
                try:
                    file.close()
                except OSError:
                    pass  # a full disk does not take the last of it, and nobody will read it


class Session:
    """Base of every gateway's session. Subclasses say how an event becomes an environ (`_begin`)."""

    __slots__ = ("_incoming", "_ready", "_response", "_serving", "codec", "phase", "service", "transport")

    request: ClassVar[type[Any]]
    """The class of the codec's request event."""

    linger: ClassVar[bool] = False
    """Close in stages after a response too: where the peer may already be sending what will not be read (HTTP)."""

    def __init__(self, service: Service, transport: Peer, codec: ServerCodec) -> None:
        self.service = service
        self.transport = transport
        self.codec = codec
        self.phase = _IDLE
        self._incoming: dict[int, _Request] = {}
        self._ready: list[_Request] = []  # few at a time, and a deque takes half a kilobyte
        self._serving: _Request | None = None
        self._response: Response | None = None

    # -- what the engine calls -----------------------------------------------------------------------------------

    def receive(self, data: bytes) -> bool:
        """Take bytes from the peer, b"" for end of file. True: a request stands ready for `serve`."""
        if data and self.phase is _IDLE:
            self.phase = _HEAD
        try:
            self.codec.receive_data(data)
            return self._collect()
        except RemoteProtocolError as error:
            self._refuse(error)
            return False

    def serve(self) -> bool:
        """Call the application for the request that stands ready. True: another one stands ready."""
        request = self._serving = self._ready.pop(0)
        environ = request.environ
        environ["wsgi.input"] = request.body
        application = self.service.application
        prefix = self.service.mount
        if prefix is not None and not mount(environ, prefix):
            application = _not_below_the_mount
        self.phase = _BUSY
        access = self.service.access
        method = environ["REQUEST_METHOD"]
        if access is None:
            response = Response(request.encoder, self.transport, method)
        else:
            response = access.response(request.encoder, self.transport, method)
        self._response = response
        response.respond(application, environ)
        return self._after(response)

    def resume(self) -> bool:
        """Go on with a response that was paused, since the transport has drained. True as for `serve`."""
        response = self._response
        if response is None:
            return False
        response.resume()
        return self._after(response)

    def expire(self) -> None:
        """The time limit of the present phase has passed."""
        if self.phase is _IDLE:
            self.transport.close()
        elif self.phase is _BUSY:
            self.service.log(f"{self._name()}: the peer does not take the response; the connection is cut")
            self.transport.abort()
            self.abandon()
        else:
            self._refuse(RemoteProtocolError("the request did not arrive within the time limit", 408))

    def retire(self) -> None:
        """The server ends, and will close this connection after the next response: say so, where the protocol can."""

    def abandon(self) -> None:
        """The connection is gone: close what is open, forget the rest."""
        if self._response is not None:
            self._response.abandon()
            self._response = None
        for request in (*self._incoming.values(), *self._ready, self._serving):
            if request is not None:
                request.close()
        self._incoming.clear()
        self._ready.clear()
        self._serving = None

    @property
    def route(self) -> str:
        """Method and path of the request that stands ready, or of the one being served; "" if there is none."""
        request = self._ready[0] if self._ready else self._serving
        if request is None:
            return ""
        environ = request.environ
        return f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}{environ['PATH_INFO']}"

    # -- decode --------------------------------------------------------------------------------------------------

    def _collect(self) -> bool:
        """Take the codec's events until a request stands ready, or it has no more for now."""
        next_event = self.codec.next_event
        while not self._ready:
            event = next_event()
            if type(event) is self.request:
                self._begin(event)
            elif type(event) is NotNow:
                self._answer()
                if self._incoming:
                    self.phase = _BODY
                return False
            else:
                self._take(event)
                if type(event) is ConnectionClosed:
                    self._answer()  # a pong goes out although the connection is over
                    return False
                if self.transport.lost:
                    return False
        return True

    def _answer(self) -> None:
        """Send what the protocol answers by itself."""
        answer = self.codec.data_to_send()
        if answer:
            self._write(answer)

    def _take(self, event: Any) -> None:
        """Act on an event other than a request, of a protocol that carries one request at a time."""
        if isinstance(event, Data):
            self._more(0, event.data)
        elif isinstance(event, EndOfMessage):
            self._complete(0)
        else:
            assert isinstance(event, ConnectionClosed), event
            self.transport.close()

    def _begin(self, event: Any) -> None:
        """Make an environ of a request event and pass it to `_arrived`."""
        raise AssertionError("a gateway's session says how")

    def _arrived(self, key: int, environ: Environ, encoder: Encoder, body: bytes, complete: bool) -> None:
        """A request's head is here, with all of its content (`complete`) or the first part."""
        if complete:
            if body:
                if len(body) > self.service.max_body:
                    raise self._too_large()
                environ["CONTENT_LENGTH"] = str(len(body))  # a chunked one comes without; see `_complete`
            self._ready.append(_Request(environ, encoder, BytesIO(body)))
            return
        declared = environ.get("CONTENT_LENGTH", "")
        if declared.isdecimal() and (len(declared) > _DIGITS_MAX or int(declared) > self.service.max_body):
            raise self._too_large()
        self._incoming[key] = _Request(environ, encoder, spool())
        if body:
            self._more(key, body)

    def _more(self, key: int, data: bytes) -> None:
        request = self._incoming[key]
        request.size += len(data)
        if request.size > self.service.max_body:
            raise self._too_large()
        _keep(request.body, data)

    def _more_file(self, key: int, data: bytes) -> None:
        """The same, for a second input."""
        file = self._incoming[key].file
        assert file is not None
        if file.tell() + len(data) > self.service.max_body:
            raise self._too_large()
        _keep(file, data)

    def _complete(self, key: int) -> None:
        """All content is here: CONTENT_LENGTH says how much, whatever the coding was on the wire."""
        request = self._incoming[key]
        try:
            request.body.seek(0)
            if request.file is not None:
                request.file.seek(0)
        except OSError as error:
            raise _not_kept(error) from None
        del self._incoming[key]
        request.environ["CONTENT_LENGTH"] = str(request.size)
        self._ready.append(request)

    def _too_large(self) -> RemoteProtocolError:
        return RemoteProtocolError(f"the content is larger than {self.service.max_body} bytes", 413)

    # -- the end of a request, and of a connection ---------------------------------------------------------------

    def _after(self, response: Response) -> bool:
        """Is there more to do, now that a response has ended or paused?"""
        if response.paused:
            return False
        self._response = None
        request, self._serving = self._serving, None
        assert request is not None
        if type(request.body) is not BytesIO:  # memory needs no closing
            request.close()
        if self.transport.lost:
            return False
        if request.encoder.close_after:
            self.transport.close(linger=self.linger)
            return False
        if self.codec.exhausted:
            self.phase = _IDLE
            return False
        self.phase = _HEAD
        try:
            return self._collect()
        except RemoteProtocolError as error:
            self._refuse(error)
            return False

    def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer bytes that break the protocol in its own way, log one line, close."""
        self.service.log(f"{self._name()}: {error}")
        try:
            answer = self.codec.refusal(error)
        except LocalProtocolError:
            answer = b""  # a response is half sent: only closing is left
        if answer:
            self._write(answer)
            if self.service.access is not None:
                self.service.access.refused(self.transport.peer, error.status)
        self.transport.close(linger=True)
        self.abandon()

    def _write(self, data: bytes) -> None:
        try:
            self.transport.write(data)
        except ConnectionError:
            pass  # the peer has gone; the engine finds out by itself

    def _name(self) -> str:
        return self.transport.peer or "unix peer"


def _keep(file: IO[bytes], data: bytes) -> None:
    try:
        file.write(data)
    except OSError as error:
        raise _not_kept(error) from None


def _not_kept(error: OSError) -> RemoteProtocolError:
    """No space on the disk, or no descriptor for the temporary file: the peer may try again later."""
    return RemoteProtocolError(f"the content cannot be kept: {error.strerror or error}", 503)


def _not_below_the_mount(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"This application is mounted elsewhere.\n"]
