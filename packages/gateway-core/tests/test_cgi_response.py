"""The CGI response grammar: tables of heads, each fed whole, byte by byte and at every kind of split."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import cgi
from gateway_core.cgi import LocalRedirect, ResponseParser
from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import NEED_DATA, Data, EndOfMessage, Response

TYPE = ("Content-Type", "text/plain")


def read(pieces, **options):
    """Feed the pieces and the end of file; return (head, content, ended?)."""
    parser = ResponseParser(**options)
    head, content, ended = None, b"", False
    for piece in [*pieces, b""]:
        parser.receive_data(piece)
        while (event := parser.next_event()) is not NEED_DATA:
            assert not ended
            if isinstance(event, Data):
                assert event.data
                content += event.data
            elif isinstance(event, EndOfMessage):
                ended = True
                break
            else:
                assert head is None
                head = event
    return head, content, ended


def splits(data):
    """Yield ways to cut `data`: whole, byte by byte, in two at each of the first places, in threes."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for at in range(1, min(len(data), 80)):
        yield [data[:at], data[at:]]
    yield [data[i : i + 3] for i in range(0, len(data), 3)]


GOOD = [
    # bytes, options, head, content
    (b"Content-Type: text/plain\n\nhello", {}, Response(200, "OK", [TYPE]), b"hello"),
    (b"Content-Type: text/plain\r\n\r\nhello", {}, Response(200, "OK", [TYPE]), b"hello"),
    (b"Content-Type: text/plain\r\nX-A: 1\n\r\n\r\n", {}, Response(200, "OK", [TYPE, ("X-A", "1")]), b"\r\n"),
    (b"Content-Type: text/plain\n\r\n\n", {}, Response(200, "OK", [TYPE]), b"\n"),
    (b"Content-Type:text/plain\t \n\n", {}, Response(200, "OK", [TYPE]), b""),
    (b"Status: 404 Not Found\nContent-Type: text/plain\n\nno", {}, Response(404, "Not Found", [TYPE]), b"no"),
    (b"STATUS:404\n\n", {}, Response(404, "Not Found", []), b""),
    (b"Status: 299\n\n", {}, Response(299, "Unassigned", []), b""),
    (b"Status: 599 Odd: but \xe9legant\n\n", {}, Response(599, "Odd: but \xe9legant", []), b""),
    (b"Status:\nContent-Type: text/plain\n\n", {}, Response(200, "OK", [TYPE]), b""),
    (b"Status: 200 OK\nX-Empty:\n\n", {}, Response(200, "OK", [("X-Empty", "")]), b""),
    (b"Status: 200 OK\nSet-Cookie: a\nset-cookie: b\n\n", {},
     Response(200, "OK", [("Set-Cookie", "a"), ("set-cookie", "b")]), b""),
    # hop-by-hop fields are removed, whatever the case
    (b"Status: 200 OK\nConnection: close\nKEEP-ALIVE: 5\nproxy-connection: y\nTE: z\n\n5\r\n", {},
     Response(200, "OK", []), b"5\r\n"),
    (b"Status: 200 OK\nTrailer: q\nTransfer-Encoding: chunked\nUpgrade: h2c\nContent-Type: text/plain\n\n5\r\n", {},
     Response(200, "OK", [TYPE]), b"5\r\n"),
    # Location
    (b"Location: https://example.org/a#b\n\n", {},
     Response(302, "Found", [("Location", "https://example.org/a#b")]), b""),
    (b"Location: https://example.org/\nContent-Type: text/plain\n\nmoved", {},
     Response(302, "Found", [("Location", "https://example.org/"), TYPE]), b"moved"),
    (b"Location: /here?a=b\n\nnobody reads this", {}, LocalRedirect(302, "Found", [("Location", "/here?a=b")]), b""),
    (b"Location: //host/x\n\n", {}, LocalRedirect(302, "Found", [("Location", "//host/x")]), b""),
    (b"Location: /here#there\n\n", {}, Response(302, "Found", [("Location", "/here#there")]), b""),
    (b"Location: /here\nContent-Type: text/plain\n\nto", {},
     Response(302, "Found", [("Location", "/here"), TYPE]), b"to"),
    (b"Status: 303 See Other\nLocation: /here\n\n", {}, Response(303, "See Other", [("Location", "/here")]), b""),
    (b"Status: 302 Found\nLocation: //host\n\n", {}, Response(302, "Found", [("Location", "//host")]), b""),
    (b"Status: 302 Found\nLocation: relative\n\n", {}, Response(302, "Found", [("Location", "relative")]), b""),
    (b"Status: 201 Created\nLocation: /new\n\n", {}, Response(201, "Created", [("Location", "/new")]), b""),
    # Content-Length
    (b"Status: 200 OK\nContent-Length: 5\n\nhello", {}, Response(200, "OK", [("Content-Length", "5")]), b"hello"),
    (b"Status: 200 OK\nContent-Length: 5\n\nhello, cut", {}, Response(200, "OK", [("Content-Length", "5")]), b"hello"),
    (b"Status: 200 OK\nContent-Length: 0\n\ncut", {}, Response(200, "OK", [("Content-Length", "0")]), b""),
    (b"Status: 200 OK\nContent-Length:\n\nall", {}, Response(200, "OK", []), b"all"),
    # no content: HEAD, 204, 304
    (b"Status: 200 OK\nContent-Length: 5\n\n", {"head": True}, Response(200, "OK", [("Content-Length", "5")]), b""),
    (b"Status: 200 OK\nContent-Length: 5\n\nhello!", {"head": True},
     Response(200, "OK", [("Content-Length", "5")]), b""),
    (b"Status: 204 No Content\nContent-Length: 3\nX-A: b\n\nabc", {}, Response(204, "No Content", [("X-A", "b")]), b""),
    (b"Status: 304 Not Modified\nContent-Length: 3\n\n", {},
     Response(304, "Not Modified", [("Content-Length", "3")]), b""),
    # a status line, as uwsgi servers send it
    (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno", {"status_line": True},
     Response(404, "Not Found", [TYPE]), b"no"),
    (b"HTTP/1.0 200\n\nx", {"status_line": True}, Response(200, "OK", []), b"x"),
    (b"HTTP/1.1 201 Created\nStatus: 500 What\nLocation: /n\n\n", {"status_line": True},
     Response(201, "Created", [("Location", "/n")]), b""),
    (b"Status: 202 Accepted\n\nx", {"status_line": True}, Response(202, "Accepted", []), b"x"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "options", "head", "content"), GOOD)
