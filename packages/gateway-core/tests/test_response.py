"""The server half of PEP 3333: what an application may do, and what is sent for it."""

from __future__ import annotations

import gc
import io
import os
import sys
import weakref
from wsgiref.validate import validator

import pytest

from gateway_core.errors import ApplicationError, BackendTimeout, BadGateway, LocalProtocolError
from gateway_core.response import Response

ENVIRON = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/app", "PATH_INFO": "/path"}
TYPE = ("Content-Type", "text/plain")
OK = ("200 OK", [TYPE])


def name(value):
    """Name a test by its value, but for an address in memory, which would be another every time."""
    text = repr(value)
    return None if " at 0x" in text else text


class Encoder:
    """Readable bytes: `<status fields length>`, the content as it is, `<end>`."""

    close_after = False
    raw = True

    def __init__(self):
        self.heads = []
        self.skipped = 0

    def head(self, status, fields, length):
        self.heads.append((status, fields, length))
        return f"<{status[:3]} {length}>".encode()

    def data(self, data):
        assert data
        return data

    def skip(self, count):
        self.skipped += count

    def end(self):
        return b"<end>"

    def whole(self, status, fields, data):
        return self.head(status, fields, len(data)) + self.data(data) + self.end()


class Transport:
    """`full` once it has `room` bytes; `lost` after `breaks_after` writes."""

    def __init__(self, room=None, breaks_after=None, can_send_file=False):
        self.can_send_file = can_send_file
        self.files = []
        self.drained = 0
        self.writes = []
        self.room = room
        self.breaks_after = breaks_after
        self.aborted = False
        self.lost = False

    @property
    def sent(self):
        return b"".join(self.writes)

    @property
    def full(self):
        return self.room is not None and len(self.sent) >= self.room

    def write(self, data):
        assert data
        if self.breaks_after is not None and len(self.writes) >= self.breaks_after:
            self.lost = True
            raise ConnectionAbortedError("the peer has closed the connection")
        self.writes.append(data)

    def send_file(self, fd, offset, count):
        assert self.can_send_file
        assert count
        self.files.append((fd, offset, count))
        self.write(os.pread(fd, count, offset))

    def drain(self):
        assert self.full
        self.drained += 1
        self.room = len(self.sent) + 1

    def close(self, *, linger=False):
        raise AssertionError("closing is the session's affair")

    def abort(self):
        self.aborted = self.lost = True


class Run:
    """One response to `application`, to its end or its first pause."""

    def __init__(self, application, method="GET", encoder=None, **transport):
        self.encoder = encoder or Encoder()
        self.transport = Transport(**transport)
        self.errors = io.StringIO()
        self.response = Response(self.encoder, self.transport, method)
        self.response.respond(application, {**ENVIRON, "wsgi.errors": self.errors})

    @property
    def sent(self):
        return self.transport.sent

    @property
    def log(self):
        return self.errors.getvalue()


class Closing:
    """An iterable that counts the calls of close()."""

    def __init__(self, items, fault=None):
        self.items = iter(items)
        self.fault = fault
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.items)

    def close(self):
        self.closed += 1
        if self.fault:
            raise self.fault


def serving(body, status="200 OK", headers=(TYPE,)):
    """Return an application that gives `body`, whatever that is."""

    def application(environ, start_response):
        start_response(status, list(headers))
        return body

    return application


# -- the iterable -----------------------------------------------------------------------------------------------------


class OnlyGetitem:
    def __getitem__(self, index):
        return [b"a", b"b"][index]


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ([b"hello"], b"<200 5>hello<end>"),
        ((b"hello",), b"<200 5>hello<end>"),
        ([], b"<200 0><end>"),
        ((), b"<200 0><end>"),
        ([b""], b"<200 0><end>"),
        ([b"", b""], b"<200 0><end>"),
        ([b"a", b"b"], b"<200 None>ab<end>"),
        ([b"", b"a", b"", b"b", b""], b"<200 None>ab<end>"),
        (iter([b"a", b"b"]), b"<200 None>ab<end>"),
        ((piece for piece in (b"a", b"b")), b"<200 None>ab<end>"),
        (OnlyGetitem(), b"<200 None>ab<end>"),
        ({b"a": 1}, b"<200 None>a<end>"),
        (io.BytesIO(b"one\r\ntwo\n"), b"<200 None>one\r\ntwo\n<end>"),
    ],
    ids=name,
)
def test_any_iterable_of_bytes(body, sent):
    run = Run(serving(body))
    assert run.sent == sent
    assert run.log == ""
    assert not run.response.paused
    assert not run.transport.aborted


