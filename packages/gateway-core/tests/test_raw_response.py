"""`gatelab.raw_response`: the application writes the whole response. The response half, and HTTP's encoder below it."""

from __future__ import annotations

import io

import pytest

from gateway_core.access import Access
from gateway_core.errors import ApplicationError, BadGateway, LocalProtocolError, RemoteProtocolError
from gateway_core.file_wrapper import FileWrapper
from gateway_core.http1 import ServerConnection
from gateway_core.response import Response

WHOLE = b"HTTP/1.1 203 Mine\r\nX-Case: kEpT\r\nContent-Length: 2\r\n\r\nok"


class Transport:
    full = lost = aborted = False
    can_send_file = True

    def __init__(self):
        self.sent = b""
        self.finished = []

    def write(self, data):
        self.sent += data

    def finish(self, *, close):
        self.finished.append(close)

    def abort(self):
        self.aborted = self.lost = True


class Log:
    form = "common"
    pid = 1

    def __init__(self):
        self.lines = []

    def now(self):
        return 0.0

    def ticks(self):
        return 0.0

    def write(self, line):
        self.lines.append(line.rpartition('"')[2].strip())


def connection(method="GET", version="1.1", content=b"", more=b""):
    """Return an HTTP connection on which a request has come, and perhaps the beginning of another."""
    conn = ServerConnection()
    length = f"Content-Length: {len(content)}\r\n" if content else ""
    conn.receive_data(f"{method} / HTTP/{version}\r\nHost: h\r\n{length}\r\n".encode() + content + more)
    conn.next_event()
    return conn


def run(app, conn=None, method="GET", transport=None, log=None):
    """Respond; return response, transport and what went to the error stream. `app` is given the raw_response too."""
    conn, transport, errors = conn or connection(method), transport or Transport(), io.StringIO()
    make = Response if log is None else Access(log).response
    response = make(conn, transport, method)
    environ = {"REQUEST_METHOD": method, "wsgi.errors": errors, "gatelab.raw_response": response.raw}
    response.respond(app, environ)
    return response, transport, errors.getvalue()


def raw(*pieces, kind=list):
    """Return an application that gives these pieces."""

    def app(environ, start):
        environ["gatelab.raw_response"]()
        return kind(pieces)

    return app


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("kind", [list, tuple, iter])
@pytest.mark.parametrize("pieces", [(WHOLE,), (WHOLE[:5], b"", WHOLE[5:]), (b"\0",), (b"",), ()])
def test_what_is_given_is_sent_as_it_is(method, version, kind, pieces):
    conn = connection(method, version)
    _, transport, errors = run(raw(*pieces, kind=kind), conn, method)
    assert (transport.sent, transport.aborted, errors) == (b"".join(pieces), False, "")
    assert conn.close_after