def test_heads_that_are_right(data, options, head, content):
    for pieces in splits(data):
        assert read(pieces, **options) == (head, content, True)


BAD = [
    (b"", "the output is empty"),
    (b"Content-Type: text/plain\n", "ended before the blank line"),
    (b"Content-Type: text/plain", "ended before the blank line"),
    (b"\nhello", "no field"),
    (b"\r\nhello", "no field"),
    (b"<html>\n\n", "no colon"),
    (b"Content-Type: a\nnonsense\n\n", "no colon"),
    (b"Content-Type : a\n\n", "not the name"),
    (b": a\n\n", "not the name"),
    (b"Cont\xe9nt: a\n\n", "not the name"),
    (b"X: a\n continued: b\n\n", "not the name"),
    (b"X: a\n\tcontinued\n\n", "no colon"),
    (b"X: a\0b\n\n", "control character"),
    (b"X: a\x7fb\n\n", "control character"),
    (b"X: a\rb\n\n", "control character"),
    (b"X: a\r\r\n\n", "control character"),
    (b"Status: 200 OK\nStatus: 200 OK\n\n", "more than once"),
    (b"Content-Type: a\ncontent-type: b\n\n", "more than once"),
    (b"Location: /a\nLocation: /b\n\n", "more than once"),
    (b"Content-Length: 1\nContent-Length: 1\n\na", "more than once"),
    *[(b"Status: %s\n\n" % status, "not a status") for status in (
        b"30", b"2000", b"abc", b"-200", b"199 Early", b"100 Continue", b"101 Switching Protocols", b"600 No", b"20x",
        b"200OK", b"0200", b"\xb2\xb2\xb2", b"2 00")],
    *[(b"Content-Length: %s\n\na" % length, "Content-Length is") for length in (
        b"-1", b"+1", b"1 2", b"0x1", b"1_0", b"a", b"\xb2", b"1,1", b"9" * 19)],
    (b"Content-Length: 9\n\nhello", "4 bytes before"),
    (b"Location: relative\n\n", "neither"),
    (b"Location: 1http://a\n\n", "neither"),
    (b"Location: #x\n\n", "neither"),
    (b"Location: //host/x\nContent-Type: a/b\n\n", "another host"),
    (b"Location: //host/x#y\n\n", "another host"),
    (b"Location: /\\host/x#y\n\n", "another host"),
    (b"Location: /\t/host/x#y\n\n", "another host"),
    (b"Location: http:\n\n", "neither"),
    (b"HTTP/1.1 200 OK\r\nX: a\r\n\r\n", "no colon"),
    (b"X: " + b"a" * (cgi.MAX_LINE - 2) + b"\n\n", "longer than"),
    (b"X: a\n" * (cgi.MAX_FIELDS + 1) + b"\n", "more than 200 fields"),
    (b"X: aaaaaaaaaaaaaaaa\n" * (cgi.MAX_HEAD // 10), "head is longer"),
    (b"X" * (cgi.MAX_HEAD + 1), "head is longer"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "sentence"), BAD)
def test_heads_that_are_wrong(data, sentence):
    for pieces in splits(data) if len(data) < 1000 else [[data], [data[:1000], data[1000:]]]:
        with pytest.raises(RemoteProtocolError, match=sentence) as caught:
            read(pieces)
        assert caught.value.status == 502


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n", "not a status"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "not a status"),
        (b"HTTP/2 200\r\n\r\n", "not a status"),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", "not a status"),
        (b"HTTP/1.1 \r\n\r\n", "not a status"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "no field"),
    ],
)
def test_status_lines_that_are_wrong(data, sentence):
    with pytest.raises(RemoteProtocolError, match=sentence):
        read([data], status_line=True)