def test_any_callable_with_two_positional_arguments():
    class Application:
        def __init__(self, environ, start_response):
            self.start = start_response

        def __iter__(self):
            self.start(*OK)
            yield b"class"

        def __call__(self, environ, start_response):
            return Application(environ, start_response)

    def only_positional(environ, start_response, /):
        start_response(*OK)
        return [b"function"]

    assert Run(Application).sent == b"<200 None>class<end>"
    assert Run(Application({}, None)).sent == b"<200 None>class<end>"
    assert Run(only_positional).sent == b"<200 8>function<end>"


def test_the_environ_is_passed_as_it_is():
    seen = []

    def application(environ, start_response):
        seen.append(environ)
        return serving([b""])(environ, start_response)

    environ = {"wsgi.errors": io.StringIO()}
    Response(Encoder(), Transport(), "GET").respond(application, environ)
    assert seen[0] is environ


def test_a_generator_may_call_start_response_when_it_is_first_asked():
    def application(environ, start_response):
        start_response(*OK)
        yield b"late"

    assert Run(application).sent == b"<200 None>late<end>"


def test_nothing_is_sent_before_the_first_bytes():
    sent = []

    def application(environ, start_response):
        start_response(*OK)
        sent.append(run_transport.sent)
        yield b""
        sent.append(run_transport.sent)
        yield b"a"
        sent.append(run_transport.sent)
        yield b"b"
        sent.append(run_transport.sent)

    run_transport = Transport()
    Response(Encoder(), run_transport, "GET").respond(application, {"wsgi.errors": io.StringIO()})
    assert sent == [b"", b"", b"<200 None>a", b"<200 None>ab"]
    assert run_transport.writes == [b"<200 None>a", b"b", b"<end>"]


def test_a_list_of_one_is_one_write():
    assert Run(serving([b"hello"])).transport.writes == [b"<200 5>hello<end>"]


@pytest.mark.parametrize(
    "body",
    [
        ["text"], [None], [1], [bytearray(b"x")], [b"a", "text"], iter(["text"]), "text", None, 1,
    ],
    ids=name,
)  # fmt: skip
def test_what_is_not_an_iterable_of_bytes_is_an_error(body):
    run = Run(serving(body))
    if isinstance(body, list) and body[0] == b"a":
        assert run.sent == b"<200 None>a"
        assert run.transport.aborted
    else:
        assert run.sent.startswith(b"<500 ")
        assert run.sent.endswith(b"<end>")
    assert "Traceback" in run.log


# -- close ------------------------------------------------------------------------------------------------------------


def raising(error, *before):
    yield from before
    raise error


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "items",
    [
        [], [b"a"], [b"a", b"b"], [b"too long"], ["not bytes"], [b"a", None],
        raising(ValueError("fault")), raising(ValueError("fault"), b"a"), raising(SystemExit(3), b"a"),
    ],
    ids=name,
)  # fmt: skip
@pytest.mark.parametrize("headers", [[TYPE], [("Content-Length", "3")]], ids=["free", "length"])
def test_close_is_called_once_however_it_ends(items, method, headers):
    body = Closing(items)
    Run(serving(body, headers=headers), method)
    assert body.closed == 1


def test_close_is_called_once_when_the_peer_has_gone():
    body = Closing([b"a", b"b", b"c"])
    run = Run(serving(body), breaks_after=1)
    assert body.closed == 1
    assert run.sent == b"<200 None>a"
    assert run.log == ""
    assert next(body.items) == b"c"  # it was not asked for more


def test_close_is_called_once_by_abandon():
    body = Closing([b"a", b"b", b"c"])
    run = Run(serving(body), room=1)
    assert run.response.paused
    assert body.closed == 0
    run.response.abandon()
    run.response.abandon()
    assert body.closed == 1
    assert not run.response.paused
    assert run.sent == b"<200 None>a"


def test_close_of_an_iterable_that_cannot_be_iterated():
    class Broken(Closing):
        def __iter__(self):
            raise ValueError("fault")

    body = Broken([])
    assert Run(serving(body)).sent.startswith(b"<500 ")
    assert body.closed == 1


