"""Fuzz the FastCGI codec, both roles, by coverage. `reading` says how an input is laid out.

::

    pip install atheris                                        # Linux, CPython; it brings libFuzzer
    python fuzz/fastcgi_atheris.py -max_total_time=60 /tmp/corpus

Every request is answered when it is complete. Of those that never are it may depend on the cuts whether the application
hears, but not what the front is told.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "packages" / "fastcgi-server" / "tests")]

with atheris.instrument_imports(include=["gateway_core", "fastcgi_server"]):
    from reading import captured, client_outcome, run, thrice

    from fastcgi_server.protocol import (
        Abort,
        ClientConnection,
        Data,
        EndOfMessage,
        FileData,
        Request,
        ServerConnection,
    )
    from fastcgi_server.records import RESPONDER, ROLES
    from gateway_core import events
    from gateway_core.errors import LocalProtocolError, RemoteProtocolError
    from gateway_core.events import ConnectionClosed, NotNow
    from test_fastcgi_protocol import BAD, GOOD_ANSWERS, OK, begin, get, post, rec


def check(data: bytes) -> None:
    """Read an input in three ways. Raises AssertionError if it matters which."""
    eof = bool(data[0] & 2)
    if data[0] & 1:
        most = 1 if data[0] & 4 else 3
        limits = {"max_active": most, "max_params": 300, "roles": ROLES if data[0] & 8 else (RESPONDER,)}
        thrice(data, lambda pieces: answered(ServerConnection(**limits), pieces, eof))
    else:
        thrice(data, lambda pieces: client_outcome(asked(bool(data[0] & 4), bool(data[0] & 8)), pieces, eof))


def asked(keep: bool, head: bool) -> ClientConnection:
    """Return a client that has sent a request."""
    client = ClientConnection(keep_alive=keep, head=head)
    client.send(events.Request([("REQUEST_METHOD", "HEAD" if head else "GET")]))
    return client


def answered(codec: ServerConnection, pieces: Iterable[bytes], eof: bool) -> tuple[list[tuple], bytes, str]:
    """Feed a front's bytes, and answer what is complete; return those requests, all that is sent, and the end."""
    complete: list[tuple] = []
    content: dict[int, tuple] = {}
    sent = b""
    try:
        for piece in [*pieces, b""] if eof else pieces:
            codec.receive_data(piece)
            while not isinstance(event := codec.next_event(), NotNow):
                sent += codec.data_to_send()
                if isinstance(event, ConnectionClosed):
                    return complete, sent, "closed"
                if isinstance(event, Request):
                    content[event.request_id] = (event.role, tuple(event.variables), event.body, event.file)
                elif isinstance(event, Data):
                    *head, body, file = content[event.request_id]
                    content[event.request_id] = (*head, body + event.data, file)
                elif isinstance(event, FileData):
                    *head, file = content[event.request_id]
                    content[event.request_id] = (*head, file + event.data)
                elif isinstance(event, Abort):
                    with suppress(LocalProtocolError):  # the end of file has ended the request already
                        sent += codec.encoder(event.request_id).abort()
                if isinstance(event, EndOfMessage) or (isinstance(event, Request) and event.complete):
                    complete.append((event.request_id, *content.pop(event.request_id)))
                    sent += codec.encoder(event.request_id).whole("200 OK", [], b"hello")
            sent += codec.data_to_send()
    except RemoteProtocolError as error:
        return complete, sent + codec.data_to_send() + codec.refusal(error), f"{error.status} {error}"
    return complete, sent, "open"


def main() -> None:
    """Run libFuzzer."""
    requests = [get(), get(keep=1) * 2, post(b"hello"), post(b"", keep=1) + rec(2), begin() + rec(4) + rec(2)]
    requests += [begin(role=2) + rec(4), begin(role=3) + rec(4) + rec(5) + rec(8, 1, b"file") + rec(8)]
    requests += [row[0] for row in BAD] + [begin(1) + get(2) + rec(4) + rec(5)] + captured("FastCGI", "front")
    answers = [row[0] for row in GOOD_ANSWERS] + [OK + rec(3, 1, bytes(8))] + captured("FastCGI", "backend")
    run(check, [*(b"\x0b\0\0" + data for data in requests), *(b"\2\0\0" + data for data in answers)])


if __name__ == "__main__":
    main()
