"""The fuzz target of a protocol that carries one request a connection: SCGI and uwsgi differ by their codecs alone.

Bit 2 of an input's first byte chooses the smaller of two limits, bit 3 whether the client has asked by HEAD. A request
that was accepted must come through once more when our client writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reading import client_outcome, server_outcome, thrice

from gateway_core.errors import LocalProtocolError
from gateway_core.events import Request

__all__ = ["checker", "seeds"]

SMALL = 200
"""Bytes of the smaller of two limits."""


def checker(server: Any, client: Any, first: dict[str, str]) -> Callable[[bytes], None]:
    """Return the check of an input. `first`: what our client writes directly behind CONTENT_LENGTH."""

    def check(data: bytes) -> None:
        eof, limit = bool(data[0] & 2), SMALL if data[0] & 4 else SMALL * 20
        if not data[0] & 1:
            thrice(data, lambda pieces: client_outcome(asked(bool(data[0] & 8)), pieces, eof))
            return
        told, end = thrice(data, lambda pieces: server_outcome(server(max_head=limit), pieces, eof))
        if told and end == "open":
            again(told)

    def asked(head: bool) -> Any:
        """Return a client that has sent a request."""
        codec = client(head=head)
        codec.send(Request([("REQUEST_METHOD", "HEAD" if head else "GET")]))
        return codec

    def again(told: list[tuple[Any, ...]]) -> None:
        """Write what was read, and read that: CONTENT_LENGTH comes first now, without leading zeros."""
        variables, *content = told
        body = b"".join(data for _, data in content)
        try:
            wire = client().send(Request(list(variables[1]), body))
        except LocalProtocolError:
            return  # it is not complete
        others = [pair for pair in variables[1] if pair[0] != "CONTENT_LENGTH" and pair[0] not in first]
        expected = (Request, (("CONTENT_LENGTH", str(len(body))), *first.items(), *others))
        assert server_outcome(server(), [wire], False) == ([expected, *content], "open")

    return check


def seeds(requests: list[bytes], answers: list[bytes]) -> list[bytes]:
    """Return inputs: what fronts send to our server, and backends to our client, each with an end of file."""
    return [*(b"\3\0\0" + data for data in requests), *(b"\2\0\0" + data for data in answers)]