def test_close_comes_after_the_last_byte():
    order = []

    class Body(Closing):
        def close(self):
            order.append(transport.sent)

    transport = Transport()
    Response(Encoder(), transport, "GET").respond(serving(Body([b"a"])), {"wsgi.errors": io.StringIO()})
    assert order == [b"<200 None>a<end>"]


def test_close_may_be_a_generator_s():
    closed = []

    def application(environ, start_response):
        start_response(*OK)
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    run = Run(application, room=1)
    assert not closed
    run.response.abandon()
    assert closed == [True]


@pytest.mark.parametrize("fault", [ValueError("fault"), SystemExit(1), KeyboardInterrupt()], ids=name)
def test_a_close_that_raises_is_logged_and_the_response_stands(fault):
    run = Run(serving(Closing([b"a"], fault)))
    assert run.sent == b"<200 None>a<end>"
    assert type(fault).__name__ in run.log
    assert not run.transport.aborted


def test_a_close_that_cannot_even_be_looked_up_is_logged():
    class Body(Closing):
        @property
        def close(self):
            raise ValueError("fault")

    run = Run(serving(Body([b"a"])))
    assert run.sent == b"<200 None>a<end>"
    assert "ValueError: fault" in run.log


def test_a_list_subclass_with_close_is_closed():
    class Body(list):
        closed = 0

        def close(self):
            self.closed += 1

    body = Body([b"hello"])
    run = Run(serving(body))
    assert run.sent.endswith(b"hello<end>")
    assert body.closed == 1


# -- start_response ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status",
    ["200 OK", "204 No Content", "299 x", "404 Not Found", "500 \xe9chec", "599 A b c!", '200 I\'m (a) "teapot"'],
)
def test_good_statuses(status):
    assert Run(serving([], status)).encoder.heads[0][0] == status


BAD_STATUSES = [
    "", "200", "200 ", "OK", "20 OK", "2000 OK", "200OK", "200\tOK", " 200 OK", "200 OK ", "200 OK\t", "100 Continue",
    "101 Switching Protocols", "199 x", "600 x", "999 x", "abc OK", "-20 OK", "\u0662\u0660\u0660 OK", "200 \u20ac",
    "200 OK\r\nX: y", "200 OK\n", "200 OK\r", "200 O\x00K", "200 O\x7fK", "200 O\x1bK",
    b"200 OK", 200, None, ["200 OK"], ("200", "OK"),
]  # fmt: skip


@pytest.mark.parametrize("status", BAD_STATUSES, ids=name)
def test_bad_statuses_are_raised_at_once(status):
    refused(status, [TYPE])


BAD_HEADERS = [
    (TYPE,), None, "text", {"Content-Type": "text/plain"}.items(), iter([TYPE]),
    [["Content-Type", "text/plain"]], [("X",)], [("X", "1", "2")], ["ab"], [None], [("X", None)], [("X", 1)],
    [(b"X", "1")], [("X", b"1")], [(None, "1")], [("X", ["1"])],
    [("", "1")], [("X ", "1")], [(" X", "1")], [("X:", "1")], [("X Y", "1")], [("X\n", "1")], [("X\r\nY", "1")],
    [("X\x00", "1")], [("X(", "1")], [("\xe9", "1")], [("X/Y", "1")],
    [("X", "a\r\nSet-Cookie: b")], [("X", "a\n")], [("X", "a\r")], [("X", "a\x00")], [("X", "\x1b[31m")],
    [("X", "a\x7f")], [("X", "\u20ac")], [("X", "a\n b")], [("X", "\u010d\u010a")],
    [("Content-Length", "-1")], [("Content-Length", "+1")], [("Content-Length", "1.0")], [("Content-Length", "")],
    [("Content-Length", " 1")], [("Content-Length", "0x1")], [("Content-Length", "\u0661")], [("content-length", "a")],
    [("Content-Length", "1_0")], [("Content-Length", "1, 1")], [("Content-Length", "9" * 19)],
    [("Content-Length", "1"), ("Content-Length", "1")], [("Content-Length", "1"), ("CONTENT-LENGTH", "2")],
    *[[(name, "x")] for name in (
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Trailers",
        "Transfer-Encoding", "Upgrade", "connection", "TRANSFER-ENCODING",
    )],
]  # fmt: skip


