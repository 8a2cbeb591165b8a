"""FastCGI connections as bytes and events: the flows of appendix B, management, refusals, aborts, any split."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcgi_server import protocol, records
from fastcgi_server.protocol import (
    Abort,
    ClientConnection,
    Data,
    EndOfMessage,
    GetValues,
    Request,
    Response,
    ServerConnection,
    Stderr,
    UnknownType,
    Values,
)
from fastcgi_server.records import Record, read_records
from gateway_core import events
from gateway_core.errors import LocalProtocolError, PeerMismatch, RemoteProtocolError
from gateway_core.events import NEED_DATA, ConnectionClosed

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, RESULT, UNKNOWN = range(1, 12)


def rec(type_, request_id=1, content=b"", padding=None):
    """Write one record by hand."""
    padding = -len(content) % 8 if padding is None else padding
    return bytes([1, type_]) + b"".join(n.to_bytes(2, "big") for n in (request_id, len(content))) + bytes(
        [padding, 0]
    ) + content + b"P" * padding  # fmt: skip


def begin(request_id=1, keep=0, role=1):
    return rec(BEGIN, request_id, bytes([0, role, keep, 0, 0, 0, 0, 0]))


def pairs(**variables):
    return b"".join(
        bytes([len(name), len(value)]) + name.encode() + value.encode() for name, value in variables.items()
    )  # fmt: skip


def get(request_id=1, keep=0, **variables):
    """Write a whole request without content."""
    params = rec(PARAMS, request_id, pairs(REQUEST_METHOD="GET", **variables)) + rec(PARAMS, request_id)
    return begin(request_id, keep) + params + rec(STDIN, request_id)


def post(content, request_id=1, keep=0, step=100, **variables):
    params = rec(PARAMS, request_id, pairs(REQUEST_METHOD="POST", **variables)) + rec(PARAMS, request_id)
    stdin = b"".join(rec(STDIN, request_id, content[i : i + step]) for i in range(0, len(content), step))
    return begin(request_id, keep) + params + stdin + rec(STDIN, request_id)


def drain(connection):
    """Return all events that are there now."""
    found = []
    while (event := connection.next_event()) is not NEED_DATA:
        found.append(event)
        if isinstance(event, ConnectionClosed):
            break
    return found


def feed(connection, *pieces):
    found = []
    for piece in pieces:
        connection.receive_data(piece)
        found += drain(connection)
    return found


def joined(found):
    """Return the requests in `found` by id: (variables, content, ended?)."""
    requests = {}
    for event in found:
        if isinstance(event, Request):
            assert event.request_id not in requests
            requests[event.request_id] = [event.variables, event.body, event.complete]
        elif isinstance(event, Data):
            assert event.data
            requests[event.request_id][1] += event.data
        elif isinstance(event, EndOfMessage):
            assert not requests[event.request_id][2]
            requests[event.request_id][2] = True
        else:
            raise AssertionError(event)
    return requests


def splits(data):
    """Yield ways to cut `data`."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


# -- the examples of appendix B ------------------------------------------------------------------------------------

PARAMS_1 = b"\x0b\x02SERVER_PORT80\x0b\x0eSERVER_ADDR199.170.183.42"
STDOUT_1 = b"Content-type: text/html\r\n\r\n<html>\n<head> ... "


def test_example_1_a_simple_request():
    request = begin() + rec(PARAMS, 1, PARAMS_1) + rec(PARAMS) + rec(STDIN)
    for pieces in splits(request):
        connection = ServerConnection()
        assert joined(feed(connection, *pieces)) == {
            1: [[("SERVER_PORT", "80"), ("SERVER_ADDR", "199.170.183.42")], b"", True]
        }
    encoder = connection.encoder(1)
    answer = encoder.head("200 OK", [("Content-type", "text/html")], None) + encoder.data(b"<html>") + encoder.end()
    assert [record[:3] for record in read_records(answer)] == [
        (STDOUT, 1, b"Status: 200 OK\r\nContent-type: text/html\r\n\r\n"),
        (STDOUT, 1, b"<html>"),
        (STDOUT, 1, b""),
        (END, 1, bytes(8)),
    ]
    assert encoder.close_after


def test_example_2_pairs_cut_anywhere_and_content():
    content = b"quantity=100&item=3047936"
    for cut in range(len(PARAMS_1) + 1):
        params = [rec(PARAMS, 1, piece) for piece in (PARAMS_1[:cut], PARAMS_1[cut:]) if piece]
        request = begin() + b"".join(params) + rec(PARAMS) + rec(STDIN, 1, content) + rec(STDIN)
        connection = ServerConnection()
        connection.receive_data(request)
        assert connection.next_event() == Request(
            1, 1, [("SERVER_PORT", "80"), ("SERVER_ADDR", "199.170.183.42")], content, complete=True
        )
        assert connection.next_event() is NEED_DATA


