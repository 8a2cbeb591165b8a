"""Fuzzing the FastCGI codec: streams of records, spoilt and cut in every way, must come to the same.

Each property has a few dozen examples in an ordinary run. `GATELAB_FUZZ=100000` asks for so many:

    GATELAB_FUZZ=100000 python -m pytest -o timeout=0 packages/fastcgi-server/tests/test_fastcgi_fuzz.py
"""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcgi_server import records
from fastcgi_server.protocol import Abort, ClientConnection, Data, EndOfMessage, FileData, Request, ServerConnection
from fastcgi_server.records import encode_begin, encode_pairs, encode_record
from fuzzing import CUTS, cut, fuzzed, spoil
from gateway_core import events
from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import ConnectionClosed, NotNow

IDS = st.sampled_from([1, 1, 1, 2, 3, 0, 65535])
ALL = (records.RESPONDER, records.AUTHORIZER, records.FILTER)
NAMES = st.sampled_from(["REQUEST_METHOD", "PATH_INFO", "CONTENT_LENGTH", "HTTP_A", ""])
PAIRS = st.lists(st.tuples(NAMES, st.text("a3\xe9", max_size=5)), max_size=3)
SNIPPETS = [b"", b"\0", b"\1", b"\x80", b"\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\x7f\xff\xff\xff", b"GET "]
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(SNIPPETS)), max_size=3)


@st.composite
def sent_by_a_front(draw: st.DrawFn) -> bytes:
    """Requests whose records come in any order, with others between them; mostly good ones."""
    streams = []
    for request_id in draw(st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True)):
        body, role = draw(st.binary(max_size=12)), draw(st.sampled_from([1, 1, 1, 2, 3, 3, 9]))
        file = [encode_record(records.DATA, request_id, b"file"), encode_record(records.DATA, request_id)]
        streams.append([
            encode_begin(request_id, role, draw(st.booleans())),
            encode_record(records.PARAMS, request_id, encode_pairs(draw(PAIRS))),
            encode_record(records.PARAMS, request_id),
            *([encode_record(records.STDIN, request_id, body)] if body else []),
            encode_record(records.STDIN, request_id),
            *(file if role == records.FILTER else []),
        ])  # fmt: skip
    wire = b""
    while streams:
        stream = draw(st.sampled_from(streams))
        wire += stream.pop(0)
        streams = [one for one in streams if one]
        if draw(st.integers(0, 7)) == 0:
            wire += encode_record(draw(st.integers(0, 12)), draw(IDS), draw(st.binary(max_size=9)))
    return wire


@st.composite
def sent_by_a_backend(draw: st.DrawFn) -> bytes:
    """An answer in pieces, with others between them; mostly a good one."""
    answer = b"Status: 200 OK\r\nA: b\r\n\r\n" + draw(st.binary(max_size=12))
    wire = b""
    for piece in cut(answer, draw(CUTS)):
        wire += encode_record(records.STDOUT, 1, piece)
        if draw(st.integers(0, 7)) == 0:
            wire += encode_record(draw(st.integers(0, 12)), draw(IDS), draw(st.binary(max_size=9)))
    end = bytes([0, 0, 0, draw(st.integers(0, 1)), draw(st.sampled_from([0, 0, 0, 1, 2, 3, 9])), 0, 0, 0])
    return wire + encode_record(records.STDOUT, 1) + encode_record(records.END_REQUEST, 1, end)


