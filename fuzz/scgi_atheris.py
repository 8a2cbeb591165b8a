"""Fuzz the SCGI codec, both roles, by coverage. `reading` says how an input is laid out.

::

    pip install atheris                                        # Linux, CPython; it brings libFuzzer
    python fuzz/scgi_atheris.py -max_total_time=60 /tmp/corpus

A request that was accepted must come through once more when our client writes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "packages" / "scgi-server" / "tests")]

with atheris.instrument_imports(include=["gateway_core", "scgi_server"]):
    from reading import captured, client_outcome, run, server_outcome, thrice

    from gateway_core.errors import LocalProtocolError
    from gateway_core.events import Request
    from scgi_server.protocol import ClientConnection, ServerConnection
    from test_scgi_protocol import BAD, DEEPTHOUGHT, head

SMALL = 200
"""Bytes of the smaller of two limits."""


def check(data: bytes) -> None:
    """Read an input in three ways. Raises AssertionError if it matters which."""
    eof, limit = bool(data[0] & 2), SMALL if data[0] & 4 else SMALL * 20
    if not data[0] & 1:
        thrice(data, lambda pieces: client_outcome(asked(bool(data[0] & 8)), pieces, eof))
        return
    told, end = thrice(data, lambda pieces: server_outcome(ServerConnection(max_head=limit), pieces, eof))
    if told and end == "open":
        again(told)


def asked(head: bool) -> ClientConnection:
    """Return a client that has sent a request."""
    client = ClientConnection(head=head)
    client.send(Request([("REQUEST_METHOD", "HEAD" if head else "GET")]))
    return client


def again(told: list[tuple]) -> None:
    """Write what was read, and read that: SCGI comes second now, and CONTENT_LENGTH has no leading zero."""
    variables, *content = told
    body = b"".join(data for _, data in content)
    try:
        wire = ClientConnection().send(Request(list(variables[1]), body))
    except LocalProtocolError:
        return  # it is not complete
    others = [pair for pair in variables[1][1:] if pair[0] != "SCGI"]
    expected = (Request, (("CONTENT_LENGTH", str(len(body))), ("SCGI", "1"), *others))
    assert server_outcome(ServerConnection(), [wire], False) == ([expected, *content], "open")


def main() -> None:
    """Run libFuzzer."""
    requests = [DEEPTHOUGHT, *(row[0] for row in BAD), head(("A", "b")), *captured("SCGI", "front")]
    answers = [b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"Location: /a\r\n\r\n", *captured("SCGI", "backend")]
    run(check, [*(b"\3\0\0" + data for data in requests), *(b"\2\0\0" + data for data in answers)])


if __name__ == "__main__":
    main()
