"""A connection's session: bytes in, calls, bytes out; with the real HTTP codec, and with one that fits on a page."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from wsgiref.validate import validator

import pytest

from gateway_core import session as module
from gateway_core.access import Access
from gateway_core.environ import base_environ, environ_from_http, environ_from_variables
from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import NEED_DATA, ConnectionClosed, Data, EndOfMessage, Phase, Request
from gateway_core.http1 import HttpRequest, ServerConnection
from gateway_core.response import Response
from gateway_core.session import Service, Session


class Transport:
    """Keeps what is written. `full` once it holds `room` bytes; `gone`: the peer has closed."""

    def __init__(self, peer="192.0.2.7"):
        self.sent = b""
        self.room = None
        self.lost = self.gone = False
        self.closed = None
        self.aborted = False
        self.peer = peer

    @property
    def full(self):
        return self.room is not None and len(self.sent) >= self.room

    def write(self, data):
        if self.gone:
            self.lost = True
            raise ConnectionAbortedError("the peer has closed the connection")
        self.sent += data

    def close(self, *, linger=False):
        if self.closed is None:
            self.closed = "linger" if linger else "plain"

    def abort(self):
        self.aborted = self.lost = True

    def take(self):
        """Return what was sent, and make room."""
        sent, self.sent = self.sent, b""
        return sent


class HttpSession(Session):
    __slots__ = ()
    request = HttpRequest
    linger = True

    def __init__(self, service, transport):
        super().__init__(service, transport, ServerConnection(server=""))

    def _begin(self, event):
        method, target, version, fields, body, complete = event
        environ = environ_from_http(self.service.base, method, target, version, fields, self.transport.peer)
        self._arrived(0, environ, self.codec, body, complete)


def echo(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode() + b":" + environ["wsgi.input"].read()]


class Http:
    """One HTTP connection, driven as the engine drives it."""

    def __init__(self, application=echo, peer="192.0.2.7", **settings):
        self.log = []
        self.errors = io.StringIO()
        self.calls = 0
        self.application = application
        base = base_environ(
            protocol="HTTP", software="test", server_name="h", server_port="80", errors=self.errors,
            multithread=False, multiprocess=False,
        )  # fmt: skip
        self.service = Service(self.call, base, self.log.append, **settings)
        self.transport = Transport(peer)
        self.session = HttpSession(self.service, self.transport)

    def call(self, environ, start_response):
        self.calls += 1
        return self.application(environ, start_response)

    def feed(self, data):
        """Receive, then serve all that stands ready; return what is sent."""
        ready = self.session.receive(data)
        while ready:
            ready = self.session.serve()
        return self.transport.take()


def get(path="/", *fields, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: h", *fields, "", ""]).encode()


def post(path, body, *fields):
    return get(path, f"Content-Length: {len(body)}", *fields, method="POST") + body


def contents(data):
    """Return the contents of responses that have a Content-Length."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(data[:length])
        data = data[length:]
    return found


# -- requests ---------------------------------------------------------------------------------------------------------


def test_decoding_and_calling_are_two_steps():
    http = Http()
    assert http.session.route == ""
    assert http.session.receive(get("/a%20b?c")) is True
    assert http.calls == 0
    assert http.transport.sent == b""
    assert http.session.route == "GET /a b"
    assert http.session.serve() is False
    assert http.calls == 1
    assert contents(http.transport.take()) == [b"/a b:"]
    assert http.session.route == ""
    assert http.session.phase is Phase.IDLE
    assert http.transport.closed is None


def test_the_route_of_the_request_that_is_served():
    def application(environ, start_response):
        routes.append(http.session.route)
        return echo(environ, start_response)

    routes = []
    http = Http(application)
    http.feed(get("/a") + get("/b"))
    assert routes == ["GET /a", "GET /b"]


@pytest.mark.parametrize("count", [2, 3, 50])
def test_pipelined_requests_are_answered_in_order(count):
    http = Http()
    requests = b"".join(post(f"/{number}", b"x" * number) for number in range(count))
    assert contents(http.feed(requests)) == [b"/%d:%b" % (number, b"x" * number) for number in range(count)]
    assert http.calls == count


