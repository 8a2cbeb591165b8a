"""Requests made to hurt: without an end, with bytes where they do not belong, or to cost more than they should.

What something costs is counted, in bytes looked at and calls made, and never timed.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_core.errors import RemoteProtocolError
from gateway_core.http1 import DEFAULT_LIMITS, ServerConnection, inbox, request_reader
from gateway_core.http1.limits import CHUNK_LINE, CHUNK_OVERHEAD
from http1_reading import CHUNKED, H, cut, get, outcome, read

PIECE = 1000
HEAD = DEFAULT_LIMITS.head
LINE = DEFAULT_LIMITS.field_line

ENDLESS = [
    # checklist, what begins it, what then comes for ever, status, bytes after which it must be over
    ("HTTP-5", b"", b"\r\n", 400, PIECE),
    ("HTTP-13", b"", b"A", 501, PIECE),
    ("HTTP-14", b"GET /", b"a", 414, LINE),
    ("HTTP-104", b"GET /?", b"a=b&", 414, LINE),
    ("HTTP-9", b"GET / HTTP/1.", b"1", 414, LINE),
    ("HTTP-106", b"GET / HTTP/1.1\r\n", b"a", 431, LINE),
    ("HTTP-106", b"GET / HTTP/1.1\r\nX: ", b"a", 431, LINE),
    ("HTTP-106", b"GET / HTTP/1.1\r\nX:", b" ", 431, LINE),
    ("HTTP-106", b"GET / HTTP/1.1\r\nHost: a", b".a", 431, LINE),
    ("HTTP-51", b"GET / HTTP/1.1\r\nContent-Length: ", b"9", 431, LINE),
    ("HTTP-38", b"GET / HTTP/1.1\r\n", b"X: " + b"a" * 5000 + b"\r\n", 431, HEAD),
    ("HTTP-38", b"GET / HTTP/1.1\r\n", b"a: b\r\n", 431, HEAD),
    ("HTTP-31", b"GET / HTTP/1.1\r\nX: 1\r\n", b" folded\r\n", 400, HEAD),
    ("HTTP-60", get(fields=CHUNKED) + b"1;", b"a", 400, CHUNK_LINE),
    ("HTTP-60", get(fields=CHUNKED) + b"1;a=\"", b"\\\"", 400, CHUNK_LINE),
    ("HTTP-60", get(fields=CHUNKED) + b"1", b";a=b", 400, CHUNK_LINE),
    ("HTTP-60", get(fields=CHUNKED) + b"1", b" ", 400, CHUNK_LINE),
    ("HTTP-60", get(fields=CHUNKED), b"1;" + b"a" * 1000 + b"\r\nx\r\n", 400, 2 * CHUNK_OVERHEAD),
    ("HTTP-60", get(fields=CHUNKED), b"1;" + b"a" * 20 + b"\r\nx\r\n", 400, 8 * CHUNK_OVERHEAD),
    ("HTTP-56", get(fields=CHUNKED), b"f", 400, CHUNK_LINE),
    ("HTTP-56", get(fields=CHUNKED), b"0", 400, CHUNK_LINE),
    ("HTTP-106", get(fields=CHUNKED) + b"0\r\n", b"a", 431, LINE),
    ("HTTP-106", get(fields=CHUNKED) + b"0\r\nX: ", b"a", 431, LINE),
    ("HTTP-106", get(fields=CHUNKED) + b"0\r\n", b"a: b\r\n", 431, HEAD),
    ("HTTP-106", get(fields=CHUNKED) + b"0\r\n", b"X: " + b"a" * 5000 + b"\r\n", 431, HEAD),
]  # fmt: skip


@pytest.mark.parametrize(("item", "start", "forever", "status", "room"), ENDLESS)
@pytest.mark.parametrize("size", [PIECE, 64 * 1024])
def test_what_has_no_end_is_given_one(item, start, forever, status, room, size):  # HTTP-37, HTTP-63
    conn = ServerConnection()
    stream = itertools.chain(start, itertools.cycle(forever))
    fed = held = 0
    with pytest.raises(RemoteProtocolError) as caught:
        for _ in range(10_000_000 // size):
            conn.receive_data(bytes(itertools.islice(stream, size)))
            fed += size
            conn.next_event()
            held = max(held, len(conn._buffer) - conn._at)
    assert caught.value.status == status
    assert fed <= len(start) + room + 2 * size
    assert held <= HEAD + len(start) + size
    assert len(conn._buffer) == 0
    conn.receive_data(b"more")
    assert len(conn._buffer) == 0


def test_one_byte_chunks_with_extensions_are_given_an_end_too():  # HTTP-60, HTTP-63
    """Each is small, and the ratio of framing to content is what gives them away."""
    fair = get(fields=CHUNKED) + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n"
    assert len(read([fair])[0][0][4]) == 40_000
    unfair = get(fields=CHUNKED) + b"1;abcdefghijkl\r\nx\r\n" * 40_000 + b"0\r\n\r\n"
    assert read([unfair]) == ([], 400)


STREAM = (
    b"POST /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\nabcd\r\n1;x=y\r\ne\r\n0\r\nT: 1\r\n\r\n"
)


@pytest.mark.parametrize("byte", [b"\0", b"\r", b"\n", b"\x0b", b"\x7f"])
def test_no_control_byte_passes_anywhere(byte):  # HTTP-2, HTTP-3, HTTP-4, HTTP-32, HTTP-57
    assert read([STREAM])[1] == "open"
    for at in range(len(STREAM) - 1):  # the last byte may be LF, and a second one would belong to the next request
        spoilt = STREAM[:at] + byte + STREAM[at:] + get(b"/smuggled")
        whole = outcome([spoilt])
        assert (at, whole.requests, whole.end) == (at, [], 400)
        assert outcome(cut(spoilt, range(len(spoilt)))) == whole
        assert outcome(cut(spoilt, [at, at + 1])) == whole


@pytest.mark.parametrize("byte", [b"\0", b"\r", b"\n", b" ", b"a"])
def test_no_line_end_can_be_replaced(byte):  # HTTP-2, HTTP-3, HTTP-4
    for at in range(len(STREAM)):
        if STREAM[at : at + 1] in (b"\r", b"\n"):
            for spoilt in (STREAM[:at] + byte + STREAM[at + 1 :], STREAM[:at] + STREAM[at + 1 :]):
                if spoilt != STREAM:
                    whole = outcome([spoilt + get(b"/smuggled")])
                    assert (at, whole.requests, whole.end) in [(at, [], 400), (at, [], 501)]


NUMBERS = [
    # a number far too large for its place
    get(fields=H + b"Content-Length: " + b"9" * 18 + b"\r\n"),
    get(fields=H + b"Content-Length: " + b"9" * 5000 + b"\r\n"),
    get(fields=H + b"Content-Length: " + b"0" * 5000 + b"1\r\n") + b"a",
    get(fields=CHUNKED) + b"f" * 16 + b"\r\n",
    get(fields=CHUNKED) + b"f" * 17 + b"\r\n",
    get(fields=CHUNKED) + b"f" * 4000 + b"\r\n",
    get(fields=CHUNKED) + b"0" * 4000 + b"\r\n\r\n",
    get(fields=b"Host: a:" + b"9" * 5000 + b"\r\n"),
    get(fields=b"Host: a:" + b"0" * 5000 + b"80\r\n"),
    get(fields=b"Host: [" + b"9" * 5000 + b"::]\r\n"),
    get(version=b"HTTP/" + b"1" * 5000 + b".1"),
    get(version=b"HTTP/1." + b"1" * 5000),
    b"CONNECT a:" + b"9" * 5000 + b" HTTP/1.1\r\n" + H + b"\r\n",
    get(b"http://a:" + b"9" * 5000 + b"/"),
]


@pytest.mark.parametrize("data", NUMBERS)
def test_giant_numbers_are_refused(data):  # HTTP-49, HTTP-51, HTTP-56
    """int() is not even asked: with some thousand digits it would raise by itself."""
    whole = outcome([data])
    assert whole.requests == []
    assert whole.end in (400, 413)
    assert outcome(cut(data, range(len(data)))) == whole


class Meter:
    """Counts the bytes that the reading half looks at or copies, and the calls that it makes."""

    def __init__(self, monkeypatch):
        self.cost = 0
        for module, name in ((inbox, "bytearray"), (request_reader, "BARE_LF")):
            made = self._counting(bytearray) if name == "bytearray" else self._searching(request_reader.BARE_LF)
            monkeypatch.setattr(module, name, made, raising=False)
        self.whole = self._counting(bytes)

    def _counting(self, base):
        """Return a subclass of bytes or bytearray that counts."""
        meter = self

        def found(at, begin, end):
            meter.cost += (end if at < 0 else at) - begin
            return at

        class Counting(base):
            def find(self, what, begin=0, end=None):
                end = len(self) if end is None else min(end, len(self))
                return found(super().find(what, begin, end), begin, end)

            def rfind(self, what, begin=0):
                at = super().rfind(what, begin)
                meter.cost += len(self) - max(at, begin)
                return at

            def __getitem__(self, key):
                taken = super().__getitem__(key)
                meter.cost += len(taken)
                return taken

            def __iadd__(self, data):
                meter.cost += len(data)
                return super().__iadd__(data)

        return Counting

    def _searching(self, pattern):
        meter = self

        class Searching:
            def search(self, buffer, begin):
                meter.cost += len(buffer) - begin
                return pattern.search(buffer, begin)

        return Searching()

    def of(self, pieces):
        """Return what reading the pieces costs."""
        pieces = list(map(self.whole, pieces))
        self.cost = 0

        def called(frame, event, argument):
            self.cost += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            result = read(pieces)
        finally:
            sys.setprofile(before)
        assert result[1] == "open"
        return self.cost


COSTLY = [
    # checklist, a stream of about `n` times some bytes
    ("HTTP-111", lambda n: get(fields=H + (b"X: " + b"a" * 7 * n + b"\r\n") * 8)),
    ("HTTP-111", lambda n: get(fields=H + (b"X:" + b" " * 7 * n + b"\r\n") * 8)),
    ("HTTP-111", lambda n: get(b"/" + b"a" * 7 * n)),
    ("HTTP-111", lambda n: get(fields=H + b"Connection: " + b", " * 3 * n + b"\r\n")),
    ("HTTP-111", lambda n: get() * n),
    ("HTTP-111", lambda n: (b"\r\n" + get(fields=H + b"Content-Length: 1\r\n") + b"x") * n),
    ("HTTP-63", lambda n: get(fields=CHUNKED) + b"1\r\nx\r\n" * n + b"0\r\n\r\n"),
    ("HTTP-63", lambda n: get(fields=CHUNKED) + b"1;abc=\"d\"\r\nx\r\n" * n + b"0\r\n\r\n"),
    ("HTTP-63", lambda n: get(fields=CHUNKED) + b"1" + b";a=\"\\\"\"" * (n // 2) + b"\r\nx\r\n0\r\n\r\n"),
    ("HTTP-63", lambda n: get(fields=CHUNKED) + b"0\r\n" + (b"X: " + b"a" * 7 * n + b"\r\n") * 8 + b"\r\n"),
    ("HTTP-63", lambda n: get(fields=CHUNKED) + b"%x\r\n" % (9 * n) + b"x" * 9 * n + b"\r\n0\r\n\r\n"),
    ("HTTP-111", lambda n: get(fields=H + b"Content-Length: %d\r\n" % (9 * n)) + b"x" * 9 * n),
]  # fmt: skip


@pytest.mark.pure("the meter counts calls of Python functions, and stands in for names of modules")
@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(("item", "stream"), COSTLY)
def test_ten_times_the_bytes_cost_ten_times_as_much(item, stream, step, monkeypatch):
    meter = Meter(monkeypatch)
    small, large = stream(100), stream(1000)
    costs = [meter.of(cut(data, range(0, len(data), step))) for data in (small, large)]
    assert costs[1] / len(large) < 1.5 * costs[0] / len(small)
    assert costs[1] < 60 * len(large)
