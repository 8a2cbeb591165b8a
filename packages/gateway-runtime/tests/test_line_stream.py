"""wsgi.errors: any text, and lines that stay whole."""

from __future__ import annotations

import logging
import os
import threading
import traceback
from select import PIPE_BUF

import pytest

from gateway_runtime import line_stream
from gateway_runtime.line_stream import ERRORS, LineStream


@pytest.fixture()
def writes(monkeypatch):
    """The writes that reach the system, as they are."""
    made = []

    def write(fd, data):
        assert fd == 99
        made.append(bytes(data))
        return len(data)

    monkeypatch.setattr(line_stream.os, "write", write)
    return made


@pytest.fixture()
def stream():
    return LineStream(99)


TEXTS = [
    # what is written, what the system is asked to write
    (["one\n"], [b"one\n"]),
    (["one\ntwo\n"], [b"one\ntwo\n"]),
    (["one, ", "two\n"], [b"one, two\n"]),
    (["one\ntw", "o", "\nthree\n"], [b"one\n", b"two\nthree\n"]),
    (["no end"], []),
    (["", "\n", ""], [b"\n"]),
    (["\xe9 \u20ac \U0001f40d\n"], ["\xe9 \u20ac \U0001f40d\n".encode()]),
    (["\udcff \ud800\n"], [b"\\udcff \\ud800\n"]),
    (["\x1b[31m \x00 \r\n"], [b"\x1b[31m \x00 \r\n"]),
]


@pytest.mark.parametrize(("texts", "written"), TEXTS)
def test_each_write_is_of_whole_lines(stream, writes, texts, written):
    for text in texts:
        assert stream.write(text) == len(text)
    assert writes == written


def test_flush_writes_what_has_no_end(stream, writes):
    stream.write("no end")
    stream.flush()
    stream.flush()
    stream.write(" yet\n")
    assert writes == [b"no end", b" yet\n"]


def test_a_line_without_end_does_not_grow_for_ever(stream, writes):
    for _ in range(1000):
        stream.write("x" * 100)
    assert 0 < len(writes) < 3
    stream.flush()
    assert sum(map(len, writes)) == 100_000


def test_writelines_and_print(stream, writes):
    stream.writelines(["one\n", "two\n"])
    print("three", 4, file=stream)
    assert writes == [b"one\n", b"two\n", b"three 4\n"]


@pytest.mark.parametrize("value", [b"bytes", None, 1, ["text"]])
def test_what_is_not_text_is_an_error(stream, writes, value):
    with pytest.raises(TypeError, match="takes str"):
        stream.write(value)
    assert writes == []


def test_logging_and_tracebacks(stream, writes):
    logger = logging.Logger("a logger")
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("said")
    try:
        raise ValueError("fault")
    except ValueError:
        traceback.print_exc(file=stream)
    assert writes[0] == b"said\n"
    assert b"".join(writes).endswith(b"ValueError: fault\n")
    assert all(data.endswith(b"\n") for data in writes)


def test_closing_it_does_no_harm(stream, writes):
    stream.write("no end")
    stream.close()
    stream.write("one\n")
    assert writes == [b"no end", b"one\n"]
    assert not stream.closed


def test_threads_do_not_tear_each_other_s_lines(stream, writes):
    gate = threading.Barrier(4)

    def work(name):
        gate.wait()
        for _ in range(200):
            for letter in name:
                stream.write(letter)
            stream.write("\n")

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two", "three", "four")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(writes)) == [b"four\n", b"one\n", b"three\n", b"two\n"]
    assert len(writes) == 800


def test_more_than_a_pipe_takes_whole_is_parted_between_lines(stream, writes):
    line = "x" * 99 + "\n"
    stream.write(line * 200)
    assert len(writes) > 1
    assert all(len(data) <= PIPE_BUF and data.endswith(b"\n") for data in writes)
    assert b"".join(writes) == (line * 200).encode()


@pytest.mark.parametrize("ends", ["\n", "\nshort\n", ""])
def test_a_line_longer_than_that_goes_as_it_is(stream, writes, ends):
    text = "x" * (2 * PIPE_BUF) + ends
    stream.write(text)
    stream.flush()
    assert b"".join(writes) == text.encode()


def test_a_write_that_is_cut_is_continued(stream, monkeypatch):
    made = []

    def write(fd, data):
        made.append(bytes(data[:3]))
        return len(made[-1])

    monkeypatch.setattr(line_stream.os, "write", write)
    stream.write("0123456\n")
    assert made == [b"012", b"345", b"6\n"]


def test_where_it_goes_is_not_the_application_s_fault():
    read, write = os.pipe()
    os.close(read)
    try:
        LineStream(write).write("a reader that has gone\n")
    finally:
        os.close(write)
    LineStream(write).write("a closed descriptor\n")


def test_the_stream_of_every_environ_goes_to_standard_error(capfd):
    assert ERRORS.fileno() == 2
    assert ERRORS.writable()
    ERRORS.write("here\n")
    assert capfd.readouterr().err == "here\n"
