"""Slow visitors: what is kept of an answer, and content that is read while it comes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_core.client import Content
from gateway_core.errors import BadGateway
from gateway_core.exchange import RECEIVE
from gateway_runtime.testing import Server, wait_until
from http_front.buffering import Answer, LiveContent

# -- what is kept -----------------------------------------------------------------------------------------------------


class Source:
    """The content of a backend's answer. `ready` is how many pieces come before the visitor can be written to."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = list(pieces)
        self.ready = 0
        self.ended: list[bool] = []
        self.content = Content(iter(self._next, None), self.ended.append, self._ready)

    def _next(self) -> bytes:
        if not self.pieces:
            raise StopIteration
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def _ready(self, other: int) -> bool:
        self.ready -= 1
        return self.ready >= 0


def test_what_comes_passes():
    source = Source(b"a", b"b")
    answer = Answer(source.content)
    assert list(answer) == [b"a", b"b"]
    assert source.ended == [True]
    answer.close()


@pytest.mark.parametrize("block", [1, 10, 70_000])
@pytest.mark.parametrize("ahead", [0, 1, 3, 99])
def test_what_is_kept_comes_first_and_in_order(block, ahead):
    pieces = [os.urandom(block) for _ in range(8)]
    source = Source(*pieces)
    answer = Answer(source.content)
    got = next(answer)
    for piece in answer:
        got += piece
        source.ready = ahead
        answer.collect(7)
    assert got == b"".join(pieces)
    assert source.ended == [True]
    answer.close()


def test_the_backend_is_free_when_its_answer_is_read():
    source = Source(b"a", b"b", b"c")
    answer = Answer(source.content)
    assert next(answer) == b"a"
    source.ready = 99
    answer.collect(7)
    assert source.ended == [True]
    assert list(answer) == [b"bc"]
    answer.close()


def test_an_answer_that_breaks_off_breaks_off_after_what_was_kept():
    source = Source(b"a", b"b", BadGateway("gone"))
    answer = Answer(source.content)
    next(answer)
    source.ready = 99
    answer.collect(7)
    assert next(answer) == b"b"
    for _ in range(2):
        with pytest.raises(BadGateway):
            next(answer)
    answer.close()


def test_no_more_is_kept_than_the_limit():
    source = Source(*[b"x" * 10] * 9)
    answer = Answer(source.content, most=25)
    next(answer)
    source.ready = 99
    answer.collect(7)
    assert len(source.pieces) == 5  # one has passed, three are kept
    assert b"".join(answer) == b"x" * 80
    answer.close()


def test_a_full_disk_breaks_the_answer_off(monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("http_front.buffering.spool", Full)
    source = Source(b"a", b"b")
    answer = Answer(source.content)
    next(answer)
    source.ready = 99
    answer.collect(7)
    assert source.ended == [False]
    with pytest.raises(BadGateway, match="cannot be kept: No space left"):
        next(answer)
    answer.close()


def test_what_was_kept_is_dropped_with_the_answer():
    source = Source(b"a", b"b" * 100_000, b"c")
    answer = Answer(source.content)
    next(answer)
    source.ready = 1
    answer.collect(7)
    answer.close()
    assert source.ended == [False]


# -- content that is still on its way ---------------------------------------------------------------------------------


def test_content_as_it_comes():
    more = [b"cd", b"efgh", b""]
    content = LiveContent(b"ab", lambda other: more.pop(0))
    assert [content.read(3) for _ in range(6)] == [b"ab", b"cd", b"efg", b"h", b"", b""]
    content.close()
    more = [b"a\nb", b"c\n", b""]
    content = LiveContent(b"", lambda other: more.pop(0))
    assert content.readlines() == [b"a\n", b"bc\n"]
    assert content.readable()
    content.close()


def test_somebody_else_may_speak_before_content_comes():
    more = [None, b"cd", b""]
    content = LiveContent(b"ab", lambda other: more.pop(0))
    assert content.at_hand(7)
    assert content.read(9) == b"ab"
    assert not content.at_hand(7)
    assert content.at_hand(7)
    assert content.read(9) == b"cd"
    assert content.at_hand(7)
    assert content.read(9) == b""
    assert content.at_hand(7)
    content.close()


# -- between a visitor and a backend ----------------------------------------------------------------------------------


PLAN = """
[[route]]
to = ["{url}"]
buffer = {buffer}
"""


class Backend:
    """An SCGI server of one connection at a time: `play(sock)` gets it."""

    def __init__(self, path: Path, play) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()
        self.play = play
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                with sock:
                    self.play(sock)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@contextlib.contextmanager
def world(tmp_path: Path, play, buffer: bool, *options: str) -> Iterator[Server]:
    (tmp_path / "plan.toml").write_text(
        PLAN.format(url=f"scgi+unix:{tmp_path}/backend", buffer="true" if buffer else "false")
    )
    with contextlib.closing(Backend(tmp_path / "backend", play)):
        arguments = ("--config", f"{tmp_path}/plan.toml", "--bind", f"unix:{tmp_path}/front", *options)
        with Server("http_front", *arguments) as front:
            yield front


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(1 << 20), b""))


