"""Requests and responses of every kind, over real sockets: what the application is told and the client is sent."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_runtime.testing import Server
from http_peer import CHUNKED, CLOSE, answers, application, ask, called, read_all, request, talk


@pytest.fixture(scope="module", params=[1, 2])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = application(tmp_path_factory.mktemp("messages"))
    options = ("--bind", "127.0.0.1:0", "--max-body", "100000", "--threads", str(request.param))
    with Server("wsgi_server", "told:app", *options, cwd=folder) as one:
        yield one


def told(server: Server, sent: bytes) -> dict[str, str]:
    """Return the environ of the request `sent`, as far as it is text."""
    (answer,) = answers(talk(server, sent))
    assert answer.status == 200
    found: dict[str, str] = json.loads(answer.body)
    return found


ENVIRONS = [
    # checklist, target, fields, what the environ says (None: nothing)
    ("HTTP-17", "/environ?a=b&c", (), {"PATH_INFO": "/environ", "QUERY_STRING": "a=b&c", "HTTP_HOST": "museum.test"}),
    ("HTTP-18", "http://other.test:81/environ?x", (), {"PATH_INFO": "/environ", "HTTP_HOST": "other.test:81",
     "QUERY_STRING": "x"}),
    ("HTTP-27", "/%65nviron", (), {"PATH_INFO": "/environ", "REQUEST_URI": "/%65nviron"}),
    ("HTTP-27", "/environ?%65", (), {"QUERY_STRING": "%65"}),
    ("HTTP-33", "/environ", ("X-A: \t a\tb \t",), {"HTTP_X_A": "a\tb"}),
    ("HTTP-36", "/environ", ("X-A: 1", "Y: 2", "x-a: 3"), {"HTTP_X_A": "1, 3"}),
    ("HTTP-36", "/environ", ("Cookie: a=1", "Cookie: b=2"), {"HTTP_COOKIE": "a=1; b=2"}),
    ("HTTP-88", "/environ", ("Connection: upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMA"), {"HTTP_UPGRADE": "h2c"}),
    ("HTTP-48", "/environ", ("Content-Length: 0",), {"CONTENT_LENGTH": "0", "HTTP_CONTENT_LENGTH": None}),
]  # fmt: skip


@pytest.mark.parametrize(("item", "target", "fields", "expected"), ENVIRONS)
def test_what_the_application_is_told(
    server: Server, item: str, target: str, fields: tuple[str, ...], expected: dict[str, str | None]
) -> None:
    environ = told(server, request(target, *fields, CLOSE))
    assert {name: environ.get(name) for name in expected} == expected


def test_bytes_beyond_ascii_are_passed_as_they_are(server: Server) -> None:  # HTTP-1, HTTP-34
    sent = request("/environ", "X-A: @", CLOSE).replace(b"@", b"caf\xe9\x85\xff")
    assert told(server, sent)["HTTP_X_A"] == "caf\xe9\x85\xff"


def test_percent_signs_are_decoded_once(server: Server) -> None:  # HTTP-27
    assert ask(server, "/%2541").body == b"/%41"
    assert ask(server, "/a%2Fb").body == b"/a/b"


def test_the_server_itself_may_be_asked_about(server: Server) -> None:  # HTTP-20
    assert ask(server, "*", method="OPTIONS").status == 200
    assert called(server)[-1] == "OPTIONS *"


CONTENT = [
    # checklist, method, framing, content as sent, content as the application reads it
    ("HTTP-41", "POST", "Content-Length: 5", b"hello", b"hello"),
    ("HTTP-41", "GET", "Content-Length: 5", b"hello", b"hello"),
    ("HTTP-41", "DELETE", "Content-Length: 5", b"hello", b"hello"),
    ("HTTP-42", "POST", CHUNKED, b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", b"hello"),
    ("HTTP-42", "GET", CHUNKED, b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    ("HTTP-54", "POST", "X: y", b"", b""),
    ("HTTP-49", "POST", "Content-Length: 005", b"hello", b"hello"),
]


@pytest.mark.parametrize(("item", "method", "framing", "sent", "content"), CONTENT)
def test_content_ends_where_its_framing_says(
    server: Server, item: str, method: str, framing: str, sent: bytes, content: bytes
) -> None:
    stream = request("/echo", framing, method=method, body=sent) + request("/next", CLOSE)
    assert [answer.body for answer in answers(talk(server, stream), [method, "GET"])] == [content, b"/next"]


def test_trailers_are_read_and_dropped(server: Server) -> None:  # HTTP-61
    body = b"1\r\nx\r\n0\r\nX-Sum: 1\r\nX-A: trailer\r\n\r\n"
    environ = told(server, request("/environ", "X-A: head", CHUNKED, CLOSE, method="POST", body=body))
    assert environ["HTTP_X_A"] == "head"
    assert "HTTP_X_SUM" not in environ
    assert environ["CONTENT_LENGTH"] == "1"


@pytest.mark.parametrize("name", ["Content-Length: 3", "Host: other", "Authorization: x", "Transfer-Encoding: chunked"])
def test_trailers_that_steer_are_refused(server: Server, name: str) -> None:  # HTTP-62
    before = called(server)
    body = f"0\r\n{name}\r\n\r\n".encode()
    assert answers(talk(server, request("/echo", CHUNKED, method="POST", body=body)))[0].status == 400
    assert called(server) == before


DATE = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"


@pytest.mark.parametrize("target", ["/", "/status/302", "/status/404", "/status/500", "/a b", "/inject?a+b"])
def test_every_answer_has_a_date(server: Server, target: str) -> None:  # HTTP-74
    assert re.fullmatch(DATE, ask(server, target).fields["date"])


@pytest.mark.parametrize("code", [204, 304])
def test_no_content_where_none_may_be(server: Server, code: int) -> None:  # HTTP-67, HTTP-69, HTTP-78
    stream = request(f"/status/{code}") + request("/next", CLOSE)
    first, second = answers(talk(server, stream), ["GET", "GET"])
    assert (first.status, first.body, second.body) == (code, b"", b"/next")
    assert "transfer-encoding" not in first.fields
    assert "content-length" not in first.fields
    assert (first.fields["etag"], first.fields["vary"]) == ('"1"', "*")


@pytest.mark.parametrize("target", ["/echo", "/some/path", "/pieces", "/status/404", "/inject?fine"])
def test_head_is_get_without_content(server: Server, target: str) -> None:  # HTTP-69, HTTP-70, HTTP-71, HTTP-79
    stream = request(target, method="HEAD") + request(target) + request("/next", CLOSE)
    head, get, after = answers(talk(server, stream), ["HEAD", "GET", "GET"])
    assert (head.status, head.body, after.body) == (get.status, b"", b"/next")
    may_differ = {"date", "transfer-encoding"} | ({"content-length"} if not get.body else set())
    for name in (head.fields.keys() | get.fields.keys()) - may_differ:
        assert (name, head.fields.get(name)) == (name, get.fields.get(name))


def test_content_of_unknown_length_is_chunked(server: Server) -> None:  # HTTP-68, HTTP-73
    head, _, body = talk(server, request("/pieces", CLOSE)).partition(b"\r\n\r\n")
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_an_application_that_breaks_sends_no_last_chunk(server: Server) -> None:  # HTTP-73
    with server.connect() as sock:
        sock.sendall(request("/breaks"))
        found = b""
        try:
            while piece := sock.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
    assert found == b"" or found.endswith(b"5\r\nbegun\r\n")
    server.wait_for_line("in the middle")


@pytest.mark.parametrize("query", ["a+Set-Cookie:%20b", "+", "a++b"])
def test_a_response_cannot_be_split(server: Server, query: str) -> None:  # HTTP-16, HTTP-77
    answer = ask(server, f"/inject?{query}")
    assert answer.status == 500
    assert "x-name" not in answer.fields
    assert b"never" not in answer.body


class TestContinue:
    """Expect: 100-continue."""

    FIELDS = ("Expect: 100-continue", "Content-Length: 4", CLOSE)
    CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

    def test_the_client_is_told_to_go_on_before_it_sends(self, server: Server) -> None:  # HTTP-83, HTTP-85
        with server.connect() as sock:
            sock.sendall(request("/echo", *self.FIELDS, method="PUT"))
            assert sock.recv(65536) == self.CONTINUE
            sock.sendall(b"body")
            (answer,) = answers(read_all(sock))
        assert (answer.status, answer.body) == (200, b"body")

    def test_not_when_it_has_begun_by_itself(self, server: Server) -> None:  # HTTP-84
        raw = talk(server, request("/echo", *self.FIELDS, method="PUT", body=b"body"))
        assert raw.startswith(b"HTTP/1.1 200 ")

    def test_not_in_http_1_0(self, server: Server) -> None:  # HTTP-76, HTTP-82
        with server.connect() as sock:
            sock.sendall(request("/echo", *self.FIELDS, method="PUT", version="HTTP/1.0"))
            sock.sendall(b"body")
            assert read_all(sock).startswith(b"HTTP/1.1 200 ")

    def test_not_when_it_would_be_too_much(self, server: Server) -> None:  # HTTP-86, HTTP-105
        fields = ("Expect: 100-continue", "Content-Length: 100001")
        (answer,) = answers(talk(server, request("/echo", *fields, method="PUT")))
        assert (answer.status, answer.fields["connection"]) == (413, "close")

    def test_nothing_else_can_be_expected(self, server: Server) -> None:  # HTTP-87
        assert ask(server, "/", "Expect: wonders").status == 417
        assert ask(server, "/", "Expect: 100-CONTINUE").status == 200


HTTP_1_0 = [
    # checklist, target, fields, is the length said, does the connection stay
    ("HTTP-25", "/x", (), True, False),
    ("HTTP-93", "/x", ("Connection: Keep-Alive",), True, True),
    ("HTTP-66", "/pieces", (), False, False),
    ("HTTP-93", "/pieces", ("Connection: keep-alive",), False, False),
]


@pytest.mark.parametrize(("item", "target", "fields", "length", "stays"), HTTP_1_0)
def test_http_1_0(
    server: Server, item: str, target: str, fields: tuple[str, ...], length: bool, stays: bool
) -> None:  # HTTP-65, HTTP-102
    hostless = request(target, *fields, version="HTTP/1.0").replace(b"Host: museum.test\r\n", b"")
    raw = talk(server, hostless, request("/next", version="HTTP/1.0") if stays else b"")
    found = answers(raw, ["GET", "GET"] if stays else ["GET"])
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert found[0].fields["connection"] == ("keep-alive" if stays else "close")
    assert ("content-length" in found[0].fields) is length
    assert "transfer-encoding" not in found[0].fields
    assert found[-1].fields["connection"] == "close"


@pytest.mark.parametrize("options", [(), ("--allow-missing-host",)])
def test_a_missing_host_is_allowed_when_asked_for(tmp_path: Path, options: tuple[str, ...]) -> None:  # HTTP-21
    with Server("wsgi_server", "told:app", "--bind", "127.0.0.1:0", *options, cwd=application(tmp_path)) as server:
        (answer,) = answers(talk(server, b"GET /environ HTTP/1.1\r\nConnection: close\r\n\r\n"))
        assert answer.status == (200 if options else 400)
        assert ask(server, "/", "Host: twice").status == 400  # HTTP-22
        if options:
            assert "HTTP_HOST" not in json.loads(answer.body)