def test_example_3_an_application_that_fails():
    client = ClientConnection()
    client.send(events.Request([]))
    client.receive_data(
        rec(STDOUT, 1, b"Content-type: text/html\r\n\r\n<ht") + rec(STDERR, 1, b"config error: missing SI_UID\n")
        + rec(STDOUT, 1, b"ml>") + rec(STDOUT) + rec(STDERR) + rec(END, 1, b"\0\0\x03\xaa\0\0\0\0")
    )  # fmt: skip
    assert drain(client) == [
        events.Response(200, "OK", [("Content-type", "text/html")]),
        events.Data(b"<ht"),
        Stderr(b"config error: missing SI_UID\n"),
        events.Data(b"ml>"),
        events.EndOfMessage(),
    ]


def test_example_4_two_requests_end_out_of_order():
    data = (
        begin(1, keep=1) + rec(PARAMS, 1, PARAMS_1) + rec(PARAMS, 1) + begin(2, keep=1)
        + rec(PARAMS, 2, PARAMS_1[:20]) + rec(STDIN, 1) + rec(PARAMS, 2, PARAMS_1[20:]) + rec(PARAMS, 2) + rec(STDIN, 2)
    )  # fmt: skip
    for pieces in splits(data):
        connection = ServerConnection()
        requests = joined(feed(connection, *pieces))
        assert set(requests) == {1, 2}
        assert requests[1] == requests[2]
    first, second = connection.encoder(1), connection.encoder(2)
    answer = first.head("200 OK", [], None)
    answer += second.head("404 Not Found", [], None) + second.end()
    assert not second.close_after
    answer += first.data(b"late") + first.end()
    assert not first.close_after
    assert [record[:2] for record in read_records(answer)] == [
        (STDOUT, 1), (STDOUT, 2), (STDOUT, 2), (END, 2), (STDOUT, 1), (STDOUT, 1), (END, 1),
    ]  # fmt: skip
    assert connection.next_event() is NEED_DATA
    assert joined(feed(connection, get(2))) == {2: [[("REQUEST_METHOD", "GET")], b"", True]}  # the id is free again


# -- the application's side ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", [0, 1, 8, 255])
def test_padding_makes_no_difference(padding):
    data = b"".join(
        rec(record.type, record.request_id, record.content, padding)
        for record in read_records(post(b"abc", CONTENT_LENGTH="3"))
    )
    for pieces in splits(data) if padding < 9 else [[data]]:
        assert joined(feed(ServerConnection(), *pieces))[1][1:] == [b"abc", True]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 65535, 65536, 200_000])
@pytest.mark.parametrize("step", [None, 4999])
@pytest.mark.parametrize("record", [999, 65535])
def test_content_of_every_size(size, step, record):
    content = (bytes(range(256)) * 800)[:size]
    data = post(content, step=record, CONTENT_LENGTH=str(size))
    pieces = [data] if step is None else [data[i : i + step] for i in range(0, len(data), step)]
    found = feed(ServerConnection(), *pieces)
    assert joined(found)[1][1:] == [content, True]
    if step is None:
        assert len(found) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, b"abcdef"), ({"CONTENT_LENGTH": ""}, b"abcdef"), ({"CONTENT_LENGTH": "4"}, b"abcd"),
     ({"CONTENT_LENGTH": "0"}, b""), ({"CONTENT_LENGTH": "6"}, b"abcdef"), ({"CONTENT_LENGTH": "-1"}, b"abcdef")],
)  # fmt: skip
def test_content_length_cuts_and_its_absence_does_not(variables, expected):
    for pieces in splits(post(b"abcdef", step=4, **variables)):
        assert joined(feed(ServerConnection(), *pieces))[1][1:] == [expected, True]


def test_what_follows_the_end_of_stdin_is_skipped():
    assert joined(feed(ServerConnection(), get() + rec(STDIN, 1, b"late") + rec(STDIN)))[1][1:] == [b"", True]


def answers(connection):
    """Return what the codec answers by itself, as records."""
    return [record[:3] for record in read_records(connection.data_to_send())]


def test_get_values_at_any_time():
    ask = rec(GET_VALUES, 0, pairs(FCGI_MAX_CONNS="", FCGI_MPXS_CONNS="", FCGI_OTHER=""))
    told = [(RESULT, 0, b"\x0e\x0210FCGI_MAX_CONNS"[:2] + b"FCGI_MAX_CONNS10" + b"\x0f\x01FCGI_MPXS_CONNS1")]
    request = [begin(1, keep=1), rec(PARAMS, 1, PARAMS_1), rec(PARAMS), rec(STDIN, 1, b"abc"), rec(STDIN)]
    for place in range(len(request) + 1):
        connection = ServerConnection(max_conns=10, max_reqs=20)
        found = feed(connection, *request[:place])
        assert answers(connection) == []
        found += feed(connection, ask)
        assert answers(connection) == told
        assert answers(connection) == []
        found += feed(connection, *request[place:])
        assert joined(found)[1][1:] == [b"abc", True]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (b"", b""),
        (pairs(FCGI_NOTHING=""), b""),
        (pairs(FCGI_MAX_REQS=""), pairs(FCGI_MAX_REQS="7")),
        (pairs(FCGI_MAX_REQS="", FCGI_MPXS_CONNS="", FCGI_MAX_CONNS=""),
         pairs(FCGI_MAX_CONNS="3", FCGI_MAX_REQS="7", FCGI_MPXS_CONNS="0")),
        (pairs(FCGI_MAX_REQS="x") * 2, pairs(FCGI_MAX_REQS="7")),
    ],
)  # fmt: skip
def test_get_values(asked, told):
    connection = ServerConnection(max_conns=3, max_reqs=7, max_active=1)
    assert feed(connection, rec(GET_VALUES, 0, asked)) == []
    assert answers(connection) == [(RESULT, 0, told)]
    assert joined(feed(connection, get()))[1][2]  # the connection goes on


