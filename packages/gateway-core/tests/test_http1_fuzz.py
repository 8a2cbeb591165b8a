"""Fuzzing the HTTP codec: streams made by a grammar, spoilt, and cut in every way, must come to the same.

Each property has a few dozen examples in an ordinary run. `GATELAB_FUZZ=100000` asks for so many:

    GATELAB_FUZZ=100000 python -m pytest -o timeout=0 packages/gateway-core/tests/test_http1_fuzz.py

What hypothesis finds it makes as small as it can, prints, and tries first the next time.
"""

from __future__ import annotations

import os
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

sys.path.insert(0, str(Path(__file__).parent))

from gateway_core.errors import GatewayError, LocalProtocolError, RemoteProtocolError
from gateway_core.events import NEED_DATA, PAUSED, ConnectionClosed, Data, EndOfMessage, NotNow, Response
from gateway_core.http1 import ClientConnection, HttpRequest, Limits, ServerConnection
from http1_reading import CHUNKED, H, cut, get, outcome

fuzzed = settings(
    max_examples=int(os.environ.get("GATELAB_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

SMALL = Limits(request_line=64, field_line=48, fields=4, head=160, body=40)
LIMITS = st.sampled_from([SMALL, Limits()])
RANDOM = st.randoms(use_true_random=False)

# -- the grammar ------------------------------------------------------------------------------------------------------

TCHAR = "!#$%&'*+-.^_`|~09AZaz"
TOKEN = st.text(TCHAR, min_size=1, max_size=8)
METHOD = st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "get"]) | TOKEN
TARGET = st.text("/?&=%.:@;,'\"<>[]\\^`{|}~aZ0", max_size=12).map("/".__add__)
VALUE = st.text('\t !"#,:;=a~\x80\x85\xa0\xff', max_size=12).map(lambda text: text.strip(" \t"))
EXTENSION = st.sampled_from(["", ";a", " ;a=b", ';a="b\\";"', "\t;\ta\t=\tb;c"])
STEERS = {"connection", "content-length", "content-type", "expect", "host", "transfer-encoding"}


@dataclass(frozen=True)
class Made:
    """A request and one of the ways to write it."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    content: bytes
    wire: bytes

    @property
    def expected(self) -> tuple[object, ...]:
        return self.method, self.target, "HTTP/1.1", self.fields, self.content


@st.composite
def requests(draw: st.DrawFn) -> Made:
    """A request that must be read: every choice that the grammar leaves is made at random."""
    names = TOKEN.filter(lambda name: name.lower() not in STEERS)
    fields = draw(st.lists(st.tuples(names, VALUE), max_size=3))
    fields.insert(draw(st.integers(0, len(fields))), ("Host", draw(st.sampled_from(["a", "b:80", "[::1]"]))))
    content = draw(st.binary(max_size=20))
    framing = draw(st.sampled_from(["length", "chunks", "none"]))
    if framing == "length":
        fields.append(("Content-Length", f"{len(content):0{draw(st.integers(1, 4))}}"))
        body = content
    elif framing == "chunks":
        fields.append(("Transfer-Encoding", draw(st.sampled_from(["chunked", "Chunked"]))))
        body = draw(chunked(content))
    else:
        body = content = b""
    method = draw(METHOD.filter(lambda method: method not in ("CONNECT", "TRACE")))
    target = draw(TARGET)
    blank = st.sampled_from(["", " ", "\t ", "  "])
    lines = "".join(f"{draw(cased(name))}:{draw(blank)}{value}{draw(blank)}\r\n" for name, value in fields)
    empty = "\r\n" * draw(st.integers(0, 2))
    wire = f"{empty}{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body
    return Made(method, target, [(name.lower(), value) for name, value in fields], content, wire)


def cased(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.lower(), name.upper()])


@st.composite
def chunked(draw: st.DrawFn, content: bytes) -> bytes:
    """`content` in chunks, with extensions and trailers."""
    wire = b""
    for piece in cut(content, draw(st.lists(st.integers(0, len(content)), max_size=3))):
        size = draw(st.sampled_from(["{:x}", "{:X}", "00{:x}"])).format(len(piece))
        wire += f"{size}{draw(EXTENSION)}\r\n".encode() + piece + b"\r\n" if piece else b""
    last = draw(st.sampled_from(["0", "000"])) + draw(EXTENSION)
    trailers = draw(st.sampled_from(["", "X-Sum: 1\r\n", "A:\r\nB:\t2 \r\n"]))
    return wire + f"{last}\r\n{trailers}\r\n".encode()


STREAMS = st.lists(requests(), min_size=1, max_size=3) | requests().map(lambda made: [made] * 3)

# -- how it is spoilt -------------------------------------------------------------------------------------------------

SNIPPETS = [
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"0", b"5", b"\xff", b"\x7f", b'"',
    b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"http://b/", b"*", b"CONNECT a:1 ",
    b"Content-Length: 3\r\n", b"Content-Length:3\r\n", b"Content-Length: +3\r\n", b"content-length: 99\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:\x0bchunked\r\n", b"transfer-encoding: gzip, chunked\r\n",
    b"Transfer-Encoding : chunked\r\n", b"Host: a\r\n", b"Host: b\r\n", b"Connection: close\r\n", b" folded\r\n",
    b"Expect: 100-continue\r\n", b"Connection: keep-alive\r\n", b"X: 1\r\n", b"X: " + b"a" * 44, b"a" * 30,
    b"a" * 9000, b"M" * 33, b"0\r\n\r\n", b"3;a=b\r\n", b"5\r\nhello\r\n", b"ffffffffffffffff\r\n", b"\x16\x03\x01\x02",
    get(), get(b"/" + b"a" * 49), get(fields=CHUNKED), get(fields=H + b"Content-Length: 4\r\n"),
]  # fmt: skip

PLACE = st.floats(0, 1)
CHANGE = st.tuples(
    st.sampled_from(["insert", "replace", "delete", "repeat", "end"]), PLACE, PLACE, st.sampled_from(SNIPPETS)
)


def spoil(data: bytes, changes: list[tuple[str, float, float, bytes]]) -> bytes:
    """Change `data` in a few places, given as fractions of its length."""
    for how, here, there, snippet in changes:
        a, b = sorted((round(here * len(data)), round(there * len(data))))
        if how == "insert":
            data = data[:a] + snippet + data[a:]
        elif how == "replace":
            data = data[:a] + snippet + data[a + len(snippet) :]
        elif how == "delete":
            data = data[:a] + data[min(b, a + 8) :]
        elif how == "repeat":
            data = data[:b] + data[a:]
        else:
            data = data[:b]
    return data


def at_random(data: bytes, source: random.Random) -> list[bytes]:
    return cut(data, source.sample(range(len(data) + 1), min(len(data), source.randint(1, 5))))


def by_heads(data: bytes) -> list[bytes]:
    """Cut behind every empty line, as requests without content mostly come."""
    return cut(data, [found.end() for found in re.finditer(rb"\r\n\r\n", data)])


def same_everywhere(data, source, **options):
    """Read `data` whole, at random splits and byte by byte; return the one outcome that all must have."""
    whole = outcome([data] if data else [], **options)
    for pieces in (at_random(data, source), at_random(data, source), by_heads(data), cut(data, range(len(data)))):
        assert outcome(filter(None, pieces), **options) == whole
    return whole


# -- requests ---------------------------------------------------------------------------------------------------------


@given(STREAMS, RANDOM, LIMITS)
@fuzzed
def test_what_the_grammar_makes_is_read_back(stream, source, limits):  # HTTP-115
    whole = same_everywhere(b"".join(made.wire for made in stream), source, limits=limits)
    expected = [made.expected for made in stream]
    if limits is SMALL and isinstance(whole.end, int):
        assert whole.end in (413, 414, 431)
        assert whole.requests == expected[: len(whole.requests)]
    else:
        assert (whole.requests, whole.end, whole.left) == (expected, "open", b"")


@given(STREAMS, st.lists(CHANGE, max_size=4), RANDOM, LIMITS, st.booleans(), st.booleans())
@fuzzed
def test_a_spoilt_stream_comes_to_the_same_however_it_is_cut(stream, changes, source, limits, eof, hostless):
    # HTTP-115
    data = spoil(b"".join(made.wire for made in stream), changes)
    whole = same_everywhere(data, source, limits=limits, eof=eof, allow_missing_host=hostless)
    for request in whole.requests:
        is_sane(*request, hostless)


def is_sane(method, target, version, fields, content, hostless):
    """Whatever was read as a request must be one that every other reader takes for the same."""
    values = {name: [value for other, value in fields if other == name] for name, _ in fields}
    assert set(method) <= set("!#$%&'*+-.^_`|~") | set(map(chr, range(48, 123)))
    assert target == "*" or target.startswith("/")
    assert all("!" <= letter <= "~" and letter != "#" for letter in target)
    assert version in ("HTTP/1.0", "HTTP/1.1")
    assert all(letter >= " " or letter == "\t" for _, value in fields for letter in value)
    assert all(value == value.strip(" \t") for _, value in fields)
    assert len(values.get("host", [])) <= 1
    assert hostless or "host" in values or version == "HTTP/1.0"
    lengths, codings = values.get("content-length", []), values.get("transfer-encoding", [])
    assert len(lengths) + len(codings) <= 1
    if lengths:
        assert int(lengths[0]) == len(content)
    elif codings:
        assert (codings[0].lower(), version) == ("chunked", "HTTP/1.1")
    else:
        assert content == b""


@given(st.lists(st.sampled_from(SNIPPETS), max_size=14), RANDOM, LIMITS, st.booleans())
@example([b"GET ", b"/", b" HTTP/1.1\r\n", b"X: " + b"a" * 44, b"\r", b"\n"], random.Random(1), SMALL, False)
@fuzzed
def test_snippets_come_to_the_same_however_they_are_cut(parts, source, limits, eof):  # HTTP-115
    for request in same_everywhere(b"".join(parts), source, limits=limits, eof=eof).requests:
        is_sane(*request, False)


# -- both halves against each other -----------------------------------------------------------------------------------

ANY = st.text(st.characters(max_codepoint=0x17F, categories=["L", "N", "P", "S", "Zs", "Cc"]), max_size=8)
NASTY = (
    ANY
    | TOKEN
    | st.sampled_from(["a\r\nX: y", "\n", "\r", "a b", " a", "a ", "\t", "\0", "\x7f", "chunked", "3", "+3"])
)
NAMES = NASTY | st.sampled_from(
    ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "TE"]
)
FIELDS = st.lists(st.tuples(NAMES, NASTY), max_size=4)


@given(METHOD | NASTY, TARGET | NASTY, FIELDS, st.lists(st.binary(min_size=1, max_size=9), max_size=3), RANDOM)
@fuzzed
def test_what_our_client_sends_our_server_reads(method, target, fields, pieces, source):  # HTTP-16
    """Whatever it is asked to send: it refuses, or the server reads one request and the same one, or refuses it."""
    conn = ClientConnection(keep_alive=True)
    try:
        wire = conn.send(HttpRequest(method, target, "HTTP/1.1", [("Host", "a"), *fields], b"", not pieces))
        wire += b"".join(conn.send(Data(piece)) for piece in pieces)
        wire += conn.send(EndOfMessage()) if pieces else b""
    except LocalProtocolError:
        return
    whole = same_everywhere(wire, source)
    names = {name.lower() for name, _ in fields}
    if not isinstance(whole.end, int):
        ((read_method, read_target, _, read_fields, content),) = whole.requests
        assert (read_method, content) == (method, b"".join(pieces))
        assert read_target == target or not target.startswith("/")
        assert set(read_fields) >= {(n.lower(), v) for n, v in fields if n.lower() not in {*STEERS, "connection"}}
    else:
        assert whole.requests == []
        assert names & STEERS or not target.startswith("/") or method in ("CONNECT", "TRACE") or len(method) > 32


@given(
    st.sampled_from([get(), get(method=b"HEAD"), get(version=b"HTTP/1.0"), get(fields=H + b"Connection: close\r\n")]),
    st.sampled_from(["200 OK", "204 No Content", "304 Not Modified", "404 \xff", "500 "]) | NASTY,
    FIELDS,
    st.none() | st.integers(0, 12),
    st.lists(st.binary(max_size=9), max_size=3),
    RANDOM,
)
@fuzzed
def test_what_our_server_sends_our_client_reads(request_, status, fields, length, pieces, source):  # HTTP-16, HTTP-77
    """Whatever an application gives: it is refused, or a client reads that response and nothing else."""
    conn = ServerConnection(server="", date=None)
    conn.receive_data(request_)
    conn.next_event()
    bare = request_.startswith(b"HEAD") or status[:3] in ("204", "304")
    try:
        wire = conn.interim(103, fields) + conn.head(status, fields, length)
        wire += b"".join(conn.data(piece) for piece in pieces) if not bare else b""
        wire += conn.end()
    except LocalProtocolError:
        return
    sent = b"" if bare else b"".join(pieces)
    short = length is not None and not bare and len(sent) < length
    expected = [f for f in fields if f[0].lower() != "connection"]
    for chunks in ([wire], at_random(wire, source), cut(wire, range(len(wire)))):
        client = ClientConnection(keep_alive=True, head=request_.startswith(b"HEAD"))
        head, content, end = receive(client, chunks, eof=conn.close_after)
        assert f"{head.status} {head.reason}".strip(" ") == status.strip(" \t")
        assert [f for f in head.fields if f[0].lower() != "content-length"] == [
            (name, value.strip(" \t")) for name, value in expected if name.lower() != "content-length"
        ]
        assert (content, end) == (sent, "error" if short else "end")
        assert client.reusable == (not conn.close_after)


def receive(client: ClientConnection, pieces, *, eof=False):
    """Read one response; return head, content, and "end", "more" or "error"."""
    client.send(HttpRequest("GET", "/", "HTTP/1.1", [("Host", "a")]))
    head, content = None, b""
    try:
        for piece in [*filter(None, pieces), b""] if eof else filter(None, pieces):
            client.receive_data(piece)
            while not isinstance(event := client.next_event(), NotNow):
                if isinstance(event, Response):
                    head = event
                elif isinstance(event, Data):
                    content += event.data
                else:
                    return head, content, "end"
    except RemoteProtocolError as error:
        assert error.status == 502
        return head, content, "error"
    return head, content, "more"


RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.0 404 Not Found\r\nX: y\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\n\r\n",
]


@given(st.sampled_from(RESPONSES), st.lists(CHANGE, max_size=4), RANDOM, LIMITS, st.booleans())
@fuzzed
def test_a_spoilt_response_comes_to_the_same_however_it_is_cut(response, changes, source, limits, eof):
    data = spoil(response, changes)
    results = [
        receive(ClientConnection(keep_alive=True, limits=limits), pieces, eof=eof)
        for pieces in ([data], at_random(data, source), cut(data, range(len(data))))
    ]
    assert results[1:] == results[:-1]


# -- calls in any order -----------------------------------------------------------------------------------------------


class Calls(RuleBasedStateMachine):
    """A server's connection whose methods are called in any order, with bytes of any kind.

    It must never raise anything but its own errors, must stay in error once it is, and what it has said must read as
    whole responses, one for each that was ended.
    """

    def __init__(self):
        super().__init__()
        self.conn = ServerConnection(limits=SMALL)
        self.error = None
        self.said = b""  # all of it
        self.methods = []  # of the requests that were given
        self.ended = 0
        self.refused = False

    def attempt(self, call, *arguments):
        try:
            self.said += call(*arguments)
        except LocalProtocolError:
            return False
        return True

    @rule(
        data=st.lists(st.sampled_from(SNIPPETS), min_size=1, max_size=3).map(b"".join)
        | requests().map(lambda m: m.wire)
    )
    def receive(self, data):
        self.conn.receive_data(data)

    @rule()
    def end_of_file(self):
        self.conn.receive_data(b"")

    @rule()
    def next_event(self):
        try:
            event = self.conn.next_event()
        except RemoteProtocolError as error:
            assert self.error in (None, error)
            self.error = error
            return
        assert self.error is None
        if isinstance(event, HttpRequest):
            self.methods.append(event.method)
        over = self.refused or self.conn.close_after
        assert not over or event in (PAUSED, NEED_DATA) or isinstance(event, ConnectionClosed | Data | EndOfMessage)

    @rule(
        status=st.sampled_from(["200 OK", "204 No Content", "304 Not Modified", "100 Continue", "bad"]),
        fields=FIELDS,
        length=st.none() | st.just(3),
    )
    def head(self, status, fields, length):
        self.attempt(self.conn.head, status, fields, length)

    @rule(data=st.sampled_from([b"", b"a", b"bc", b"def"]))
    def data(self, data):
        self.attempt(self.conn.data, data)

    @rule()
    def end(self):
        self.ended += self.attempt(self.conn.end)

    @precondition(lambda self: self.conn._writing.name == "HEAD")  # it is for speed, and leaves this to its caller
    @rule(data=st.sampled_from([b"a", b"bcd"]))
    def whole(self, data):
        request = self.conn._request
        done = self.attempt(self.conn.whole, "200 OK", [("X", "y")], data)
        self.ended += done
        assert done == (request is not None and request.method != "HEAD")

    @rule(code=st.sampled_from([100, 103, 101, 200]))
    def interim(self, code):
        self.attempt(self.conn.interim, code, [("Link", "<a>")])

    @precondition(lambda self: self.error is not None)
    @rule()
    def refuse(self):
        before = len(self.said)
        self.attempt(self.conn.refusal, self.error)
        assert not self.refused or len(self.said) == before
        self.refused = self.refused or len(self.said) > before

    def teardown(self):
        """Read all that was said as a client does: every response that was ended is there, and in order."""
        rest = self.said + self.conn.data_to_send()
        for method in self.methods[: self.ended]:
            client = ClientConnection(keep_alive=True, head=method == "HEAD")
            client.send(HttpRequest(method, "/", "HTTP/1.1", [("Host", "a")]))
            client.receive_data(rest)
            client.receive_data(b"")
            try:
                while not isinstance(client.next_event(), EndOfMessage):
                    pass
            except GatewayError:
                assert self.conn.close_after  # too little content: only closing tells
                return
            rest = bytes(client._buffer[client._at :])
        assert rest == b"" or rest.startswith(b"HTTP/1.1 ")


TestCalls = Calls.TestCase
TestCalls.settings = settings(fuzzed, stateful_step_count=25)