def test_one_call_serves_one_request():
    http = Http()
    assert http.session.receive(get("/a") + get("/b") + get("/c")) is True
    assert [http.session.serve() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_however_the_bytes_are_split(size):
    http = Http()
    chunked = get("/c", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    whole = get("/a") + post("/b", b"content") + chunked + get("/d")
    sent = b"".join(http.feed(whole[start : start + size]) for start in range(0, len(whole), size))
    assert contents(sent) == [b"/a:", b"/b:content", b"/c:abcdefg", b"/d:"]


CHUNKED = get("/", "Transfer-Encoding: chunked", method="POST")


@pytest.mark.parametrize(
    ("pieces", "length"),
    [
        ([get()], None),
        ([post("/", b"")], "0"),
        ([post("/", b"hello")], "5"),
        ([post("/", b"hello")[:-3], b"llo"], "5"),
        ([CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"], "5"),
        ([CHUNKED, b"5\r\nhello\r\n0\r\n\r\n"], "5"),
        ([CHUNKED, b"5\r\nhel", b"lo\r\n0\r\n\r\n"], "5"),
        ([CHUNKED, b"0\r\n\r\n"], "0"),
    ],
)
def test_content_length_tells_how_much_there_is_to_read(pieces, length):
    def application(environ, start_response):
        seen.append((environ.get("CONTENT_LENGTH"), environ["wsgi.input"].read(), environ["wsgi.input"].read()))
        assert "HTTP_TRANSFER_ENCODING" not in environ
        return echo(environ, start_response)

    seen = []
    http = Http(application)
    for piece in pieces:
        http.feed(piece)
    assert seen == [(length, b"hello" if length == "5" else b"", b"")]


def test_an_application_may_do_as_it_likes_with_environ_and_input():
    def application(environ, start_response):
        environ["wsgi.input"].close()
        start_response("200 OK", [])
        environ.clear()
        return [b"done"]

    http = Http(application)
    assert contents(http.feed(post("/", b"a") + post("/", b"b"))) == [b"done", b"done"]
    assert http.log == []


def test_content_that_was_not_read_is_not_the_next_request():
    def application(environ, start_response):
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    assert contents(Http(application).feed(post("/a", get("/evil")) + get("/b"))) == [b"/a", b"/b"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_wsgiref_s_validator_finds_nothing(method, size):
    @validator
    def application(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"%d" % len(body)]

    http = Http(application)
    request = post("/x", b"x" * size) if method == "POST" else get("/x", method=method)
    sent = http.feed(request[:1000]) + http.feed(request[1000:])
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n"), http.errors.getvalue()
    assert http.errors.getvalue() == ""


# -- large content ----------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(monkeypatch):
    """The temporary files that are made."""
    made = []
    real = tempfile.TemporaryFile

    def make(*args, **names):
        made.append(real(*args, **names))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    yield made
    assert all(file.closed for file in made)


@pytest.mark.parametrize(("size", "files"), [(65536, 0), (65537, 1), (300_000, 1)])
def test_large_content_goes_to_disk(size, files, disk):
    http = Http()
    body = bytes(range(256)) * (size // 256 + 1)
    request = post("/", body[:size])
    sent = b"".join(http.feed(request[start : start + 10_000]) for start in range(0, len(request), 10_000))
    assert contents(sent) == [b"/:" + body[:size]]
    assert len(disk) == files


def test_content_is_dropped_after_the_response_and_not_before(disk):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        yield environ["wsgi.input"].read(3)

    http = Http(application)
    request = post("/", b"x" * 100_000)
    http.transport.room = 1
    http.session.receive(request[:50_000])
    assert http.session.receive(request[50_000:]) is True
    assert http.session.serve() is False
    assert not disk[0].closed
    http.transport.take()
    http.session.resume()
    assert b"xxx" in http.transport.take()
    http.session.resume()
    assert disk[0].closed


@pytest.mark.parametrize(
    "pieces",
    [
        [post("/", b"x" * 101)],
        [post("/", b"x" * 101)[:-101]],
        [post("/", b"x" * 101)[:-50], b"x"],
        [get("/", "Content-Length: 999999999", method="POST")],
        [get("/", "Content-Length: 999999999", "Expect: 100-continue", method="POST")],
        [CHUNKED + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n"],
        [CHUNKED, b"65\r\n" + b"x" * 101],
        [CHUNKED, b"60\r\n" + b"x" * 96 + b"\r\n", b"5\r\nxxxxx\r\n"],
    ],
)
def test_content_beyond_the_limit_is_refused(pieces):
    http = Http(max_body=100)
    sent = b"".join(http.feed(piece) for piece in pieces)
    assert sent.startswith(b"HTTP/1.1 413 ")
    assert sent.count(b"HTTP/1.1") == 1
    assert http.calls == 0
    assert http.transport.closed == "linger"
    assert len(http.log) == 1
    assert "100 bytes" in http.log[0]


@pytest.mark.parametrize("size", [0, 99, 100])
def test_content_up_to_the_limit_is_served(size):
    for request in (post("/", b"x" * size), CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)):
        if b"\r\n0\r\n\r\n0" in request or (size == 0 and b"chunked" in request):
            continue  # an empty chunk is the last one
        for cut in (0, 1, size // 2):
            http = Http(max_body=100)
            sent = http.feed(request[: len(request) - cut]) + http.feed(request[len(request) - cut :] or get())
            assert contents(sent)[0] == b"/:" + b"x" * size


def test_a_promise_too_long_to_be_a_number():
    """A front may send any digits; int() itself refuses more than some thousand of them."""

    class Fronted(HttpSession):
        __slots__ = ()

        def _begin(self, event):
            environ = environ_from_variables(
                self.service.base, [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "9" * 5000)]
            )
            self._arrived(0, environ, self.codec, b"", False)

    http = Http(max_body=100)
    http.session = Fronted(http.service, http.transport)
    assert http.feed(post("/", b"x")[:-1]).startswith(b"HTTP/1.1 413 ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("size", [1000, 100_000], ids=["at the end", "on the way"])
def test_a_full_disk_is_the_server_s_fault_and_not_its_end(size, monkeypatch):
    monkeypatch.setattr(module, "spool", lambda: Path("/dev/full").open("r+b"))  # noqa: SIM115 - the session closes it
    http = Http()
    request = post("/", b"x" * size)
    sent = http.feed(request[:500]) + http.feed(request[500:])
    assert sent.startswith(b"HTTP/1.1 503 ")
    assert "No space left" in http.log[0]
    assert len(http.log) == 1
    assert http.transport.closed == "linger"
    http.session.abandon()


# -- what is answered without the application -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505),
        (get("/" + "x" * 9000), 414),
        (get("/", "X: " + "x" * 9000), 431),
    ],
)
def test_bytes_that_break_the_protocol(data, status):
    http = Http()
    sent = http.feed(data)
    assert sent.startswith(b"HTTP/1.1 %d " % status)
    assert http.transport.closed == "linger"
    assert http.calls == 0
    assert len(http.log) == 1
    assert http.log[0].startswith("192.0.2.7: ")


def test_requests_before_a_faulty_one_are_answered():
    http = Http()
    sent = http.feed(get("/a") + get("/b") + b"no request\r\n\r\n" + get("/c"))
    assert sent.count(b"HTTP/1.1 200 ") == 2
    assert sent.count(b"HTTP/1.1 400 ") == 1
    assert http.calls == 2
    assert http.transport.closed == "linger"


def test_a_peer_on_a_unix_socket_has_no_address():
    http = Http(peer="")
    http.feed(b"no request\r\n\r\n")
    assert http.log[0].startswith("unix peer: ")


def test_100_continue_is_sent_before_the_content_comes():
    http = Http()
    request = post("/", b"hello", "Expect: 100-continue")
    assert http.feed(request[:-5]) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert contents(http.feed(request[-5:])) == [b"/:hello"]


def test_a_refusal_to_a_peer_that_has_gone():
    http = Http()
    http.transport.gone = True
    assert http.feed(b"no request\r\n\r\n") == b""
    assert len(http.log) == 1


# -- the end of a connection ------------------------------------------------------------------------------------------


def test_end_of_file_between_two_requests():
    http = Http()
    http.feed(get())
    assert http.feed(b"") == b""
    assert http.transport.closed == "plain"
    assert http.log == []


@pytest.mark.parametrize("part", [get()[:-2], get()[:5], post("/", b"hello")[:-2], CHUNKED + b"5\r\nhe"])
def test_end_of_file_within_a_request(part):
    http = Http()
    http.feed(part)
    assert http.feed(b"").startswith(b"HTTP/1.1 400 ")
    assert http.calls == 0
    assert http.transport.closed == "linger"


@pytest.mark.parametrize(
    "request_", [get("/", "Connection: close"), b"GET / HTTP/1.0\r\n\r\n"], ids=["close", "HTTP/1.0"]
)
def test_the_last_response_closes(request_):
    http = Http()
    assert contents(http.feed(request_ + get("/more"))) == [b"/:"]
    assert http.transport.closed == "linger"
    assert http.calls == 1


def test_a_response_that_is_cut_is_the_last():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "10")])
        return [b"short"]

    http = Http(application)
    http.feed(get() + get())
    assert http.transport.aborted
    assert http.calls == 1


def test_an_error_of_the_application_does_not_end_the_connection():
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/crash":
            raise ValueError("fault")
        return echo(environ, start_response)

    http = Http(application)
    sent = http.feed(get("/crash") + get("/b"))
    assert sent.startswith(b"HTTP/1.1 500 ")
    assert sent.endswith(b"/b:")
    assert http.transport.closed is None
    assert "ValueError: fault" in http.errors.getvalue()


# -- the access log ---------------------------------------------------------------------------------------------------


class AccessLog:
    form = "common"
    pid = 1

    def __init__(self):
        self.lines = []

    def now(self):
        return 1795599000.0

    def ticks(self):
        return 0.0

    def write(self, line):
        self.lines.append(line.replace("192.0.2.7 - - [25/Nov/2026:09:30:00 +0000] ", ""))


def logged(application=echo):
    log = AccessLog()
    return Http(application, access=Access(log)), log.lines


def test_each_request_is_logged_when_its_response_is_over():
    http, lines = logged()
    http.session.receive(get("/a?b") + post("/c", b"hello"))
    assert lines == []
    assert http.session.serve() is True
    assert lines == ['"GET /a?b HTTP/1.1" 200 3']
    http.session.serve()
    assert lines[1:] == ['"POST /c HTTP/1.1" 200 8']
    assert len(contents(http.transport.take())) == 2


def test_a_paused_response_is_logged_at_its_end():
    http, lines = logged(lambda environ, start: start("200 OK", [("Content-Length", "20")]) and Counting(2))
    http.transport.room = 1
    http.session.receive(get())
    http.session.serve()
    http.session.resume()
    assert lines == []
    http.session.resume()
    assert lines == ['"GET / HTTP/1.1" 200 20']


@pytest.mark.parametrize("end", ["abandon", "expire", "leave"])
def test_a_response_that_is_cut_is_logged_as_such(end):
    http, lines = logged(lambda environ, start: start("200 OK", [("Content-Length", "20")]) and Counting(2))
    http.transport.room = 1
    http.session.receive(get())
    http.session.serve()
    http.transport.gone = True
    getattr(http.session, {"leave": "resume"}.get(end, end))()
    http.session.abandon()
    assert lines == ['"GET / HTTP/1.1" 200 20 cut' if end == "leave" else '"GET / HTTP/1.1" 200 10 cut']


def test_a_refused_request_is_logged():
    http, lines = logged()
    http.feed(get("/a") + b"no request\r\n\r\n")
    assert lines == ['"GET /a HTTP/1.1" 200 3', '"-" 400 -']


def test_without_a_log_the_response_is_a_plain_one():
    def application(environ, start_response):
        kinds.append(type(http.session._response))
        return echo(environ, start_response)

    kinds = []
    http = Http(application)
    http.feed(get())
    assert kinds == [Response]


# -- slow peers -------------------------------------------------------------------------------------------------------


class Counting:
    """A body of `count` pieces that notes when it is closed."""

    def __init__(self, count):
        self.left = count
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        return b"x" * 10

    def close(self):
        self.closed += 1


def test_a_response_is_paused_and_resumed():
    bodies = []

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "30")])
        bodies.append(Counting(3))
        return bodies[-1]

    http = Http(application)
    http.transport.room = 1
    assert http.session.receive(get("/a") + get("/b")) is True
    assert http.session.serve() is False
    assert http.session.phase is Phase.BUSY
    assert bodies[0].left == 2
    http.transport.take()
    assert http.session.resume() is False
    assert bodies[0].left == 1
    http.transport.room = None
    assert http.session.resume() is True  # the pipelined one
    assert bodies[0].closed == 1
    assert http.session.serve() is False
    assert [body.left for body in bodies] == [0, 0]


