"""Request content: what `wsgi.input` may be asked, and what happens at its end."""

from __future__ import annotations

import io
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.input import MEMORY_MAX, LimitedInput, spool


class Pipe(io.RawIOBase):
    """A raw stream that gives its pieces one by one, then end of file, and notes how much was asked of it."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.asked = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        self.asked += 1
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        if piece is None:
            return None
        taken, rest = piece[: len(buffer)], piece[len(buffer) :]
        buffer[: len(taken)] = taken
        if rest:
            self.pieces.insert(0, rest)
        return len(taken)


CONTENT = b"one\ntwo\r\nthree\n\nfive"


def limited():
    return LimitedInput(Pipe(CONTENT + b"the next request"), len(CONTENT))


def spooled():
    file = spool()
    file.write(CONTENT)
    file.seek(0)
    return file


def on_disk():
    file = spooled()
    file.rollover()
    return file


INPUTS = [limited, spooled, on_disk]


@pytest.mark.parametrize("make", INPUTS)
@pytest.mark.parametrize(
    ("read", "result"),
    [
        (lambda f: f.read(), CONTENT),
        (lambda f: f.read(-1), CONTENT),
        (lambda f: f.read(None), CONTENT),
        (lambda f: f.read(1000), CONTENT),
        (lambda f: f.read(0), b""),
        (lambda f: f.read(5), CONTENT[:5]),
        (lambda f: (f.read(5), f.read(5), f.read()), (CONTENT[:5], CONTENT[5:10], CONTENT[10:])),
        (lambda f: (f.readline(), f.readline(2), f.readline(100)), (b"one\n", b"tw", b"o\r\n")),
        (lambda f: f.readline(0), b""),
        (lambda f: f.readlines(), CONTENT.splitlines(True)),
        (lambda f: b"".join(f.readlines(3)), CONTENT[:4]),
        (lambda f: list(f), CONTENT.splitlines(True)),
        (lambda f: (f.readline(), list(f)), (b"one\n", CONTENT.splitlines(True)[1:])),
    ],
)
def test_every_way_to_read(make, read, result):
    with make() as file:
        assert read(file) == result


@pytest.mark.parametrize("make", INPUTS)
def test_the_end_is_the_end(make):
    with make() as file:
        assert file.read() == CONTENT
        for _ in range(3):
            assert file.read() == file.read(1) == file.readline() == b""
            assert file.readlines() == list(file) == []


def test_the_next_request_is_not_touched():
    pipe = Pipe(CONTENT, b"the next request")
    with LimitedInput(pipe, len(CONTENT)) as file:
        assert file.read() == CONTENT
        assert file.read() == b""
    assert pipe.pieces == [b"the next request"]
    assert not pipe.closed
    assert pipe.asked == 1


def test_no_content_is_never_asked_for():
    pipe = Pipe(b"the next request")
    with LimitedInput(pipe, 0) as file:
        assert file.read() == file.read(10) == file.readline() == b""
    assert pipe.asked == 0


@pytest.mark.parametrize("end", [(), (None,)], ids=["end of file", "nothing there"])
@pytest.mark.parametrize(
    "read", [lambda f: f.read(), lambda f: f.read(10), lambda f: f.readlines(), lambda f: f.readline(), list]
)
def test_content_that_breaks_off_is_never_passed_off_as_complete(read, end):
    with LimitedInput(Pipe(b"no newline", *end), 11) as file:
        file.read(4)
        with pytest.raises(ConnectionError, match="1 bytes early"):
            while True:
                read(file)


def test_what_came_before_the_break_can_be_read():
    with LimitedInput(Pipe(b"first\n", b"sec"), 100) as file:
        assert file.readline() == b"first\n"
        with pytest.raises(ConnectionError):
            file.readline()


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=10), st.lists(st.integers(0, 30), max_size=20))
def test_whatever_the_pieces_and_the_reads(pieces, sizes):
    whole = b"".join(pieces)
    with LimitedInput(Pipe(*pieces, b"more"), len(whole)) as file:
        read = [file.read(size) for size in sizes]
        assert all(len(data) <= size for data, size in zip(read, sizes, strict=True))
        assert b"".join(read) + file.read() == whole


@pytest.mark.parametrize(("size", "disk"), [(0, False), (MEMORY_MAX, False), (MEMORY_MAX + 1, True)])
def test_small_content_stays_in_memory(size, disk, monkeypatch):
    made = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *args, **names: made.append(names) or real(*args, **names))
    with spool() as file:
        file.write(b"x" * size)
        file.seek(0)
        assert len(file.read()) == size
        assert len(made) == disk
    assert file.closed