@pytest.mark.parametrize("type_", [0, 12, 100, 255])
def test_an_unknown_management_record(type_):
    connection = ServerConnection()
    assert feed(connection, rec(type_, 0, b"whatever")) == []
    assert answers(connection) == [(UNKNOWN, 0, bytes([type_, 0, 0, 0, 0, 0, 0, 0]))]


def test_the_id_is_free_while_nothing_is_active():
    inactive = [rec(type_, 9, b"12345678") for type_ in (ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, 12, 255)]
    connection = ServerConnection()
    assert feed(connection, *inactive, *[rec(STDIN, 9)] * 3) == []
    assert answers(connection) == []
    assert set(joined(feed(connection, get(1, keep=1)))) == {1}
    assert feed(connection, *inactive) == []


def end(request_id=1, protocol_status=0, app_status=0):
    return (END, request_id, app_status.to_bytes(4, "big") + bytes([protocol_status, 0, 0, 0]))


@pytest.mark.parametrize("role", [0, 2, 3, 4, 255])
def test_an_unknown_role(role):
    for pieces in splits(begin(5, keep=1, role=role) + rec(PARAMS, 5, PARAMS_1) + rec(PARAMS, 5) + rec(STDIN, 5)):
        connection = ServerConnection()
        assert feed(connection, *pieces) == []
        assert answers(connection) == [end(5, 3)]
    assert joined(feed(connection, get(5)))[5][2]


def test_a_refusal_without_keep_conn_closes():
    connection = ServerConnection()
    assert feed(connection, begin(1, keep=0, role=2) + get(2)) == [ConnectionClosed()]
    assert answers(connection) == [end(1, 3)]
    assert feed(connection, get(2)) == [ConnectionClosed()]


def test_a_refusal_without_keep_conn_does_not_disturb_the_others():
    connection = ServerConnection()
    assert set(joined(feed(connection, get(1, keep=1) + begin(2, keep=0, role=2)))) == {1}
    assert answers(connection) == [end(2, 3)]
    encoder = connection.encoder(1)
    encoder.head("200 OK", [], None)
    encoder.end()
    assert encoder.close_after  # now nothing is active any more
    assert drain(connection) == [ConnectionClosed()]


def test_without_multiplexing():
    connection = ServerConnection(max_active=1)
    found = feed(connection, begin(1, keep=1) + begin(2, keep=1), rec(PARAMS, 2, PARAMS_1), rec(PARAMS, 1, PARAMS_1))
    found += feed(connection, rec(PARAMS, 2) + rec(PARAMS, 1), rec(STDIN, 2, b"no") + rec(STDIN, 1, b"yes"), rec(STDIN))
    assert answers(connection) == [end(2, 1)]
    assert joined(found) == {1: [[("SERVER_PORT", "80"), ("SERVER_ADDR", "199.170.183.42")], b"yes", True]}


def test_too_many_at_a_time():
    connection = ServerConnection(max_active=3)
    found = feed(connection, *[get(request_id, keep=1) for request_id in (1, 2, 3, 4)])
    assert set(joined(found)) == {1, 2, 3}
    assert answers(connection) == [end(4, 2)]
    encoder = connection.encoder(2)
    encoder.head("200 OK", [], None)
    encoder.end()
    assert set(joined(feed(connection, get(4, keep=1)))) == {4}


def test_too_much_of_params():
    connection = ServerConnection(max_params=1000)
    start = begin(1, keep=1) + rec(PARAMS, 1, b"x" * 600)
    assert feed(connection, start, rec(PARAMS, 1, b"x" * 401)) == []
    assert answers(connection) == [end(1, 2)]
    assert feed(connection, rec(PARAMS, 1, b"x" * 600), rec(PARAMS), rec(STDIN)) == []
    value = "v" * 120
    params = pairs(**{f"VARIABLE_{i}": value for i in range(10)})
    limit = ServerConnection(max_params=len(params))
    assert joined(feed(limit, begin() + rec(PARAMS, 1, params) + rec(PARAMS) + rec(STDIN)))[1][2]
    assert answers(limit) == []