@pytest.mark.parametrize("headers", BAD_HEADERS, ids=name)
def test_bad_headers_are_raised_at_once(headers):
    refused("200 OK", headers)


def refused(status, headers):
    """The application sees the error, and can still answer otherwise only through exc_info; nothing of it is sent."""
    seen = []

    def application(environ, start_response):
        try:
            start_response(status, headers)
        except ApplicationError as error:
            seen.append(str(error))
            raise

    run = Run(application)
    assert len(seen) == 1
    assert run.encoder.heads == [("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")], 74)]
    assert run.sent.startswith(b"<500 74>Internal Server Error")
    assert run.sent.endswith(b"<end>")
    assert "Traceback" in run.log

    def second_thoughts(environ, start_response):
        try:
            start_response(status, headers)
        except ApplicationError:
            start_response("404 Not Found", [TYPE], sys.exc_info())
        return [b"never mind"]

    assert Run(second_thoughts).sent == b"<404 10>never mind<end>"

    def stubborn(environ, start_response):
        try:
            start_response(status, headers)
        except ApplicationError:
            pass
        return [b"never mind"]

    assert Run(stubborn).sent.startswith(b"<500 ")


def test_good_headers_go_on_as_they_are():
    headers = [
        ("X-b", "1"), ("Set-Cookie", "a=1"), ("x-A", ""), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
        ("X-Latin", "caf\xe9\xff"), ("X-Tab", "a\tb"), ("!#$%&'*+-.^_`|~09aZ", " x "),
    ]  # fmt: skip
    for _ in range(2):  # the second time they are remembered
        assert Run(serving([b"hello"], headers=headers)).encoder.heads == [("200 OK", headers, 5)]


def test_content_length_is_taken_out_and_passed_as_length():
    headers = [("X", "1"), ("cOntent-lEngth", "5"), ("Y", "2")]
    run = Run(serving([b"he", b"llo"], headers=headers))
    assert run.encoder.heads == [("200 OK", [("X", "1"), ("Y", "2")], 5)]
    assert run.sent == b"<200 5>hello<end>"
    assert len(headers) == 3


@pytest.mark.parametrize("late", [("X", "a\r\nEvil: b"), ("Content-Length", "7"), ("Connection", "close"), None])
def test_headers_changed_after_the_call_are_not_sent(late):
    def application(environ, start_response):
        headers = [TYPE]
        start_response("200 OK", headers)
        headers.append(late)
        return [b"hello"]

    run = Run(application)
    assert run.encoder.heads == [("200 OK", [TYPE], 5)]


def test_checked_values_are_remembered_in_bounded_memory():
    from gateway_core import response_checks

    for number in range(3000):
        Run(serving([b""], f"200 {number}", [("X", str(number)), ("Set-Cookie", f"secret={number}")]))
        Run(serving([b""], headers=[("X", "x" * 1000 + str(number))]))
    memories = response_checks._checked_fields, response_checks.CHECKED
    assert all(0 < len(memory) <= 1024 for memory in memories)
    assert "secret" not in repr(memories)
    assert "xxxxx" not in repr(memories)


def test_a_second_call_without_exc_info_is_an_error():
    def application(environ, start_response):
        start_response(*OK)
        with pytest.raises(ApplicationError, match="again"):
            start_response("201 Created", [TYPE])
        return [b"first"]

    assert Run(application).sent == b"<200 5>first<end>"


def test_a_second_call_is_an_error_also_when_the_first_raised():
    said = []

    def application(environ, start_response):
        for status in ("bad", "200 OK"):
            try:
                start_response(status, [TYPE])
            except ApplicationError as error:
                said.append(str(error))
        return [b"x"]

    assert Run(application).sent.startswith(b"<500 ")
    assert len(said) == 2
    assert "again" in said[1]


def test_exc_info_replaces_a_head_that_was_not_sent():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "100"), ("X", "old")])
        try:
            raise ValueError("fault")
        except ValueError:
            start_response("503 Sorry", [TYPE], sys.exc_info())
        return [b"sorry"]

    run = Run(application)
    assert run.encoder.heads == [("503 Sorry", [TYPE], 5)]
    assert run.sent == b"<503 5>sorry<end>"


def test_exc_info_may_come_first():
    def application(environ, start_response):
        try:
            raise ValueError("fault")
        except ValueError:
            start_response("503 Sorry", [TYPE], sys.exc_info())
        return [b"sorry"]

    assert Run(application).sent == b"<503 5>sorry<end>"


