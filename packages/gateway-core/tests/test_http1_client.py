"""The client: responses at every split, requests in both forms, round trips, the standard library beside it."""

from __future__ import annotations

import http.client
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import NEED_DATA, Data, EndOfMessage, Request, Response
from gateway_core.http1 import ClientConnection, HttpRequest, Limits, ServerConnection


def read(pieces, *, eof=True, head=False, keep_alive=True, **options):
    """Return head, content, and how it ended: ("end", is it reusable?), "open" or "broken"."""
    conn = ClientConnection(keep_alive, head, **options)
    conn.send(HttpRequest("HEAD" if head else "GET", "/", "HTTP/1.1", [("host", "a")]))
    response, content = None, b""
    try:
        for piece in [*pieces, b""] if eof else pieces:
            conn.receive_data(piece)
            while (event := conn.next_event()) is not NEED_DATA:
                if isinstance(event, Response):
                    assert response is None
                    response = event
                elif isinstance(event, Data):
                    assert event.data
                    content += event.data
                else:
                    assert isinstance(event, EndOfMessage)
                    assert conn.next_event() is NEED_DATA
                    return response, content, ("end", conn.reusable)
    except RemoteProtocolError as error:
        assert error.status == 502
        assert not conn.reusable
        with pytest.raises(RemoteProtocolError):
            conn.next_event()
        return response, content, "broken"
    return response, content, "open"


def everywhere(data, **options):
    whole = read([data], **options)
    assert read([data[i : i + 1] for i in range(len(data))], **options) == whole
    for at in range(1, min(len(data), 200)):
        assert read([data[:at], data[at:]], **options) == whole
    return whole


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

GOOD = [
    # bytes, options, Response, content, reusable; the end of file comes only with "eof": it would spoil the connection
    (OK + b"Content-Length: 2\r\n\r\nhi", {}, Response(200, "OK", [("Content-Length", "2")]), b"hi", True),
    (OK + b"Content-Length: 0\r\n\r\n", {}, Response(200, "OK", [("Content-Length", "0")]), b"", True),
    (OK + b"X-A:1\r\nx-a:\t2 \r\nContent-Length: 0\r\n\r\n", {},
     Response(200, "OK", [("X-A", "1"), ("x-a", "2"), ("Content-Length", "0")]), b"", True),
    (b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", {}, Response(299, "", [("Content-Length", "0")]), b"", True),
    (b"HTTP/1.1 404 N\xe9 such\r\nContent-Length: 0\r\n\r\n", {}, Response(404, "N\xe9 such", [("Content-Length",
     "0")]), b"", True),
    (CHUNKED + b"2\r\nhi\r\n1;x=y\r\n!\r\n0\r\nX: y\r\n\r\n", {}, Response(200, "OK", []), b"hi!", True),
    (CHUNKED + b"0\r\n\r\n", {}, Response(200, "OK", []), b"", True),
    (OK + b"\r\nall of it", {"eof": True}, Response(200, "OK", []), b"all of it", False),
    (OK + b"\r\n", {"eof": True}, Response(200, "OK", []), b"", False),
    (OK + b"Connection: x, Close\r\nContent-Length: 1\r\n\r\na", {}, Response(200, "OK", [("Content-Length", "1")]),
     b"a", False),
    (OK + b"Content-Length: 1\r\n\r\na", {"keep_alive": False}, Response(200, "OK", [("Content-Length", "1")]), b"a",
     False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", {}, Response(200, "OK", [("Content-Length", "1")]), b"a", False),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", {},
     Response(200, "OK", [("Content-Length", "1")]), b"a", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", {}, Response(204, "No Content", []), b"", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", {}, Response(304, "Not Modified", [("Content-Length",
     "9")]), b"", True),
    (OK + b"Content-Length: 9\r\n\r\n", {"head": True}, Response(200, "OK", [("Content-Length", "9")]), b"", True),
    (CHUNKED, {"head": True}, Response(200, "OK", []), b"", True),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", {},
     Response(200, "OK", [("Content-Length", "0")]), b"", True),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw", {"eof": True},
     Response(101, "Switching Protocols", [("Upgrade", "x"), ("Connection", "upgrade")]), b"raw", False),
]  # fmt: skip


@pytest.mark.parametrize(("data", "options", "response", "content", "reusable"), GOOD)
def test_good_response(data, options, response, content, reusable):
    options = {"eof": False, **options}
    assert everywhere(data, **options) == (response, content, ("end", reusable))