def test_params_in_tiny_records_take_no_more_memory():
    tiny = rec(PARAMS, 1, b"ab", padding=0) * 100
    connection = ServerConnection()
    connection.receive_data(begin())
    tracemalloc.start()
    try:
        for _ in range(100):
            assert feed(connection, tiny) == []
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 100_000  # for 20,000 bytes


def test_thousands_of_ids_are_refused_one_by_one():
    connection = ServerConnection(max_active=10)
    data = b"".join(begin(request_id, keep=1) for request_id in range(1, 5001))
    assert feed(connection, data) == []
    assert answers(connection) == [end(request_id, 2) for request_id in range(11, 5001)]
    assert connection.active == 10


def test_too_many_pairs():
    for count, refused in ((protocol.MAX_PAIRS, False), (protocol.MAX_PAIRS + 1, True)):
        connection = ServerConnection()
        found = feed(connection, begin(1, keep=1) + rec(PARAMS, 1, b"\1\1Ab" * count) + rec(PARAMS) + rec(STDIN))
        assert answers(connection) == ([end(1, 2)] if refused else [])
        assert bool(found) is not refused


def test_params_beyond_one_record():
    value = "v" * 70_000
    encoded = records.encode_pairs([("A", value)])
    data = begin() + records.encode_stream(PARAMS, 1, encoded) + rec(PARAMS) + rec(STDIN)
    assert joined(feed(ServerConnection(), data))[1][0] == [("A", value)]


BAD = [
    (rec(PARAMS, 0, PARAMS_1), "PARAMS record with request id 0"),
    (rec(BEGIN, 0, bytes(8)), "BEGIN_REQUEST record with request id 0"),
    (rec(DATA, 0, b"x"), "DATA record with request id 0"),
    (rec(GET_VALUES, 1), "GET_VALUES record with request id 1"),
    (rec(RESULT, 0), "sends no GET_VALUES_RESULT"),
    (rec(UNKNOWN, 0, bytes(8)), "sends no UNKNOWN_TYPE"),
    (rec(UNKNOWN, 1, bytes(8)), "UNKNOWN_TYPE record with request id 1"),
    (rec(GET_VALUES, 0, b"\x05"), "inside a length"),
    (rec(GET_VALUES, 0, b"\x05\x05a"), "bytes longer"),
    (rec(BEGIN, 1, bytes(7)), "has 8 bytes, not 7"),
    (rec(BEGIN, 1, bytes(9)), "has 8 bytes, not 9"),
    (begin() + begin(), "which is active"),
    (begin() + rec(STDIN), "before the end of its PARAMS"),
    (begin() + rec(PARAMS) + rec(PARAMS), "after their end"),
    (begin() + rec(PARAMS) + rec(PARAMS, 1, PARAMS_1), "after their end"),
    (begin() + rec(PARAMS, 1, PARAMS_1[:-1]) + rec(PARAMS), "1 bytes longer"),
    (begin() + rec(PARAMS, 1, b"\x01\xff\xff\xff\xffA") + rec(PARAMS), "bytes longer"),
    (begin() + rec(PARAMS, 1, b"\x01\x02Ab\0") + rec(PARAMS), "NUL"),
    (begin() + rec(STDOUT, 1, b"x"), "no STDOUT"),
    (begin() + rec(STDERR, 1, b"x"), "no STDERR"),
    (begin() + rec(END, 1, bytes(8)), "no END_REQUEST"),
    (begin() + rec(DATA, 1, b"x"), "no DATA"),
    (begin() + rec(12, 1, b"x"), "no type 12"),
    (begin() + b"\x02", "version 1, not 2"),
    (b"\x02\x01\x00\x01", "version 1, not 2"),
    (b"\xff\xff\xff\xff", "version 1, not 255"),
]


@pytest.mark.parametrize(("data", "sentence"), BAD)
def test_records_that_are_wrong(data, sentence):
    for pieces in splits(data):
        connection = ServerConnection()
        with pytest.raises(RemoteProtocolError, match=sentence) as caught:
            feed(connection, *pieces)
        assert not isinstance(caught.value, PeerMismatch)
        assert connection.refusal(caught.value) == b""
        with pytest.raises(RemoteProtocolError, match=sentence):
            connection.next_event()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "these bytes spell 'GET ': this is HTTP on a FastCGI port"),
        (b"PUT / HTTP/1.1\r\n\r\n", "these bytes spell 'PUT ': this is HTTP on a FastCGI port"),
        (b"PATCH / HTTP/1.1\r\n\r\n", "these bytes spell 'PATC', as in PATCH: this is HTTP on a FastCGI port"),
        (b"\x16\x03\x01\x02\x00\x01", "open a TLS handshake: this is TLS on a FastCGI port"),
        (b"\x00\xb2\x01\x00", "are a uwsgi packet header: this is uwsgi on a FastCGI port"),
        (b"70:CONTENT_LENGTH", "begin a netstring: this is SCGI on a FastCGI port"),
    ],
)
def test_other_protocols_are_named_at_the_fourth_byte(data, sentence):
    for pieces in splits(data):
        connection = ServerConnection()
        with pytest.raises(PeerMismatch, match=sentence) as caught:
            feed(connection, *pieces)
        answer = connection.refusal(caught.value)
        if "HTTP on" in sentence:
            assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert answer.endswith(b"\r\n\r\n" + sentence.encode() + b"\n")
        else:
            assert answer == b""
    connection = ServerConnection()
    assert feed(connection, data[:3]) == []


