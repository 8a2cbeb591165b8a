"""The access log: what its lines say of a request, however that ends, and that nothing can forge one."""

from __future__ import annotations

import io
import json
import re

import pytest

from gateway_core.access import FORMATS, LINE_MAX, Access, Record, combined, common, structured
from gateway_core.file_wrapper import FileWrapper
from gateway_core.http1 import ServerConnection
from gateway_core.response import Response

# -- from a record to a line ------------------------------------------------------------------------------------------

T = 1795599000.9996  # 25 November 2026, 09:30 UTC
WHOLE = Record(
    T, "192.0.2.7", "ada", "GET", "/hello?a=b", "HTTP/1.1", "https://museum.test/", "curl/8.5.0", 200, 14, 0.00021,
    True, 4242,
)  # fmt: skip
NOTHING = Record(T, "192.0.2.7", status=400)
CUT = Record(T, "", method="POST", target="/", version="HTTP/1.0", size=5, complete=False)

LINES = [
    (common, WHOLE, '192.0.2.7 - ada [25/Nov/2026:09:30:00 +0000] "GET /hello?a=b HTTP/1.1" 200 14'),
    (common, NOTHING, '192.0.2.7 - - [25/Nov/2026:09:30:00 +0000] "-" 400 -'),
    (common, CUT, '- - - [25/Nov/2026:09:30:00 +0000] "POST / HTTP/1.0" - 5 cut'),
    (combined, WHOLE, f'{common(WHOLE)} "https://museum.test/" "curl/8.5.0"'),
    (combined, NOTHING, '192.0.2.7 - - [25/Nov/2026:09:30:00 +0000] "-" 400 - "-" "-"'),
    (combined, CUT, '- - - [25/Nov/2026:09:30:00 +0000] "POST / HTTP/1.0" - 5 "-" "-" cut'),
]  # fmt: skip


@pytest.mark.parametrize(("form", "record", "line"), LINES)
def test_lines(form, record, line):
    assert form(record) == line


def test_json_lines():
    assert json.loads(structured(WHOLE)) == {
        "time": "2026-11-25T09:30:00.999Z", "peer": "192.0.2.7", "user": "ada", "method": "GET",
        "target": "/hello?a=b", "protocol": "HTTP/1.1", "status": 200, "bytes": 14, "duration_ms": 0.21,
        "referer": "https://museum.test/", "agent": "curl/8.5.0", "pid": 4242, "complete": True,
    }  # fmt: skip
    assert json.loads(structured(CUT)) == {
        "time": "2026-11-25T09:30:00.999Z", "peer": None, "user": None, "method": "POST", "target": "/",
        "protocol": "HTTP/1.0", "status": None, "bytes": 5, "duration_ms": 0.0, "referer": None, "agent": None,
        "pid": 0, "complete": False,
    }  # fmt: skip


EVIL = '" 200 5\n127.0.0.1 - \\ \x00\x1b[31m\x7f\x9b\xe9'


@pytest.mark.parametrize("name", ["peer", "user", "method", "target", "version", "referer", "agent"])
def test_nothing_forges_a_line(name):
    record = Record(**{"time": T, "peer": "192.0.2.7", "method": "GET", name: EVIL})
    for form in (common, combined):
        line = form(record)
        assert re.fullmatch(r"[\x20-\x7e]+", line)
        bare = re.sub(r"\\x[0-9a-f]{2}", "", line)
        assert "\\" not in bare
        assert bare.count('"') == (2 if form is common else 6)
        assert len(re.sub(r'"[^"]*"|\[25/[^]]*\]', "x", bare).split(" ")) == (7 if form is common else 9)
    key = {"version": "protocol"}.get(name, name)
    assert "\n" not in structured(record)
    assert structured(record).isascii()
    assert json.loads(structured(record))[key] == EVIL


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("character", ["a", "\x00", "\xe9", '"', "\\"])
def test_a_line_is_never_longer_than_a_pipe_takes_whole(form, character):
    endless = character * 100_000
    record = Record(T, endless, endless, endless, endless, endless, endless, endless, 599, 10**18, 1e6, False, 10**7)
    assert len(form(record)) < LINE_MAX
    if form is structured:
        json.loads(form(record))


