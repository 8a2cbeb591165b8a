"""What each protocol's messages say: titles, values, meanings and faults, on bytes written by hand."""

from __future__ import annotations

import pytest

from fastcgi_server import records
from fastcgi_server.records import encode_record
from scgi_server.protocol import encode_headers, encode_netstring
from uwsgi_gateway.protocol import encode_packet_header
from wire_inspector import PROTOCOLS, Conversation, as_json, environment
from wire_inspector.fastcgi import MAX_REQUESTS
from wire_inspector.stream import MAX_HEAD
from wire_wires import AJP13_RESPONSE, FORWARD, WIRES, ajp13


def receive(protocol, front=b"", backend=b""):
    conversation = Conversation(protocol)
    found = []
    for sender, data in (("front", front), ("backend", backend), ("front", b""), ("backend", b"")):
        found += conversation.receive(sender, data)
    return found


def titles(messages, sender="front"):
    return [message.title for message in messages if message.sender == sender]


def leaves(fields):
    """Return (name, value, meaning) of the fields that hold no others."""
    return [
        leaf
        for field in fields
        for leaf in (leaves(field.children) if field.children else [(field.name, field.value, field.meaning)])
    ]


TITLES = {
    # wire: what the front's messages are called, what the backend's are
    "FastCGI": (
        ["1: BEGIN_REQUEST, responder, keep the connection", "1: PARAMS, 296 bytes",
         "1: PARAMS, empty: the stream ends", "1: STDIN, 5 bytes", "1: STDIN, empty: the stream ends"],
        ["1: STDERR, 10 bytes", "1: STDERR, empty: the stream ends", "1: STDOUT, 52 bytes",
         "1: STDOUT, empty: the stream ends", "1: END_REQUEST, REQUEST_COMPLETE, appStatus 7"],
    ),
    "FastCGI, management": (
        ["0: GET_VALUES, 33 bytes", "0: type 77, 1 byte"],
        ["0: GET_VALUES_RESULT, 18 bytes", "0: UNKNOWN_TYPE, type 77"],
    ),
    "FastCGI, abort": (
        ["1: BEGIN_REQUEST, unknown role", "1: ABORT_REQUEST, 0 bytes"],
        ["1: END_REQUEST, UNKNOWN_ROLE, appStatus 0"],
    ),
    "SCGI": (
        ["netstring, 7 headers, 317 bytes", "content, 5 bytes"], ["response head, 404 Not Found", "content, 3 bytes"],
    ),
    "uwsgi": (
        ["packet, WSGI request, 322 bytes", "content, 5 bytes"], ["response head, 200 OK", "content, 3 bytes"],
    ),
    "uwsgi ping": (["packet, ping, 0 bytes"], ["packet, pong, 0 bytes"]),
    "HTTP, kept": (
        ["request head, HEAD /", "empty line", "request head, POST /", "content, 5 bytes", "request head, GET /2"],
        ["response head, 200 OK", "response head, 100 Continue", "response head, 204 No Content",
         "response head, 304 Not Modified"],
    ),
    "HTTP, chunks": (
        ["request head, PUT /", "chunk, 5 bytes", "chunk of 69,632 bytes begins", "content, 69,632 bytes", "chunk ends",
         "last chunk"],
        ["response head, 200 OK", "chunk, 3 bytes", "last chunk"],
    ),
    "HTTP, another protocol": (
        ["request head, GET /chat"], ["response head, 101 Switching Protocols", "content, 7 bytes"],
    ),
    "AJP13": (
        ["Forward Request, POST /hello", "packet of content, 5 bytes", "Forward Request, POST /hello"],
        ["Send Headers, 200", "Send Body Chunk, 3 bytes", "End Response"],
    ),
    "AJP13 ping": (["CPing"], ["CPong Reply"]),
}  # fmt: skip


@pytest.mark.parametrize("name", TITLES)
def test_titles(name):
    messages = receive(*WIRES[name])
    assert (titles(messages), titles(messages, "backend")) == TITLES[name]
    assert not any(message.fault for message in messages)


