"""For fuzzing protocols that carry one request a connection: answers, and what came of their bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import ConnectionClosed, Data, EndOfMessage, NotNow, Request, Response

__all__ = ["ANSWERS", "LENGTHS", "TEXT", "outcome"]

TEXT = st.text("aZ0_-,:;=\x01\xe9\xff ", max_size=12)
LENGTHS = st.sampled_from(["0", "3", "12", "012", "", "+3", "1_0", "9" * 19])


ANSWERS = st.sampled_from(
    [
        b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"Status: 404 Not Found\nA: b\n\nno",
        b"Location: /a\r\n\r\n",
        b"Status: 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ]
)


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
