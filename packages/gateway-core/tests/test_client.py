"""The client half as a WSGI application, over channels in memory, with the real HTTP codec."""

from __future__ import annotations

import io
import tracemalloc
from wsgiref.validate import validator

import pytest

from gateway_core.client import Client, Exchange, fetch
from gateway_core.errors import (
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    BadGateway,
    LocalProtocolError,
    RemoteProtocolError,
)
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

    def begin(self, watched):
        assert not self.closed

    def exchange(self, data, size):
        assert not self.closed
        self.sends += 1
        if self.sends in self.breaks:
            raise self.breaks[self.sends]
        self.sent += data
        return len(data), None

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

    def __init__(self, *channels, keep=1, name=""):
        self.channels = list(channels)
        self.keep = keep
        self.idle = []
        self.log = []
        self.client = Client(
            lambda head: ClientConnection(keep_alive=keep > 0, head=head), self, protocol="HTTP", name=name,
            log=self.log.append,
        )  # fmt: skip

    def take(self, repeatable):
        while self.idle:
            channel = self.idle.pop()
            if not channel.is_stale:
                return channel, True
            channel.close()
        channel = self.channels.pop(0)
        if isinstance(channel, BaseException):
            raise channel
        return channel, False

    def give_back(self, channel, reusable):
        if reusable and len(self.idle) < self.keep:
            self.idle.append(channel)
        else:
            channel.close()

    def close(self):
        while self.idle:
            self.idle.pop().close()

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
    assert channel.sends == max(1, -(-size // 65536))


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

        def exchange(self, data, size):
            self.taken += len(data)
            return len(data), None

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
    assert front.idle == [channel]


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
    assert front.idle == []


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
    assert front.idle == []
    content.close()
    assert channel.closed == 1


def test_without_a_log_errors_are_answered_too():
    heads = []
    client = Client(lambda head: ClientConnection(), Front(ConnectionRefusedError(111, "Connection refused")))
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


@pytest.mark.pure("puts a codec in the place of a compiled one")
@pytest.mark.parametrize(
    ("variables", "status"),
    [({"PATH_INFO": "/a\0b"}, 400), ({"HTTP_COOKIE": "x" * 70_000}, 431), ({"REQUEST_METHOD": "G ET"}, 400)],
)
def test_a_request_that_the_protocol_cannot_carry(variables, status):
    class Narrow(ClientConnection):
        def send(self, event):
            if any("\0" in value or len(value) > 65_535 for _, value in event.variables):
                raise LocalProtocolError("it does not fit")
            return super().send(event)

    channel = Channel()
    front = Front(channel)
    front.client._new_codec = lambda head: Narrow()
    found, _, content = front.start(**variables)
    assert found.startswith(f"{status} ")
    assert b"".join(content).startswith(b"the request cannot be sent on: ")
    assert channel.sent == b""
    assert channel.closed == 1


@pytest.mark.pure("puts a codec in the place of a compiled one")
@pytest.mark.parametrize(
    ("protocol", "bytes_", "hint"),
    [
        ("FastCGI", b"HTTP/1.1 400 Bad Request\r\n\r\n", "(it speaks HTTP, and was asked in FastCGI)"),
        ("HTTP", b"\x01\x01\0\x01\0\x08\0\0", "(it speaks FastCGI, and was asked in HTTP)"),
        ("HTTP", b"\x16\x03\x01\0", "(it speaks TLS, and was asked in HTTP)"),
        ("HTTP", b"HTTP/1.1 two hundred\r\n\r\n", ""),
        ("uwsgi", b"HTTP/1.1 two hundred\r\n\r\n", ""),
        ("", b"HTTP/1.1 two hundred\r\n\r\n", ""),
        ("HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", ""),
    ],
)
def test_an_answer_in_another_protocol(protocol, bytes_, hint):
    class Strict(ClientConnection):
        def receive_data(self, data):
            self.fed = True

        def next_event(self):
            if hasattr(self, "fed"):
                raise RemoteProtocolError("nonsense", 502)
            return NEED_DATA

    channel = Channel(bytes_, b"")
    exchange = Exchange(Strict(), channel, protocol=protocol)
    exchange.send([], iter(()))
    with pytest.raises(BadGateway) as caught:
        exchange.head()
    assert str(caught.value).endswith(f" {hint}" if hint else "")
    assert bool(hint) == ("it speaks" in str(caught.value))


def test_the_log_names_the_backend_and_the_visitor_does_not_learn_of_it():
    front = Front(Channel(b""), Channel(answer(b"hello")[:-2], b""), name="uwsgi:///run/secret")
    status, text = front.call()
    assert (status, "secret" in text.decode()) == ("502 Bad Gateway", False)
    assert front.log == [f"GET /x: uwsgi:///run/secret: {text.decode().rstrip()}"]
    with pytest.raises(BadGateway, match=r"^uwsgi:///run/secret: the backend's answer"):
        front.call()


def test_what_a_backend_says_beside_its_answer_is_logged_with_the_request_and_not_for_ever():
    codec = Events(*["oh"] * 500, Response(200, "OK", []), EndOfMessage())
    front = Front(Channel(b"."), name="b")
    front.client._new_codec = lambda head: codec
    assert front.call()[0] == "200 OK"
    assert front.log[:-1] == ["GET /x: b: oh"] * 99
    assert front.log[-1] == "GET /x: b: it says more, which is not logged"


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


class Reluctant(Channel):
    """Takes a few bytes of the request at a time; after `patience` of these steps it answers."""

    def __init__(self, *answers, patience, grain=1000, **kwargs):
        super().__init__(*answers, **kwargs)
        self.patience = patience
        self.grain = grain

    def exchange(self, data, size):
        assert not self.closed
        self.sends += 1
        if self.sends > self.patience and self.answers:
            return 0, self.recv(size)
        self.sent += bytes(data[: self.grain])
        return min(self.grain, len(data)), None


def test_the_rest_of_the_request_is_sent_while_the_answer_is_read():
    channel = Reluctant(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", b"cd", patience=10)
    front = Front(channel)
    body = bytes(range(256)) * 1000
    status, _, content = front.start("POST", body)
    assert status == "200 OK"
    assert len(channel.sent) < len(body)
    assert list(content) == [b"ab", b"cd"]
    assert channel.closed == 1  # the answer is over, the request is not: nobody can use this connection again


def test_a_backend_that_answers_as_it_reads_gets_everything():
    class Echo(Channel):
        """Gives what it gets in chunks, and takes no more before that is read."""

        def exchange(self, data, size):
            assert not self.closed
            if self.answers:
                return 0, self.recv(size)
            piece = bytes(data[:5000])
            self.sent += piece
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" if self.sends == 0 else b""
            content = self.sent.partition(b"\r\n\r\n")[2] if self.sends == 0 else piece
            self.sends += 1
            self.answers.append(head + b"%x\r\n%s\r\n" % (len(content), content) if content else head)
            return len(piece), None

        def recv(self, size):
            return super().recv(size) if self.answers else b"0\r\n\r\n"

    channel = Echo()
    front = Front(channel)
    body = bytes(range(256)) * 1000
    assert front.call("POST", body) == ("200 OK", body)
    assert front.idle == [channel]


def test_a_backend_that_takes_nothing_more_and_has_answered_is_not_waited_for():
    channel = Reluctant(answer(b"enough", "413 Content Too Large"), patience=1, grain=0)
    assert Front(channel).call("POST", b"x" * 200_000) == ("413 Content Too Large", b"enough")
    assert channel.closed == 1


def test_an_interim_response_is_no_reason_to_stop_sending():
    class Later(Reluctant):
        def exchange(self, data, size):
            if self.sends == 1 or data.nbytes == 0:
                return super().exchange(data, size)
            self.sends += 1
            self.sent += bytes(data)
            return len(data), None

    channel = Later(b"HTTP/1.1 100 Continue\r\n\r\n", answer(b"ok"), patience=1, grain=100_000)
    front = Front(channel)
    body = b"x" * 200_000
    assert front.call("POST", body) == ("200 OK", b"ok")
    assert channel.sent.endswith(body)
    assert front.idle == [channel]


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
    assert len(front.idle) == keep
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


@pytest.mark.parametrize(
    ("channels", "method", "body", "again"),
    [
        ([ConnectionRefusedError(111, "Connection refused")], "GET", b"", True),
        ([ConnectionRefusedError(111, "Connection refused")], "POST", b"x", True),
        ([TimeoutError()], "POST", b"x", True),
        ([Channel(b"")], "GET", b"", True),
        ([Channel(RESET)], "HEAD", b"", True),
        ([Channel(b"")], "GET", b"x", False),
        ([Channel(b"")], "POST", b"", False),
        ([Channel(b"H", b"")], "GET", b"", False),
        ([Channel(TimeoutError())], "GET", b"", False),
    ],
)
def test_may_another_backend_be_asked(channels, method, body, again):
    front = Front(*channels)
    environ = {"REQUEST_METHOD": method, "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body)}
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    with pytest.raises(BackendError) as caught:
        front.client.request(environ)
    assert caught.value.again is again


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
    assert front.idle == []


def test_content_that_was_read_and_is_then_closed_keeps_the_channel():
    channel = Channel(answer(b"abc"))
    front = Front(channel)
    _, _, content = front.start()
    list(content)
    content.close()
    assert list(content) == []
    assert channel.closed == 0
    assert front.idle == [channel]


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
    client = Client(lambda head: codec, Front(channel))
    content = client({"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}, lambda status, fields: None)
    next(content)
    content.close()
    assert channel.closed == 1


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
