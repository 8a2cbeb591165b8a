"""SCGI as bytes and events: the specification's example, tables read both ways, every refusal, any split."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.errors import LocalProtocolError, PeerMismatch, RemoteProtocolError
from gateway_core.events import NEED_DATA, ConnectionClosed, Data, EndOfMessage, Request, Response
from scgi_server import protocol
from scgi_server.protocol import ClientConnection, ServerConnection

# Section 4 of the specification, byte for byte.
DEEPTHOUGHT = (
    b"70:CONTENT_LENGTH\x0027\x00SCGI\x001\x00REQUEST_METHOD\x00POST\x00REQUEST_URI\x00/deepthought\x00,"
    b"What is the answer to life?"
)
DEEPTHOUGHT_VARIABLES = [
    ("CONTENT_LENGTH", "27"), ("SCGI", "1"), ("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/deepthought"),
]  # fmt: skip


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
    if len(data) < 5000:
        yield [data[i : i + 1] for i in range(len(data))]
    for at in range(1, min(len(data), 100)):
        yield [data[:at], data[at:]]


def head(*pairs, length=0):
    """Return a request head with these variables after the two that must be there."""
    pairs = [("CONTENT_LENGTH", str(length)), ("SCGI", "1"), *pairs]
    return protocol.encode_netstring("".join(f"{name}\0{value}\0" for name, value in pairs).encode("latin-1"))


def test_the_example_of_the_specification():
    for pieces in splits(DEEPTHOUGHT):
        assert read(pieces) == (DEEPTHOUGHT_VARIABLES, b"What is the answer to life?", True)
    connection = ServerConnection()
    connection.receive_data(DEEPTHOUGHT)
    assert connection.next_event() == Request(DEEPTHOUGHT_VARIABLES, b"What is the answer to life?", complete=True)
    assert connection.head("200 OK", [("Content-Type", "text/plain")], None) + connection.data(b"42") == (
        b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n42"
    )
    assert connection.end() == b""
    assert connection.close_after


def test_the_client_writes_the_example():
    variables = [DEEPTHOUGHT_VARIABLES[0], *DEEPTHOUGHT_VARIABLES[2:]]
    assert ClientConnection().send(Request(variables, b"What is the answer to life?")) == DEEPTHOUGHT


@pytest.mark.parametrize(
    ("pairs", "block"),
    [
        ([("A", "")], b"A\0\0"),
        ([("A", "\xe9"), ("A_B", "c d")], b"A\0\xe9\0A_B\0c d\0"),
        ([("N" * 65536, "V" * 65536)], b"N" * 65536 + b"\0" + b"V" * 65536 + b"\0"),
    ],
)
def test_headers_both_ways(pairs, block):
    first = [("CONTENT_LENGTH", "0"), ("SCGI", "1")]
    block = b"CONTENT_LENGTH\x000\x00SCGI\x001\x00" + block
    assert protocol.encode_headers([*first, *pairs]) == block
    assert protocol.decode_headers(block) == [*first, *pairs]


@pytest.mark.parametrize(
    ("string", "netstring"),
    [(b"", b"0:,"), (b"hello world!", b"12:hello world!,"), (b"," * 127, b"127:" + b"," * 128), (b"x" * 65536, None)],
)
def test_netstrings_both_ways(string, netstring):
    encoded = protocol.encode_netstring(string)
    assert netstring is None or encoded == netstring
    assert protocol.decode_netstring(encoded) == (string, len(encoded))
    assert protocol.decode_netstring(encoded + b"more") == (string, len(encoded))
    for cut in (*range(1, min(len(encoded), 20)), len(encoded) - 1):
        assert protocol.decode_netstring(encoded[:cut]) is None


BAD = [
    # bytes, sentence, status
    (b":CONTENT_LENGTH\x000\x00SCGI\x001\x00,", "not the length", 400),
    (b"070:CONTENT_LENGTH", "not the length", 400),
    (b"00:,", "not the length", 400),
    (b"+70:CONTENT_LENGTH", "not the length", 400),
    (b" 70:CONTENT_LENGTH", "not the length", 400),
    (b"7 0:CONTENT_LENGTH", "not the length", 400),
    (b"7a:CONTENT_LENGTH", "not the length", 400),
    (b"-1:xxxx", "not the length", 400),
    (b"70;CONTENT_LENGTH", "not the length", 400),
    (b"abcdefgh", "not the length", 400),
    (b"\xff\xff\xff\xff", "not the length", 400),
    (b"99999999999999:", "more than 7 digits", 431),
    (b"12345678", "more than 7 digits", 431),
    (b"1234567:", "the limit is", 431),
    (b"65537:", "the limit is", 431),
    (b"0:,", "do not end with NUL", 400),
    (b"3:abc,", "do not end with NUL", 400),
    (head()[:-1] + b";", "comma", 400),
    (b"23:CONTENT_LENGTH\x000\x00SCGI\x001\x00,", "comma", 400),
    (b"17:CONTENT_LENGTH\x000\x00,", "one SCGI header", 400),
    (b"31:CONTENT_LENGTH\x000\x00SCGI\x001\x00SCGI\x001\x00,", "one SCGI header", 400),
    (b"24:CONTENT_LENGTH\x000\x00SCGI\x002\x00,", "one SCGI header", 400),
    (b"23:CONTENT_LENGTH\x000\x00SCGI\x00\x00,", "one SCGI header", 400),
    (b"24:SCGI\x001\x00CONTENT_LENGTH\x000\x00,", "first SCGI header", 400),
    (b"23:CONTENT_LENGTH\x00\x00SCGI\x001\x00,", "first SCGI header", 400),
    (b"7:SCGI\x001\x00,", "first SCGI header", 400),
    (b"26:CONTENT_LENGTH\x000\x00SCGI\x001\x00A\x00,", "has no value", 400),
    (b"27:CONTENT_LENGTH\x000\x00SCGI\x001\x00\x00b\x00,", "no name", 400),
    (head(("CONTENT_LENGTH", "0")), "more than once", 400),
    *[(head(length=text), "not a number", 400) for text in ("+5", "-1", "1_0", " 5", "0x5", "\xb2", "a")],
    (head(length="9" * 19), "beyond any limit", 413),
    (head(*[("A", "")] * (protocol.MAX_HEADERS - 1)), "more than 1000 SCGI headers", 431),
    (head(*[("A", "")] * 20_000), "more than 1000 SCGI headers", 431),
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
        assert answer.startswith(b"Status: %d " % status)
        assert str(caught.value).encode("latin-1") in answer


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"GET / HTTP/1.1\r\n", "these bytes spell 'GET ': this is HTTP on an SCGI port"),
        (b"POST", "these bytes spell 'POST': this is HTTP on an SCGI port"),
        (b"DELE", "these bytes spell 'DELE', as in DELETE: this is HTTP on an SCGI port"),
        (b"PRI * HTTP/2.0", "HTTP/2 on an SCGI port"),
        (b"\x16\x03\x01\x02\x00\x01", "these bytes open a TLS handshake: this is TLS on an SCGI port"),
        (b"\x01\x01\x00\x01\x00\x08\x00\x00", "this is FastCGI on an SCGI port"),
        (b"\x01\x09\x00\x00", "this is FastCGI on an SCGI port"),
        (b"\x00\xb2\x01\x00", "this is uwsgi on an SCGI port"),
        (b"PROXY TCP4", "the PROXY protocol on an SCGI port"),
    ],
)
def test_other_protocols_are_named_at_the_fourth_byte(data, sentence):
    for pieces in splits(data):
        connection = ServerConnection()
        with pytest.raises(PeerMismatch, match=sentence) as caught:
            read(pieces, connection)
        answer = connection.refusal(caught.value)
        if "this is HTTP on" in sentence:
            assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert answer.endswith(sentence.encode() + b"\n")
        else:
            assert answer == b""
    connection = ServerConnection()
    connection.receive_data(data[:3])
    assert connection.next_event() is NEED_DATA


def test_end_of_file():
    connection = ServerConnection()
    connection.receive_data(b"")
    assert connection.next_event() == ConnectionClosed()
    for cut in (1, 2, 3, 20, 73):
        with pytest.raises(RemoteProtocolError, match="middle of the SCGI head"):
            read([DEEPTHOUGHT[:cut], b""])
    for cut in (74, 75, 100):
        with pytest.raises(RemoteProtocolError, match="before the end of the content"):
            read([DEEPTHOUGHT[:cut], b""])
    with pytest.raises(RemoteProtocolError, match="not the length"):
        read([b"GET", b""])
    assert read([DEEPTHOUGHT, b""])[2]  # a front may close its half and read on


def test_what_follows_the_request_is_ignored():
    for more in (b"x", DEEPTHOUGHT, b"GET / HTTP/1.1\r\n\r\n"):
        for pieces in ([DEEPTHOUGHT + more], [DEEPTHOUGHT, more], [DEEPTHOUGHT[:80], DEEPTHOUGHT[80:] + more]):
            assert read(pieces) == (DEEPTHOUGHT_VARIABLES, b"What is the answer to life?", True)


def test_the_limit_of_the_head():
    data = head(("A", "x" * 100))
    size = int(data[: data.index(b":")])
    assert read([data], ServerConnection(max_head=size))[2]
    with pytest.raises(RemoteProtocolError, match="the limit is") as caught:
        read([data], ServerConnection(max_head=size - 1))
    assert caught.value.status == 431
    assert protocol.MAX_HEAD == 65536
    most = head(*[("A", "")] * (protocol.MAX_HEADERS - 2))
    assert len(read([most])[0]) == protocol.MAX_HEADERS
    value = "x" * (65536 - len("CONTENT_LENGTH.0.SCGI.1.A.."))
    assert read([head(("A", value))])[0][-1] == ("A", value)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 65535, 65536])
@pytest.mark.parametrize("step", [None, 1000, 7])
def test_content_of_every_size(size, step):
    if step == 7 and size > 1000:
        step = 4999
    content = bytes(range(256)) * 256 + b"x"
    data = head(length=size) + content[:size]
    pieces = [data] if step is None else [data[i : i + step] for i in range(0, len(data), step)]
    assert read(pieces)[1:] == (content[:size], True)


TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=300)
NAMES = TEXT.filter(lambda name: name and name not in ("CONTENT_LENGTH", "SCGI"))


@given(st.dictionaries(NAMES, TEXT, max_size=8), st.binary(max_size=300), st.lists(st.integers(0, 900), max_size=5))
def test_what_a_client_sends_a_server_reads(variables, content, cuts):
    sent = list(variables.items())
    data = ClientConnection().send(Request(sent, content))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    expected = [("CONTENT_LENGTH", str(len(content))), ("SCGI", "1"), *sent]
    assert read([data[a:b] for a, b in pairwise(edges) if a < b]) == (expected, content, True)


@given(st.binary(max_size=200))
def test_rubbish_is_an_event_or_one_error(data):
    connection = ServerConnection()
    try:
        read([data, b""], connection)
    except RemoteProtocolError as error:
        assert error.status in (400, 413, 431)
        connection.refusal(error)


def test_content_in_pieces_both_ways():
    client, server = ClientConnection(), ServerConnection()
    data = client.send(Request([("CONTENT_LENGTH", "6"), ("REQUEST_METHOD", "POST")], b"ab", complete=False))
    data += client.send(Data(b"cd")) + client.send(Data(b"ef")) + client.send(EndOfMessage())
    assert read([data], server)[1:] == (b"abcdef", True)
    answer = (
        server.send(Response(201, "Created", [("X-A", "b")])) + server.send(Data(b"hi")) + server.send(EndOfMessage())
    )
    client.receive_data(answer)
    assert client.next_event() == Response(201, "Created", [("X-A", "b")])
    assert client.next_event() == Data(b"hi")
    assert client.next_event() is NEED_DATA
    client.receive_data(b"")
    assert client.next_event() == EndOfMessage()
    assert client.next_event() is NEED_DATA
    assert not client.reusable


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # a Content-Length ends the response before the close does; more is cut
        (b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nhi", [b"hi"]),
        (b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nhi there", [b"hi"]),
        (b"Status: 204 No Content\r\n\r\n", []),
        (b"Status: 200 OK\r\nContent-Length: 0\r\n\r\n", []),
    ],
)
def test_the_client_need_not_wait_for_the_close(answer, expected):
    client = ClientConnection()
    client.receive_data(answer)
    assert isinstance(client.next_event(), Response)
    assert [client.next_event().data for _ in expected] == expected
    assert client.next_event() == EndOfMessage()
    client.receive_data(b"late")
    assert client.next_event() is NEED_DATA


@pytest.mark.parametrize(
    "answer", [b"", b"Status: 200 OK\r\n", b"Status: 200 OK\r\nContent-Length: 9\r\n\r\nhi", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_answers_that_are_no_response(answer):
    client = ClientConnection()
    with pytest.raises(RemoteProtocolError) as caught:
        for piece in (answer, b""):
            client.receive_data(piece)
            while client.next_event() is not NEED_DATA:
                pass
    assert caught.value.status == 502


def test_head_has_no_content():
    client = ClientConnection(head=True)
    client.receive_data(b"Status: 200 OK\r\nContent-Length: 500\r\n\r\n")
    assert client.next_event() == Response(200, "OK", [("Content-Length", "500")])
    assert client.next_event() == EndOfMessage()


def test_the_encoder_writes_the_length():
    server = ServerConnection()
    assert server.head("200 OK", [("A", "b")], 3) == b"Status: 200 OK\r\nA: b\r\nContent-Length: 3\r\n\r\n"
    assert ServerConnection().head("204 No Content", [], 0) == b"Status: 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    "fields", [[], [("A", "b")], [("A", "b"), ("Set-Cookie", "s=1"), ("Set-Cookie", "s=2")], [("A", "b" * 500)]]
)
def test_a_response_in_one_piece_is_the_same(fields):
    for _ in range(2):  # the second time its head is remembered
        pieces = ServerConnection()
        expected = pieces.head("200 OK", fields, 2) + pieces.data(b"hi") + pieces.end()
        assert ServerConnection().whole("200 OK", fields, b"hi") == expected
    whole = ServerConnection()
    whole.whole("200 OK", fields, b"hi")
    for wrong in (whole.end, lambda: whole.data(b"x"), lambda: whole.whole("200 OK", fields, b"hi")):
        with pytest.raises(LocalProtocolError):
            wrong()


def test_the_server_refuses_to_break_the_protocol():
    server = ServerConnection()
    for wrong in (server.end, lambda: server.data(b"x")):
        with pytest.raises(LocalProtocolError):
            wrong()
    server.head("200 OK", [], None)
    with pytest.raises(LocalProtocolError):
        server.head("200 OK", [], None)
    assert server.refusal(RemoteProtocolError("too late")) == b""
    server.end()
    for wrong in (server.end, lambda: server.data(b"x")):
        with pytest.raises(LocalProtocolError):
            wrong()
    with pytest.raises(LocalProtocolError, match="line break"):
        ServerConnection().head("200 OK", [("A", "b\r\nC: d")], None)
    with pytest.raises(LocalProtocolError, match="line break"):
        ServerConnection().whole("200 OK", [("A", "b\r\nC: d")], b"hi")


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (Request([("A", "b\0C\0d")]), "NUL"),
        (Request([("A\0", "b")]), "NUL"),
        (Request([("", "b")]), "name"),
        (Request([("A", "b"), ("A", "c")]), "twice"),
        (Request([("A", "\u20ac")]), "latin-1"),
        (Request([("CONTENT_LENGTH", "1"), ("CONTENT_LENGTH", "1")], b"a"), "more than once"),
        (Request([("CONTENT_LENGTH", "x")]), "not a number"),
        (Request([("CONTENT_LENGTH", "2")], b"a"), "promises"),
        (Request([("CONTENT_LENGTH", "1")], b"ab"), "promises"),
        (Request([("CONTENT_LENGTH", "1")], b"ab", complete=False), "promises"),
        (Request([], b"ab", complete=False), "must be known"),
    ],
)
def test_the_client_refuses_to_break_the_protocol(request_, sentence):
    with pytest.raises(LocalProtocolError, match=sentence):
        ClientConnection().send(request_)


def test_the_client_counts():
    client = ClientConnection()
    with pytest.raises(LocalProtocolError):
        client.send(Data(b"x"))
    client.send(Request([("CONTENT_LENGTH", "3")], b"a", complete=False))
    with pytest.raises(LocalProtocolError, match="shorter"):
        client.send(EndOfMessage())
    with pytest.raises(LocalProtocolError, match="longer"):
        client.send(Data(b"bcd"))
    client.send(Data(b"bc"))
    client.send(EndOfMessage())
    for event in (Data(b"x"), EndOfMessage(), Request([])):
        with pytest.raises(LocalProtocolError):
            client.send(event)
