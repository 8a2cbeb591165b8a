"""The client half as a WSGI application, over channels in memory, with the real HTTP codec."""

from __future__ import annotations

import io
import tracemalloc
from wsgiref.validate import validator

import pytest

from gateway_core.client import Client, Exchange, fetch
from gateway_core.errors import BackendTimeout, BackendUnavailable, BadGateway, LocalProtocolError
from gateway_core.events import NEED_DATA, Data, EndOfMessage, Request, Response
from gateway_core.http1 import ClientConnection

RESET = ConnectionResetError(104, "Connection reset by peer")
PIPE = BrokenPipeError(32, "Broken pipe")


class Channel:
    """Plays a backend. `answers`: what recv gives (an exception is raised); `breaks`: what the n-th sendall raises."""

    def __init__(self, *answers, breaks=None, stale=False):
        self.answers = list(answers)
        self.breaks = breaks or {}
        self.sent = b""
        self.sends = 0
        self.closed = 0
        self.is_stale = stale

    def sendall(self, data):
        assert not self.closed
        self.sends += 1
        if self.sends in self.breaks:
            raise self.breaks[self.sends]
        self.sent += data

    def recv(self, size):
        assert not self.closed
        answer = self.answers.pop(0) if self.answers else b""
        if isinstance(answer, BaseException):
            raise answer
        assert len(answer) <= size
        return answer

    def close(self):
        self.closed += 1

    def stale(self):
        return self.is_stale


class Front:
    """A client with scripted channels (an exception is what connecting raises), called as a server calls it."""

    def __init__(self, *channels, keep=1):
        self.channels = list(channels)
        self.log = []
        self.client = Client(
            lambda head: ClientConnection(keep_alive=keep > 0, head=head), self.connect, keep=keep, log=self.log.append
        )

    def connect(self):
        channel = self.channels.pop(0)
        if isinstance(channel, BaseException):
            raise channel
        return channel

    def start(self, method="GET", body=b"", **variables):
        """Return status, fields and the iterable."""
        head = []
        stream = variables.pop("stream", None) or io.BytesIO(body)
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": "/x", "SCRIPT_NAME": "", "HTTP_HOST": "h", "SERVER_NAME": "h",
            "SERVER_PORT": "80", "wsgi.input": stream, "wsgi.url_scheme": "http",
        }  # fmt: skip
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        content = self.client(environ | variables, lambda status, fields: head.append((status, fields)))
        assert len(head) == 1
        return *head[0], content

    def call(self, method="GET", body=b"", **variables):
        """Return status and content."""
        status, _, content = self.start(method, body, **variables)
        return status, b"".join(content)


def answer(content=b"hello", status="200 OK", *fields):
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


# -- what goes there and what comes back ------------------------------------------------------------------------------