@pytest.mark.parametrize(
    ("variables", "content", "status", "sentence"),
    [
        ({"CONTENT_LENGTH": "7"}, b"abcdef", 400, b"1 bytes before CONTENT_LENGTH"),
        ({"CONTENT_LENGTH": "7"}, b"", 400, b"7 bytes before CONTENT_LENGTH"),
        ({"CONTENT_LENGTH": "+6"}, b"abcdef", 400, b"not a number"),
        ({"CONTENT_LENGTH": "9" * 19}, b"abcdef", 413, b"beyond any limit"),
    ],
)
def test_a_request_that_is_wrong_is_refused_alone(variables, content, status, sentence):
    for pieces in splits(get(2, keep=1) + post(content, 1, keep=1, **variables)):
        connection = ServerConnection()
        found = feed(connection, *pieces)
        said = answers(connection)
        assert [record[:2] for record in said] == [(STDOUT, 1), (STDOUT, 1), (END, 1)]
        assert said[0][2].startswith(b"Status: %d " % status)
        assert sentence in said[0][2]
        assert said[1:] == [(STDOUT, 1, b""), end(1)]
        # who was told of the request is told of its end
        assert any(isinstance(event, Request) and event.request_id == 1 for event in found) == (Abort(1) in found)
        connection.encoder(2)
        with pytest.raises(LocalProtocolError):
            connection.encoder(1)


def test_end_of_file():
    connection = ServerConnection()
    assert feed(connection, b"") == [ConnectionClosed()]
    connection = ServerConnection()
    assert isinstance(feed(connection, get(keep=1))[0], Request)
    encoder = connection.encoder(1)
    encoder.head("200 OK", [], None)
    encoder.end()
    assert feed(connection, b"") == [ConnectionClosed()]
    for cut in (1, 3, 7, 8, 15):
        connection = ServerConnection()
        with pytest.raises(RemoteProtocolError, match="middle of a record"):
            feed(connection, get()[:cut], b"")
    with pytest.raises(RemoteProtocolError, match="version 1"):
        feed(ServerConnection(), b"GE", b"")


def test_closing_is_aborting():
    connection = ServerConnection()
    found = feed(connection, get(1), begin(2), begin(3) + rec(PARAMS, 3), b"")
    assert found[-3:] == [Abort(1), Abort(3), ConnectionClosed()]  # nobody knew of 2
    with pytest.raises(LocalProtocolError):
        connection.encoder(1)


@pytest.mark.parametrize("keep", [0, 1])
def test_abort_before_the_application_knows(keep):
    for start in (begin(1, keep), begin(1, keep) + rec(PARAMS, 1, PARAMS_1), begin(1, keep) + rec(PARAMS)):
        connection = ServerConnection()
        connection.receive_data(start + rec(ABORT))
        assert drain(connection) == ([] if keep else [ConnectionClosed()])
        assert answers(connection) == [end(1, 0, 1)]


def test_abort_of_a_request_that_is_known():
    known = begin(1, keep=1) + rec(PARAMS) + rec(STDIN, 1, b"abc")
    connection = ServerConnection()
    assert [type(event) for event in feed(connection, known, rec(ABORT))] == [Request, Abort]
    assert answers(connection) == []
    assert feed(connection, rec(STDIN, 1, b"more"), rec(STDIN)) == []  # not wanted any more
    encoder = connection.encoder(1)
    assert [record[:3] for record in read_records(encoder.abort())] == [end(1, 0, 1)]
    assert not encoder.close_after
    assert encoder.abort() == b""
    assert set(joined(feed(connection, get(1)))) == {1}


def test_abort_in_the_middle_of_a_response():
    connection = ServerConnection()
    feed(connection, get(1))
    encoder = connection.encoder(1)
    encoder.head("200 OK", [], None)
    assert feed(connection, rec(ABORT)) == [Abort(1)]
    assert [record[:3] for record in read_records(encoder.abort())] == [end(1, 0, 1)]
    assert encoder.close_after
    for late in (lambda: encoder.data(b"x"), encoder.end, lambda: encoder.stderr(b"x")):
        with pytest.raises(LocalProtocolError):  # nothing after END_REQUEST
            late()


