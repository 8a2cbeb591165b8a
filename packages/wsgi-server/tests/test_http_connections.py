"""How connections stay, end and are given up, over real sockets."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_runtime.testing import Server
from http_peer import CHUNKED, CLOSE, answers, application, called, read_all, request, talk

SMALL_BODY = 100_000


@pytest.fixture(scope="module", params=[1, 2])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = application(tmp_path_factory.mktemp("connections"))
    options = ("--bind", "127.0.0.1:0", "--max-body", str(SMALL_BODY), "--threads", str(request.param))
    with Server("wsgi_server", "told:app", *options, cwd=folder) as one:
        yield one


PERSISTENCE = [
    # checklist, version, fields, does the connection stay
    ("HTTP-90", "HTTP/1.1", (), True),
    ("HTTP-90", "HTTP/1.1", ("Connection: keep-alive",), True),
    ("HTTP-91", "HTTP/1.1", ("Connection: close",), False),
    ("HTTP-90", "HTTP/1.1", ("Connection: x, CLOSE ,y",), False),
    ("HTTP-90", "HTTP/1.1", ("Connection: x", "Connection: Close"), False),
    ("HTTP-40", "HTTP/1.1", ("Connection: ,,", "Connection: ,close,"), False),
    ("HTTP-90", "HTTP/1.1", ("Connection: keep-alive, close",), False),
    ("HTTP-90", "HTTP/1.1", ("X-Connection: close",), True),
    ("HTTP-90", "HTTP/1.0", (), False),
    ("HTTP-90", "HTTP/1.0", ("Connection: KEEP-ALIVE",), True),
    ("HTTP-90", "HTTP/1.0", ("Connection: keep-alive, close",), False),
    ("HTTP-10", "HTTP/1.2", (), True),
]


@pytest.mark.parametrize(("item", "version", "fields", "stays"), PERSISTENCE)
def test_connections_stay_or_close_as_asked(
    server: Server, item: str, version: str, fields: tuple[str, ...], stays: bool
) -> None:  # HTTP-91, HTTP-92
    before = called(server)
    raw = talk(server, request("/1", *fields, version=version) + request("/2", CLOSE))
    found = answers(raw, ["GET"] * (2 if stays else 1))
    assert [answer.body for answer in found] == [b"/1", b"/2"][: len(found)]
    assert found[-1].fields["connection"] == "close"
    assert called(server)[len(before) :] == ["GET /1", "GET /2"][: len(found)]


def test_pipelined_requests_of_every_kind_are_answered_in_order(server: Server) -> None:  # HTTP-54, HTTP-95
    kinds = [
        ("GET", request("/1"), b"/1"),
        ("POST", request("/echo", "Content-Length: 3", method="POST", body=b"abc"), b"abc"),
        ("HEAD", request("/2", method="HEAD"), b""),
        ("PUT", request("/echo", CHUNKED, method="PUT", body=b"2\r\nde\r\n0\r\nX: y\r\n\r\n"), b"de"),
        ("GET", request("/status/304"), b""),
        ("GET", request("/pieces"), b"onetwo"),
        ("GET", b"\r\n" + request("/3"), b"/3"),
    ] * 5 + [("GET", request("/last", CLOSE), b"/last")]
    stream = b"".join(sent for _, sent, _ in kinds)
    expected = [body for _, _, body in kinds]
    methods = [method for method, _, _ in kinds]
    for pieces in ([stream], stream.splitlines(keepends=True), [stream[i : i + 7] for i in range(0, len(stream), 7)]):
        assert [answer.body for answer in answers(talk(server, *pieces), methods)] == expected


def test_content_that_the_application_does_not_want_is_read_all_the_same(server: Server) -> None:  # HTTP-94
    body = request("/smuggled")
    stream = request("/1", f"Content-Length: {len(body)}", method="POST", body=body) + request("/2", CLOSE)
    assert [answer.body for answer in answers(talk(server, stream), ["POST", "GET"])] == [b"/1", b"/2"]


@pytest.mark.parametrize("target", ["/1", "/pieces"])
def test_a_client_that_has_no_more_to_say_still_gets_its_answers(server: Server, target: str) -> None:  # HTTP-98
    with server.connect() as sock:
        sock.sendall(request(target) + request("/2"))
        sock.shutdown(socket.SHUT_WR)
        assert [answer.status for answer in answers(read_all(sock), ["GET", "GET"])] == [200, 200]


UNFINISHED = [
    request("/unfinished")[:-2],
    request("/unfinished", "Content-Length: 3", method="POST", body=b"ab"),
    request("/unfinished", CHUNKED, method="POST", body=b"2\r\nab\r\n"),
    request("/unfinished", CHUNKED, method="POST", body=b"2\r\nab\r\n0\r\n"),
    request("/unfinished", "Content-Length: 90000", method="POST", body=b"a" * 80_000),
]


@pytest.mark.parametrize("sent", UNFINISHED)
@pytest.mark.parametrize("rude", [False, True])
def test_the_application_never_sees_half_a_request(server: Server, sent: bytes, rude: bool) -> None:
    # HTTP-35, HTTP-52, HTTP-58, HTTP-103
    with server.connect() as sock:
        sock.sendall(sent)
        if not rude:
            sock.shutdown(socket.SHUT_WR)
            assert answers(read_all(sock))[0].status == 400
    assert not any("unfinished" in call for call in called(server))


@pytest.mark.parametrize("framing", [f"Content-Length: {SMALL_BODY + 1}", CHUNKED])
def test_the_answer_to_too_much_reaches_a_client_that_is_still_sending(server: Server, framing: str) -> None:
    # HTTP-97, HTTP-105
    content = b"186a1\r\n" + b"x" * 400_000 if framing == CHUNKED else b"x" * 400_000
    with server.connect() as sock:
        sock.sendall(request("/echo", framing, method="POST", body=content))
        raw = read_all(sock)  # a reset would raise
    (answer,) = answers(raw)
    assert (answer.status, answer.fields["connection"]) == (413, "close")


def test_what_follows_the_last_request_does_not_spoil_the_answer(server: Server) -> None:  # HTTP-92, HTTP-97
    with server.connect() as sock:
        sock.sendall(request("/1", CLOSE) + request("/smuggled") * 2000)
        (answer,) = answers(read_all(sock))
    assert answer.body == b"/1"
    assert not any("smuggled" in call for call in called(server))


def test_a_response_that_ends_by_closing_says_so(server: Server) -> None:  # HTTP-102
    raw = talk(server, request("/pieces", version="HTTP/1.0"))
    (answer,) = answers(raw)
    assert (answer.body, answer.fields["connection"]) == (b"onetwo", "close")
    assert "content-length" not in answer.fields


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    limits = ("--idle-timeout", "0.5", "--head-timeout", "0.5", "--body-timeout", "0.5")
    folder = application(tmp_path_factory.mktemp("impatient"))
    with Server("wsgi_server", "told:app", "--bind", "127.0.0.1:0", *limits, cwd=folder) as one:
        yield one


LATE = [
    # checklist, half a request
    ("HTTP-100", b"G"),
    ("HTTP-109", request("/")[:-1]),
    ("HTTP-100", request("/", "Content-Length: 2", body=b"a")),
    ("HTTP-100", request("/", CHUNKED, body=b"5\r\na")),
    ("HTTP-100", request("/", CHUNKED, body=b"0\r\n")),
]


@pytest.mark.parametrize(("item", "half"), LATE)
def test_who_is_late_is_told_so(impatient: Server, item: str, half: bytes) -> None:
    before = called(impatient)
    (answer,) = answers(talk(impatient, half))
    assert (answer.status, answer.fields["connection"]) == (408, "close")
    assert called(impatient) == before
    impatient.wait_for_line("did not arrive within the time limit")


def test_half_a_head_behind_a_response_is_late_too(impatient: Server) -> None:  # HTTP-100
    first, second = answers(talk(impatient, request("/1") + b"GET /2"), ("GET", "GET"))
    assert (first.status, second.status, second.fields["connection"]) == (200, 408, "close")


@pytest.mark.parametrize("sent", [b"", request("/1"), request("/1", method="HEAD")])
def test_idle_connections_are_closed_without_a_word(impatient: Server, sent: bytes) -> None:  # HTTP-99, HTTP-100
    raw = talk(impatient, sent)
    assert raw.count(b"HTTP/1.1 ") == bool(sent)
    assert b"408" not in raw