def test_a_request_goes_on_and_its_response_comes_back():
    channel = Channel(
        answer(b"hello", "201 Made it", "X: 1", "Set-Cookie: a", "Set-Cookie: b", "Connection: keep-alive")
    )
    status, fields, content = Front(channel).start("PUT", b"content", QUERY_STRING="q", HTTP_ACCEPT="*/*")
    assert channel.sent.startswith(b"PUT /x?q HTTP/1.1\r\n")
    assert b"\r\naccept: */*\r\n" in channel.sent
    assert channel.sent.endswith(b"\r\n\r\ncontent")
    assert status == "201 Made it"
    assert fields == [("X", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Content-Length", "5")]
    assert list(content) == [b"hello"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("200 OK", "200 OK"), ("200 ", "200 OK"), ("404 ", "404 Not Found"), ("299 ", "299 Unassigned"),
        ("200 Sure  ", "200 Sure"), ("503 \xe9", "503 \xe9"),
    ],
)  # fmt: skip
def test_a_status_always_has_a_reason(line, status):
    channel = Channel(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
    assert Front(channel).call() == (status, b"")


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 200_000])
def test_content_is_sent_in_blocks(size):
    body = bytes(range(256)) * (size // 256 + 1)
    channel = Channel(answer())
    assert Front(channel).call("POST", body[:size])[0] == "200 OK"
    assert channel.sent.partition(b"\r\n\r\n")[2] == body[:size]
    assert channel.sends == max(1, -(-size // 65536)) + (size > 65536)


def test_no_more_content_is_read_than_the_request_has():
    stream = io.BytesIO(b"content" + b"the next request")
    channel = Channel(answer())
    Front(channel).call("POST", CONTENT_LENGTH="7", stream=stream)
    assert channel.sent.endswith(b"\r\n\r\ncontent")
    assert stream.tell() == 7


def test_large_content_is_not_held_in_memory():
    size = 30_000_000

    class Stream:
        left = size

        def read(self, count):
            count = min(count, self.left)
            self.left -= count
            return b"x" * count

    class Sink(Channel):
        taken = 0

        def sendall(self, data):
            self.taken += len(data)

    channel = Sink(answer())
    tracemalloc.start()
    try:
        status, _ = Front(channel).call("POST", CONTENT_LENGTH=str(size), stream=Stream())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status == "200 OK"
    assert channel.taken > size
    assert peak < 1_000_000


def test_content_comes_back_piece_by_piece():
    channel = Channel(answer(b"abcdef")[:-4], b"cd", b"ef")
    _, _, content = Front(channel).start()
    assert next(content) == b"ab"
    assert channel.answers == [b"cd", b"ef"]
    assert next(content) == b"cd"
    assert list(content) == [b"ef"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_wsgiref_s_validator_finds_nothing(method):
    channel = Channel(answer(b"" if method == "HEAD" else b"hello", "200 OK", "Content-Type: text/plain"))
    front = Front(channel)
    heads = []
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "80",
        "QUERY_STRING": "", "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(b"hello"),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "CONTENT_LENGTH": "5",
    }  # fmt: skip
    content = validator(front.client)(environ, lambda status, fields, exc_info=None: heads.append(status) or print)
    list(content)
    content.close()
    assert heads == ["200 OK"]


def test_a_head_request_has_no_content():
    channel = Channel(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    front = Front(channel)
    status, fields, content = front.start("HEAD")
    assert (status, fields, list(content)) == ("200 OK", [("Content-Length", "5")], [])
    assert front.client._idle == [channel]


# -- what can go wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "sentence"),
    [
        (ConnectionRefusedError(111, "Connection refused"), 503, "cannot be reached: Connection refused"),
        (FileNotFoundError(2, "No such file or directory"), 503, "cannot be reached: No such file"),
        (OSError("strange"), 503, "cannot be reached: strange"),
        (TimeoutError(), 504, "did not accept the connection in time"),
        (Channel(TimeoutError()), 504, "did not answer in time"),
        (Channel(breaks={1: TimeoutError()}), 504, "did not take the request in time"),
        (Channel(b"HTTP/1.1 200 OK\r\n", TimeoutError()), 504, "did not answer in time"),
        (Channel(b""), 502, "ended before the response's head"),
        (Channel(b"HTTP/1.1 200 OK\r\nX: ", b""), 502, "ended in the middle of"),
        (Channel(RESET), 502, "broke: Connection reset by peer"),
        (Channel(OSError(113, "No route to host")), 502, "broke: No route to host"),
        (Channel(breaks={1: PIPE}), 502, "ended before the response's head"),
        (Channel(RESET, breaks={1: OSError(113, "No route to host")}), 502, "broke: Connection reset"),
        (Channel(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), 502, "breaks the protocol"),
        (Channel(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), 502, "breaks the protocol"),
        (Channel(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), 502, "breaks the protocol"),
        (Channel(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), 502, "101"),
        (Channel(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), 502, "breaks the protocol"),
    ],
)
def test_no_usable_response(fault, status, sentence):
    front = Front(fault)
    found, fields, content = front.start()
    text = b"".join(content)
    assert found.startswith(f"{status} ")
    assert sentence in text.decode()
    assert text.count(b"\n") == 1
    assert dict(fields)["Content-Length"] == str(len(text))
    assert front.log == [f"GET /x: {text.decode().rstrip()}"]
    if isinstance(fault, Channel):
        assert fault.closed == 1
    assert front.client._idle == []


@pytest.mark.parametrize(
    ("rest", "error"),
    [((b"",), BadGateway), ((RESET,), BadGateway), ((TimeoutError(),), BackendTimeout), ((b"lo", b""), BadGateway)],
)
def test_a_response_that_breaks_off_raises_and_closes(rest, error):
    channel = Channel(answer(b"hello world")[:-8], *rest)
    front = Front(channel)
    _, _, content = front.start()
    with pytest.raises(error):
        list(content)
    assert channel.closed == 1
    assert front.client._idle == []
    content.close()
    assert channel.closed == 1


def test_without_a_log_errors_are_answered_too():
    def nobody():
        raise ConnectionRefusedError(111, "Connection refused")

    heads = []
    client = Client(lambda head: ClientConnection(), nobody)
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}
    client(environ, lambda status, fields: heads.append(status))
    assert heads == ["503 Service Unavailable"]


@pytest.mark.parametrize("fault", [ConnectionResetError("the client broke off"), TimeoutError("slow client")])
def test_a_client_that_breaks_off_is_not_the_backend_s_fault(fault):
    pieces = [b"x" * 65536, b"y" * 65536, fault]

    class Stream:
        def read(self, size):
            piece = pieces.pop(0)
            if isinstance(piece, bytes):
                return piece
            raise piece

    channel = Channel(TimeoutError())
    with pytest.raises(OSError) as caught:
        Front(channel).start("POST", CONTENT_LENGTH="1000000", stream=Stream())
    assert caught.value is fault
    assert channel.closed == 1


def test_content_that_ends_early_is_not_sent_as_complete():
    channel = Channel(answer())
    with pytest.raises(LocalProtocolError):
        Front(channel).start("POST", b"", CONTENT_LENGTH="100000", stream=io.BytesIO(b"x" * 70000))
    assert channel.closed == 1


# -- an answer before the request has been sent ------------------------------------------------------------------------


@pytest.mark.parametrize("breaks_at", [1, 2, 3, 4])
def test_an_early_answer_is_read(breaks_at):
    """A backend may refuse content without reading it: then sending fails, and its answer waits."""
    channel = Channel(answer(b"too large", "413 Content Too Large"), breaks={breaks_at: PIPE})
    front = Front(channel)
    assert front.call("POST", b"x" * 200_000) == ("413 Content Too Large", b"too large")
    assert channel.sends == breaks_at
    if breaks_at < 4:
        assert channel.closed == 1


def test_after_an_early_answer_no_more_content_is_read():
    stream = io.BytesIO(b"x" * 1_000_000)
    channel = Channel(answer(b"", "403 Forbidden"), breaks={2: RESET})
    Front(channel).call("POST", CONTENT_LENGTH="1000000", stream=stream)
    assert stream.tell() <= 3 * 65536


# -- kept connections -------------------------------------------------------------------------------------------------


def test_a_connection_is_kept_and_used_again():
    channel = Channel(answer(b"1"), answer(b"2"), answer(b"3"))
    front = Front(channel)
    assert [front.call()[1] for _ in range(3)] == [b"1", b"2", b"3"]
    assert channel.closed == 0
    front.client.close()
    front.client.close()
    assert channel.closed == 1


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"1", "200 OK", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\n\r\n1",
        answer(b"1") + b"unasked",
    ],
)
def test_a_connection_that_cannot_be_used_again_is_closed(reply):
    first, second = Channel(reply), Channel(answer(b"2"))
    front = Front(first, second)
    assert front.call()[1] == b"1"
    assert first.closed == 1
    assert front.call()[1] == b"2"


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_no_more_are_kept_than_asked_for(keep):
    channels = [Channel(answer(b"1")) for _ in range(3)]
    front = Front(*channels, keep=keep)
    contents = [front.start()[2] for _ in range(3)]
    for content in contents:
        assert list(content) == [b"1"]
    assert len(front.client._idle) == keep
    assert sum(channel.closed for channel in channels) == 3 - keep


