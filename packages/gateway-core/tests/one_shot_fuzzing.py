"""For fuzzing protocols that carry one request a connection: answers, ways to spoil and cut bytes, and what came of it.

`GATELAB_FUZZ=100000` asks for so many examples of each property.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import ConnectionClosed, Data, EndOfMessage, NotNow, Request, Response

__all__ = ["ANSWERS", "CUTS", "LENGTHS", "TEXT", "changes_of", "cut", "fuzzed", "outcome", "spoil"]

fuzzed = settings(max_examples=int(os.environ.get("GATELAB_FUZZ", "60")), deadline=None)

CUTS = st.lists(st.integers(0, 400), max_size=5)
TEXT = st.text("aZ0_-,:;=\x01\xe9\xff ", max_size=12)
LENGTHS = st.sampled_from(["0", "3", "12", "012", "", "+3", "1_0", "9" * 19])


def changes_of(snippets: list[bytes]) -> st.SearchStrategy[list[tuple[float, int, bytes]]]:
    """Return ways to spoil bytes with some of these."""
    return st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(snippets)), max_size=3)


ANSWERS = st.sampled_from(
    [
        b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"Status: 404 Not Found\nA: b\n\nno",
        b"Location: /a\r\n\r\n",
        b"Status: 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ]
)


def spoil(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Put snippets in the place of some bytes."""
    for where, count, snippet in changes:
        at = round(where * len(data))
        data = data[:at] + snippet + data[at + count :]
    return data


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


def outcome(codec: Any, pieces: list[bytes], eof: bool) -> tuple[object, ...]:
    """Return (head, content, how it ended): the same for the same bytes."""
    head: object = None
    content = b""
    ended = False
    try:
        for piece in [*pieces, b""] if eof else pieces:
            codec.receive_data(piece)
            while not isinstance(event := codec.next_event(), NotNow):
                assert not ended
                if isinstance(event, ConnectionClosed):
                    return head, content, "closed"
                if isinstance(event, Request):
                    head, content, ended = event.variables, event.body, event.complete
                elif isinstance(event, Response):
                    head = event
                elif isinstance(event, Data):
                    assert event.data
                    content += event.data
                else:
                    assert isinstance(event, EndOfMessage)
                    ended = True
    except RemoteProtocolError as error:
        assert "\n" not in str(error)
        return (f"{error.status} {error}",)
    return head, content, ended