@pytest.mark.parametrize("by_write", [True, False])
def test_exc_info_after_the_head_raises_the_application_s_own_error(by_write):
    raised = []

    def application(environ, start_response):
        write = start_response(*OK)
        if by_write:
            write(b"begun")
        else:
            yield b"begun"
        fault = ValueError("fault")
        try:
            raise fault
        except ValueError:
            try:
                start_response("503 Sorry", [TYPE], sys.exc_info())
            except ValueError as error:
                raised.append(error is fault)
                raise
        yield b"never"

    run = Run(application)
    assert raised == [True]
    assert run.sent == b"<200 None>begun"
    assert run.transport.aborted
    assert "ValueError: fault" in run.log


def test_an_empty_exc_info_after_the_head_is_an_error_too():
    def application(environ, start_response):
        start_response(*OK)(b"begun")
        with pytest.raises(ApplicationError, match="too late"):
            start_response("503 Sorry", [TYPE], (None, None, None))
        return []

    assert Run(application).sent == b"<200 None>begun<end>"


def test_no_reference_to_exc_info_is_kept():
    class Fault(ValueError):
        pass

    kept = []

    def application(environ, start_response):
        try:
            raise Fault
        except Fault as error:
            kept.append(weakref.ref(error))
            start_response("503 Sorry", [TYPE], sys.exc_info())
        return [b"sorry"]

    gc.disable()
    try:
        run = Run(application)
        assert kept[0]() is None
        assert run.sent
    finally:
        gc.enable()


