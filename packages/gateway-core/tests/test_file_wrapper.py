"""A file as the content of a response: what the kernel may send, and what must be read."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from pathlib import Path

import pytest

from gateway_core.errors import LocalProtocolError
from gateway_core.file_wrapper import FileWrapper
from gateway_core.http1 import ServerConnection
from gateway_core.response import Response

CONTENT = bytes(range(256)) * 1000


@pytest.fixture()
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


# -- the wrapper by itself --------------------------------------------------------------------------------------------


class Readable:
    """Not a file: it has read(size), and notes how much was asked of it. It gives less than that, as it may."""

    def __init__(self, content, most=1000):
        self.rest, self.most, self.asked = content, most, []

    def read(self, size):
        self.asked.append(size)
        data, self.rest = self.rest[: min(size, self.most)], self.rest[min(size, self.most) :]
        return data


@pytest.mark.parametrize("size", [1, 255, 256, 257, 100_000])
def test_it_is_an_iterable_of_blocks(size):
    blocks = list(FileWrapper(io.BytesIO(CONTENT[:1000]), size))
    assert b"".join(blocks) == CONTENT[:1000]
    assert {len(block) for block in blocks[:-1]} <= {size}


def test_what_it_wraps_needs_nothing_but_read():
    wrapper = FileWrapper(Readable(b"abc", 2), 10)
    assert not hasattr(wrapper, "close")
    assert wrapper.part() is None
    assert list(wrapper) == [b"ab", b"c"]


def test_close_is_that_of_the_file(path):
    with path.open("rb") as file:
        FileWrapper(file).close()
        assert file.closed


def test_nothing_is_read_before_it_is_asked_for():
    source = Readable(b"abc")
    iter(FileWrapper(source))
    assert source.asked == []


@pytest.mark.parametrize(("limit", "asked", "sent"), [(0, [], b""), (5, [4, 1], b"abcde"), (99, [4, 4, 4], b"abcdef")])
def test_no_more_is_read_than_is_wanted(limit, asked, sent):
    source = Readable(b"abcdef")
    assert b"".join(FileWrapper(source, 4).blocks(limit)) == sent
    assert source.asked == asked


@pytest.mark.parametrize("size", [0, -1])
def test_a_block_has_a_size(size):
    with pytest.raises(ValueError, match="at least 1"):
        FileWrapper(io.BytesIO(), size)


@pytest.mark.parametrize("buffering", [-1, 0, 16])
@pytest.mark.parametrize("mode", ["rb", "r+b"])
@pytest.mark.parametrize("start", [0, 5, len(CONTENT) - 1])
def test_the_part_of_a_real_file(path, buffering, mode, start):
    with path.open(mode, buffering) as file:
        file.read(start)  # the buffer takes more than it is asked for
        assert FileWrapper(file).part() == (file.fileno(), start, len(CONTENT) - start)
        assert FileWrapper(file).part() is not None  # asking changes nothing
        assert file.read() == CONTENT[start:]


def test_what_was_written_is_content_too():
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        file.seek(3)
        assert FileWrapper(file).part() == (file.fileno(), 3, 7)
        file.seek(0, 2)
        file.write(b"more")
        file.seek(10)
        fd, position, count = FileWrapper(file).part()
        assert os.pread(fd, count, position) == b"more"


def pipe():
    read, write = os.pipe()
    os.write(write, b"abc")
    os.close(write)
    return os.fdopen(read, "rb")


class Rot13(io.BufferedReader):
    def read(self, size=-1):
        return bytes((byte + 13) % 256 for byte in super().read(size))


def compressed(path):
    with gzip.open(path, "wb") as file:
        file.write(CONTENT)
    return gzip.open(path)


def spooled(path):
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(b"abc")
    file.seek(0)
    return file


NO_REAL_FILES = {
    "bytes": lambda path: io.BytesIO(b"abc"),
    "text": lambda path: path.open(encoding="latin-1"),
    "pipe": lambda path: pipe(),
    "gzip": compressed,
    "a subclass": lambda path: Rot13(io.FileIO(path)),
    "spooled": spooled,
    "at its end": lambda path: moved(path.open("rb"), len(CONTENT)),
    "beyond its end": lambda path: moved(path.open("rb"), len(CONTENT) + 10),
    "/dev/null": lambda path: Path(os.devnull).open("rb"),  # noqa: SIM115
    "for writing": lambda path: path.open("ab"),
}


def moved(file, position):
    file.seek(position)
    return file


@pytest.mark.parametrize("kind", NO_REAL_FILES)
def test_what_is_no_real_file(path, kind):
    with NO_REAL_FILES[kind](path) as file:
        assert FileWrapper(file).part() is None


def test_a_closed_file_has_no_part(path):
    with path.open("rb") as file:
        pass
    assert FileWrapper(file).part() is None


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="no /proc")
def test_a_file_that_says_it_is_empty_may_have_content():
    with Path("/proc/version").open("rb") as file:
        assert os.fstat(file.fileno()).st_size == 0
        assert FileWrapper(file).part() is None
        assert b"".join(FileWrapper(file)) == Path("/proc/version").read_bytes()


# -- as a response ----------------------------------------------------------------------------------------------------


class Transport:
    """Keeps what is written; `full` from the start, or when part of a file was given to it, until `take`."""

    lost = False

    def __init__(self, can_send_file=True):
        self.can_send_file = can_send_file
        self.full = False
        self.aborted = False
        self.sent = b""
        self.parts = []

    def write(self, data):
        assert data
        self.sent += data

    def send_file(self, fd, offset, count):
        assert self.can_send_file
        self.parts.append((offset, count))
        self.full = True
        self._fd = fd

    def take(self):
        """The socket takes the part of the file, which must still be open."""
        for offset, count in self.parts:
            self.sent += os.pread(self._fd, count, offset)
        self.full = False

    def drain(self):
        raise AssertionError("write() has nothing to wait for")

    def abort(self):
        self.aborted = True


class Run:
    """A response over real HTTP to `method /`, as far as it goes; `finish` lets the transport drain."""

    def __init__(self, application, method="GET", version="HTTP/1.1", **transport):
        self.codec = ServerConnection(server="")
        self.codec.receive_data(f"{method} / {version}\r\nHost: h\r\n\r\n".encode())
        self.codec.next_event()
        self.transport = Transport(**transport)
        self.errors = io.StringIO()
        self.response = Response(self.codec, self.transport, method)
        self.response.respond(application, {"wsgi.errors": self.errors, "wsgi.file_wrapper": FileWrapper})

    def finish(self):
        if self.transport.full:
            assert self.response.paused
            self.transport.take()
            self.response.resume()
        assert not self.response.paused
        return self

    @property
    def head(self):
        return self.transport.sent.partition(b"\r\n\r\n")[0].decode("latin-1").lower().split("\r\n")

    @property
    def body(self):
        return self.transport.sent.partition(b"\r\n\r\n")[2]

    @property
    def log(self):
        return self.errors.getvalue()


def serving(file, *fields, status="200 OK", written=b"", block_size=4096):
    def application(environ, start_response):
        write = start_response(status, [("Content-Type", "text/plain"), *fields])
        if written:
            write(written)
        return environ["wsgi.file_wrapper"](file, block_size)

    return application


@pytest.mark.parametrize("start", [0, 7, len(CONTENT) - 1])
@pytest.mark.parametrize("can", [True, False])
def test_a_file_is_sent_from_its_position_with_its_length(path, start, can):
    with path.open("rb") as file:
        file.seek(start)
        run = Run(serving(file), can_send_file=can).finish()
        assert f"content-length: {len(CONTENT) - start}" in run.head
        assert run.body == CONTENT[start:]
        assert run.transport.parts == ([(start, len(CONTENT) - start)] if can else [])
        assert file.closed
        assert not run.codec.close_after
        assert run.log == ""


def test_the_file_is_closed_when_it_is_sent_and_not_before(path):
    with path.open("rb") as file:
        run = Run(serving(file))
        assert run.response.paused
        assert not file.closed
        run.finish()
        assert file.closed


def test_the_file_is_closed_when_the_peer_goes(path):
    with path.open("rb") as file:
        run = Run(serving(file))
        run.response.abandon()
        assert file.closed
        assert not run.response.paused


@pytest.mark.parametrize("can", [True, False])
@pytest.mark.parametrize("length", [0, 1, 5000, len(CONTENT)])
def test_no_more_than_the_content_length(path, can, length):
    with path.open("rb") as file:
        file.seek(10)
        run = Run(serving(file, ("Content-Length", str(min(length, len(CONTENT) - 10)))), can_send_file=can).finish()
        assert run.body == CONTENT[10 : 10 + length]
        assert len(run.transport.parts) == (can and length > 0)  # to send none of a file looks as if it had shrunk
        assert not run.transport.aborted
        assert run.log == ""  # a part of a file is what was asked for
        assert file.closed


@pytest.mark.parametrize("can", [True, False])
def test_a_file_shorter_than_its_content_length_cuts_the_connection(path, can):
    with path.open("rb") as file:
        run = Run(serving(file, ("Content-Length", str(len(CONTENT) + 3))), can_send_file=can).finish()
        assert run.transport.aborted
        assert "3 bytes fewer than its Content-Length" in run.log
        assert file.closed


@pytest.mark.parametrize("can", [True, False])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_head_has_the_length_and_reads_nothing(path, can, version):
    with path.open("rb") as file:
        run = Run(serving(file), "HEAD", version, can_send_file=can)
        assert f"content-length: {len(CONTENT)}" in run.head
        assert run.body == b""
        assert run.transport.parts == []
        assert not run.response.paused
        assert not run.transport.aborted
        assert run.log == ""
        assert file.closed


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("can", [True, False])
def test_a_status_without_content_sends_no_file(path, status, can):
    with path.open("rb") as file:
        run = Run(serving(file, status=status), can_send_file=can)
        assert run.body == b""
        assert not any(line.startswith("content-length") for line in run.head)
        assert not run.transport.aborted
        assert run.log == ""
        assert file.closed


@pytest.mark.parametrize(
    ("fields", "parts"), [([("Content-Length", str(len(CONTENT) + 3))], [(0, len(CONTENT))]), ([], [])]
)
def test_a_file_after_write(path, fields, parts):
    """With a length the rest of it is the file's; without one it is sent in chunks, which the kernel cannot make."""
    with path.open("rb") as file:
        run = Run(serving(file, *fields, written=b"abc")).finish()
        assert run.transport.parts == parts
        assert not run.transport.aborted
        if parts:
            assert run.body == b"abc" + CONTENT
        else:
            assert "transfer-encoding: chunked" in run.head
            assert run.body.startswith(b"3\r\nabc\r\n1000\r\n" + CONTENT[:4096] + b"\r\n1000\r\n")
            assert run.body.endswith(b"\r\n0\r\n\r\n")