def test_the_encoder_keeps_its_order():
    connection = ServerConnection()
    with pytest.raises(LocalProtocolError):
        connection.encoder(1)
    feed(connection, begin() + rec(PARAMS, 1, PARAMS_1))
    with pytest.raises(LocalProtocolError):
        connection.encoder(1)  # nothing before the end of PARAMS
    feed(connection, rec(PARAMS))
    encoder = connection.encoder(1)
    for early in (lambda: encoder.data(b"x"), encoder.end):
        with pytest.raises(LocalProtocolError):
            early()
    encoder.head("200 OK", [], None)
    with pytest.raises(LocalProtocolError):
        encoder.head("200 OK", [], None)
    encoder.end()
    for late in (lambda: encoder.data(b"x"), encoder.end, lambda: encoder.stderr(b"x")):
        with pytest.raises(LocalProtocolError):
            late()


def test_streams_are_ended_once_and_never_cut_by_an_empty_record():
    connection = ServerConnection()
    feed(connection, get())
    encoder = connection.encoder(1)
    answer = encoder.stderr(b"") + encoder.stderr(b"oh\n") + encoder.head("200 OK", [("A", "b")], 200_000)
    answer += encoder.data(b"x" * 200_000) + encoder.stderr(b"no\n") + encoder.end(app_status=5)
    found = list(read_records(answer))
    assert found[0] == Record(STDERR, 1, b"oh\n", 5)
    assert [record[:3] for record in found[-3:]] == [(STDERR, 1, b""), (STDOUT, 1, b""), end(1, 0, 5)]
    assert all(record.content for record in found[:-3])
    stdout = b"".join(record.content for record in found if record.type == STDOUT)
    assert stdout == b"Status: 200 OK\r\nA: b\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    assert len(answer) % 8 == 0


def test_the_encoder_leaves_the_length_out_where_there_is_no_content():
    connection = ServerConnection()
    feed(connection, get())
    assert b"Content-Length" not in connection.encoder(1).head("204 No Content", [], 0)


def test_keep_conn():
    for keep in (0, 1):
        connection = ServerConnection()
        feed(connection, get(1, keep=keep))
        encoder = connection.encoder(1)
        encoder.head("200 OK", [], None)
        encoder.end()
        assert encoder.close_after is not bool(keep)


# -- the web server's side -----------------------------------------------------------------------------------------