BAD = [
    b"",
    b"\r\n\r\n",
    b"hello",
    b"HTTP/1.1 200 OK",
    OK,
    OK + b"X: 1\r\n",
    b"\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    b"HTTP/1.1 200 OK\n\n",
    b"HTTP/1.1 200\r\n\r\n",
    b"HTTP/1.1  200 OK\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 099 OK\r\n\r\n",
    b"HTTP/1.1 600 OK\r\n\r\n",
    b"HTTP/1.1 2x0 OK\r\n\r\n",
    b"HTTP/1.1 200 a\x00b\r\n\r\n",
    b"HTTP/2.0 200 OK\r\n\r\n",
    b"HTTP/1.10 200 OK\r\n\r\n",
    b"http/1.1 200 OK\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    OK + b"X\r\n\r\n",
    OK + b": 1\r\n\r\n",
    OK + b"X : 1\r\n\r\n",
    OK + b" X: 1\r\n\r\n",
    OK + b"X: 1\r\n 2\r\n\r\n",
    OK + b"X: \x00\r\n\r\n",
    OK + b"X: a\rb\r\n\r\n",
    OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    OK + b"Content-Length: +1\r\n\r\na",
    OK + b"Content-Length: \r\n\r\na",
    OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: gzip\r\n\r\n",
    OK + b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    OK + b"X: 1\r\n" * 201 + b"\r\n",
    OK + b"X: " + b"a" * 70000 + b"\r\n\r\n",
    OK + b"X: " + b"a" * 70000,
    b"HTTP/1.1 100 Continue\r\n\r\n" * 17 + OK + b"Content-Length: 0\r\n\r\n",
]


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_bad_head(data):
    check = everywhere if len(data) < 1000 else lambda data: read([data])
    assert check(data) == (None, b"", "broken")


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (OK + b"Content-Length: 3\r\n\r\nab", b"ab"),
        (CHUNKED + b"2\r\nab\r\n", b"ab"),
        (CHUNKED + b"2\r\nab\r\n0\r\n", b"ab"),
        (CHUNKED + b"2\r\nabc\r\n0\r\n\r\n", b"ab"),
        (CHUNKED + b"2\r\nab\r\nx\r\n", b"ab"),
        (CHUNKED + b"2\r\nab\r\n0\r\nContent-Length: 1\r\n\r\n", b"ab"),
    ],
)
def test_content_before_the_fault_is_given(data, content):
    response, seen, end = everywhere(data)
    assert (response.status, seen, end) == (200, content, "broken")


def test_what_was_not_asked_for_spoils_the_connection():
    data = OK + b"Content-Length: 1\r\n\r\na"
    assert read([data], eof=False)[2] == ("end", True)
    assert read([data + b"HTTP/1.1 200 OK\r\n"], eof=False)[2] == ("end", False)
    conn = ClientConnection(keep_alive=True)
    assert not conn.reusable
    conn.send(HttpRequest("GET", "/", "HTTP/1.1", []))
    conn.receive_data(data)
    assert [type(conn.next_event()) for _ in range(3)] == [Response, Data, EndOfMessage]
    assert conn.reusable
    conn.receive_data(b"")
    assert not conn.reusable


