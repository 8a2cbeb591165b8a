"""For tests of HTTP: cut bytes in every way, feed them to a server's connection, and say all that came of it.

What comes of a stream must not depend on how it was cut, so an `Outcome` holds everything that one could tell by.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import NEED_DATA, PAUSED, ConnectionClosed, Data, EndOfMessage, Phase
from gateway_core.http1 import HttpRequest, ServerConnection

__all__ = ["CHUNKED", "HOST", "H", "Outcome", "cut", "everywhere", "get", "outcome", "read", "splits"]

H = b"Host: a\r\n"
HOST = ("host", "a")
CHUNKED = H + b"Transfer-Encoding: chunked\r\n"


def get(target: bytes = b"/", version: bytes = b"HTTP/1.1", fields: bytes = H, method: bytes = b"GET") -> bytes:
    """Return the head of a request. `fields` end with CRLF."""
    return method + b" " + target + b" " + version + b"\r\n" + fields + b"\r\n"


class Outcome(NamedTuple):
    """What a connection made of a stream, every request having been answered at once.

    `requests`: (method, target, version, fields, content). `end`: "open", "closed", or the status of the refusal;
    `refusal`: its bytes. `unfinished`: the request of which more must come, as above. `phase`: what is waited for.
    `left`: bytes that came and were not read.
    """

    requests: list[tuple[Any, ...]]
    end: str | int
    refusal: bytes = b""
    unfinished: tuple[Any, ...] | None = None
    phase: Phase = Phase.BUSY
    left: bytes = b""


def outcome(pieces: Iterable[bytes], *, eof: bool = False, **options: Any) -> Outcome:
    """Feed the pieces to a new connection, answering each request; `eof`: and then the end of file."""
    conn = ServerConnection(server="", **options)
    requests: list[tuple[Any, ...]] = []
    head: Any = None
    content = b""
    try:
        for piece in [*pieces, b""] if eof else pieces:
            conn.receive_data(piece)
            while (event := conn.next_event()) is not NEED_DATA:
                if isinstance(event, ConnectionClosed):
                    return Outcome(requests, "closed")
                if isinstance(event, HttpRequest):
                    head, content = event, event.body
                elif isinstance(event, Data):
                    assert event.data
                    content += event.data
                if isinstance(event, EndOfMessage) or (isinstance(event, HttpRequest) and event.complete):
                    requests.append((*head[:4], content))
                    head = None
                    assert conn.next_event() is PAUSED
                    conn.head("204 No Content", [], None)
                    conn.end()
    except RemoteProtocolError as error:
        with pytest.raises(RemoteProtocolError) as again:
            conn.next_event()
        assert again.value is error
        assert str(error)
        return Outcome(requests, error.status, conn.refusal(error))
    unfinished = None if head is None else (*head[:4], content)
    return Outcome(requests, "open", b"", unfinished, conn.phase, bytes(conn._buffer[conn._at :]))


def read(pieces: Iterable[bytes], **options: Any) -> tuple[list[tuple[Any, ...]], str | int]:
    """Return the requests and the end of an outcome."""
    return outcome(pieces, **options)[:2]


def cut(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut `data` at these places."""
    places = sorted({0, *cuts, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def splits(data: bytes, seed: int = 0) -> Iterator[list[bytes]]:
    """Yield ways to cut `data`: whole, byte by byte, in two near the start and the end, by lines, at random."""
    yield cut(data, [])
    yield cut(data, range(len(data)))
    for at in {*range(1, min(len(data), 40)), *range(max(1, len(data) - 60), len(data))}:
        yield cut(data, [at])
    yield data.splitlines(keepends=True)
    source = random.Random(seed)
    for _ in range(5):
        yield cut(data, source.sample(range(len(data) + 1), min(len(data), 4)))


def everywhere(data: bytes, **options: Any) -> tuple[list[tuple[Any, ...]], str | int]:
    """Read `data` at every split; return the one result that all of them must have."""
    first, *others = [outcome(pieces, **options) for pieces in splits(data)]
    for other in others:
        assert other == first
    return first[:2]