def test_what_the_client_has_sent_behind_it_is_no_request():
    conn = connection(more=b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
    run(raw(WHOLE), conn)
    conn.receive_data(b"GET /another HTTP/1.1\r\nHost: h\r\n\r\n")
    assert type(conn.next_event()).__name__ != "HttpRequest"


def test_a_file_is_read_and_sent(tmp_path):
    (tmp_path / "whole").write_bytes(WHOLE)
    with (tmp_path / "whole").open("rb") as file:
        _, transport, _ = run(lambda environ, start: environ["gatelab.raw_response"]() or FileWrapper(file, 7))
    assert transport.sent == WHOLE


def test_a_pause():
    transport = Transport()
    transport.full = True
    response, _, _ = run(raw(b"one", b"two"), transport=transport)
    assert (response.paused, transport.sent) == (True, b"one")
    transport.full = False
    response.resume()
    assert (response.paused, transport.sent) == (False, b"onetwo")


def test_a_peer_that_leaves_closes_the_iterable():
    closed = []

    class Pieces:
        def __iter__(self):
            return iter([b"one", b"two"])

        def close(self):
            closed.append(True)

    transport = Transport()
    transport.full = True
    response, _, _ = run(lambda environ, start: environ["gatelab.raw_response"]() or Pieces(), transport=transport)
    response.abandon()
    assert (closed, transport.sent) == ([True], b"one")


def test_finish_response_ends_it_and_the_call_goes_on():
    went_on = []

    def app(environ, start):
        environ["gatelab.raw_response"]()
        yield WHOLE
        environ["gatelab.finish_response"]()
        went_on.append(True)
        yield b"too late"

    _, transport, errors = run(app)
    assert (transport.sent, transport.finished, went_on, errors) == (WHOLE, [True], [True], "")


@pytest.mark.parametrize("error", [ValueError("on purpose"), BadGateway("on purpose")])
@pytest.mark.parametrize("given", [b"", b"some"])
def test_one_that_fails_is_cut(error, given):
    def app(environ, start):
        environ["gatelab.raw_response"]()
        yield given
        raise error

    _, transport, errors = run(app)
    assert (transport.sent, transport.aborted) == (given, True)
    assert "on purpose" in errors


@pytest.mark.parametrize("piece", ["text", 1, None])
def test_anything_but_bytes_is_an_error(piece):
    _, transport, errors = run(raw(piece))
    assert (transport.sent, transport.aborted) == (b"", True)
    assert "must yield bytes" in errors


def caught(environ, *calls):
    """Make the calls; return whether each of them was refused."""
    refused = []
    for call in calls:
        try:
            call()
        except ApplicationError:
            refused.append(True)
        else:
            refused.append(False)
    return refused


def test_twice_is_an_error_and_the_first_counts():
    refused = []

    def app(environ, start):
        refused.extend(caught(environ, *[environ["gatelab.raw_response"]] * 2))
        return [WHOLE]

    _, transport, _ = run(app)
    assert (refused, transport.sent) == ([False, True], WHOLE)


@pytest.mark.parametrize("first", ["raw", "start"])
def test_it_or_start_response(first):
    """Whichever is called second is refused, and the first one counts."""
    refused = []

    def app(environ, start):
        calls = {"raw": environ["gatelab.raw_response"], "start": lambda: start("200 OK", [("Content-Length", "2")])}
        order = [calls.pop(first), *calls.values()]
        refused.extend(caught(environ, *order))
        return [WHOLE] if first == "raw" else [b"ok"]

    conn = connection()
    _, transport, _ = run(app, conn)
    assert refused == [False, True]
    if first == "raw":
        assert transport.sent == WHOLE
    else:
        assert transport.sent.startswith(b"HTTP/1.1 200 OK\r\n")
        assert transport.sent.endswith(b"\r\n\r\nok")
        assert not conn.close_after


def test_exc_info_cannot_take_it_back():
    def app(environ, start):
        environ["gatelab.raw_response"]()
        try:
            raise LookupError("on purpose")
        except LookupError as error:
            start("500 Sorry", [], (type(error), error, error.__traceback__))
        return [b"not this"]

    _, transport, errors = run(app)
    assert (transport.sent, transport.aborted) == (b"", True)
    assert "LookupError: on purpose" in errors


def test_after_the_end_it_is_an_error():
    response, _, _ = run(lambda environ, start: start("204 No Content", []) and [])
    with pytest.raises(ApplicationError, match="too late"):
        response.raw()


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        ((WHOLE,), f"203 {len(WHOLE)}"),
        ((WHOLE[:9], WHOLE[9:]), f"203 {len(WHOLE)}"),
        (tuple(bytes((byte,)) for byte in WHOLE), f"203 {len(WHOLE)}"),
        ((b"HTTP/1.0 404\n\n",), "404 14"),
        ((b"HTTP/1.1 999 x\n\n",), "- 16"),
        ((b"HTTP/1.1 20",), "- 11"),
        ((b"no HTTP at all", WHOLE), f"- {14 + len(WHOLE)}"),
        ((), "- -"),
    ],
)
def test_the_access_log(pieces, line):
    log = Log()
    run(raw(*pieces), log=log)
    assert log.lines == [line]


def test_the_access_log_of_one_that_is_cut():
    def app(environ, start):
        environ["gatelab.raw_response"]()
        yield WHOLE[:-1]
        raise ValueError("on purpose")

    log = Log()
    run(app, log=log)
    assert log.lines == [f"203 {len(WHOLE) - 1} cut"]


# -- the encoder ------------------------------------------------------------------------------------------------------


def test_the_encoder_needs_a_request():
    with pytest.raises(LocalProtocolError):
        ServerConnection().begin_raw()


def test_the_encoder_begins_once():
    conn = connection()
    conn.begin_raw()
    for late in (conn.begin_raw, lambda: conn.head("200 OK", [], 0), lambda: conn.interim(103), lambda: conn.skip(1)):
        with pytest.raises(LocalProtocolError):
            late()
    assert conn.data(b"x") + conn.end() == b"x"


def test_no_refusal_stands_behind_what_is_half_sent():
    conn = connection()
    conn.begin_raw()
    conn.data(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(LocalProtocolError):
        conn.refusal(RemoteProtocolError("late", 400))
