"""One visitor's connection: that of the HTTP server, and what a front does besides.

It says who the visitor is (`forwarding`, REMOTE_PORT), lets a request go on while its content comes, and goes on
reading an answer while the visitor does not (`buffering`). For the last two the thread must be free to wait, so they
need a worker with several threads; with one, content is collected and backends wait.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import IO, cast

from gateway_core.client import VISITOR
from gateway_core.environ import Environ
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Data, EndOfMessage
from gateway_core.http1 import Limits
from gateway_core.interfaces import Encoder
from gateway_core.session import Service
from gateway_runtime.connection import Connection
from wsgi_server.server import HttpSession

from .buffering import ANSWERS, Answer, LiveContent
from .forwarding import forward

__all__ = ["CONTENT_RATE", "FrontSession"]

CONTENT_RATE = 500
"""Bytes of content that earn their sender another second, as where content is collected."""

_RECEIVE = 64 * 1024


class FrontSession(HttpSession):
    """One connection.

    `live(environ)`: does this request go on before its content is here? `patience`: seconds without a byte of content.
    `trusted(ip)`: whose forwarding fields count (see `forwarding`).
    """

    __slots__ = ("_believed", "_late_after", "_live", "_patience", "_port", "_socket", "_threads")

    def __init__(
        self,
        service: Service,
        transport: Connection,
        limits: Limits,
        live: Callable[[Environ], bool],
        patience: float,
        trusted: Callable[[str], bool] | None,
    ) -> None:
        super().__init__(service, transport, limits)
        self._live = live
        self._patience = patience
        self._believed = trusted
        self._threads = bool(service.base["wsgi.multithread"])
        self._late_after = 0.0
        self._port = ""
        self._socket: Connection = transport
        if transport.sock.family != socket.AF_UNIX:
            try:
                self._port = str(transport.sock.getpeername()[1])
            except OSError:
                pass  # it has gone already

    def serve(self) -> bool:
        """As the HTTP server does; then go on with the backend, if the visitor does not take what is there."""
        more = super().serve()
        self._collect_answer()
        return more

    def resume(self) -> bool:
        """Likewise."""
        more = super().resume()
        self._collect_answer()
        return more

    def _collect_answer(self) -> None:
        if self._response is None or self._serving is None or not self._threads:
            return
        answers: list[Answer] = self._serving.environ[ANSWERS]
        if answers:
            answers[-1].collect(self._socket.fd)

    # -- the request ---------------------------------------------------------------------------------------------

    def _arrived(self, key: int, environ: Environ, encoder: Encoder, body: bytes, complete: bool) -> None:
        forward(environ, self._believed)
        environ[ANSWERS] = []
        if self._port and environ["REMOTE_ADDR"] == self.transport.peer:
            environ["REMOTE_PORT"] = self._port
        if not self._threads:  # nobody would see that he speaks again
            del environ[VISITOR]
        super()._arrived(key, environ, encoder, body, complete)
        if not complete and self._threads and environ.get("CONTENT_LENGTH") and self._live(environ):
            request = self._incoming.pop(key)
            request.body.seek(0)
            with request.body as begun:
                request.body = cast("IO[bytes]", LiveContent(begun.read(), self._more_content))
            self._late_after = time.monotonic() + self._patience
            self._ready.append(request)

    def _more_content(self, other: int) -> bytes | None:
        """Return the next content of the request that is being served; b"" at its end. Raises ConnectionError.

        None: the descriptor `other` can be read before there is more.
        """
        try:
            while True:
                event = self.codec.next_event()
                if isinstance(event, Data):
                    return event.data
                if isinstance(event, EndOfMessage):
                    return b""
                self._answer()
                data = self._wait_for_bytes(other)
                if data is None:
                    return None
                self.codec.receive_data(data)
        except (RemoteProtocolError, OSError) as error:
            self.service.log(f"{self._name()}: the content breaks off: {error}")
            self.transport.abort()
            raise ConnectionAbortedError("the visitor's content breaks off") from None

    def _wait_for_bytes(self, other: int) -> bytes | None:
        """Receive, within the time limits for content; None if `other` can be read before. Raises OSError."""
        connection = self._socket
        readable = select.poll()
        readable.register(connection.fd, select.POLLIN)
        if other >= 0:
            readable.register(other, select.POLLIN)
        left = max(0.0, self._late_after - time.monotonic()) * 1000 if self._patience else None
        ready = dict(readable.poll(left))
        if not ready:
            raise TimeoutError("it did not arrive within the time limit")
        if connection.fd not in ready:
            return None
        data: bytes = connection.recv(_RECEIVE)
        self._late_after = min(time.monotonic() + self._patience, self._late_after + len(data) / CONTENT_RATE)
        return data
