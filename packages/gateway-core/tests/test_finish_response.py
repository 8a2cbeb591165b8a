"""`gatelab.finish_response`: the response is over, and the call goes on."""

from __future__ import annotations

import gc
import io
import weakref

import pytest

from gateway_core.errors import ApplicationError
from gateway_core.response import Response


class Encoder:
    close_after = False
    raw = True

    def head(self, status, fields, length):
        return f"<{status[:3]} {length}>".encode()

    def data(self, data):
        return data

    def end(self):
        return b"<end>"

    def whole(self, status, fields, data):
        return self.head(status, fields, len(data)) + data + self.end()


class Transport:
    full = lost = aborted = can_send_file = False

    def __init__(self):
        self.sent = b""
        self.finished = []  # what was sent when it was told of the end, and whether it is to close

    def write(self, data):
        self.sent += data

    def finish(self, *, close):
        self.finished.append((self.sent, close))

    def abort(self):
        self.aborted = self.lost = True


def run(app, method="GET", close=False):
    """Respond; return the transport and what went to the error stream."""
    encoder, transport, errors = Encoder(), Transport(), io.StringIO()
    encoder.close_after = close
    response = Response(encoder, transport, method)
    response.respond(app, {"REQUEST_METHOD": method, "wsgi.errors": errors})
    assert not response.paused
    return transport, errors.getvalue()


def nothing(environ, start):
    start("204 No Content", [])
    environ["gatelab.finish_response"]()
    return []


def written(environ, start):
    start("200 OK", [])(b"all")
    environ["gatelab.finish_response"]()
    return [b"dropped"]


def yielded(environ, start):
    start("200 OK", [])
    yield b"all"
    environ["gatelab.finish_response"]()
    yield b""
    yield b"dropped"


def declared(environ, start):
    start("200 OK", [("Content-Length", "3")])(b"all")
    environ["gatelab.finish_response"]()
    return []


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize(
    ("app", "sent"),
    [
        (nothing, b"<204 None><end>"),
        (written, b"<200 None>all<end>"),
        (yielded, b"<200 None>all<end>"),
        (declared, b"<200 3>all<end>"),
    ],
)
def test_what_was_given_so_far_is_the_response(app, sent, close):
    transport, errors = run(app, close=close)
    assert transport.finished == [(sent, close)]
    assert transport.sent == sent
    assert errors == ""


def test_head_has_no_content():
    transport, _ = run(written, method="HEAD")
    assert transport.sent == b"<200 None><end>"


def test_before_start_response_it_is_an_error():
    transport, errors = run(lambda environ, start: environ["gatelab.finish_response"]() or [])
    assert transport.sent.startswith(b"<500 ")
    assert "before it called start_response" in errors


def test_fewer_bytes_than_declared_cut_the_connection():
    def app(environ, start):
        start("200 OK", [("Content-Length", "4")])(b"all")
        environ["gatelab.finish_response"]()
        return []

    transport, errors = run(app)
    assert transport.aborted
    assert "1 bytes fewer than its Content-Length" in errors


@pytest.mark.parametrize("again", ["write", "finish"])
def test_nothing_may_be_said_after_it(again):
    caught = []

    def app(environ, start):
        write = start("200 OK", [])
        environ["gatelab.finish_response"]()
        with pytest.raises(ApplicationError, match="too late") as error:
            write(b"late") if again == "write" else environ["gatelab.finish_response"]()
        caught.append(str(error.value))
        return []

    transport, errors = run(app)
    assert (transport.sent, len(caught), errors) == (b"<200 0><end>", 1, "")


def test_an_error_after_it_is_logged_and_cuts_nothing():
    def app(environ, start):
        start("200 OK", [])(b"all")
        environ["gatelab.finish_response"]()
        raise LookupError("on purpose")

    transport, errors = run(app)
    assert transport.sent == b"<200 None>all<end>"
    assert not transport.aborted
    assert "LookupError: on purpose" in errors


def test_the_iterable_is_closed_when_the_work_is_done():
    order = []

    class Pages:
        def __init__(self, finish):
            self.finish = finish

        def __iter__(self):
            yield b"all"
            self.finish()
            order.append("work")

        def close(self):
            order.append("closed")

    def app(environ, start):
        start("200 OK", [])
        return Pages(environ["gatelab.finish_response"])

    run(app)
    assert order == ["work", "closed"]


@pytest.mark.parametrize("app", [written, lambda environ, start: start("200 OK", []) and [b"x"]])
def test_an_environ_that_is_kept_keeps_no_circle_alive(app):
    class Environ(dict):
        pass

    environ = Environ({"REQUEST_METHOD": "GET", "wsgi.errors": io.StringIO()})
    response = Response(Encoder(), Transport(), "GET")
    response.respond(app, environ)
    alive = weakref.ref(environ)
    gc.disable()
    try:
        del environ, response
        assert alive() is None
    finally:
        gc.enable()