def test_resume_without_a_paused_response_does_nothing():
    http = Http()
    assert http.session.resume() is False
    http.session.receive(get())
    assert http.session.resume() is False
    assert http.calls == 0
    http.session.serve()
    http.transport.take()
    assert http.session.resume() is False
    assert http.transport.sent == b""


# -- phases and time --------------------------------------------------------------------------------------------------


def test_phases():
    phases = []

    def application(environ, start_response):
        phases.append(http.session.phase)
        return echo(environ, start_response)

    http = Http(application)
    assert http.session.phase is Phase.IDLE
    request = post("/", b"hello")
    http.session.receive(request[:5])
    assert http.session.phase is Phase.HEAD
    http.session.receive(request[5:-5])
    assert http.session.phase is Phase.BODY
    http.session.receive(request[-5:-2])
    assert http.session.phase is Phase.BODY
    http.feed(request[-2:])
    assert phases == [Phase.BUSY]
    assert http.session.phase is Phase.IDLE


def test_an_idle_connection_expires_without_a_word():
    for first in (b"", get()):
        http = Http()
        if first:
            http.feed(first)
        http.session.expire()
        assert http.transport.sent == b""
        assert http.transport.closed == "plain"
        assert http.log == []


@pytest.mark.parametrize("part", [b"G", get()[:-2], post("/", b"hello")[:-1], CHUNKED])
def test_half_a_request_expires_with_408(part, disk):
    http = Http()
    http.feed(part)
    http.session.expire()
    assert http.transport.sent.startswith(b"HTTP/1.1 408 ")
    assert http.transport.closed == "linger"
    assert len(http.log) == 1
    assert "time limit" in http.log[0]


