"""Questions that need no request: uwsgi's ping, and what a FastCGI application says that it can do.

::

    --ping      64 00 00 00  ->  64 00 00 01         modifier 100; the second one tells question and answer apart
    --values    GET_VALUES   ->  GET_VALUES_RESULT   management records (FastCGI 1.0, section 4.1)

Both answers come as content, so that all else of the command works for them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastcgi_server import records
from fastcgi_server.events import GetValues, UnknownType, Values
from fastcgi_server.webserver import ClientConnection
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import NEED_DATA, Data, EndOfMessage, NotNow
from gateway_core.exchange import ClientCodec
from uwsgi_gateway.protocol import HEADER_SIZE, PING, PONG

from .request_errors import Exit, Failed

__all__ = ["Question"]

VALUES = [records.MAX_CONNS, records.MAX_REQS, records.MPXS_CONNS]


class Question:
    """The one that goes with a scheme. `asking` are its bytes, `codec` reads the answer."""

    def __init__(self, scheme: str) -> None:
        self.codec: ClientCodec
        if scheme == "uwsgi":
            self.codec, self.asking = _Ping(), PING
        else:
            self.codec = codec = ClientConnection()
            self.asking = codec.send(GetValues(VALUES))

    @staticmethod
    def answer(events: Iterator[Any]) -> Iterator[Data | EndOfMessage]:
        """Make content of the answer. Raises Failed."""
        for event in events:
            if isinstance(event, UnknownType):
                raise Failed(Exit.BROKEN, "it does not know the question: it answers UNKNOWN_TYPE")
            if isinstance(event, Values):
                yield from (Data(f"{name}={value}\n".encode("latin-1")) for name, value in event.values)
                break
            if isinstance(event, Data):
                yield event
                break
        yield EndOfMessage()


class _Ping:
    """The client's side of a ping, as a codec."""

    reusable = False

    def __init__(self) -> None:
        self._answer = b""
        self._ended = False

    def send(self, _event: object, /) -> bytes:
        return PING

    def receive_data(self, data: bytes, /) -> None:
        self._answer += data
        self._ended = not data

    def next_event(self) -> Data | NotNow:
        if not PONG.startswith(self._answer[:HEADER_SIZE]):
            raise RemoteProtocolError("a pong is 64 00 00 01, and other bytes came")
        if self._ended and len(self._answer) < HEADER_SIZE:
            raise RemoteProtocolError("the pong breaks off")
        return Data(b"pong\n") if len(self._answer) >= HEADER_SIZE else NEED_DATA