def test_what_is_no_real_file_is_read_in_blocks():
    source = Readable(b"abcdef", 4)
    run = Run(serving(source, block_size=4))
    assert run.body == b"4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n"
    assert source.asked == [4, 4, 4]


@pytest.mark.parametrize("kind", sorted(set(NO_REAL_FILES) - {"text", "for writing"}))
def test_whatever_it_is_what_read_gives_is_sent(path, kind):
    with NO_REAL_FILES[kind](path) as file:
        run = Run(serving(file))
        body = run.body
    with NO_REAL_FILES[kind](path) as file:
        content = file.read()
    assert run.transport.parts == []
    size, _, rest = body.partition(b"\r\n")
    if content:
        assert int(size, 16) == min(len(content), 4096)
        assert rest.startswith(content[:4096])
    else:
        assert body == b""
        assert "content-length: 0" in run.head


@pytest.mark.parametrize("kind", ["text", "for writing"])
def test_what_gives_no_bytes_is_an_error(path, kind):
    with NO_REAL_FILES[kind](path) as file:
        run = Run(serving(file))
        assert run.head[0].startswith("http/1.1 500 ")
        assert file.closed
    assert "must yield bytes, not str" in run.log or "UnsupportedOperation" in run.log


def test_a_file_that_was_closed_is_an_error(path):
    with path.open("rb") as file:
        pass
    assert Run(serving(file)).head[0].startswith("http/1.1 500 ")