FIELDS = [
    # protocol, sender, bytes, some of the leaves
    ("FastCGI", "front", b"\1\1\0\5\0\x08\0\0" + b"\0\2\x05\0\0\0\0\0", [
        ("type", "1", "BEGIN_REQUEST, a request begins"), ("requestId", "5", "big-endian: which request"),
        ("role", "2", "authorizer: say whether the request may pass"),
        ("flags", "00000101", "bit 0, KEEP_CONN: the connection stays open; bits 2 mean nothing"),
    ]),
    ("FastCGI", "backend", b"\1\3\0\5\0\x08\0\0" + b"\0\0\1\0\2\0\0\0", [
        ("appStatus", "256", "what a CGI program would give to exit()"),
        ("protocolStatus", "2", "OVERLOADED: refused: no room for it now"),
    ]),
    ("FastCGI", "front", b"\1\x09\0\0\0\x10\0\0" + b"\x0e\0FCGI_MAX_CONNS", [
        ("requestId", "0", "big-endian: the connection, no request"), ("name", "FCGI_MAX_CONNS", ""),
    ]),
    ("uwsgi", "front", b"\x64\0\0\0", [("modifier1", "100", "ping"), ("modifier2", "0", "a question")]),
    ("uwsgi", "front", b"\x16\x05\0\x07" + b"1 + 1", [
        ("modifier1", "22", "code to evaluate"), ("datasize", "5", "little-endian: bytes of the block"),
    ]),
    ("SCGI", "front", encode_netstring(encode_headers([("CONTENT_LENGTH", "0"), ("SCGI", "1")])), [
        ("length", "24", "decimal: bytes between the colon and the comma"), ("name", "SCGI", ""),
        (",", "", "ends the netstring"),
    ]),
    ("HTTP", "front", b"GET /x HTTP/1.0\r\nX:  a b \r\n\r\n", [
        ("method", "GET", "what to do"), ("target", "/x", "with what"), ("name", "X", ""), ("value", "a b", ""),
        ("blanks", "", ""),
    ]),
    ("HTTP", "backend", b"HTTP/1.1 404 Not here\r\nContent-Length: 0\r\n\r\n", [
        ("status", "404", "Not Found"), ("reason", "Not here", "for people"),
    ]),
    ("AJP13", "front", FORWARD, [
        ("method", "4", "POST"), ("name", "40971", "host"), ("name", "x-own", ""), ("code", "5", "query_string"),
        ("value", "256", ""), ("end", "255", "no more attributes"),
    ]),
    ("AJP13", "backend", AJP13_RESPONSE, [("status", "200", ""), ("name", "40961", "Content-Type")]),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "sender", "data", "expected"), FIELDS)
def test_fields(protocol, sender, data, expected):
    found = leaves(Conversation(protocol).receive(sender, data)[0].fields)
    assert [leaf for leaf in found if leaf in expected] == expected


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