def test_what_a_client_sends():
    request = events.Request([("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "3")], b"abc")
    params = pairs(REQUEST_METHOD="POST", CONTENT_LENGTH="3")
    for keep in (False, True):
        sent = ClientConnection(keep_alive=keep).send(request)
        assert [record[:3] for record in read_records(sent)] == [
            (BEGIN, 1, bytes([0, 1, keep, 0, 0, 0, 0, 0])),
            (PARAMS, 1, params),
            (PARAMS, 1, b""),
            (STDIN, 1, b"abc"),
            (STDIN, 1, b""),
        ]
        assert len(sent) % 8 == 0
    empty = ClientConnection().send(events.Request([]))
    assert [record[:2] for record in read_records(empty)] == [(BEGIN, 1), (PARAMS, 1), (STDIN, 1)]


def test_what_a_client_sends_in_pieces():
    client = ClientConnection()
    sent = client.send(events.Request([("A", "v" * 70_000)], b"ab", complete=False))
    sent += client.send(events.Data(b"c" * 70_000)) + client.send(events.Data(b"")) + client.send(events.EndOfMessage())
    assert joined(feed(ServerConnection(), sent)) == {1: [[("A", "v" * 70_000)], b"ab" + b"c" * 70_000, True]}


def test_the_client_keeps_its_order():
    client = ClientConnection()
    for early in (events.Data(b"x"), events.EndOfMessage(), Abort(1)):
        with pytest.raises(LocalProtocolError):
            client.send(early)
    with pytest.raises(LocalProtocolError, match="NUL"):
        client.send(events.Request([("A", "b\0")]))
    client.send(events.Request([]))
    for late in (events.Data(b"x"), events.EndOfMessage(), events.Request([])):
        with pytest.raises(LocalProtocolError):
            client.send(late)


def test_the_client_asks_for_values():
    client, server = ClientConnection(), ServerConnection(max_conns=4, max_reqs=8)
    feed(server, client.send(GetValues(["FCGI_MAX_CONNS", "FCGI_MPXS_CONNS", "OTHER"])))
    assert feed(client, server.data_to_send()) == [Values([("FCGI_MAX_CONNS", "4"), ("FCGI_MPXS_CONNS", "1")])]
    assert feed(client, rec(UNKNOWN, 0, bytes([9, 0, 0, 0, 0, 0, 0, 0]))) == [UnknownType(9)]


def test_the_client_aborts():
    client, server = ClientConnection(keep_alive=True), ServerConnection()
    feed(server, client.send(events.Request([], b"abc", complete=False)))
    assert feed(server, client.send(Abort(1))) == [Abort(1)]


GOOD_ANSWERS = [
    (rec(STDOUT, 1, STDOUT_1) + rec(STDOUT) + rec(END, 1, bytes(8)), STDOUT_1[27:], []),
    (rec(STDOUT, 1, STDOUT_1) + rec(END, 1, bytes(8)), STDOUT_1[27:], []),  # some never end their STDOUT
    (rec(STDOUT, 1, STDOUT_1) + rec(STDERR) + rec(STDOUT) + rec(END, 1, bytes(8)), STDOUT_1[27:], []),
    (rec(STDERR, 1, b"one") + rec(STDOUT, 1, STDOUT_1[:9]) + rec(STDERR, 1, b"two") + rec(STDOUT, 1, STDOUT_1[9:])
     + rec(STDOUT) + rec(STDERR, 1, b"three") + rec(END, 1, bytes(8)), STDOUT_1[27:], [b"one", b"two", b"three"]),
    (b"".join(rec(STDOUT, 1, STDOUT_1[i : i + 1], 255) for i in range(len(STDOUT_1))) + rec(END, 1, bytes(8)),
     STDOUT_1[27:], []),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "content", "errors"), GOOD_ANSWERS)
def test_answers_that_are_right(answer, content, errors):
    ways = splits(answer) if len(answer) < 500 else [[answer], [answer[i : i + 7] for i in range(0, len(answer), 7)]]
    for pieces in ways:
        client = ClientConnection(keep_alive=True)
        client.send(events.Request([]))
        found = feed(client, *pieces)
        assert [event for event in found if isinstance(event, events.Response)] == [
            events.Response(200, "OK", [("Content-type", "text/html")])
        ]
        assert b"".join(event.data for event in found if isinstance(event, events.Data)) == content
        assert [event.data for event in found if isinstance(event, Stderr)] == errors
        assert found[-1] == events.EndOfMessage()
        assert client.reusable


OK = rec(STDOUT, 1, b"Status: 200 OK\r\n\r\nhello")


@pytest.mark.parametrize(
    ("answer", "sentence", "status"),
    [
        (b"", "closed before the end", 502),
        (OK, "closed before the end", 502),
        (OK + rec(STDOUT), "closed before the end", 502),
        (OK + rec(END, 1, bytes(8))[:-1], "closed before the end", 502),
        (rec(STDOUT) + rec(END, 1, bytes(8)), "the output is empty", 502),
        (rec(END, 1, bytes(8)), "the output is empty", 502),
        (rec(STDOUT, 1, b"Status: 200 OK\r\n") + rec(END, 1, bytes(8)), "before the blank line", 502),
        (rec(STDOUT, 1, b"nonsense\r\n\r\n"), "no colon", 502),
        (rec(STDOUT, 1, b"Content-Length: 9\r\n\r\nhello") + rec(END, 1, bytes(8)), "4 bytes before", 502),
        (OK + rec(STDOUT) + rec(STDOUT, 1, b"more"), "no STDOUT record here", 502),
        (rec(END, 1, bytes([0, 0, 0, 0, 1, 0, 0, 0])), "CANT_MPX_CONN", 502),
        (rec(END, 1, bytes([0, 0, 0, 0, 2, 0, 0, 0])), "OVERLOADED", 503),
        (rec(END, 1, bytes([0, 0, 0, 0, 3, 0, 0, 0])), "UNKNOWN_ROLE", 502),
        (rec(END, 1, bytes([0, 0, 0, 0, 9, 0, 0, 0])), "refuses the request: 9", 502),
        (rec(END, 1, bytes(7)), "8 bytes", 502),
        (rec(STDOUT, 2, b"x"), "request id 2", 502),
        (rec(STDOUT, 0, b"x"), "request id 0", 502),
        (rec(RESULT, 1), "request id 1|no GET_VALUES_RESULT", 502),
        (rec(RESULT, 0, b"\x0e\x05FCGI_MAX_CONNS"), "5 bytes longer", 502),
        (rec(RESULT, 0, b"\x01\x01Ab\xff\xff\xff\xff"), "inside a length", 502),
        (rec(BEGIN, 1, bytes(8)), "no BEGIN_REQUEST", 502),
        (rec(STDIN, 1, b"x"), "no STDIN", 502),
        (rec(12, 1, b"x"), "no type 12", 502),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "version 1, not 72", 502),
    ],
)
def test_answers_that_are_wrong(answer, sentence, status):
    for pieces in splits(answer):
        client = ClientConnection(keep_alive=True)
        client.send(events.Request([]))
        with pytest.raises(RemoteProtocolError, match=sentence) as caught:
            feed(client, *pieces, b"")
        assert caught.value.status == status
        assert not client.reusable
        with pytest.raises(RemoteProtocolError, match=sentence):
            client.next_event()


def test_nothing_is_answered_that_was_not_asked():
    with pytest.raises(RemoteProtocolError, match="not asked for"):
        feed(ClientConnection(), OK)


@pytest.mark.parametrize(
    ("keep", "after", "content", "reusable"),
    [
        (True, b"", b"Content-Length: 2\r\n\r\nhi", True),
        (True, b"", b"Content-Length: 2\r\n\r\nhi there", False),
        (True, b"x", b"Content-Length: 2\r\n\r\nhi", False),
        (True, rec(STDOUT), b"A: b\r\n\r\n", False),
        (False, b"", b"A: b\r\n\r\n", False),
    ],
)
def test_when_a_connection_may_be_used_again(keep, after, content, reusable):
    client = ClientConnection(keep_alive=keep)
    client.send(events.Request([]))
    assert not client.reusable
    found = feed(client, rec(STDOUT, 1, content) + rec(STDOUT) + rec(END, 1, bytes(8)) + after)
    assert found[-1] == events.EndOfMessage()
    assert client.reusable is reusable
    client.receive_data(b"")
    assert not client.reusable


def test_an_answer_before_the_request_is_complete_ends_the_connection():
    client = ClientConnection(keep_alive=True)
    client.send(events.Request([], b"abc", complete=False))
    assert feed(client, OK + rec(STDOUT) + rec(END, 1, bytes(8)))[-1] == events.EndOfMessage()
    assert not client.reusable


def test_the_end_waits_for_its_padding():
    client = ClientConnection(keep_alive=True)
    client.send(events.Request([]))
    last = rec(END, 1, bytes(8), padding=3)
    assert feed(client, OK + rec(STDOUT) + last[:-1])[-1] == events.Data(b"hello")
    assert feed(client, last[-1:]) == [events.EndOfMessage()]
    assert client.reusable


def test_head_has_no_content():
    client = ClientConnection(keep_alive=True, head=True)
    client.send(events.Request([]))
    found = feed(client, rec(STDOUT, 1, b"Content-Length: 50\r\n\r\n") + rec(STDOUT) + rec(END, 1, bytes(8)))
    assert found == [events.Response(200, "OK", [("Content-Length", "50")]), events.EndOfMessage()]
    assert client.reusable


def test_error_output_is_one_safe_line():
    assert str(Stderr("caf\u00e9 \x1b[31mred\r\nnext\0\n".encode())) == "caf\u00e9 \\x1b[31mred\\x0d\\x0anext\\x00"
    assert str(Stderr(b"\xff")) == "\\xff"
    assert len(str(Stderr(b"x" * 65535))) == 1024


# -- both --------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=200)
VARIABLES = st.lists(st.tuples(TEXT.filter(lambda name: name != "CONTENT_LENGTH"), TEXT), max_size=6)
CUTS = st.lists(st.integers(0, 1500), max_size=6)


def cut(data, cuts):
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@given(VARIABLES, st.binary(max_size=300), st.binary(max_size=300), CUTS)
def test_round_trip(variables, content, answer, cuts):
    client, server = ClientConnection(keep_alive=True), ServerConnection()
    found = feed(server, *cut(client.send(events.Request(variables, content)), cuts))
    assert joined(found) == {1: [variables, content, True]}
    reply = server.send(Response(1, 200, "OK", [("A", "b")]))
    reply += (server.send(Data(1, answer)) if answer else b"") + server.send(EndOfMessage(1))
    found = feed(client, *cut(reply, cuts))
    assert found[0] == events.Response(200, "OK", [("A", "b")])
    assert b"".join(event.data for event in found[1:-1]) == answer
    assert client.reusable


@given(st.lists(st.tuples(st.integers(1, 3), st.binary(min_size=1, max_size=20)), max_size=12), CUTS)
def test_interleaved_requests_are_kept_apart(stdin, cuts):
    data = b"".join(begin(i, keep=1) + rec(PARAMS, i, pairs(ID=str(i))) for i in (1, 2, 3))
    data += b"".join(rec(PARAMS, i) for i in (3, 1, 2))
    data += b"".join(rec(STDIN, i, piece) for i, piece in stdin) + b"".join(rec(STDIN, i) for i in (2, 3, 1))
    expected = {i: [[("ID", str(i))], b"".join(piece for owner, piece in stdin if owner == i), True] for i in (1, 2, 3)}
    assert joined(feed(ServerConnection(), *cut(data, cuts))) == expected


@given(st.lists(st.tuples(st.integers(0, 13), st.integers(0, 2), st.binary(max_size=12)), max_size=10), CUTS)
def test_any_records_are_events_or_one_error(sent, cuts):
    data = begin() + b"".join(records.encode_record(*record) for record in sent)
    outcomes = []
    for pieces in ([data], cut(data, cuts)):
        connection = ServerConnection()
        try:
            feed(connection, *pieces, b"")
        except RemoteProtocolError as error:
            outcomes.append(str(error))
        else:
            outcomes.append(connection.data_to_send())
    assert outcomes[0] == outcomes[1]


@given(st.binary(max_size=100))
def test_rubbish_is_one_error(data):
    connection = ServerConnection()
    try:
        feed(connection, data, b"")
    except RemoteProtocolError as error:
        connection.refusal(error)