def test_a_file_before_start_response_is_an_error(path):
    with path.open("rb") as file:
        run = Run(lambda environ, start_response: environ["wsgi.file_wrapper"](file))
        assert run.head[0].startswith("http/1.1 500 ")
        assert "before it called start_response" in run.log
        assert file.closed


def test_only_the_very_object_is_sent_by_the_kernel(path):
    """Middleware may have changed what comes out of it."""

    class Upper:
        def __init__(self, wrapper):
            self.wrapper = wrapper

        def __iter__(self):
            return (block.upper() for block in self.wrapper)

        def close(self):
            self.wrapper.close()

    with path.open("rb") as file:
        run = Run(lambda environ, start_response: Upper(serving(file)(environ, start_response)))
        assert run.transport.parts == []
        assert CONTENT[:4096].upper() in run.body
        assert file.closed


def test_a_wrapper_that_is_not_returned_sends_nothing(path):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        environ["wsgi.file_wrapper"](file)
        return [b"else"]

    with path.open("rb") as file:
        run = Run(application)
        assert run.body == b"else"
        assert run.transport.parts == []


@pytest.mark.pure("it inherits from the codec")
def test_an_encoder_that_must_see_all_content_gets_it(path):
    class Framing(ServerConnection):
        raw = False

    with path.open("rb") as file:
        run = Run.__new__(Run)
        run.codec = Framing(server="")
        run.codec.receive_data(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        run.codec.next_event()
        run.transport, run.errors = Transport(), io.StringIO()
        run.response = Response(run.codec, run.transport, "GET")
        run.response.respond(serving(file), {"wsgi.errors": run.errors, "wsgi.file_wrapper": FileWrapper})
        assert run.transport.parts == []
        assert f"content-length: {len(CONTENT)}" in run.head
        assert run.body == CONTENT


def test_http_lets_no_more_pass_than_was_declared():
    codec = ServerConnection(server="")
    codec.receive_data(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 2)
    codec.next_event()
    with pytest.raises(LocalProtocolError):
        codec.skip(1)
    codec.head("200 OK", [], 5)
    codec.skip(3)
    with pytest.raises(LocalProtocolError):
        codec.skip(3)
    codec.skip(2)
    assert codec.end() == b""
    assert not codec.close_after
    codec.next_event()
    codec.head("200 OK", [], None)
    with pytest.raises(LocalProtocolError):
        codec.skip(1)
