"""The encoder: what a response looks like on the wire, and what it never does."""

from __future__ import annotations

import http.client
import io

import pytest

from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import ConnectionClosed, Data, EndOfMessage
from gateway_core.http1 import HttpRequest, Limits, ServerConnection

DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


def asked(request_line="GET / HTTP/1.1", *lines, **options):
    """Return a connection that has read a request."""
    conn = ServerConnection(server="lab", date=lambda: DATE, **options)
    conn.receive_data("\r\n".join([request_line, "Host: a", *lines, "", ""]).encode())
    conn.next_event()
    return conn


def answer(conn, status, fields, length, *pieces):
    return conn.head(status, fields, length) + b"".join(map(conn.data, pieces)) + conn.end()


A = ("X-A", "1")
GET, GET10, HEAD = "GET / HTTP/1.1", "GET / HTTP/1.0", "HEAD / HTTP/1.1"
KEEP = "Connection: keep-alive"
CLOSE = "Connection: close"

TABLE = [
    # checklist, request line, its fields, status, fields, length, content; then head, content, does it close?
    ("HTTP-72", GET, [], "200 OK", [A], 2, [b"hi"], ["200 OK", "X-A: 1", "Content-Length: 2"], b"hi", False),
    ("HTTP-72", GET, [], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0"], b"", False),
    ("HTTP-72", GET, [], "200 OK", [("content-length", "2")], None, [b"h", b"i"], ["200 OK", "Content-Length: 2"],
     b"hi", False),
    ("HTTP-72", GET, [], "200 OK", [("Content-Length", "2")], 2, [b"hi"], ["200 OK", "Content-Length: 2"], b"hi",
     False),
    ("HTTP-64", GET, [], "200", [], 0, [], ["200 ", "Content-Length: 0"], b"", False),
    ("HTTP-64", GET, [], "599 Odd\xe9", [], 0, [], ["599 Odd\xe9", "Content-Length: 0"], b"", False),
    ("HTTP-73", GET, [], "200 OK", [], None, [b"hello", b"!"], ["200 OK", "Transfer-Encoding: chunked"],
     b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", False),
    ("HTTP-73", GET, [], "200 OK", [], None, [], ["200 OK", "Transfer-Encoding: chunked"], b"0\r\n\r\n", False),
    ("HTTP-66", GET10, [], "200 OK", [], None, [b"hi"], ["200 OK", CLOSE], b"hi", True),
    ("HTTP-66", GET10, [KEEP], "200 OK", [], None, [b"hi"], ["200 OK", CLOSE], b"hi", True),
    ("HTTP-90", GET10, [], "200 OK", [], 2, [b"hi"], ["200 OK", "Content-Length: 2", CLOSE], b"hi", True),
    ("HTTP-93", GET10, [KEEP], "200 OK", [], 2, [b"hi"], ["200 OK", "Content-Length: 2", KEEP], b"hi", False),
    ("HTTP-90", GET10, ["Connection: x, KEEP-Alive"], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0", KEEP], b"",
     False),
    ("HTTP-91", GET, [CLOSE], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0", CLOSE], b"", True),
    ("HTTP-90", GET, ["Connection: ,x", "Connection: CLOSE"], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0",
     CLOSE], b"", True),
    ("HTTP-90", GET, ["Connection: keep-alive, close"], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0", CLOSE],
     b"", True),
    ("HTTP-90", GET, ["Connection: closed"], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0"], b"", False),
    ("HTTP-91", GET, [CLOSE], "200 OK", [], None, [b"x"], ["200 OK", "Transfer-Encoding: chunked", CLOSE],
     b"1\r\nx\r\n0\r\n\r\n", True),
    ("HTTP-94", GET, ["Content-Length: 9"], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0", CLOSE], b"", True),
    ("HTTP-94", GET, ["Transfer-Encoding: chunked"], "200 OK", [], 0, [], ["200 OK", "Content-Length: 0", CLOSE], b"",
     True),
    ("HTTP-69", HEAD, [], "200 OK", [A], 2, [], ["200 OK", "X-A: 1", "Content-Length: 2"], b"", False),
    ("HTTP-70", HEAD, [], "200 OK", [A], 0, [], ["200 OK", "X-A: 1"], b"", False),
    ("HTTP-71", HEAD, [], "200 OK", [("Content-Length", "9")], None, [], ["200 OK", "Content-Length: 9"], b"", False),
    ("HTTP-69", HEAD, [], "200 OK", [], None, [], ["200 OK"], b"", False),
    ("HTTP-69", "HEAD / HTTP/1.0", [KEEP], "200 OK", [], None, [], ["200 OK", KEEP], b"", False),
    ("HTTP-67", GET, [], "204 No Content", [A], None, [], ["204 No Content", "X-A: 1"], b"", False),
    ("HTTP-67", GET, [], "204 No Content", [], 0, [], ["204 No Content"], b"", False),
    ("HTTP-67", GET, [], "204 No Content", [("Content-Length", "3")], None, [], ["204 No Content"], b"", False),
    ("HTTP-67", HEAD, [], "204 No Content", [("Content-Length", "3")], None, [], ["204 No Content"], b"", False),
    ("HTTP-70", GET, [], "304 Not Modified", [("ETag", '"a"'), ("Content-Length", "9")], None, [],
     ["304 Not Modified", 'ETag: "a"', "Content-Length: 9"], b"", False),
    ("HTTP-78", GET, [], "304 Not Modified", [("Vary", "*")], None, [], ["304 Not Modified", "Vary: *"], b"", False),
    ("HTTP-69", GET10, [], "304 Not Modified", [], None, [], ["304 Not Modified", CLOSE], b"", True),
    ("WSGI-48", GET, [], "200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], 0, [],
     ["200 OK", "Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Length: 0"], b"", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "line", "request_fields", "status", "fields", "length", "pieces", "head", "content", "closes"), TABLE
)
def test_response(item, line, request_fields, status, fields, length, pieces, head, content, closes):
    conn = asked(line, *request_fields)
    text, _, body = answer(conn, status, fields, length, *pieces).partition(b"\r\n\r\n")
    lines = text.decode("latin-1").split("\r\n")
    assert "Server: lab" in lines
    assert f"Date: {DATE.decode()}" in lines
    expected = [f"HTTP/1.1 {head[0]}", *head[1:]]
    assert [line for line in lines if not line.startswith(("Date:", "Server:"))] == expected
    assert body == content
    assert conn.close_after is closes
    # The same again as a client that we did not write reads it (HTTP-16).
    if "\xe9" not in status:
        parsed = http.client.HTTPResponse(Socket(text + b"\r\n\r\n" + body), method=line.split()[0])
        parsed.begin()
        assert parsed.read() == b"".join(pieces)
        assert parsed.will_close is closes
    # And whether the next request is read.
    conn.receive_data(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    event = conn.next_event()
    assert isinstance(event, ConnectionClosed) if closes else event.target == "/next"


class Socket(io.BytesIO):
    def makefile(self, mode):
        return self


def test_own_date_and_server_are_kept():  # WSGI-48
    head = asked().head("200 OK", [("date", "then"), ("SERVER", "mine")], 0)
    assert head == b"HTTP/1.1 200 OK\r\ndate: then\r\nSERVER: mine\r\nContent-Length: 0\r\n\r\n"


def test_no_clock_no_date_and_no_name_no_server():  # HTTP-74: RFC 9110 section 6.6.1
    conn = ServerConnection(server="")
    conn.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    conn.next_event()
    assert conn.head("200 OK", [], 0) == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


REFUSED = [
    # status, fields, length: nothing of it may be sent (HTTP-16, HTTP-77)
    ("200 OK\r\nX: y", [], 0),
    ("200 OK\n", [], 0),
    ("99 Low", [], 0),
    ("600 High", [], 0),
    ("2000 OK", [], 0),
    ("OK", [], 0),
    ("", [], 0),
    ("\u0662\u0660\u0660 OK", [], 0),
    ("200 \u20ac", [], 0),
    ("101 Switching Protocols", [], None),
    ("200 OK", [("X", "a\r\nSet-Cookie: b")], 0),
    ("200 OK", [("X", "a\nb")], 0),
    ("200 OK", [("X", "a\rb")], 0),
    ("200 OK", [("X", "a\0b")], 0),
    ("200 OK", [("X", "\u20ac")], 0),
    ("200 OK", [("X\r\n", "a")], 0),
    ("200 OK", [("X Y", "a")], 0),
    ("200 OK", [("X:", "a")], 0),
    ("200 OK", [("", "a")], 0),
    ("200 OK", [("Transfer-Encoding", "chunked")], None),
    ("200 OK", [("connection", "close")], 0),
    ("200 OK", [("Keep-Alive", "9")], 0),
    ("200 OK", [("Upgrade", "h2c")], 0),
    ("200 OK", [("Content-Length", "1"), ("content-length", "1")], None),
    ("200 OK", [("Content-Length", "1")], 2),
    ("200 OK", [("Content-Length", "+1")], None),
    ("200 OK", [("Content-Length", "1, 1")], None),
    ("200 OK", [("Content-Length", "")], None),
]


@pytest.mark.parametrize(("status", "fields", "length"), REFUSED)
def test_what_breaks_the_grammar_is_never_sent(status, fields, length):
    conn = asked()
    for _ in range(2):  # the second time too: what is bad is not remembered as good
        with pytest.raises(LocalProtocolError):
            conn.head(status, fields, length)
    assert answer(conn, "500 Internal Server Error", [], 0)


def test_content_is_held_to_its_length():  # HTTP-73, WSGI-68, WSGI-69
    conn = asked()
    conn.head("200 OK", [], 3)
    assert conn.data(b"ab") == b"ab"
    with pytest.raises(LocalProtocolError):
        conn.data(b"cd")
    assert conn.end() == b""
    assert conn.close_after


@pytest.mark.parametrize(
    ("line", "status"),
    [("HEAD / HTTP/1.1", "200 OK"), ("GET / HTTP/1.1", "204 No Content"), ("GET / HTTP/1.1", "304 Not Modified")],
)
def test_no_content_where_none_may_be(line, status):  # HTTP-69
    conn = asked(line)
    conn.head(status, [], None)
    with pytest.raises(LocalProtocolError):
        conn.data(b"x")


def test_an_empty_chunk_would_end_the_content():
    conn = asked()
    conn.head("200 OK", [], None)
    with pytest.raises(LocalProtocolError):
        conn.data(b"")


@pytest.mark.parametrize(
    "calls", [["data"], ["end"], ["head", "head"], ["head", "end", "end"], ["head", "end", "head"]]
)
def test_calls_out_of_order_are_errors(calls):
    conn = asked()
    call = {"head": lambda: conn.head("200 OK", [], 0), "data": lambda: conn.data(b""), "end": conn.end}
    for name in calls[:-1]:
        call[name]()
    with pytest.raises(LocalProtocolError):
        call[calls[-1]]()


def test_no_response_without_a_request():
    with pytest.raises(LocalProtocolError):
        ServerConnection().head("200 OK", [], 0)


def test_close_after_can_be_asked_for():
    conn = asked()
    conn.close_after = True
    assert b"\r\nConnection: close\r\n" in answer(conn, "200 OK", [], 0)
    assert isinstance(conn.next_event(), ConnectionClosed)


@pytest.mark.parametrize("head", ["usual", "written out"])
def test_what_is_to_be_the_last_response_says_so(head):
    conn = asked()
    conn.last = True
    data = conn.whole("200 OK", [], b"x") if head == "usual" else answer(conn, "200 OK", [], 0)
    assert b"\r\nConnection: close\r\n" in data
    assert isinstance(conn.next_event(), ConnectionClosed)


def test_a_response_that_has_begun_is_not_made_the_last_one():
    """Its client has been told that it may ask again, and perhaps does so already."""
    conn = asked()
    assert b"Connection" not in conn.head("200 OK", [], 1)
    conn.last = True
    conn.data(b"x")
    conn.end()
    assert not conn.close_after
    conn.receive_data(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert isinstance(conn.next_event(), HttpRequest)
    assert b"\r\nConnection: close\r\n" in answer(conn, "200 OK", [], 0)
    assert conn.close_after


def test_content_that_goes_on_during_the_response():
    conn = asked("PUT / HTTP/1.1", "Content-Length: 2")
    assert b"\r\nConnection: close\r\n" in conn.head("200 OK", [], 0)
    conn.receive_data(b"ab")
    assert [conn.next_event() for _ in range(2)] == [Data(b"ab"), EndOfMessage()]
    conn.end()
    assert conn.close_after  # it was said, so it is kept
    assert isinstance(conn.next_event(), ConnectionClosed)


def test_interim_responses_come_before_the_final_one():  # HTTP-76, HTTP-85
    conn = asked()
    assert conn.interim(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    hints = [("Link", "</a.css>; rel=preload"), ("Link", "</b.js>; rel=preload")]
    assert conn.interim(103, hints) == (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n"
    )
    assert conn.interim(103) == b"HTTP/1.1 103 Early Hints\r\n\r\n"  # as often as one likes
    conn.head("200 OK", [], 0)
    with pytest.raises(LocalProtocolError):
        conn.interim(103)
    conn.end()
    with pytest.raises(LocalProtocolError):
        conn.interim(103)


def test_no_interim_response_to_a_client_that_knows_none():  # HTTP-76
    assert asked(GET10).interim(100) == b""
    assert asked(GET10).interim(103, [("Link", "</a.css>")]) == b""


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (99, []),
        (101, []),
        (200, []),
        (103, [("Link", "a\r\nSet-Cookie: b")]),
        (103, [("Link\n", "a")]),
        (103, [("Link", "\u20ac")]),
        (103, [("Content-Length", "0")]),
        (103, [("Transfer-Encoding", "chunked")]),
        (103, [("Connection", "close")]),
    ],
)
@pytest.mark.parametrize("line", [GET, GET10])
def test_what_no_interim_response_may_be(line, code, fields):  # HTTP-16, HTTP-67
    conn = asked(line)
    with pytest.raises(LocalProtocolError):
        conn.interim(code, fields)
    assert answer(conn, "200 OK", [], 0).startswith(b"HTTP/1.1 200 OK\r\n")


def test_refusal_is_a_whole_response_and_comes_once():  # HTTP-81, HTTP-108
    conn = ServerConnection(server="lab", date=lambda: DATE)
    conn.receive_data(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    with pytest.raises(RemoteProtocolError) as caught:
        conn.next_event()
    text = "a request of HTTP/1.1 must have a Host\n"
    assert conn.refusal(caught.value).decode() == (
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        f"Content-Length: {len(text)}\r\nDate: {DATE.decode()}\r\nServer: lab\r\nConnection: close\r\n\r\n{text}"
    )
    assert conn.close_after
    assert conn.refusal(caught.value) == b""
    with pytest.raises(RemoteProtocolError):
        conn.next_event()


@pytest.mark.parametrize("status", [400, 408, 413, 414, 417, 431, 501, 503, 505])
def test_refusals_are_read_by_the_standard_library(status):
    raw = asked().refusal(RemoteProtocolError("no \u20ac", status))
    parsed = http.client.HTTPResponse(Socket(raw))
    parsed.begin()
    assert (parsed.status, parsed.read(), parsed.will_close) == (status, b"no \\u20ac\n", True)


@pytest.mark.parametrize(("status", "asked_to_wait"), [(503, True), (413, False), (408, False), (400, False)])
def test_only_what_passes_is_asked_to_come_again(status, asked_to_wait):  # HTTP-105, HTTP-107
    raw = asked().refusal(RemoteProtocolError("no", status))
    assert (b"\r\nRetry-After: " in raw) is asked_to_wait


def test_refusal_has_no_content_for_head():  # HTTP-69
    assert asked(HEAD, "Content-Length: 5").refusal(RemoteProtocolError("no", 413)).endswith(b"\r\n\r\n")
    conn = ServerConnection()
    conn.receive_data(b"HEAD / HTTP/1.1\r\n\r\n")
    with pytest.raises(RemoteProtocolError) as caught:
        conn.next_event()
    assert conn.refusal(caught.value).endswith(b"\r\n\r\n")


def test_refusal_in_the_middle_or_after_the_end():
    conn = asked("PUT / HTTP/1.1", "Content-Length: 5")
    conn.head("200 OK", [], 3)
    with pytest.raises(LocalProtocolError):
        conn.refusal(RemoteProtocolError("late"))
    conn = asked(GET, CLOSE)
    answer(conn, "200 OK", [], 0)
    assert conn.refusal(RemoteProtocolError("late")) == b""


def test_refusal_takes_back_the_invitation_to_go_on():  # HTTP-86
    conn = asked("PUT / HTTP/1.1", "Content-Length: 5", "Expect: 100-continue", limits=Limits())
    conn.refusal(RemoteProtocolError("no", 413))
    assert conn.data_to_send() == b""


@pytest.mark.parametrize("line", [GET, GET10])
@pytest.mark.parametrize("field", [(), (CLOSE,), (KEEP,), ("Content-Length: 3",)])
@pytest.mark.parametrize(
    "fields", [[], [A], [A, A], [("Set-Cookie", "a=1"), ("set-cookie", "b=2")], [("Date", "x")], [("sErver", "y")]]
)
@pytest.mark.parametrize("last", [False, True])
def test_whole_is_head_data_and_end_in_one(line, field, fields, last):
    one, other = asked(line, *field), asked(line, *field)
    one.close_after = other.close_after = last
    assert one.whole("200 OK", fields, b"content") == answer(other, "200 OK", fields, 7, b"content")
    assert one.close_after == other.close_after
    for conn in (one, other):
        conn.receive_data(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    assert one.next_event() == other.next_event()


def test_whole_refuses_what_head_refuses():
    with pytest.raises(LocalProtocolError):
        asked().whole("200 OK", [("Bad Name", "x")], b"content")
    with pytest.raises(LocalProtocolError):
        asked().whole("200 OK", [("Transfer-Encoding", "chunked")], b"content")
    with pytest.raises(LocalProtocolError):
        asked().whole("100 Continue", [], b"content")
    with pytest.raises(LocalProtocolError):
        ServerConnection(date=lambda: DATE).whole("200 OK", [], b"nobody asked")
    for line, status in ((HEAD, "200 OK"), (GET, "204 No Content"), (GET, "304 Not Modified")):
        conn = asked(line)
        with pytest.raises(LocalProtocolError):
            conn.whole(status, [], b"content")
        assert answer(conn, "200 OK", [], 0).startswith(b"HTTP/1.1 200 OK\r\n")  # nothing was sent before