def test_half_of_a_large_content_is_dropped_when_it_expires(disk):
    http = Http()
    http.feed(post("/", b"x" * 100_000)[:90_000])
    assert http.feed(b"x") == b""
    assert len(disk) == 1
    http.session.expire()
    assert disk[0].closed


def test_a_response_that_nobody_takes_is_cut():
    body = Counting(3)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return body

    http = Http(application)
    http.transport.room = 1
    http.session.receive(get())
    http.session.serve()
    http.session.expire()
    assert http.transport.aborted
    assert body.closed == 1
    assert len(http.log) == 1


# -- abandon ----------------------------------------------------------------------------------------------------------


def test_abandon_closes_what_is_open(disk):
    body = Counting(3)
    inputs = []

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        inputs.append(environ["wsgi.input"])
        return body

    http = Http(application)
    request = post("/", b"x" * 100_000)
    http.session.receive(request[:-1])
    http.transport.room = 1
    assert http.session.receive(request[-1:]) is True
    http.session.serve()
    assert not inputs[0].closed
    for _ in range(2):
        http.session.abandon()
        assert body.closed == 1
        assert inputs[0].closed
    assert http.session.route == ""


@pytest.mark.parametrize("cut", [1, 0], ids=["half", "ready"])
def test_abandon_drops_content_that_nobody_has_seen(cut, disk):
    http = Http()
    request = post("/", b"x" * 100_000)
    http.session.receive(request[:90_000])
    http.session.receive(request[90_000 : len(request) - cut])
    assert len(disk) == 1
    http.session.abandon()
    assert disk[0].closed
    assert http.calls == 0
    assert http.session.route == ""