def test_limits_are_the_last_good_value():
    line = b"X: " + b"a" * (cgi.MAX_LINE - 3)
    assert read([line + b"\n\n"])[0].fields[0][1] == "a" * (cgi.MAX_LINE - 3)
    assert len(read([b"X: a\n" * cgi.MAX_FIELDS + b"\n"])[0].fields) == cgi.MAX_FIELDS
    field = b"X: " + b"a" * 508 + b"\n"
    assert len(field) == 512
    head = field * (cgi.MAX_HEAD // 512 - 1)
    last = b"X: " + b"a" * 507 + b"\n\n"
    for pieces in ([head + last], [head, last], [head + last[:-1], last[-1:]]):
        assert read(pieces)[0].status == 200
    with pytest.raises(RemoteProtocolError, match="longer"):
        read([head + b"a" + last])


def test_an_error_stays_an_error():
    parser = ResponseParser()
    parser.receive_data(b"nonsense\n\nContent-Type: a\n\n")
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="no colon"):
            parser.next_event()


def test_nothing_of_a_broken_head_becomes_an_event():
    parser = ResponseParser()
    parser.receive_data(b"Status: 200 OK\nContent-Type: a\n")
    assert parser.next_event() is NEED_DATA
    parser.receive_data(b"broken\n\n")
    with pytest.raises(RemoteProtocolError):
        parser.next_event()


def test_complete_and_overrun():
    parser = ResponseParser()
    parser.receive_data(b"Content-Length: 3\n\n")
    parser.next_event()
    assert not parser.complete
    parser.receive_data(b"abc")
    assert parser.next_event() == Data(b"abc")
    assert parser.complete
    assert not parser.overrun
    parser.receive_data(b"d")
    assert parser.next_event() is NEED_DATA
    assert parser.overrun


def test_a_local_redirect_knows_its_target():
    head, _, _ = read([b"Location: /a?b\n\n"])
    assert isinstance(head, LocalRedirect)
    assert head.target == "/a?b"


@given(st.lists(st.integers(0, 60), max_size=6), st.sampled_from([row[:3] for row in GOOD]))
def test_any_split_gives_the_same(cuts, row):
    data, options, head = row
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges) if a < b]
    assert read(pieces, **options)[0] == head