def test_no_reference_to_exc_info_is_kept_when_it_is_raised():
    class Fault(ValueError):
        pass

    kept = []

    def application(environ, start_response):
        start_response(*OK)
        yield b"begun"
        try:
            raise Fault
        except Fault as error:
            kept.append(weakref.ref(error))
            try:
                start_response("503 Sorry", [TYPE], sys.exc_info())
            except Fault:
                raised.append(True)

    raised = []
    gc.disable()
    try:
        assert Run(application).sent == b"<200 None>begun<end>"
        assert raised == [True]
        assert kept[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("body", [[], [b""], [b"early"], iter([b"early"]), iter([])], ids=name)
def test_never_calling_start_response_is_an_error(body):
    run = Run(lambda environ, start_response: body)
    assert run.sent.startswith(b"<500 ")
    assert "before it called start_response" in run.log


# -- write() ----------------------------------------------------------------------------------------------------------


def test_write_sends_at_once_and_in_order():
    sent = []

    def application(environ, start_response):
        write = start_response(*OK)
        write(b"")
        sent.append(transport.sent)
        write(b"a")
        sent.append(transport.sent)
        write(b"b")
        return [b"c"]

    transport = Transport()
    Response(Encoder(), transport, "GET").respond(application, {"wsgi.errors": io.StringIO()})
    assert sent == [b"", b"<200 None>a"]
    assert transport.sent == b"<200 None>abc<end>"


@pytest.mark.parametrize("rest", [[], (), [b""], [b"", b""], iter([])], ids=name)
def test_write_alone_is_a_response(rest):
    def application(environ, start_response):
        start_response(*OK)(b"all")
        return rest

    assert Run(application).sent == b"<200 None>all<end>"


@pytest.mark.parametrize("data", ["text", None, 1, bytearray(b"x")], ids=name)
def test_write_takes_bytes(data):
    def application(environ, start_response):
        write = start_response(*OK)
        with pytest.raises(ApplicationError, match="bytes"):
            write(data)
        return [b"x"]

    assert Run(application).sent == b"<200 1>x<end>"


def test_write_beyond_the_content_length_raises_and_sends_no_more():
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Length", "3")])
        write(b"ab")
        with pytest.raises(ApplicationError, match="Content-Length"):
            write(b"cd")
        return []

    assert Run(application).sent == b"<200 3>abc<end>"


def test_write_to_a_peer_that_has_gone_raises_to_the_application():
    seen = []

    def application(environ, start_response):
        write = start_response(*OK)
        try:
            while True:
                write(b"x")
        except ConnectionError as error:
            seen.append(error)
            raise

    run = Run(application, breaks_after=3)
    assert len(seen) == 1
    assert run.log == ""


@pytest.mark.parametrize("body", [[b"whole"], [], iter([b"whole"])], ids=name)
def test_write_after_the_end_does_not_reach_the_next_response(body):
    kept = []

    def application(environ, start_response):
        kept.extend((start_response(*OK), start_response))
        return body

    run = Run(application)
    sent = run.sent
    with pytest.raises(ValueError, match="fault"):
        kept[1]("500 Late", [TYPE], (ValueError, ValueError("fault"), None))
    with pytest.raises(ApplicationError, match="too late"):
        kept[0](b"more")
    with pytest.raises(ApplicationError, match="too late"):
        kept[0](b"")
    assert run.sent == sent


def test_write_waits_where_an_iterable_would_rest():
    """The application holds the thread, so nobody can go on for it when the transport has drained."""

    def application(environ, start_response):
        write = start_response(*OK)
        for _ in range(5):
            write(b"x")
        transport.room = 1
        return [b"y", b"z"]

    run = Run.__new__(Run)
    run.transport = transport = Transport(room=1)
    run.response = Response(Encoder(), transport, "GET")
    run.response.respond(application, {"wsgi.errors": io.StringIO()})
    assert transport.drained == 5
    assert run.sent == b"<200 None>xxxxxy"
    assert run.response.paused
    run.transport.room = None
    run.response.resume()
    assert run.sent == b"<200 None>xxxxxyz<end>"


# -- Content-Length ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "body", "sent", "complete"),
    [
        ("5", [b"hello"], b"<200 5>hello<end>", True),
        ("5", [b"he", b"llo"], b"<200 5>hello<end>", True),
        ("5", [b"he", b"llo", b"", b""], b"<200 5>hello<end>", True),
        ("0", [], b"<200 0><end>", True),
        ("0", [b""], b"<200 0><end>", True),
        ("00005", [b"hello"], b"<200 5>hello<end>", True),
        # more than declared is cut
        ("3", [b"hello"], b"<200 3>hel<end>", True),
        ("3", [b"hel", b"lo", b"!"], b"<200 3>hel<end>", True),
        ("3", [b"he", b"llo"], b"<200 3>hel<end>", True),
        ("0", [b"hello"], b"<200 0><end>", True),
        # less than declared: no end
        ("7", [b"hello"], b"<200 7>hello", False),
        ("7", [b"he", b"llo"], b"<200 7>hello", False),
        ("7", [], b"<200 7>", False),
        ("7", [b""], b"<200 7>", False),
    ],
)
@pytest.mark.parametrize("form", [list, iter])
def test_a_declared_length_is_kept(declared, body, sent, complete, form):
    run = Run(serving(form(body), headers=[("Content-Length", declared)]))
    assert run.sent == sent
    assert run.transport.aborted is not complete
    given = sum(map(len, body))
    assert ("more than its Content-Length" in run.log) is (given > int(declared))
    assert ("fewer than its Content-Length" in run.log) is (given < int(declared))
    assert "Traceback" not in run.log


def test_an_endless_iterable_is_left_at_its_content_length():
    def endless(environ, start_response):
        start_response("200 OK", [("Content-Length", "3")])
        while True:
            yield b"ab"

    assert Run(endless).sent == b"<200 3>aba<end>"


# -- no content -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "declared", "body", "sent"),
    [
        ("HEAD", "200 OK", None, [b"hello"], b"<200 5><end>"),
        ("HEAD", "200 OK", None, [b"he", b"llo"], b"<200 None><end>"),
        ("HEAD", "200 OK", None, [], b"<200 None><end>"),
        ("HEAD", "200 OK", None, [b""], b"<200 None><end>"),
        ("HEAD", "200 OK", "5", [], b"<200 5><end>"),
        ("HEAD", "200 OK", "5", [b"hello"], b"<200 5><end>"),
        ("HEAD", "200 OK", "5", [b"hello world"], b"<200 5><end>"),
        ("HEAD", "200 OK", "0", [], b"<200 0><end>"),
        ("HEAD", "500 Oops", None, [b"hello"], b"<500 5><end>"),
        ("GET", "204 No Content", None, [], b"<204 None><end>"),
        ("GET", "204 No Content", None, [b"hello"], b"<204 None><end>"),
        ("GET", "204 No Content", None, [b"he", b"llo"], b"<204 None><end>"),
        ("GET", "304 Not Modified", None, [], b"<304 None><end>"),
        ("GET", "304 Not Modified", None, [b"hello"], b"<304 None><end>"),
        ("GET", "304 Not Modified", "5", [], b"<304 5><end>"),
        ("GET", "304 Not Modified", "5", [b"he", b"llo"], b"<304 5><end>"),
        ("HEAD", "304 Not Modified", None, [b"hello"], b"<304 None><end>"),
        ("GET", "205 Reset Content", None, [], b"<205 0><end>"),
    ],
)
@pytest.mark.parametrize("way", ["list", "iterator", "write"])
def test_where_no_content_may_be(method, status, declared, body, sent, way):
    headers = [("Content-Length", declared)] if declared else [TYPE]

    def application(environ, start_response):
        write = start_response(status, headers)
        if way == "write":
            for data in body:
                write(data)
            return []
        return body if way == "list" else iter(body)

    run = Run(application, method)
    if way != "list" and len(body) == 1 and sent == b"<200 5><end>" and not declared:
        sent = b"<200 None><end>"  # only of a list is the length known
    if way != "list" and sent == b"<500 5><end>":
        sent = b"<500 None><end>"
    assert run.sent == sent
    assert run.log == ""
    assert not run.transport.aborted