def test_a_peer_that_goes_in_the_middle_of_a_response():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        for _ in range(3):
            http.transport.gone = True
            yield b"x"
            asked.append(True)

    asked = []
    http = Http(application)
    http.feed(get() + get())
    assert asked == []
    assert http.calls == 1
    assert http.errors.getvalue() == ""


# -- mounting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mount", "path", "names"),
    [
        (None, "/app/x", ("", "/app/x")),
        ("", "/app/x", ("", "/app/x")),
        ("/app", "/app/x", ("/app", "/x")),
        ("/app", "/app", ("/app", "")),
        ("/app", "/%61pp/x", ("/app", "/x")),
        ("/app", "/application", None),
        ("/app", "/", None),
    ],
)
def test_mount(mount, path, names):
    def application(environ, start_response):
        seen.append((environ["SCRIPT_NAME"], environ["PATH_INFO"]))
        return echo(environ, start_response)

    seen = []
    sent = Http(application, mount=mount).feed(get(path))
    assert seen == ([names] if names else [])
    assert sent.startswith(b"HTTP/1.1 200 " if names else b"HTTP/1.1 404 ")


# -- another protocol -------------------------------------------------------------------------------------------------


class Lines:
    """A protocol for this test: `name` and a newline is a request; `+text` lines are content, `.` ends it."""

    close_after = False
    exhausted = False

    def __init__(self):
        self.buffer = b""
        self.eof = False
        self.collecting = False
        self.answers = b""

    def receive_data(self, data):
        self.buffer += data
        self.eof = self.eof or not data

    def next_event(self):
        line, newline, rest = self.buffer.partition(b"\n")
        if not newline:
            if self.eof:
                return ConnectionClosed()
            return NEED_DATA
        self.buffer = rest
        if line == b"!":
            raise RemoteProtocolError("no exclamations", 400)
        if line == b"?":
            self.answers += b"yes\n"
            return self.next_event()
        if self.collecting:
            self.collecting = line != b"."
            return Data(line[1:]) if self.collecting else EndOfMessage()
        self.collecting = line.startswith(b"+")
        return Request([("REQUEST_METHOD", "GET"), ("PATH_INFO", line.decode())], b"", complete=not self.collecting)

    def data_to_send(self):
        answers, self.answers = self.answers, b""
        return answers

    def refusal(self, error):
        if self.collecting:
            raise LocalProtocolError("half sent")
        return f"refused: {error}\n".encode()

    def head(self, status, fields, length):
        return status.encode() + b"\n"

    def data(self, data):
        return data + b"\n"

    def end(self):
        return b"end\n"

    def whole(self, status, fields, data):
        return self.head(status, fields, len(data)) + self.data(data) + self.end()