FAULTS = [
    # protocol, front, backend, sentence
    ("FastCGI", b"\2\1\0\1\0\x08\0\0", b"", "a FastCGI record has version 1, not 2"),
    ("FastCGI", b"\1\1\0\1\0\x08\0\0\0", b"", "the bytes end inside a record"),
    ("FastCGI", b"\1\1\0\1\0\1\0\0\0", b"", "BEGIN_REQUEST has 8 bytes, not 1"),
    ("FastCGI", b"\1\6\0\1\0\0\0\0", b"", "STDOUT is for the backend to send, not for the front"),
    ("FastCGI", b"", b"\1\4\0\1\0\0\0\0", "PARAMS is for the front to send, not for the backend"),
    ("FastCGI", b"GET / HTTP/1.1\r\n", b"", "these bytes spell 'GET ': this is HTTP on a FastCGI port"),
    ("FastCGI", b"", encode_record(records.STDOUT, 1, b"no head\n\n"),
     "not a response: the header line 'no head' has no colon"),
    ("FastCGI", b"", encode_record(records.STDOUT, 1), "not a response: the output is empty"),
    ("SCGI", b"\0\1\0\0", b"", "these bytes are a uwsgi packet header: this is uwsgi on an SCGI port"),
    ("SCGI", encode_netstring(encode_headers([("CONTENT_LENGTH", "0"), ("SCGI", "1")])) + b"x", b"",
     "there are bytes behind the content, which CONTENT_LENGTH does not count"),
    ("SCGI", b"12:CON", b"", "the front closed in the middle of the SCGI head"),
    ("uwsgi", b"POST / HTTP/1.1\r\n", b"",
     "these bytes spell 'POST': this is HTTP on a uwsgi port (read as a packet header they promise 21327 bytes)"),
    ("uwsgi", encode_packet_header(0, 9), b"", "the front closed in the middle of the uwsgi head"),
    ("uwsgi", b"", b"HTTP/1.1 abc\r\n\r\n", "not a response: 'HTTP/1.1 abc' is not a status from 200 to 599"),
    ("HTTP", b"\x16\3\1\0", b"", "these bytes open a TLS handshake: this is TLS on an HTTP port"),
    ("HTTP", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", "these bytes spell 'PRI ': this is HTTP/2 on an HTTP port"),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: a\r\n", b"", "the connection ended in the middle of the request head"),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", "the connection ended before the response's head"),
    ("HTTP", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
     "the backend closed 1 bytes before the end of the content"),
    ("HTTP", b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc", "a chunk is not followed by CRLF"),
    ("FastCGI", b"", b"HTTP/1.1 400 Bad Request\r\n\r\n",
     "these bytes spell 'HTTP': the backend speaks HTTP, not FastCGI"),
    ("FastCGI", b"", b"Status: 400\r\n\r\n",
     "these bytes begin a field of a CGI response: the backend speaks CGI, not FastCGI"),
    ("SCGI", b"", b"\1\3\0\1\0\x08\0\0", "these bytes open a FastCGI record: the backend speaks FastCGI, not SCGI"),
    ("uwsgi", b"", b"AB\0\2\5\1", "these bytes open an AJP13 packet: the backend speaks AJP13, not uwsgi"),
    ("HTTP", b"", b"\x15\3\1\0\2\2\x46", "these bytes open a TLS record: the backend speaks TLS, not HTTP"),
    ("AJP13", ajp13(b"\x12\x34", b"\x02\x02", "HTTP/1.1"), b"", "the packet ends inside a field"),
    ("AJP13", b"AB\0\1", b"", "an AJP13 packet from the front does not begin with 41 42"),
    ("AJP13", FORWARD[:-1], b"", "the front closed in the middle of a packet"),
    *[("FastCGI", encode_record(records.PARAMS, 1, data) * times + encode_record(records.PARAMS, 1), b"",
       "there are more than 1,048,576 bytes or 10,000 pieces of variables: the rest was not read")
      for data, times in ((records.encode_pairs([("A", "1" * 60000)]), 18), (bytes(60000), 1))],
    ("HTTP", b"GET /" + b"a" * MAX_HEAD, b"", "a head has more than 1,048,576 bytes"),
    ("HTTP", b"", CHUNKED + b"2\r\na", "the connection ended in the middle of a chunk"),
    ("HTTP", b"", CHUNKED + b"11000\r\na", "the connection ended in the middle of a chunk"),
    ("HTTP", b"", CHUNKED + b"11000\r\n" + bytes(0x11000), "the connection ended in the middle of a chunk"),
    ("HTTP", b"", CHUNKED + b"11000\r\n" + bytes(0x11000) + b"\n", "a chunk is not followed by CRLF"),
    ("HTTP", b"", CHUNKED + b"2\r\n", "the connection ended in the middle of a chunk"),
    ("HTTP", b"", CHUNKED, "the connection ended before the last chunk"),
    ("HTTP", b"", CHUNKED + b"0\r\nHost: a\r\n\r\n", "the field host must not be a trailer"),
    (None, b"\x16\3\1\0", b"", "these bytes open a TLS handshake: this is TLS, which is not decoded here"),
    (None, b"\xff\xff\xff\xff", b"", "these bytes begin no protocol that is known here"),
    (None, b"ab", b"", "these bytes begin no protocol that is known here"),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "front", "backend", "sentence"), FAULTS)
