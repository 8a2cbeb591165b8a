"""The session of a FastCGI connection: between the codec, the response half and the engine.

One connection may carry many requests, one after another (nginx with `fastcgi_keep_conn`) or side by side (HAProxy).
Side by side they are read together. With one thread they are served in the order in which they became complete; with
more, at the same time (`multiplexed`). A request that is wrong is answered alone, and the others go on.

What FastCGI adds to the environ::

    fastcgi.role        "responder", "authorizer" or "filter" (section 6)
    fastcgi.data        of a filter: the file that it is to work on, to be read
    wsgi.errors         the STDERR stream of the request
"""

from __future__ import annotations

from typing import Any, ClassVar

from gateway_core.cgi import phrase
from gateway_core.environ import Environ, environ_from_variables
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import ConnectionClosed, Phase
from gateway_core.input import spool
from gateway_core.session import Peer, Service, Session

from .error_stream import ErrorStream
from .options import Options
from .protocol import Abort, Data, EndOfMessage, FileData, Request, ServerConnection
from .records import FILTER, RESPONDER, ROLES
from .request import Encoder

__all__ = ["FastCgiSession"]


class FastCgiSession(Session):
    """One FastCGI connection, of a server with one thread."""

    __slots__ = ()

    request = Request
    codec: ServerConnection

    multiplexed: ClassVar[bool] = False

    def __init__(self, service: Service, transport: Peer, options: Options = Options()) -> None:  # noqa: B008 - frozen
        super().__init__(service, transport, options.codec(self.multiplexed))

    def _begin(self, event: Request) -> None:
        request_id = event.request_id
        encoder = self.codec.encoder(request_id)
        try:
            base = self.service.base
            environ = environ_from_variables(base, event.variables)
            environ["wsgi.errors"] = ErrorStream(encoder, self.transport, base["wsgi.errors"])
            if event.role == RESPONDER:
                self._arrived(request_id, environ, encoder, event.body, event.complete)
                return
            environ["fastcgi.role"] = ROLES[event.role]
            if event.role == FILTER:
                self._begin_filter(event, environ, encoder)
            else:
                self._arrived(request_id, environ, encoder, event.body, event.complete)
        except RemoteProtocolError as error:
            self._refuse_one(request_id, encoder, error)

    def _begin_filter(self, event: Request, environ: Environ, encoder: Encoder) -> None:
        """Section 6.4: a filter has a second input. Both are collected in the way of content that is still to come."""
        request_id = event.request_id
        self._arrived(request_id, environ, encoder, event.body, complete=False)
        environ["fastcgi.data"] = self._incoming[request_id].file = spool()
        if event.file:
            self._more_file(request_id, event.file)
        if event.complete:
            self._complete(request_id)

    def _take(self, event: Any) -> None:
        if isinstance(event, Abort):
            self._abort(event.request_id)
            return
        if isinstance(event, ConnectionClosed):
            self.transport.close(linger=True)
            return
        try:
            if isinstance(event, Data):
                self._more(event.request_id, event.data)
            elif isinstance(event, FileData):
                self._more_file(event.request_id, event.data)
            else:
                assert isinstance(event, EndOfMessage), event
                self._complete(event.request_id)
        except RemoteProtocolError as error:
            self._refuse_one(event.request_id, self.codec.encoder(event.request_id), error)

    def _collect(self) -> bool:
        ready = super()._collect()
        self._answer()  # also when a request stands ready
        if self._response is not None:
            return False  # one at a time: a paused response goes first
        if not ready and self.codec.idle:
            self.phase = Phase.IDLE  # after what needed no application, or was aborted
        return ready

    def _refuse_one(self, request_id: int, encoder: Encoder, error: RemoteProtocolError) -> None:
        """Answer one request that is wrong; the connection and its other requests go on."""
        self.service.log(f"{self._name()}: {error}")
        self._drop(request_id)
        body = f"{error}\n".encode("latin-1", "backslashreplace")
        fields = [("Content-Type", "text/plain; charset=iso-8859-1")]
        head = encoder.head(f"{error.status} {phrase(error.status)}", fields, len(body))
        self._write(head + encoder.data(body) + encoder.end())
        if self.service.access is not None:
            self.service.access.refused(self.transport.peer, error.status)
        if encoder.close_after:
            self.transport.close(linger=True)

    def _abort(self, request_id: int) -> None:
        """Stop working on a request that nobody waits for any more, and say so (section 5.4)."""
        encoder = self._drop(request_id)
        if encoder is not None:
            self._write(encoder.abort())
            if encoder.close_after:
                self.transport.close()

    def _drop(self, request_id: int) -> Encoder | None:
        """Forget a request wherever it is; return its encoder, None if it is not here."""
        request: Any = self._incoming.pop(request_id, None)
        if request is None and self._serving is not None:
            serving: Any = self._serving
            if serving.encoder.request_id == request_id and self._response is not None:
                self._response.abandon()
                self._response = self._serving = None
                request = serving
        if request is None:
            return None
        request.close()
        encoder: Encoder = request.encoder
        return encoder