@given(st.binary(max_size=200))
def test_rubbish_is_a_response_or_one_error(data):
    try:
        head, _, ended = read([data])
    except RemoteProtocolError as error:
        assert error.status == 502
    else:
        assert ended
        assert 200 <= head.status <= 599


def test_reading_byte_by_byte_is_linear():
    def cost(size):
        parser = ResponseParser()
        began = time.process_time()
        for _ in range(size):
            parser.receive_data(b"a")
            parser.next_event()
        return time.process_time() - began

    cost(1000)
    assert cost(60_000) < 40 * max(cost(6_000), 0.001)  # ten times the bytes; quadratic would be a hundred times


def test_encoding():
    assert cgi.encode_head("200 OK", [TYPE]) == b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    assert cgi.encode_head("200 OK", [], 7) == b"Status: 200 OK\r\nContent-Length: 7\r\n\r\n"
    assert cgi.encode_head("303 See Other", [("Location", "/")]) == b"Location: /\r\nStatus: 303 See Other\r\n\r\n"
    assert cgi.encode_lines("HTTP/1.1 200 OK", [("X", "\xe9")], None) == b"HTTP/1.1 200 OK\r\nX: \xe9\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "fields", "sentence"),
    [
        ("200 OK\r\nX: y", [], "line break"),
        ("200 OK", [("X", "a\nb")], "line break"),
        ("200 OK", [("X\r", "a")], "line break"),
        ("200 OK", [("X", "\u20ac")], "latin-1"),
    ],
)
def test_encoding_refuses(status, fields, sentence):
    with pytest.raises(LocalProtocolError, match=sentence):
        cgi.encode_head(status, fields)


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9\-]{0,20}", fullmatch=True).filter(
    lambda name: name.lower() not in {"status", "location", "content-type", "content-length", "connection", "upgrade"}
)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=30)


@given(st.integers(200, 599), st.lists(st.tuples(NAMES, VALUES.map(str.strip)), max_size=5), st.binary(max_size=50))
def test_what_is_encoded_is_decoded(status, fields, content):
    fields = [(name, value.strip(" \t")) for name, value in fields if not name.lower().startswith(("proxy-", "te"))]
    fields = [field for field in fields if field[0].lower() not in {"trailer", "transfer-encoding", "keep-alive"}]
    data = cgi.encode_head(f"{status} Reason", fields) + content
    expected = b"" if status in (204, 304) else content
    assert read([data]) == (Response(status, "Reason", fields), expected, True)


def test_a_refusal_is_a_response():
    head, content, _ = read([cgi.refusal(413, "the content is larger than 5 bytes, \u20ac")])
    assert head.status == 413
    assert head.reason in ("Content Too Large", "Request Entity Too Large")  # Python renamed it in 3.13
    assert content == b"the content is larger than 5 bytes, \\u20ac\n"


@pytest.mark.parametrize(
    ("variables", "length"),
    [
        ([], None),
        ([("CONTENT_LENGTH", "")], None),
        ([("CONTENT_LENGTH", "0")], 0),
        ([("A", "1"), ("CONTENT_LENGTH", "007")], 7),
        ([("CONTENT_LENGTH", "9" * cgi.MAX_LENGTH_DIGITS)], 10**cgi.MAX_LENGTH_DIGITS - 1),
    ],
)
def test_content_length(variables, length):
    assert cgi.content_length(variables) == length


@pytest.mark.parametrize("text", ["+5", "-1", "1_0", " 5", "5 ", "0x5", "\xb2", "5.0", "\u0665"])
def test_content_length_that_is_no_number(text):
    with pytest.raises(RemoteProtocolError, match="not a number") as caught:
        cgi.content_length([("CONTENT_LENGTH", text)])
    assert caught.value.status == 400


def test_content_length_twice_or_huge():
    with pytest.raises(RemoteProtocolError, match="more than once"):
        cgi.content_length([("CONTENT_LENGTH", "1"), ("CONTENT_LENGTH", "1")])
    with pytest.raises(RemoteProtocolError) as caught:
        cgi.content_length([("CONTENT_LENGTH", "9" * 19)])
    assert caught.value.status == 413