# -- from a response to a record --------------------------------------------------------------------------------------


class Encoder:
    """The content as it is."""

    close_after = False
    raw = True

    def head(self, status, fields, length):
        return b"<"

    def data(self, data):
        return data

    def skip(self, count):
        pass

    def end(self):
        return b">"

    def whole(self, status, fields, data):
        return b"<" + data + b">"


class Transport:
    """`full` after each write if it `rests`; the peer leaves after `breaks_after` writes."""

    can_send_file = True

    def __init__(self, rests=False, breaks_after=None):
        self.lost = False
        self.full = False
        self.rests = rests
        self.left = breaks_after

    def write(self, data):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.lost = True
                raise ConnectionAbortedError
        self.full = self.rests

    def send_file(self, fd, offset, count):
        self.write(b"x" * count)

    def abort(self):
        self.lost = True


class Log:
    """Keeps lines; its clocks go on by a second a look."""

    form = "json"
    pid = 7

    def __init__(self):
        self.lines = []
        self.time = 1000.0

    def now(self):
        return T

    def ticks(self):
        self.time += 1.0
        return self.time

    def write(self, line):
        self.lines.append(json.loads(line))


ENVIRON = {
    "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/app", "PATH_INFO": "/x", "REQUEST_URI": "/app/x?y", "REMOTE_ADDR": "::1",
    "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_REFERER": "there", "HTTP_USER_AGENT": "me", "REMOTE_USER": "ada",
}  # fmt: skip


def run(application, method="GET", environ=ENVIRON, **transport):
    log = Log()
    response = Access(log).response(Encoder(), Transport(**transport), method)
    assert isinstance(response, Response)
    response.respond(application, {**environ, "wsgi.errors": io.StringIO()})
    return log, response


def giving(body, *fields, status="200 OK"):
    def application(environ, start_response):
        environ.clear()  # as it may: the log has seen what it needs
        start_response(status, [("Content-Type", "text/plain"), *fields])
        return body

    return application


def test_what_is_logged():
    log, _ = run(giving([b"hello"]))
    assert log.lines == [{
        "time": "2026-11-25T09:30:00.999Z", "peer": "::1", "user": "ada", "method": "GET", "target": "/app/x?y",
        "protocol": "HTTP/1.1", "status": 200, "bytes": 5, "duration_ms": 1000.0, "referer": "there", "agent": "me",
        "pid": 7, "complete": True,
    }]  # fmt: skip


def test_without_a_request_uri_the_path_will_do():
    log, _ = run(giving([b"hello"]), environ={"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/app", "PATH_INFO": "/x"})
    assert log.lines[0]["target"] == "/app/x"
    assert log.lines[0]["peer"] is None


def raising(*before):
    yield from before
    raise ValueError("fault")


def writing(environ, start_response):
    write = start_response("201 Created", [("Content-Type", "text/plain")])
    write(b"ab")
    write(b"c")
    return [b"de"]


ENDS = [
    # how to make the application, method, status, bytes, complete
    (lambda: giving([b"hello"], status="404 Not Found"), "GET", 404, 5, True),
    (lambda: giving([b"he", b"", b"llo"]), "GET", 200, 5, True),
    (lambda: giving(iter([b"hello"])), "GET", 200, 5, True),
    (lambda: giving([]), "GET", 200, 0, True),
    (lambda: giving([b"hello"]), "HEAD", 200, 0, True),
    (lambda: giving([b"hello"], status="304 Not Modified"), "GET", 304, 0, True),
    (lambda: giving([b"too long"], ("Content-Length", "3")), "GET", 200, 3, True),
    (lambda: giving([b"short"], ("Content-Length", "9")), "GET", 200, 5, False),
    (lambda: giving(raising()), "GET", 500, 74, True),
    (lambda: giving(raising(b"abc")), "GET", 200, 3, False),
    (lambda: writing, "GET", 201, 5, True),
    (lambda: lambda environ, start_response: 1 / 0, "GET", 500, 74, True),
]