def test_an_answer_before_the_request_was_sent_spoils_the_connection():
    conn = ClientConnection(keep_alive=True)
    conn.send(HttpRequest("PUT", "/", "HTTP/1.1", [("content-length", "5")], b"", False))
    conn.receive_data(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    assert [type(conn.next_event()) for _ in range(2)] == [Response, EndOfMessage]
    assert not conn.reusable


# -- requests ----------------------------------------------------------------------------------------------------------


def sent(*events, keep_alive=False):
    """Send the events to our server; return what it reads, content joined, and the bytes."""
    client, server = ClientConnection(keep_alive), ServerConnection()
    raw = b"".join(map(client.send, events))
    server.receive_data(raw)
    request = server.next_event()
    content = request.body
    while not request.complete and not isinstance(event := server.next_event(), EndOfMessage):
        content += event.data
    return request, content, raw


CLOSE = ("connection", "close")

VARIABLES = [
    # variables, target, fields
    ([], "/", [("host", "localhost"), CLOSE]),
    ([("REQUEST_METHOD", "GET"), ("HTTP_HOST", "a:1")], "/", [("host", "a:1"), CLOSE]),
    ([("SERVER_NAME", "b"), ("SERVER_PORT", "80")], "/", [("host", "b"), CLOSE]),
    ([("SERVER_NAME", "b"), ("SERVER_PORT", "8080")], "/", [("host", "b:8080"), CLOSE]),
    ([("REQUEST_URI", "/a%2fb?c=%20"), ("PATH_INFO", "/a/b")], "/a%2fb?c=%20", [("host", "localhost"), CLOSE]),
    ([("REQUEST_URI", "http://x/y"), ("PATH_INFO", "/y")], "/y", [("host", "localhost"), CLOSE]),
    ([("SCRIPT_NAME", "/app"), ("PATH_INFO", "/a b?#%\xc3\xa9")], "/app/a%20b%3F%23%25%C3%A9", [("host", "localhost"),
     CLOSE]),
    ([("PATH_INFO", "/p"), ("QUERY_STRING", "q=1&r")], "/p?q=1&r", [("host", "localhost"), CLOSE]),
    ([("HTTP_X_A", "1"), ("HTTP_ACCEPT", ""), ("HTTP_X_A", "2")], "/",
     [("host", "localhost"), ("x-a", "1"), ("accept", ""), ("x-a", "2"), CLOSE]),
    ([("HTTP_CONNECTION", "upgrade"), ("HTTP_UPGRADE", "h2c"), ("HTTP_TE", "x"), ("HTTP_PROXY", "x"), ("HTTP_EXPECT",
     "x"),
      ("HTTP_TRANSFER_ENCODING", "chunked"), ("HTTP_CONTENT_LENGTH", "7"), ("HTTP_KEEP_ALIVE", "1"), ("HTTP_TRAILER",
       "x")], "/",
     [("host", "localhost"), CLOSE]),
    ([("CONTENT_TYPE", "a/b"), ("CONTENT_LENGTH", "")], "/", [("host", "localhost"), ("content-type", "a/b"), CLOSE]),
    ([("CONTENT_LENGTH", "0")], "/", [("host", "localhost"), ("content-length", "0"), CLOSE]),
    ([("SERVER_PROTOCOL", "HTTP/1.0"), ("GATEWAY_INTERFACE", "CGI/1.1"), ("REMOTE_ADDR", "::1")], "/", [("host",
     "localhost"), CLOSE]),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "target", "fields"), VARIABLES)
def test_request_of_variables(variables, target, fields):
    request, content, _ = sent(Request(variables))
    assert (request.method, request.target, request.version, request.fields) == ("GET", target, "HTTP/1.1", fields)
    assert content == b""


CONTENT = [
    # fields or variables with a length?, complete, pieces, how it goes
    (None, True, [b"hello"], b"content-length: 5\r\n"),
    (None, True, [b""], b"content-length: 0\r\n"),
    ("5", True, [b"hello"], b"content-length: 5\r\n"),
    ("5", False, [b"he", b"llo"], b"content-length: 5\r\n"),
    ("5", False, [b"", b"hello"], b"content-length: 5\r\n"),
    (None, False, [b"he", b"llo"], b"transfer-encoding: chunked\r\n"),
    (None, False, [b""], b"transfer-encoding: chunked\r\n"),
]


@pytest.mark.parametrize(("length", "complete", "pieces", "line"), CONTENT)
@pytest.mark.parametrize("form", ["http", "variables"])
def test_content_of_requests(form, length, complete, pieces, line):
    if form == "http":
        fields = [("host", "a"), *([("content-length", length)] if length else [])]
        first = HttpRequest("POST", "/", "HTTP/1.1", fields, pieces[0], complete)
    else:
        variables = [("REQUEST_METHOD", "POST"), *([("CONTENT_LENGTH", length)] if length else [])]
        first = Request(variables, pieces[0], complete)
    events = [first, *map(Data, pieces[1:])] + ([] if complete else [EndOfMessage()])
    request, content, raw = sent(*events)
    assert content == b"".join(pieces)
    assert line in raw
    assert request.method == "POST"


def test_keep_alive_is_said():
    assert b"\r\nconnection: keep-alive\r\n" in sent(Request([]), keep_alive=True)[2]


