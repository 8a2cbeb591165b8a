"""One visitor's question and its answer, on the floor's loop: the client halves of our codecs.

::

    Request --codec.send--> bytes --connection--> gateway --bytes--> codec.next_event --> Response, Data, EndOfMessage

Each question has a connection of its own, in whatever protocol the gateway speaks.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import NEED_DATA, Data, EndOfMessage, Request, Response, Variables
from gateway_runtime.addresses import Address, parse_url

__all__ = ["CODECS", "PATIENCE", "Reply", "Unanswered", "ask", "connect", "request_of"]

PATIENCE: Final = 20.0
"""Seconds after which a question is given up."""
BLOCK: Final = 65_536
CODECS: Final = {
    "http": "gateway_core.http1",
    "fastcgi": "fastcgi_server.protocol",
    "scgi": "scgi_server.protocol",
    "uwsgi": "uwsgi_gateway.protocol",
}
"""Where the codec of each scheme is. It is imported when it is first needed."""


class Unanswered(Exception):
    """No answer came; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    content: bytes


class Codec(Protocol):
    """The client half of a protocol."""

    def send(self, event: Any, /) -> bytes:
        """Encode an event."""

    def receive_data(self, data: bytes, /) -> None:
        """Take what has come."""

    def next_event(self) -> Any:
        """Return what it says."""


async def ask(url: str, target: str) -> Reply:
    """Ask a gateway by GET, over a connection of its own, and return its answer. Raises Unanswered."""
    scheme, address = parse_url(url)
    codec = importlib.import_module(CODECS[scheme]).ClientConnection(keep_alive=False)
    try:
        async with asyncio.timeout(PATIENCE):
            return await _exchange(address, codec, request_of(target))
    except TimeoutError:
        raise Unanswered(f"The gateway gave no answer within {PATIENCE:g} s.") from None
    except RemoteProtocolError as error:
        raise Unanswered(f"The gateway's answer is not understood: {error}.") from error
    except OSError as error:
        raise Unanswered(f"The gateway gave no answer: {error.strerror or 'the connection was closed'}.") from error


def request_of(target: str, method: str = "GET", host: str = "127.0.0.1") -> Request:
    """Return a request as the variables of RFC 3875, which every protocol here carries."""
    path, _, query = target.partition("?")
    variables: Variables = [
        ("REQUEST_METHOD", method), ("REQUEST_URI", target), ("PATH_INFO", path), ("QUERY_STRING", query),
        ("CONTENT_LENGTH", ""), ("SCRIPT_NAME", ""), ("SERVER_PROTOCOL", "HTTP/1.1"), ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_NAME", host), ("SERVER_PORT", "80"), ("REMOTE_ADDR", "127.0.0.1"), ("HTTP_HOST", host),
    ]  # fmt: skip
    return Request(variables)


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to where a gateway listens."""
    if address.path:
        return await asyncio.open_unix_connection(address.path)
    return await asyncio.open_connection(address.host, address.port)


async def _exchange(address: Address, codec: Codec, request: Request) -> Reply:
    reader, writer = await connect(address)
    try:
        writer.write(codec.send(request))
        return await _answer(codec, reader.read)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _answer(codec: Codec, read: Callable[[int], Any]) -> Reply:
    status, pieces, ended = 0, [], False
    while True:
        event = codec.next_event()
        if event is NEED_DATA:
            if ended:
                raise ConnectionResetError
            data = await read(BLOCK)
            ended = not data
            codec.receive_data(data)
        elif isinstance(event, Response):
            status = event.status
        elif isinstance(event, Data):
            pieces.append(event.data)
        elif isinstance(event, EndOfMessage):
            return Reply(status, b"".join(pieces))