@pytest.mark.parametrize(("make", "method", "status", "size", "complete"), ENDS)
def test_every_end_is_logged_once(make, method, status, size, complete):
    log, _ = run(make(), method)
    assert [(line["status"], line["bytes"], line["complete"]) for line in log.lines] == [(status, size, complete)]


def test_a_paused_response_is_logged_when_it_ends():
    log, response = run(giving(iter([b"a", b"b"])), rests=True)
    for _ in range(2):
        assert response.paused
        assert log.lines == []
        response.resume()
    assert [(line["bytes"], line["complete"]) for line in log.lines] == [(2, True)]
    response.abandon()
    assert len(log.lines) == 1


def test_a_response_that_is_abandoned_is_logged_as_cut():
    log, response = run(giving(iter([b"a", b"b"])), rests=True)
    response.abandon()
    response.abandon()
    assert [(line["status"], line["bytes"], line["complete"]) for line in log.lines] == [(200, 1, False)]


@pytest.mark.parametrize(("form", "items", "writes"), [(list, 1, 0), (list, 2, 1), (iter, 1, 0), (iter, 1, 1)])
def test_a_peer_that_leaves_is_logged_as_cut(form, items, writes):
    log, _ = run(giving(form([b"hello"] * items)), breaks_after=writes)
    assert [(line["status"], line["complete"]) for line in log.lines] == [(200, False)]


def test_the_bytes_of_a_file_count(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 5000)
    with path.open("rb") as file:
        log, _ = run(giving(FileWrapper(file)))
    assert [(line["bytes"], line["complete"]) for line in log.lines] == [(5000, True)]


def test_a_peer_that_leaves_before_the_head_is_logged_without_a_status():
    log = Log()
    transport = Transport()
    response = Access(log).response(Encoder(), transport, "GET")

    def application(environ, start_response):
        transport.lost = True
        raise ConnectionAbortedError

    response.respond(application, {**ENVIRON, "wsgi.errors": io.StringIO()})
    assert [(line["status"], line["bytes"], line["complete"]) for line in log.lines] == [(None, 0, False)]


def test_a_response_that_is_abandoned_before_its_request_is_not_logged():
    log = Log()
    Access(log).response(Encoder(), Transport(), "GET").abandon()
    assert log.lines == []


class Wire(Transport):
    """Keeps what is sent."""

    def __init__(self):
        super().__init__()
        self.sent = b""

    def write(self, data):
        self.sent += data


def file_of(path):
    return lambda environ, start: start("200 OK", []) and FileWrapper(path.open("rb"))


@pytest.mark.parametrize("end", range(len(ENDS) + 1))
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_the_log_changes_nothing_of_what_is_sent(end, version, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 5000)
    method = ENDS[end][1] if end < len(ENDS) else "GET"
    sent = []
    for new in (Response, Access(Log()).response):
        codec, wire = ServerConnection(server=""), Wire()
        codec.receive_data(f"{method} / {version}\r\nHost: h\r\n\r\n".encode())
        codec.next_event()
        application = ENDS[end][0]() if end < len(ENDS) else file_of(path)
        new(codec, wire, method).respond(application, {**ENVIRON, "wsgi.errors": io.StringIO()})
        sent.append((wire.sent, wire.lost, codec.close_after))
    assert sent[0] == sent[1]
    assert sent[0][0]


def test_a_request_that_was_refused():
    log = Log()
    Access(log).refused("192.0.2.7", 431)
    (line,) = log.lines
    assert (line["peer"], line["status"], line["method"], line["target"]) == ("192.0.2.7", 431, None, None)
    assert line["complete"] is True


def test_no_log_is_no_access():
    assert Access.of(None) is None
    assert isinstance(Access.of(Log()), Access)