def test_faults(protocol, front, backend, sentence):
    assert [message.fault for message in receive(protocol, front, backend) if message.fault] == [sentence]


def test_a_faulty_head_is_shown_as_far_as_it_could_be_read():
    messages = receive("HTTP", b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\nX: 1\r\n\r\nGET")
    assert [field.name for field in messages[0].fields] == ["request line", "Host", "undecoded"]
    assert messages[0].fault == "a field line has no colon"
    assert messages[1].title == "undecoded, 11 bytes"
    assert not messages[1].fault


def test_pairs_that_do_not_fit_spoil_their_stream_only():
    params = encode_record(records.PARAMS, 1, b"\x01\x05Ab") + encode_record(records.PARAMS, 1)
    found = receive(
        "FastCGI", params + encode_record(records.PARAMS, 2, b"\x01\x01Ab") + encode_record(records.PARAMS, 2)
    )
    assert [message.fault for message in found] == [
        "",
        "a name-value pair is 4 bytes longer than what is there",
        "",
        "",
    ]


def test_a_pair_cut_by_records():
    data = records.encode_pairs([("SCRIPT_NAME", "/abc")])
    found = receive("FastCGI", b"".join(encode_record(records.PARAMS, 1, data[at : at + 6]) for at in range(0, 18, 6)))
    assert [(message.fields[1].children[0].name, message.fields[1].children[0].meaning) for message in found] == [
        ("SCRI...", "goes on in the next record"),
        ("SCRIPT_NAM...", "begun in the record before; goes on in the next record"),
        ("SCRIPT_NAME", "begun in the record before"),
    ]


def test_interleaved_requests_are_kept_apart():
    first, second = records.encode_pairs([("A", "1" * 20)]), records.encode_pairs([("B", "2" * 20)])
    wire = b"".join(
        encode_record(records.PARAMS, request_id, data[at : at + 10])
        for at in (0, 10, 20) for request_id, data in ((1, first), (2, second))
    )  # fmt: skip
    found = receive("FastCGI", wire)
    assert [message.fields[1].children[0].name for message in found] == ["A", "B"] * 3


def test_of_too_many_requests_the_oldest_is_forgotten():
    data = records.encode_pairs([("A", "b")])
    ids = range(1, MAX_REQUESTS + 2)
    wire = b"".join(encode_record(records.PARAMS, request_id, data[:3]) for request_id in ids)
    wire += b"".join(encode_record(records.PARAMS, request_id, data[3:]) for request_id in (ids[1], ids[0]))
    *_, known, forgotten = Conversation("FastCGI").receive("front", wire)
    assert known.fields[1].children[0].name == "A"
    assert forgotten.fields[1].children[0].name == "..."


def test_behind_a_switch_of_protocols_both_sides_are_content():
    _, front, backend = WIRES["HTTP, another protocol"]
    conversation = Conversation()
    conversation.receive("front", front)
    conversation.receive("backend", backend)
    (message,) = conversation.receive("front", b"GET is no request now")
    assert message.title == "content, 21 bytes"


def test_content_that_a_container_asks_for():
    head = ajp13(b"\x12\x34", b"\x02\x04", "HTTP/1.1", "/", "a", "b", "c", 80, b"\0", 0, b"\xff")
    conversation = Conversation("AJP13")
    found = conversation.receive("front", head)
    found += conversation.receive("backend", ajp13(b"AB", b"\x06", 8186))
    found += conversation.receive("front", ajp13(b"\x12\x34", 3, b"abc"))
    found += conversation.receive("backend", ajp13(b"AB", b"\x06", 8186))
    found += conversation.receive("front", b"\x12\x34\0\0" + head)
    assert [message.title for message in found] == [
        "Forward Request, POST /",
        "Get Body Chunk, 8,186 bytes",
        "packet of content, 3 bytes",
        "Get Body Chunk, 8,186 bytes",
        "packet, empty: the content ends",
        "Forward Request, POST /",
    ]


def test_large_content_is_not_kept():
    conversation = Conversation("SCGI")
    conversation.receive("front", encode_netstring(encode_headers([("CONTENT_LENGTH", "100000"), ("SCGI", "1")])))
    for _ in range(10):
        (message,) = conversation.receive("front", bytes(10_000))
        assert message.title == "content, 10,000 bytes"


def test_a_length_that_lies_costs_nothing():
    (message,) = receive("FastCGI", encode_record(records.PARAMS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xffAb"))
    assert message.fields[1].children[0].name == "Ab..."
    assert message.fields[1].children[0].children[0].value == "2,147,483,647"


@pytest.mark.parametrize(
    ("first", "protocol"),
    [
        (b"GET ", "HTTP"),
        (b"PROPFIND", "HTTP"),
        (b"\1\1\0\1", "FastCGI"),
        (b"\1\x09\0\0", "FastCGI"),
        (b"70:C", "SCGI"),
        (b"\0\xb2\1\0", "uwsgi"),
        (b"d\0\0\0", "uwsgi"),
        (b"\x12\x34\0\1", "AJP13"),
        (b"\x16\3\1\0", "TLS"),
        (b"    ", None),
    ],
)
def test_the_first_bytes_name_the_protocol(first, protocol):
    conversation = Conversation()
    assert conversation.receive("backend", b"early") == []
    assert conversation.receive("front", first[:3]) == []
    assert conversation.protocol is None
    assert conversation.receive("front", first[3:]) is not None
    assert conversation.protocol == protocol


def test_a_backend_that_speaks_or_ends_first_is_waited_for():
    conversation = Conversation()
    assert conversation.receive("backend", b"HTTP/1.0 200 OK\r\n\r\n") == conversation.receive("backend", b"") == []
    found = conversation.receive("front", b"GET / HTTP/1.0\r\n\r\n")
    assert [message.title for message in found] == ["response head, 200 OK", "request head, GET /"]
    stranger = Conversation()
    assert stranger.receive("backend", b"SSH-2.0\r\n") == []
    assert [message.title for message in stranger.receive("backend", bytes(65536))] == [
        "undecoded, 9 bytes",
        "undecoded, 65,536 bytes",
    ]


def test_what_is_no_protocol_and_no_sender_is_named():
    with pytest.raises(ValueError, match="'ajp' is not one of FastCGI, SCGI"):
        Conversation("ajp")
    with pytest.raises(ValueError, match="the sender is 'front' or 'backend', not 'client'"):
        Conversation("HTTP").receive("client", b"")
    assert all(Conversation(name).protocol == name for name in PROTOCOLS)


def test_the_environment_of_a_program():
    message = environment([("A", "1"), ("PATH_INFO", "/\u20ac\udcff")])
    assert message.data == b"A=1\0PATH_INFO=/\xe2\x82\xac\xff\0"
    assert [field.name for field in message.fields] == ["A", "PATH_INFO"]
    assert message.title == "environment, 2 variables, 20 bytes"


def test_json():
    (message,) = Conversation("uwsgi").receive("front", b"\x64\0\0\0")
    assert as_json(message) == {
        "protocol": "uwsgi",
        "sender": "front",
        "offset": 0,
        "title": "packet, ping, 0 bytes",
        "fault": "",
        "data": "64000000",
        "fields": [
            {
                "name": "header", "start": 0, "end": 4, "value": "ping", "meaning": "",
                "fields": [
                    {"name": "modifier1", "start": 0, "end": 1, "value": "100", "meaning": "ping", "fields": []},
                    {"name": "datasize", "start": 1, "end": 3, "value": "0",
                     "meaning": "little-endian: bytes of the block", "fields": []},
                    {"name": "modifier2", "start": 3, "end": 4, "value": "0", "meaning": "a question", "fields": []},
                ],
            }
        ],
    }  # fmt: skip