SIZE = 8_000_000  # more than all sockets on the way hold
CONTENT = os.urandom(1000) * (SIZE // 1000)


@pytest.mark.parametrize("buffer", [True, False])
def test_a_slow_visitor_holds_a_backend_or_not(tmp_path: Path, buffer: bool) -> None:
    free = threading.Event()

    def play(sock: socket.socket) -> None:
        sock.recv(RECEIVE)
        free.clear()
        sock.sendall(f"Status: 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode() + CONTENT)
        free.set()

    with world(tmp_path, play, buffer) as front, front.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = sock.recv(1000)
        if buffer:
            assert free.wait(20), "the backend has sent everything, the visitor has read nothing"
        else:
            assert not free.wait(0.2)
        got += read_all(sock)
        head, _, content = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert hashlib.sha256(content).digest() == hashlib.sha256(CONTENT).digest()


def test_a_stream_passes_as_it_comes_although_it_is_buffered(tmp_path: Path) -> None:
    seen = threading.Event()

    def play(sock: socket.socket) -> None:
        sock.recv(RECEIVE)
        sock.sendall(b"Status: 200 OK\r\n\r\none")
        assert seen.wait(20)
        sock.sendall(b"two")

    with world(tmp_path, play, True) as front, front.connect() as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        got = b""
        while not got.endswith(b"one"):
            got += sock.recv(1000)
        seen.set()
        assert read_all(sock) == b"two"


def request(size: int) -> bytes:
    return f"POST /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()


def test_content_goes_on_as_it_comes_without_buffering(tmp_path: Path) -> None:
    arrived: list[bytes] = [b""]

    def play(sock: socket.socket) -> None:
        arrived[0] = b""
        while not arrived[0].endswith(b"end"):
            arrived[0] += sock.recv(RECEIVE)
        sock.sendall(b"Status: 200 OK\r\nContent-Length: 6\r\n\r\nthanks")

    with world(tmp_path, play, False) as front, front.connect() as sock:
        sock.sendall(request(13) + b"begin")
        wait_until(lambda: arrived[0].endswith(b"begin"), "the backend has the first half")
        sock.sendall(b" and ")
        wait_until(lambda: arrived[0].endswith(b" and "), "it has the next piece")
        sock.sendall(b"end")
        assert read_all(sock).endswith(b"thanks")


def test_content_is_collected_first_with_buffering(tmp_path: Path) -> None:
    asked = threading.Event()

    def play(sock: socket.socket) -> None:
        asked.set()
        got = b""
        while not got.endswith(b"end"):
            got += sock.recv(RECEIVE)
        sock.sendall(b"Status: 200 OK\r\nContent-Length: 6\r\n\r\nthanks")

    with world(tmp_path, play, True) as front, front.connect() as sock:
        sock.sendall(request(8) + b"begin")
        assert not asked.wait(0.2)
        sock.sendall(b"end")
        assert read_all(sock).endswith(b"thanks")


def test_chunked_content_is_collected_in_any_case(tmp_path: Path) -> None:
    got = bytearray()

    def play(sock: socket.socket) -> None:
        while not got.endswith(b"end"):
            got.extend(sock.recv(RECEIVE))
        sock.sendall(b"Status: 200 OK\r\nContent-Length: 6\r\n\r\nthanks")

    with world(tmp_path, play, False) as front, front.connect() as sock:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        sock.sendall(head + b"5\r\nbegin\r\n")
        sock.sendall(b"3\r\nend\r\n0\r\n\r\n")
        assert read_all(sock).endswith(b"thanks")
    variables, _, content = bytes(got).rpartition(b",")
    assert b"CONTENT_LENGTH\x008\0" in variables  # so nothing was sent before all was here
    assert b"TRANSFER_ENCODING" not in variables
    assert content == b"beginend"


@pytest.mark.parametrize("end", ["closes", "stops"])
def test_a_visitor_who_breaks_off_frees_the_backend(tmp_path: Path, end: str) -> None:
    ended = threading.Event()

    def play(sock: socket.socket) -> None:
        while sock.recv(RECEIVE):
            pass
        ended.set()

    with world(tmp_path, play, False, "--body-timeout", "0.2") as front, front.connect() as sock:
        sock.sendall(request(100) + b"begin")
        if end == "closes":
            sock.close()
        assert ended.wait(20)
        front.wait_for_line("the content breaks off: ")
        assert "Traceback" not in front.stderr


def test_a_visitor_who_leaves_while_the_backend_thinks_frees_it(tmp_path: Path) -> None:
    ended, asked = threading.Event(), threading.Event()

    def play(sock: socket.socket) -> None:
        sock.recv(RECEIVE)
        asked.set()
        assert sock.recv(1) == b""  # the front has given it up
        ended.set()

    with world(tmp_path, play, True) as front:
        with front.connect() as sock:
            sock.sendall(b"GET /thinks HTTP/1.1\r\nHost: x\r\n\r\n")
            assert asked.wait(20)
        assert ended.wait(20)
        front.wait_for_line("GET /thinks: scgi.*: the visitor has left")


def test_expect_100_is_answered_when_the_content_is_wanted(tmp_path: Path) -> None:
    def play(sock: socket.socket) -> None:
        got = b""
        while not got.endswith(b"end"):
            got += sock.recv(RECEIVE)
        sock.sendall(b"Status: 200 OK\r\nContent-Length: 6\r\n\r\nthanks")

    with world(tmp_path, play, False) as front, front.connect() as sock:
        sock.sendall(request(3).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"end")
        assert read_all(sock).endswith(b"thanks")


def test_an_answer_before_the_content_is_here_ends_the_connection(tmp_path: Path) -> None:
    def play(sock: socket.socket) -> None:
        sock.recv(RECEIVE)
        sock.sendall(b"Status: 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")

    with world(tmp_path, play, False) as front, front.connect() as sock:
        sock.sendall(request(10_000_000).replace(b"Connection: close\r\n", b"") + b"x" * 100)
        got = read_all(sock)
        assert got.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nConnection: close\r\n" in got
        assert got.endswith(b"no")