def test_head_does_not_ask_for_more_than_the_first_bytes():
    body = Closing([b"a", b"b"])
    Run(serving(body), "HEAD")
    assert next(body.items) == b"b"
    assert body.closed == 1


def test_an_error_of_a_head_request_has_no_content():
    run = Run(lambda environ, start_response: 1 / 0, "HEAD")
    assert run.sent == b"<500 74><end>"


# -- errors -----------------------------------------------------------------------------------------------------------

FAULTS = [ValueError("fault"), SystemExit(1), KeyboardInterrupt(), MemoryError(), GeneratorExit(), BaseException("x"),
          StopIteration(), RecursionError(), ConnectionResetError("not ours"), TimeoutError()]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=name)
def test_an_error_before_the_head_is_a_500_of_our_own(fault):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "1"), ("X-Secret", "1")])
        raise fault

    run = Run(application)
    assert run.encoder.heads[0][0] == "500 Internal Server Error"
    assert run.encoder.heads[0][2] == len(run.sent) - len(b"<500 74>") - len(b"<end>")
    assert b"fault" not in run.sent
    assert type(fault).__name__ in run.log
    assert "Traceback" in run.log
    assert not run.transport.aborted


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not isinstance(fault, StopIteration)], ids=name)
def test_an_error_after_the_head_cuts_the_connection(fault):
    run = Run(serving(raising(fault, b"begun")))
    assert run.sent == b"<200 None>begun"
    assert run.transport.aborted
    assert type(fault).__name__ in run.log


def test_an_error_in_the_first_step_of_a_generator_is_a_500():
    assert Run(serving(raising(ValueError("fault")))).sent.startswith(b"<500 ")


def test_an_error_when_the_peer_has_gone_is_not_logged():
    def application(environ, start_response):
        start_response(*OK)
        try:
            while True:
                yield b"x"
        except GeneratorExit:
            raise ValueError("while cleaning up") from None

    run = Run(application, breaks_after=2)
    assert "ConnectionAbortedError" not in run.log


def test_a_broken_backend_is_one_line_and_no_traceback():
    run = Run(serving(raising(BadGateway("the connection to the backend broke"), b"begun")))
    assert run.log == "GET /app/path: the connection to the backend broke\n"
    assert run.transport.aborted


@pytest.mark.parametrize(("fault", "status"), [(BadGateway("broken"), b"502"), (BackendTimeout("silent"), b"504")])
def test_a_backend_that_breaks_before_anything_was_sent(fault, status):
    assert Run(serving(raising(fault))).sent == b"<%s %d>%s\n<end>" % (status, len(str(fault)) + 1, str(fault).encode())


class Unspeakable(SyntaxError):
    @property
    def lineno(self):
        raise ValueError("no")


@pytest.mark.parametrize("fault", [ValueError("fault"), BadGateway("fault"), Unspeakable("fault")], ids=name)
def test_an_error_is_logged_with_its_request(fault):
    run = Run(serving(raising(fault)))
    assert run.log.startswith("GET /app/path: ")
    assert run.sent.startswith(b"<502 " if isinstance(fault, BadGateway) else b"<500 ")
    assert ("fault" in run.log) is not isinstance(fault, Unspeakable)