def test_a_connection_is_not_given_to_another_request_before_its_response_has_ended():
    first, second = Channel(answer(b"1"), answer(b"3")), Channel(answer(b"2"))
    front = Front(first, second)
    _, _, content = front.start()
    assert next(content) == b"1"
    assert front.call()[1] == b"2"
    assert list(content) == []


def test_a_stale_connection_is_closed_and_not_used():
    first, second = Channel(answer(b"1")), Channel(answer(b"2"))
    front = Front(first, second)
    front.call()
    first.is_stale = True
    assert front.call("POST", b"once") == ("200 OK", b"2")
    assert first.closed == 1
    assert b"once" not in first.sent


DEAD = [b"", RESET]


@pytest.mark.parametrize("dead", DEAD)
@pytest.mark.parametrize("breaks", [{}, {2: PIPE}], ids=["sent", "not sent"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_a_safe_request_is_sent_again_when_a_kept_connection_is_dead(method, dead, breaks):
    first, second = Channel(answer(b"1"), dead, breaks=breaks), Channel(answer(b""))
    front = Front(first, second)
    front.call()
    assert front.call(method)[0] == "200 OK"
    assert first.closed == 1
    assert second.sent.startswith(method.encode())
    assert front.log == []


@pytest.mark.parametrize("dead", DEAD)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_an_unsafe_request_is_never_sent_twice(method, dead):
    front = Front(Channel(answer(b"1"), dead), Channel(answer(b"never")))
    front.call()
    assert front.call(method)[0] == "502 Bad Gateway"
    assert len(front.channels) == 1


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_request_with_content_is_never_sent_twice(method):
    front = Front(Channel(answer(b"1"), b""), Channel(answer(b"never")))
    front.call()
    assert front.call(method, b"content")[0] == "502 Bad Gateway"
    assert len(front.channels) == 1


def test_a_request_is_not_sent_again_when_an_answer_has_begun():
    front = Front(Channel(answer(b"1"), b"HTTP/1.1 2", b""), Channel(answer(b"never")))
    front.call()
    assert front.call()[0] == "502 Bad Gateway"
    assert len(front.channels) == 1


def test_a_request_is_not_sent_again_after_a_timeout():
    front = Front(Channel(answer(b"1"), TimeoutError()), Channel(answer(b"never")))
    front.call()
    assert front.call()[0] == "504 Gateway Timeout"
    assert len(front.channels) == 1


def test_a_request_is_not_sent_again_on_a_new_connection():
    front = Front(Channel(b""), Channel(answer(b"never")))
    assert front.call()[0] == "502 Bad Gateway"
    assert len(front.channels) == 1


def test_every_kept_connection_may_be_dead():
    dead = [Channel(answer(b"1"), b"") for _ in range(3)]
    front = Front(*dead, Channel(answer(b"alive")), keep=3)
    for content in [front.start()[2] for _ in range(3)]:
        list(content)
    assert front.call()[1] == b"alive"
    assert [channel.closed for channel in dead] == [1, 1, 1]


# -- content that is not read to its end ------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_content_that_is_closed_early_closes_the_channel(steps):
    channel = Channel(answer(b"abc")[:-2], b"b", b"c")
    front = Front(channel)
    _, _, content = front.start()
    for _ in range(steps):
        next(content)
    assert channel.closed == 0
    content.close()
    content.close()
    assert channel.closed == 1
    assert front.client._idle == []


def test_content_that_was_read_and_is_then_closed_keeps_the_channel():
    channel = Channel(answer(b"abc"))
    front = Front(channel)
    _, _, content = front.start()
    list(content)
    content.close()
    assert list(content) == []
    assert channel.closed == 0
    assert front.client._idle == [channel]


def test_a_head_that_the_server_refuses_closes_the_channel():
    channel = Channel(answer(b"abc"))

    def refuse(status, fields):
        raise ValueError("not this one")

    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}
    with pytest.raises(ValueError, match="not this one"):
        Front(channel).client(environ, refuse)
    assert channel.closed == 1


# -- for tools --------------------------------------------------------------------------------------------------------


def test_fetch():
    channel = Channel(answer(b"hello", "200 OK", "X: 1"))
    variables = [("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/y"), ("CONTENT_LENGTH", "2")]
    head, content = fetch(ClientConnection(), channel, variables, b"hi")
    assert head == Response(200, "OK", [("X", "1"), ("Content-Length", "5")])
    assert content == b"hello"
    assert channel.sent.startswith(b"POST /y HTTP/1.1")
    assert channel.sent.endswith(b"hi")
    assert channel.closed == 0


class Events:
    """A codec that gives the events it was made with."""

    reusable = False

    def __init__(self, *events):
        self.events = list(events)
        self.sent = []

    def send(self, event):
        self.sent.append(event)
        return b"x"

    def receive_data(self, data):
        pass

    def next_event(self):
        return self.events.pop(0)


def test_a_channel_is_not_kept_before_the_end_whatever_the_codec_says():
    codec = Events(Response(200, "OK", []), Data(b"x"), EndOfMessage())
    codec.reusable = True
    channel = Channel()
    client = Client(lambda head: codec, lambda: channel, keep=1)
    content = client({"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}, lambda status, fields: None)
    next(content)
    content.close()
    assert channel.closed == 1


def test_another_thread_may_take_the_last_idle_connection():
    class Raced(list):
        def __len__(self):
            return 1  # there was one when this thread looked

    front = Front(Channel(answer(b"new")))
    front.client._idle = Raced()
    assert front.call()[1] == b"new"


def test_other_events_are_logged():
    """FastCGI carries the application's error stream beside its output."""
    codec = Events("stderr: one", NEED_DATA, Response(200, "OK", []), "stderr: two", Data(b"x"), EndOfMessage())
    for log in ([], None):
        exchange = Exchange(Events(*codec.events), Channel(b"."), log=log.append if log is not None else None)
        assert exchange.head().status == 200
        assert list(exchange.content()) == [b"x"]
        if log is not None:
            assert log == ["stderr: one", "stderr: two"]


@pytest.mark.parametrize("event", [EndOfMessage(), Data(b"x")])
def test_a_response_begins_with_its_head(event):
    with pytest.raises(BadGateway, match="before its head"):
        Exchange(Events(event), Channel()).head()


@pytest.mark.parametrize(
    ("pieces", "sent"),
    [
        ([], [Request([], b"", complete=True)]),
        ([b"a"], [Request([], b"a", complete=True)]),
        ([b"a", b"b"], [Request([], b"a", complete=False), Data(b"b"), EndOfMessage()]),
        ([b"a", b"b", b"c"], [Request([], b"a", complete=False), Data(b"b"), Data(b"c"), EndOfMessage()]),
    ],
)
def test_a_request_of_one_piece_is_one_event(pieces, sent):
    codec = Events()
    Exchange(codec, Channel()).send([], iter(pieces))
    assert codec.sent == sent


def test_errors_say_what_to_answer():
    assert (BadGateway("").status, BackendUnavailable("").status, BackendTimeout("").status) == (502, 503, 504)
