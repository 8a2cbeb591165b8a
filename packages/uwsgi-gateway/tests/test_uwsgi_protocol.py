"""The uwsgi protocol as bytes and events: headers, blocks, modifiers, every refusal, any split."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.errors import LocalProtocolError, PeerMismatch, RemoteProtocolError
from gateway_core.events import NEED_DATA, ConnectionClosed, Data, EndOfMessage, Request, Response
from uwsgi_gateway import protocol
from uwsgi_gateway.protocol import ClientConnection, PacketHeader, ServerConnection

# A request as uWSGI's own client would send it, written out by hand.
GET = (
    b"\x00\x29\x00\x00"
    b"\x0e\x00REQUEST_METHOD\x03\x00GET"
    b"\x09\x00PATH_INFO\x02\x00/a"
    b"\x01\x00Q\x00\x00"
)  # fmt: skip
GET_VARIABLES = [("REQUEST_METHOD", "GET"), ("PATH_INFO", "/a"), ("Q", "")]


def packet(*pairs, modifier1=0, modifier2=0):
    block = b"".join(
        struct.pack("<H", len(text)) + text.encode("latin-1") for pair in pairs for text in pair
    )  # fmt: skip
    return struct.pack("<BHB", modifier1, len(block), modifier2) + block


def read(pieces, connection=None):
    """Feed the pieces; return (variables, content, ended?) of the request, joined."""
    connection = connection or ServerConnection()
    variables, content, ended = None, b"", False
    for piece in pieces:
        connection.receive_data(piece)
        while (event := connection.next_event()) is not NEED_DATA:
            if isinstance(event, ConnectionClosed):
                return variables, content, ended
            assert not ended
            if isinstance(event, Request):
                assert variables is None
                variables, content, ended = event.variables, event.body, event.complete
            elif isinstance(event, Data):
                assert event.data
                content += event.data
            else:
                assert isinstance(event, EndOfMessage)
                ended = True
    return variables, content, ended


def splits(data):
    """Yield ways to cut `data`."""
    yield [data]
    if len(data) < 2000:
        yield [data[i : i + 1] for i in range(len(data))]
    for at in range(1, min(len(data), 60)):
        yield [data[:at], data[at:]]


def test_a_request_of_four_bytes_and_a_block():
    for pieces in splits(GET):
        assert read(pieces) == (GET_VARIABLES, b"", True)
    connection = ServerConnection()
    connection.receive_data(GET)
    assert connection.next_event() == Request(GET_VARIABLES, b"", complete=True)
    answer = (
        connection.head("200 OK", [("Content-Type", "text/plain")], 5) + connection.data(b"hello") + connection.end()
    )
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    assert connection.close_after


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (PacketHeader(0, 10, 0), b"\x00\x0a\x00\x00"),
        (PacketHeader(0, 0, 0), b"\x00\x00\x00\x00"),
        (PacketHeader(0, 255, 1), b"\x00\xff\x00\x01"),
        (PacketHeader(0, 256, 0), b"\x00\x00\x01\x00"),
        (PacketHeader(255, 65535, 255), b"\xff\xff\xff\xff"),
        (PacketHeader(100, 0, 1), b"\x64\x00\x00\x01"),
        (PacketHeader(71, 21573, 32), b"GET "),
        (PacketHeader(80, 21327, 84), b"POST"),
        (PacketHeader(72, 16709, 68), b"HEAD"),
        (PacketHeader(80, 21589, 32), b"PUT "),
        (PacketHeader(68, 19525, 69), b"DELE"),
        (PacketHeader(72, 21588, 80), b"HTTP"),
    ],
)
def test_headers_both_ways(header, data):
    assert protocol.decode_packet_header(data) == header
    assert protocol.encode_packet_header(*header) == data


@pytest.mark.parametrize(
    ("variables", "block"),
    [
        ([("A", "b")], b"\x01\x00A\x01\x00b"),
        ([("A", "")], b"\x01\x00A\x00\x00"),
        ([("A", ""), ("B", "\xe9")], b"\x01\x00A\x00\x00\x01\x00B\x01\x00\xe9"),
        ([("N" * 127, "v" * 128)], b"\x7f\x00" + b"N" * 127 + b"\x80\x00" + b"v" * 128),
        ([("N" * 255, "v" * 256)], b"\xff\x00" + b"N" * 255 + b"\x00\x01" + b"v" * 256),
        ([("N", "v" * 65530)], b"\x01\x00N\xfa\xff" + b"v" * 65530),
        ([("A", "1"), ("A", "2")], b"\x01\x00A\x01\x001\x01\x00A\x01\x002"),
    ],
)
def test_blocks_both_ways(variables, block):
    assert protocol.encode_vars(variables) == block
    assert protocol.decode_vars(block) == variables


BAD = [
    # bytes, sentence, status
    (b"\x00\x00\x00\x00", "the request is empty", 400),
    (b"\x00\x01\x00\x00A", "size of a name", 400),
    (b"\x00\x02\x00\x00\x00\x00", "variable's name or", 400),
    (b"\x00\x02\x00\x00\x05\x00", "variable's name or", 400),
    (b"\x00\x03\x00\x00\x01\x00A", "variable's name or", 400),
    (b"\x00\x04\x00\x00\x01\x00A\x00", "variable's name or", 400),
    (b"\x00\x05\x00\x00\x01\x00A\x01\x00", "inside the value of 'A'", 400),
    (b"\x00\x05\x00\x00\x01\x00A\xff\xff", "inside the value of 'A'", 400),
    (b"\x00\x05\x00\x00\xff\xffA\x00\x00", "variable's name or", 400),
    (b"\x00\x06\x00\x00\x01\x00A\x00\x00B", "size of a name", 400),
    (packet(("", "b")), "no name", 400),
    (packet(("", "")), "no name", 400),
    (packet(("A\0B", "c")), "NUL", 400),
    (packet(("A", "b\0")), "NUL", 400),
    (packet(("CONTENT_LENGTH", "1"), ("CONTENT_LENGTH", "1")), "more than once", 400),
    *[
        (packet(("CONTENT_LENGTH", text)), "not a number", 400)
        for text in ("+5", "1_0", "-1", " 5", "0x5", "\xb2", "a")
    ],
    (packet(("CONTENT_LENGTH", "9" * 19)), "beyond any limit", 413),
    (packet(*[("A", "")] * (protocol.MAX_VARS + 1)), "more than 1000 variables", 431),
    (b"\x64\x01\x00\x00a", "a ping has", 400),
    (b"\x64\x00\x00\x01", "a ping has", 400),
    (b"\x04\x00\x00\x00", r"modifier 4 \(unknown\)", 501),
    (b"\x48\x54\x54\x50/1.1 200 OK", r"modifier 72 \(HTTP response\)", 501),
]


@pytest.mark.parametrize(("data", "sentence", "status"), BAD)
def test_bytes_that_are_wrong(data, sentence, status):
    for pieces in splits(data):
        connection = ServerConnection()
        with pytest.raises(RemoteProtocolError, match=sentence) as caught:
            read(pieces, connection)
        assert not isinstance(caught.value, PeerMismatch)
        assert caught.value.status == status
        with pytest.raises(RemoteProtocolError, match=sentence):
            connection.next_event()
        answer = connection.refusal(caught.value)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert str(caught.value).encode("latin-1") in answer


@pytest.mark.parametrize("modifier", sorted(set(protocol.MODIFIERS) - {0, 100}))
def test_every_other_modifier_is_refused_by_name(modifier):
    for modifier2 in (0, 1, 255):
        connection = ServerConnection()
        connection.receive_data(bytes([modifier, 5, 0, modifier2]))
        with pytest.raises(RemoteProtocolError) as caught:
            connection.next_event()
        assert caught.value.status == 501
        assert protocol.MODIFIERS[modifier] in str(caught.value)


def test_modifier2_of_a_request_does_not_matter():
    assert read([packet(("A", "b"), modifier2=7)])[0] == [("A", "b")]


HTTP = "these bytes spell {}: this is HTTP on a uwsgi port (read as a packet header they promise {} bytes)"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP.format("'GET '", 21573)),
        (b"POST / HTTP/1.1\r\n", HTTP.format("'POST'", 21327)),
        (b"HEAD / HTTP/1.1\r\n", HTTP.format("'HEAD'", 16709)),
        (b"PUT / HTTP/1.1\r\n", HTTP.format("'PUT '", 21589)),
        (b"DELETE / HTTP/1.1\r\n", HTTP.format("'DELE', as in DELETE", 19525)),
        (b"OPTIONS * HTTP/1.1\r\n", HTTP.format("'OPTI', as in OPTIONS", 21584)),
        (b"PATCH / HTTP/1.1\r\n", HTTP.format("'PATC', as in PATCH", 21569)),
        (b"TRACE / HTTP/1.1\r\n", HTTP.format("'TRAC', as in TRACE", 16722)),
        (b"CONNECT a:1 HTTP/1.1\r\n", HTTP.format("'CONN', as in CONNECT", 20047)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "open a TLS handshake: this is TLS on a uwsgi port"),
        (b"\x01\x01\x00\x01\x00\x08\x00\x00", "open a FastCGI record: this is FastCGI on a uwsgi port"),
        (b"70:CONTENT_LENGTH\x00", "begin a netstring: this is SCGI on a uwsgi port"),
        (b"823:CONTENT_LENGTH\x00", "begin a netstring: this is SCGI on a uwsgi port"),
        (b"1234:CONTENT_LENGTH\x00", "begin a netstring: this is SCGI on a uwsgi port"),
    ],
)
def test_other_protocols_are_named_at_the_fourth_byte(data, sentence):
    for pieces in splits(data):
        connection = ServerConnection()
        with pytest.raises(PeerMismatch) as caught:
            read(pieces, connection)
        assert sentence in str(caught.value)
        answer = connection.refusal(caught.value)
        if "HTTP on" in sentence:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain")
            assert b"Content-Length: %d\r\n" % len(body) in head
            assert body == str(caught.value).encode() + b"\n"
        else:
            assert answer == b""
    connection = ServerConnection()
    connection.receive_data(data[:3])
    assert connection.next_event() is NEED_DATA
    connection.receive_data(data[3:4])
    with pytest.raises(PeerMismatch):
        connection.next_event()


def test_ping_is_answered_without_the_application():
    assert protocol.PING == b"\x64\x00\x00\x00"
    for pieces in splits(protocol.PING):
        connection = ServerConnection()
        for piece in pieces[:-1]:
            connection.receive_data(piece)
            assert connection.next_event() is NEED_DATA
            assert connection.data_to_send() == b""
        connection.receive_data(pieces[-1])
        assert connection.next_event() == ConnectionClosed()
        assert connection.data_to_send() == b"\x64\x00\x00\x01" == protocol.PONG
        assert connection.data_to_send() == b""
        assert connection.next_event() == ConnectionClosed()
        assert connection.data_to_send() == b""


def test_end_of_file():
    connection = ServerConnection()
    connection.receive_data(b"")
    assert connection.next_event() == ConnectionClosed()
    for cut in range(1, len(GET)):
        with pytest.raises(RemoteProtocolError, match="middle of the uwsgi head"):
            read([GET[:cut], b""])
    post = packet(("CONTENT_LENGTH", "5"))
    for content in (b"", b"1234"):
        with pytest.raises(RemoteProtocolError, match="before the end of the content"):
            read([post + content, b""])
    assert read([post + b"12345", b""])[2]


def test_what_follows_the_request_is_ignored():
    post = packet(("CONTENT_LENGTH", "5")) + b"12345"
    for more in (b"x", GET):
        for pieces in ([post + more], [post, more], [post[:-3], post[-3:] + more]):
            assert read(pieces)[1:] == (b"12345", True)


def test_the_limit_of_the_block():
    data = packet(("A", "x" * 4091))
    assert read([data])[2]
    connection = ServerConnection(max_head=4095)
    connection.receive_data(data[:4])  # the header is enough
    with pytest.raises(RemoteProtocolError, match="4096 bytes, the limit is 4095") as caught:
        connection.next_event()
    assert caught.value.status == 431
    assert read([data], ServerConnection(max_head=4096))[2]
    largest = packet(("A", "x" * 65530))
    assert len(largest) == 4 + 65535
    assert read([largest], ServerConnection(max_head=1 << 30))[2]
    assert len(read([packet(*[("A", "")] * protocol.MAX_VARS)])[0]) == protocol.MAX_VARS


@pytest.mark.parametrize("size", [0, 1, 127, 128, 65535, 65536])
@pytest.mark.parametrize("step", [None, 1, 4999])
def test_content_of_every_size(size, step):
    content = (bytes(range(256)) * 256 + b"x")[:size]
    data = packet(("CONTENT_LENGTH", str(size))) + content
    pieces = [data] if step is None else [data[i : i + step] for i in range(0, len(data), step)]
    connection = ServerConnection()
    received = []
    for piece in pieces:
        connection.receive_data(piece)
        while (event := connection.next_event()) is not NEED_DATA:
            received.append(event)
    assert sum(isinstance(event, Request) for event in received) == 1
    joined = received[0].body + b"".join(event.data for event in received if isinstance(event, Data))
    assert joined == content
    assert received[0].complete is not isinstance(received[-1], EndOfMessage)


TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=300)
NAMES = TEXT.filter(lambda name: name and name != "CONTENT_LENGTH")


@given(st.lists(st.tuples(NAMES, TEXT), max_size=8), st.binary(max_size=300), st.lists(st.integers(0, 900), max_size=5))
def test_what_a_client_sends_a_server_reads(variables, content, cuts):
    data = ClientConnection().send(Request(variables, content))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    expected = [("CONTENT_LENGTH", str(len(content))), *variables]
    assert read([data[a:b] for a, b in pairwise(edges) if a < b]) == (expected, content, True)


@given(st.binary(max_size=200))
def test_rubbish_is_an_event_or_one_error(data):
    connection = ServerConnection()
    try:
        read([data, b""], connection)
    except RemoteProtocolError as error:
        assert error.status in (400, 413, 431, 501)
        connection.refusal(error)


@given(st.binary(max_size=100))
def test_a_block_of_rubbish_is_variables_or_one_error(block):
    try:
        variables = protocol.decode_vars(block)
    except RemoteProtocolError:
        return
    assert protocol.encode_vars(variables) == block


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\n", b"HTTP/1.0 404\r\n", b"Status: 404 Not Found\r\n"])
def test_the_client_reads_all_three_ways_to_begin(answer):
    client = ClientConnection()
    client.receive_data(answer + b"Transfer-Encoding: chunked\r\nConnection: close\r\nA: b\r\n\r\nno")
    assert client.next_event() == Response(404, "Not Found", [("A", "b")])
    assert client.next_event() == Data(b"no")
    client.receive_data(b"")
    assert client.next_event() == EndOfMessage()
    assert not client.reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
        b"\x64\x00\x00\x01",
    ],
)
def test_answers_that_are_no_response(answer):
    client = ClientConnection()
    with pytest.raises(RemoteProtocolError) as caught:
        for piece in (answer, b""):
            client.receive_data(piece)
            while client.next_event() is not NEED_DATA:
                pass
    assert caught.value.status == 502


def test_content_in_pieces_both_ways():
    client, server = ClientConnection(), ServerConnection()
    data = client.send(Request([("CONTENT_LENGTH", "4"), ("REQUEST_METHOD", "POST")], b"ab", complete=False))
    data += client.send(Data(b"cd")) + client.send(EndOfMessage())
    assert read([data], server)[1:] == (b"abcd", True)
    client.receive_data(server.head("201 Created", [], 2) + server.data(b"hi") + server.end())
    assert client.next_event() == Response(201, "Created", [("Content-Length", "2")])
    assert client.next_event() == Data(b"hi")
    assert client.next_event() == EndOfMessage()  # without waiting for the close


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ([("A", "b\0")], "NUL"),
        ([("", "b")], "name"),
        ([("A", "\u20ac")], "latin-1"),
        ([("A" * 65536, "")], "longer than 65535"),
        ([("A", "b" * 65536)], "longer than 65535"),
        ([("A", "b" * 40000), ("B", "b" * 40000)], "do not fit in one uwsgi packet"),
    ],
)
def test_the_client_refuses_to_break_the_protocol(variables, sentence):
    client = ClientConnection()
    with pytest.raises(LocalProtocolError, match=sentence):
        client.send(Request(variables))


def test_the_largest_block_that_a_client_sends():
    first = len(protocol.encode_vars([("CONTENT_LENGTH", "0")]))
    data = ClientConnection().send(Request([("A", "b" * (65535 - first - 5))]))
    assert data[:4] == b"\x00\xff\xff\x00"
    with pytest.raises(LocalProtocolError):
        ClientConnection().send(Request([("A", "b" * (65535 - first - 4))]))