@pytest.mark.parametrize("clear", [True, False])
def test_a_request_forges_no_line_of_the_log(clear):
    def application(environ, start_response):
        if clear:
            environ.clear()
        raise ValueError("fault")

    errors = io.StringIO()
    environ = {**ENVIRON, "PATH_INFO": "/\n2026 evil\x1b[31m\x9b" + "x" * 10_000, "wsgi.errors": errors}
    Response(Encoder(), Transport(), "GET").respond(application, environ)
    first = errors.getvalue().split("\n")[0]
    assert first.endswith(": the application raised an exception")
    assert len(first) < 600
    assert first.isprintable()
    assert ("evil" in first) is not clear


def test_an_error_that_the_encoder_finds_is_a_500():
    class Strict(Encoder):
        def head(self, status, fields, length):
            if status.startswith("204"):
                raise LocalProtocolError("not this one")
            return super().head(status, fields, length)

    run = Run(serving([], "204 No Content"), encoder=Strict())
    assert run.sent.startswith(b"<500 74>Internal")
    assert run.sent.endswith(b"<end>")


def test_a_broken_error_stream_is_survived():
    class Broken(io.StringIO):
        def write(self, text):
            raise OSError("disk full")

    for application in (lambda e, s: 1 / 0, serving([b"abc"], headers=[("Content-Length", "7")])):
        transport = Transport()
        Response(Encoder(), transport, "GET").respond(application, {"wsgi.errors": Broken()})
        assert transport.aborted or transport.sent.endswith(b"<end>")


def test_the_peer_may_go_while_it_is_told_of_an_error():
    run = Run(lambda environ, start_response: 1 / 0, breaks_after=0)
    assert run.sent == b""
    assert "ZeroDivisionError" in run.log


def test_an_error_is_not_kept_alive():
    class Local:
        pass

    kept = []

    def application(environ, start_response):
        local = Local()
        kept.append(weakref.ref(local))
        raise ValueError("fault")

    gc.disable()
    try:
        run = Run(application)
        assert kept[0]() is None
        assert run.log
    finally:
        gc.enable()


# -- a slow peer ------------------------------------------------------------------------------------------------------


def test_the_iterable_rests_while_the_transport_is_full():
    asked = []

    def application(environ, start_response):
        start_response(*OK)
        for number in range(4):
            asked.append(number)
            yield b"%d" % number

    run = Run(application, room=1)
    for number in range(4):
        assert run.response.paused
        assert asked == list(range(number + 1))
        run.response.resume()
    assert not run.response.paused
    assert run.sent == b"<200 None>0123<end>"


@pytest.mark.parametrize("fault", [ValueError("fault"), None])
def test_a_response_may_end_badly_after_a_pause(fault):
    body = Closing(raising(fault, b"a") if fault else [b"a"])
    run = Run(serving(body, headers=[("Content-Length", "2")]), room=1)
    assert run.response.paused
    run.response.resume()
    assert not run.response.paused
    assert run.transport.aborted
    assert run.sent == b"<200 2>a"
    assert body.closed == 1


def test_the_peer_may_go_during_a_pause():
    body = Closing([b"a", b"b"])
    run = Run(serving(body), room=1, breaks_after=1)
    assert run.response.paused
    run.response.resume()
    assert not run.response.paused
    assert body.closed == 1
    assert run.log == ""


# -- wsgiref's referee ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("way", ["list", "generator", "write", "empty"])
def test_wsgiref_s_validator_finds_nothing(method, way):
    @validator
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        if way == "write":
            write(b"hello")
        return {"list": [b"hello"], "generator": (x for x in [b"hel", b"lo"]), "write": [], "empty": []}[way]

    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "80",
        "QUERY_STRING": "", "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    transport, errors = Transport(), environ["wsgi.errors"]
    Response(Encoder(), transport, method).respond(application, environ)
    assert errors.getvalue() == ""
    assert transport.sent.startswith(b"<200 ")
    assert transport.sent.endswith(b"<end>")


def test_an_encoder_that_refuses_the_error_too_costs_the_request_only():
    class Broken(Encoder):
        def whole(self, *_):
            raise LocalProtocolError("a defect")

        head = whole

    run = Run(serving([b"hello"]), encoder=Broken())
    assert run.transport.lost
    assert not run.sent
    assert "a defect" in run.log