def served(pieces: list[bytes], eof: bool) -> tuple[object, ...]:
    """Answer what is complete; return those requests, all that is sent, and the end."""
    codec = ServerConnection(max_active=2, max_params=300, roles=ALL)
    complete: list[object] = []
    content: dict[int, tuple[object, bytes, bytes]] = {}
    sent = b""
    try:
        for piece in [*pieces, b""] if eof else pieces:
            codec.receive_data(piece)
            while not isinstance(event := codec.next_event(), NotNow):
                sent += codec.data_to_send()
                if isinstance(event, ConnectionClosed):
                    return complete, sent, "closed"
                if isinstance(event, Request):
                    content[event.request_id] = (event.variables, event.body, event.file)
                elif isinstance(event, Data):
                    variables, body, file = content[event.request_id]
                    content[event.request_id] = (variables, body + event.data, file)
                elif isinstance(event, FileData):
                    variables, body, file = content[event.request_id]
                    content[event.request_id] = (variables, body, file + event.data)
                elif isinstance(event, Abort):
                    with suppress(LocalProtocolError):  # the end of file has ended the request already
                        sent += codec.encoder(event.request_id).abort()
                if isinstance(event, EndOfMessage) or (isinstance(event, Request) and event.complete):
                    complete.append((event.request_id, content.pop(event.request_id)))
                    sent += codec.encoder(event.request_id).whole("200 OK", [], b"hello")
            sent += codec.data_to_send()
    except RemoteProtocolError as error:
        assert "\n" not in str(error)
        return complete, sent + codec.data_to_send() + codec.refusal(error), f"{error.status} {error}"
    return complete, sent, "open"


def answered(pieces: list[bytes], head: bool) -> tuple[object, ...]:
    """Return what a client makes of an answer, with its content joined, and the end."""
    codec = ClientConnection(keep_alive=True, head=head)
    codec.send(events.Request([("REQUEST_METHOD", "GET")]))
    told: list[object] = []
    content = b""
    try:
        for piece in [*pieces, b""]:
            codec.receive_data(piece)
            while not isinstance(event := codec.next_event(), NotNow):
                if isinstance(event, events.Data):
                    assert event.data
                    content += event.data
                else:
                    told.append(event)
    except RemoteProtocolError as error:
        return told, content, f"{error.status} {error}"
    return told, content, "whole"


@fuzzed
@given(sent_by_a_front(), CHANGES, CUTS, st.booleans())
def test_no_cut_matters_to_the_application_s_side(sent, changes, cuts, eof):
    data = spoil(sent, changes)
    whole = served([data] if data else [], eof)
    for pieces in (cut(data, cuts), [data[i : i + 1] for i in range(len(data))]):
        assert served(pieces, eof) == whole


@fuzzed
@given(sent_by_a_backend(), CHANGES, CUTS, st.booleans())
def test_no_cut_matters_to_the_front_s_side(sent, changes, cuts, head):
    data = spoil(sent, changes)
    whole = answered([data] if data else [], head)
    for pieces in (cut(data, cuts), [data[i : i + 1] for i in range(len(data))]):
        assert answered(pieces, head) == whole


@fuzzed
@given(sent_by_a_front(), CHANGES)
def test_what_came_through_can_be_sent_on(sent, changes):
    for _, (variables, body, file) in served([spoil(sent, changes)], False)[0]:
        client = ClientConnection(role=records.FILTER if file else records.RESPONDER)
        data = client.send(events.Request(variables, body))
        if file:
            data += client.send(events.Data(file)) + client.send(events.EndOfMessage())
        assert served([data], False)[0] == [(1, (variables, body, file))]


BEGUN = encode_begin(1, records.RESPONDER, True)


@pytest.mark.parametrize(
    ("first", "block"),
    [
        (BEGUN, encode_record(records.PARAMS, 1, b"\1\1ab" * 1000)),
        (BEGUN, encode_record(records.PARAMS, 1, b"a")),
        (BEGUN, encode_record(records.PARAMS, 1, b"\xff\xff\xff\xff")),
        (b"", encode_record(99, 0, b"x" * 1000)),
        (b"", encode_record(records.GET_VALUES, 0, encode_pairs([("FCGI_MAX_CONNS", "")]))),
        (b"\1\4\0\1\xff\xff\xff\0", b"x" * 65535),
        (b"\2", b"x" * 65536),
    ],
)
def test_what_never_ends_is_not_kept(first, block):
    connection = ServerConnection()
    connection.receive_data(first)
    tracemalloc.start()
    try:
        for _ in range(300):
            connection.receive_data(block)
            with suppress(RemoteProtocolError):
                while not isinstance(connection.next_event(), NotNow | ConnectionClosed):
                    pass
            connection.data_to_send()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1 << 19