class LineSession(Session):
    __slots__ = ()
    request = Request

    def _begin(self, event):
        environ = environ_from_variables(self.service.base, event.variables)
        self._arrived(0, environ, self.codec, event.body, event.complete)


def lines(application=echo):
    http = Http(application)
    http.session = LineSession(http.service, http.transport, Lines())
    return http


def test_a_session_knows_no_protocol():
    peer = lines()
    assert peer.feed(b"/a\n?\n/b\n?\n") == b"200 OK\n/a:\nend\n200 OK\n/b:\nend\nyes\nyes\n"
    assert peer.feed(b"+c\n+one\n+two") == b""
    assert peer.session.phase is Phase.BODY
    assert peer.feed(b"\n.\n") == b"200 OK\n+c:onetwo\nend\n"
    assert peer.feed(b"/a\n!\n/b\n") == b"200 OK\n/a:\nend\nrefused: no exclamations\n"
    assert peer.transport.closed == "linger"
    assert peer.log == ["192.0.2.7: no exclamations"]


def test_a_protocol_s_own_end():
    peer = lines()
    assert peer.feed(b"/a\n") == b"200 OK\n/a:\nend\n"
    peer.feed(b"")
    assert peer.transport.closed == "plain"  # no lingering where the peer does not send more


def test_where_no_refusal_can_be_sent_only_closing_is_left():
    peer = lines()
    assert peer.feed(b"+c\n!\n") == b""
    assert peer.transport.closed == "linger"
    assert len(peer.log) == 1


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
def test_a_served_request_is_not_kept():
    environs = []

    def application(environ, start_response):
        environs.append(environ)
        return echo(environ, start_response)

    http = Http(application)
    http.feed(get() * 3)
    assert [sys.getrefcount(environ) for environ in environs] == [3, 3, 3]