WRONG = [
    [HttpRequest("G T", "/", "HTTP/1.1", [])],
    [HttpRequest("GET", "/a b", "HTTP/1.1", [])],
    [HttpRequest("GET", "/\r\nX: y", "HTTP/1.1", [])],
    [HttpRequest("GET", "/", "HTTP/1.1", [("X", "a\r\nY: b")])],
    [HttpRequest("GET", "/", "HTTP/1.1", [("X:", "a")])],
    [HttpRequest("GET", "/", "HTTP/1.1", [("X", " a")])],
    [HttpRequest("GET", "/", "HTTP/1.1", [("X", "\u20ac")])],
    [HttpRequest("GET", "/", "HTTP/1.1", [("content-length", "2")], b"a")],
    [HttpRequest("GET", "/", "HTTP/1.1", [("content-length", "2")], b"abc")],
    [HttpRequest("GET", "/", "HTTP/1.1", [("content-length", "2"), ("Content-Length", "2")], b"ab")],
    [HttpRequest("GET", "/", "HTTP/1.1", [("content-length", "x")], b"ab")],
    [HttpRequest("GET", "/", "HTTP/1.1", [("transfer-encoding", "gzip")], b"ab")],
    [HttpRequest("GET", "/", "HTTP/1.1", [("transfer-encoding", "chunked"), ("content-length", "2")], b"ab")],
    [HttpRequest("GET", "/", "HTTP/1.0", [], b"ab", False)],
    [HttpRequest("GET", "/", "HTTP/1.1", [("content-length", "2")], b"a", False), Data(b"bc")],
    [HttpRequest("GET", "/", "HTTP/1.1", [("content-length", "2")], b"a", False), EndOfMessage()],
    [Request([("REQUEST_METHOD", "G\r\nT")])],
    [Request([("HTTP_X", "a\nb")])],
    [Request([("CONTENT_LENGTH", "3")], b"ab")],
    [Request([]), Request([])],
    [Request([]), Data(b"x")],
    [Request([]), EndOfMessage()],
    [Data(b"x")],
    [EndOfMessage()],
]


@pytest.mark.parametrize("events", WRONG, ids=range(len(WRONG)))
def test_what_may_not_be_sent(events):
    client = ClientConnection()
    for event in events[:-1]:
        client.send(event)
    with pytest.raises(LocalProtocolError):
        client.send(events[-1])


# -- both ends ---------------------------------------------------------------------------------------------------------

TOKEN = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_!", min_size=1, max_size=8)
VALUE = st.text('abc XYZ\xe9,;="', max_size=12).map(str.strip)
FIELDS = st.lists(st.tuples(TOKEN.map("x-".__add__), VALUE), max_size=5)


@given(TOKEN, FIELDS, st.lists(st.binary(min_size=1, max_size=40), max_size=4), st.booleans(), st.booleans())
def test_round_trip(method, fields, pieces, sized, answer_sized):
    body = b"".join(pieces)
    client, server = ClientConnection(keep_alive=True), ServerConnection(server="")
    lengths = [("content-length", str(len(body)))] if sized else []
    raw = client.send(HttpRequest(method, "/x?y", "HTTP/1.1", [("host", "a"), *fields, *lengths], b"", False))
    raw += b"".join(client.send(Data(piece)) for piece in pieces) + client.send(EndOfMessage())
    server.receive_data(raw)
    request = server.next_event()
    framing = lengths or [("transfer-encoding", "chunked")]
    assert request == (
        method,
        "/x?y",
        "HTTP/1.1",
        [("host", "a"), *fields, *framing, ("connection", "keep-alive")],
        body,
        True,
    )
    answer = server.head("200 Yes", fields, len(body) if answer_sized else None)
    answer += b"".join(map(server.data, pieces)) + server.end()
    assert not server.close_after
    client.receive_data(answer)
    response = client.next_event()
    lengths = [("Content-Length", str(len(body)))] if answer_sized else []
    assert response == Response(200, "Yes", [*fields, *lengths])
    content = b""
    while not isinstance(event := client.next_event(), EndOfMessage):
        content += event.data
    assert content == body
    assert client.reusable


class Socket(io.BytesIO):
    def makefile(self, mode):
        return self


@pytest.mark.parametrize(("data", "options", "response", "content", "reusable"), GOOD)
def test_the_standard_library_reads_the_same(data, options, response, content, reusable):
    if response.status == 101 or b" 103 " in data:
        return  # http.client passes over 100 only, and knows no 101
    other = http.client.HTTPResponse(Socket(data), method="HEAD" if options.get("head") else "GET")
    other.begin()
    theirs = [
        (name, value.strip(" \t"))
        for name, value in other.getheaders()
        if name not in ("Transfer-Encoding", "Connection")
    ]
    assert (other.status, other.reason, theirs, other.read()) == (
        response.status,
        response.reason,
        response.fields,
        content,
    )
    assert other.will_close is (not reusable) or options.get("keep_alive") is False


def test_limits_can_be_set():
    data = OK + b"X: 1\r\n" * 3 + b"Content-Length: 0\r\n\r\n"
    assert read([data], limits=Limits(fields=4))[2] == ("end", True)
    assert read([data], limits=Limits(fields=3))[2] == "broken"
    chunks = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    assert read([chunks], limits=Limits(body=5))[2] == ("end", True)
    assert read([chunks], limits=Limits(body=4))[2] == "broken"
