"""One request at a time, from the application's side: its scope, what it receives, what it may send."""

from __future__ import annotations

import ast
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asgi_peer import probed

from http_peer import CHUNKED, CLOSE, answers, ask, read_all, request, reset, talk  # isort: skip
from gateway_runtime.lifetime import resident
from gateway_runtime.testing import Server, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = probed(tmp_path_factory.mktemp("probe"))
    options = ("--bind", "127.0.0.1:0", "--send-timeout", "0.2", "--max-body", "100000000")
    with Server("asgi_server", "probe:app", *options, cwd=folder) as one:
        yield one


def lines(server: Server, start: str) -> list[str]:
    return [line for line in server.stderr.split("\n") if line.startswith(start)]


def another(server: Server, start: str, before: int) -> str:
    """Return the line beyond the first `before` ones that begins so, waited for."""
    wait_until(lambda: len(lines(server, start)) > before, f"a line {start!r}\n{server.stderr}")
    return lines(server, start)[before]


# -- the scope -----------------------------------------------------------------------------------------------------


def scope_of(server: Server, sent: bytes) -> dict[str, Any]:
    (answer,) = answers(talk(server, sent))
    found: dict[str, Any] = ast.literal_eval(answer.body.decode())
    return found


def test_the_scope_of_a_request(server: Server) -> None:  # ASGI-1, ASGI-2, ASGI-3
    with server.connect() as sock:
        sent = request("/sc%6fpe?a=%20b&c", "X-A: 1", "x-b: caf@", "X-A: 2", CLOSE, method="query")
        sock.sendall(sent.replace(b"@", b"\xe9\xff"))
        (answer,) = answers(read_all(sock))
        assert ast.literal_eval(answer.body.decode()) == {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "method": "QUERY",
            "scheme": "http",
            "path": "/scope",
            "raw_path": b"/sc%6fpe",
            "query_string": b"a=%20b&c",
            "root_path": "",
            "headers": [
                (b"host", b"museum.test"), (b"x-a", b"1"), (b"x-b", b"caf\xe9\xff"), (b"x-a", b"2"),
                (b"connection", b"close"),
            ],
            "client": sock.getsockname(),
            "server": sock.getpeername(),
            "state": {"lists": [], "word": "kept"},
            "extensions": {"http.response.pathsend": {}},
        }  # fmt: skip


def test_http_1_0_in_the_scope(server: Server) -> None:  # ASGI-2
    assert scope_of(server, request("/scope", version="HTTP/1.0"))["http_version"] == "1.0"


PATHS = [
    ("/%C3%A9%2Fx", "/\u00e9/x"),
    ("/%E2%82%AC", "/\u20ac"),
    ("/%2541", "/%41"),
    ("/a//b/../c", "/a//b/../c"),
]


@pytest.mark.parametrize(("target", "path"), PATHS)
def test_paths_are_decoded_once_and_are_text(server: Server, target: str, path: str) -> None:  # ASGI-2
    before = len(lines(server, "GET "))
    assert ask(server, target).status == 500  # there is no such function
    assert another(server, "GET ", before).startswith(f"GET {path.encode('unicode_escape').decode()}: ")


@pytest.mark.parametrize("target", ["/%ff", "/%c3%28", "/%ED%A0%80", "/%zz", "/%", "/a%4"])
def test_paths_that_are_no_text_are_refused(server: Server, target: str) -> None:  # ASGI-2, ASGI-15
    answer = ask(server, target)
    assert answer.status == 400
    assert b"path" in answer.body


def test_a_mount_point_a_unix_socket_and_a_front(tmp_path: Path) -> None:  # ASGI-3
    options = ("--bind", "unix:here.sock", "--mount", "/app", "--forwarded-allow", "192.0.2.0/24")
    (probed(tmp_path) / "mounted.py").write_text(
        "import probe\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan': raise TypeError('no lifespan')\n"
        "    await probe.scope(scope, receive, send)\n"
    )
    with Server("asgi_server", "mounted:app", *options, cwd=tmp_path) as one:
        one.addresses = [type(one.address)(path=str(tmp_path / "here.sock"))]
        scope = scope_of(one, request("/app/x", "X-Forwarded-For: 1.2.3.4, 203.0.113.9, 192.0.2.7", CLOSE))
        assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/app", "/app/x", b"/app/x")
        assert scope["server"] == ("here.sock", None)
        assert (scope["client"], scope["scheme"]) == (("203.0.113.9", 0), "http")
        scope = scope_of(one, request("/app", "X-Forwarded-Proto: https", CLOSE))
        assert (scope["client"], scope["scheme"], scope["state"]) == (None, "https", {})
        assert ask(one, "/application").status == 404
        one.addresses = []


# -- receive -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", [CHUNKED, "Content-Length: 6"])
def test_content_is_received_as_it_comes(server: Server, framing: str) -> None:  # ASGI-4
    with server.connect() as sock:
        sock.sendall(request("/pieces", framing, CLOSE, method="POST"))
        seen = b""
        for piece in (b"one", b"two"):
            sock.sendall(b"3\r\n" + piece + b"\r\n" if framing == CHUNKED else piece)
            while piece not in seen:  # it comes back before the next one is sent
                seen += sock.recv(65536)
        sock.sendall(b"0\r\n\r\n" if framing == CHUNKED else b"")
        (answer,) = answers(seen + read_all(sock))
    told = [ast.literal_eval(line) for line in answer.body.decode().splitlines()]
    assert {message["type"] for message in told} == {"http.request"}
    assert b"".join(message["body"] for message in told) == b"onetwo"
    assert [message["more_body"] for message in told] == [True] * (len(told) - 1) + [False]


def test_no_content_is_one_message(server: Server) -> None:  # ASGI-4
    assert ask(server, "/pieces").body == b"{'type': 'http.request', 'body': b'', 'more_body': False}\n"


@pytest.mark.parametrize("rude", [False, True])
def test_who_waits_for_the_client_is_told_that_it_left(server: Server, rude: bool) -> None:  # ASGI-8, ASGI-7
    before = len(lines(server, "told"))
    waiting = len(lines(server, "waiting"))
    sock = server.connect()
    sock.sendall(request("/leaving"))
    another(server, "waiting", waiting)
    if rude:
        reset(sock)
    else:
        sock.close()
    assert another(server, "told ", before) == "told {'type': 'http.disconnect'}"
    another(server, "told again", 0)
    assert ask(server, "/unread").body == b"unread"
    assert "Traceback" not in server.stderr.split("told again")[-1]


def test_a_half_close_tells_the_application_and_takes_its_answer(server: Server) -> None:  # ASGI-8
    with server.connect() as sock:
        sock.sendall(request("/leaving"))
        sock.shutdown(socket.SHUT_WR)
        assert answers(read_all(sock))[0].body == b"for nobody"


def test_receive_after_the_response(server: Server) -> None:  # ASGI-6, ASGI-8
    before = len(lines(server, "told"))
    with server.connect() as sock:
        sock.sendall(request("/after") + request("/unread", CLOSE))
        assert [answer.body for answer in answers(read_all(sock), ["GET"] * 2)] == [b"over", b"unread"]
    assert another(server, "told", before) == "told {'type': 'http.disconnect'}"
    server.wait_for_line("^ignored$")


UNFINISHED = [
    (request("/cut", "Content-Length: 3", method="POST", body=b"ab"), 400),
    (request("/cut", CHUNKED, method="POST", body=b"2\r\nab\r\n"), 400),
    (request("/cut", CHUNKED, method="POST", body=b"2\r\nabXX"), 400),
]


@pytest.mark.parametrize(("sent", "status"), UNFINISHED)
def test_content_that_breaks_off_is_a_disconnect(server: Server, sent: bytes, status: int) -> None:
    # ASGI-8, HTTP-52, HTTP-57, HTTP-103
    before = len(lines(server, "told"))
    with server.connect() as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        assert answers(read_all(sock))[0].status == status
    assert another(server, "told", before) == "told {'type': 'http.disconnect'}"


def test_too_much_content_is_413_and_a_disconnect(tmp_path: Path) -> None:  # HTTP-105
    options = ("--bind", "127.0.0.1:0", "--max-body", "1000")
    with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as one:
        with one.connect() as sock:
            sock.sendall(request("/cut", CHUNKED, method="POST", body=b"3e9\r\n" + b"x" * 400_000))
            (answer,) = answers(read_all(sock))  # a reset would raise
        assert (answer.status, answer.fields["connection"]) == (413, "close")
        one.wait_for_line("told .*disconnect")


def test_content_that_is_not_received(server: Server) -> None:  # HTTP-86, HTTP-94, ASGI-4
    stream = request("/unread", "Content-Length: 5", method="POST", body=b"hello") + request("/unread", CLOSE)
    assert len(answers(talk(server, stream), ["POST", "GET"])) == 2
    for fields in (
        ("Content-Length: 5",),
        ("Content-Length: 5", "Expect: 100-continue"),
    ):
        (answer,) = answers(talk(server, request("/unread", *fields, method="POST")))
        assert (answer.status, answer.fields["connection"]) == (200, "close")


# -- send ----------------------------------------------------------------------------------------------------------

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
BODY: dict[str, Any] = {"type": "http.response.body", "body": b"x"}


def start(*headers: Any, **more: Any) -> dict[str, Any]:
    return {**START, "headers": list(headers), **more}


def play(server: Server, *messages: Any, fields: tuple[str, ...] = (CLOSE,)) -> bytes:
    content = repr(list(messages)).encode()
    return request("/play", f"Content-Length: {len(content)}", *fields, method="POST", body=content)


MALFORMED = [
    # what is sent, a word of the sentence
    ([BODY], "before http.response.start"),
    ([START, START], "a second time"),
    ([["http.response.start"]], "a message is a dict"),
    ([{}], "a message is a dict"),
    ([{"type": 1}], "a message is a dict"),
    ([{"type": "http.response.trailers"}], "'http.response.trailers' is nothing"),
    ([{"type": "websocket.accept"}], "'websocket.accept' is nothing"),
    ([{"type": "http.response.start"}], "status"),
    ([start(status="200")], "status"),
    ([start(status=True)], "status"),
    ([start(status=100)], "status"),
    ([start(status=600)], "status"),
    ([{**START, "headers": 5}], "headers are"),
    ([start(b"ab: c")], "headers are"),
    ([start((b"a", b"b", b"c"))], "headers are"),
    ([start(("a", "b"))], "are bytes"),
    ([start((b"a", "b"))], "are bytes"),
    ([start((b"a b", b"c"))], "is not a token"),
    ([start((b"", b"c"))], "is not a token"),
    ([start((b"a", b"b\r\nc: d"))], "control"),
    ([start((b"a", b"b\0"))], "control"),
    ([start((b"content-length", b"+1"))], "Content-Length"),
    ([start((b"content-length", b"1"), (b"Content-Length", b"1"))], "Content-Length"),
    ([START, {**BODY, "body": "x"}], "body of bytes"),
    ([START, {**BODY, "more_body": 1}], "more_body"),
    ([start((b"content-length", b"1")), {**BODY, "body": b"xy"}], "more than its Content-Length"),
    ([start((b"content-length", b"2")), BODY], "1 bytes fewer"),
]


@pytest.mark.parametrize(("messages", "word"), MALFORMED)
def test_malformed_messages_are_errors_and_500(server: Server, messages: list[Any], word: str) -> None:
    # ASGI-9, ASGI-15, HTTP-16, HTTP-77
    before = len(lines(server, "gateway_core.errors.ApplicationError"))
    (answer,) = answers(talk(server, play(server, *messages)), ["POST"])
    assert (answer.status, answer.body[:21]) == (500, b"Internal Server Error")
    assert word in another(server, "gateway_core.errors.ApplicationError", before)


LATE = [
    ([START, {**BODY, "more_body": True}, START], "a second time"),
    ([START, {**BODY, "more_body": True}, {**BODY, "body": 5}], "body of bytes"),
    ([start((b"content-length", b"3")), {**BODY, "more_body": True}, {**BODY, "body": b"yyy"}], "more than its"),
    ([start((b"content-length", b"3")), {**BODY, "more_body": True}, BODY], "1 bytes fewer"),
]


@pytest.mark.parametrize(("messages", "word"), LATE)
def test_errors_in_a_response_that_has_begun_cut_it(server: Server, messages: list[Any], word: str) -> None:  # ASGI-9
    before = len(lines(server, "gateway_core.errors.ApplicationError"))
    with server.connect() as sock:
        sock.sendall(play(server, *messages))
        found = b""
        with pytest.raises(ConnectionResetError):
            while piece := sock.recv(65536):
                found += piece
    assert found == b"" or found.endswith((b"1\r\nx\r\n", b"\r\n\r\nx"))
    assert word in another(server, "gateway_core.errors.ApplicationError", before)


GOOD = [
    # messages, what the answer has, what it has not
    ([START, BODY], [b"\r\nContent-Length: 1\r\n", b"\r\n\r\nx"], [b"Transfer-Encoding"]),
    ([{"type": "http.response.start", "status": 200}, {"type": "http.response.body"}], [b"Content-Length: 0\r\n"], []),
    ([START, {**BODY, "more_body": True}, BODY], [b"chunked", b"1\r\nx\r\n1\r\nx\r\n0\r\n\r\n"], [b"Content-Length"]),
    ([start((b"content-length", b"2")), {**BODY, "more_body": True}, BODY], [b"Content-Length: 2\r\n", b"xx"],
     [b"chunked"]),
    ([start((b"Transfer-Encoding", b"gzip"), (b"X-A", b"b")), BODY], [b"\r\nx-a: b\r\n", b"Content-Length: 1"],
     [b"gzip", b"X-A"]),
    ([start((b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")), BODY],
     [b"set-cookie: a=1\r\nset-cookie: b=2\r\n"], []),
    ([start((b"server", b"mine"), (b"date", b"never")), BODY], [b"server: mine\r\n", b"date: never\r\n"],
     [b"asgi_server", b"Date"]),
    ([start(status=204), BODY], [b"HTTP/1.1 204 No Content\r\n"], [b"\r\n\r\nx", b"Content-Length"]),
    ([start(status=599), BODY], [b"HTTP/1.1 599 "], []),
    ([START, {**BODY, "body": b"", "more_body": True}, {"type": "http.response.body"}], [b"\r\n\r\n0\r\n\r\n"], []),
    ([START, BODY, BODY, START, {"type": "nonsense"}], [b"\r\n\r\nx"], [b"xx", b"500"]),
    ([start([b"a", b" b "]), BODY], [b"\r\na: b\r\n"], []),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "has", "has_not"), GOOD)
def test_responses(server: Server, messages: list[Any], has: list[bytes], has_not: list[bytes]) -> None:
    # ASGI-5, ASGI-6
    raw = talk(server, play(server, *messages))
    assert all(one in raw for one in has)
    assert not any(one in raw for one in has_not)
    assert raw.startswith(b"HTTP/1.1 ")
    assert raw.count(b"HTTP/1.1 ") == 1


def test_an_application_may_ask_for_the_connection_to_close(server: Server) -> None:  # ASGI-5
    raw = talk(server, play(server, start((b"Connection", b"Close")), BODY, fields=()) + request("/unread"))
    (answer,) = answers(raw, ["POST"])
    assert answer.fields["connection"] == "close"


def test_the_head_goes_with_the_first_of_the_body(server: Server) -> None:  # ASGI-5, ASGI-6
    with server.connect() as sock:
        sock.sendall(request("/lazy?head", CHUNKED, method="POST"))
        found = b""
        while b"\r\n\r\n" not in found:  # though nothing of the body is there, and nothing of the content
            found += sock.recv(65536)
        assert ask(server, "/open/gate?head").body == b"open"
        sock.sendall(b"5\r\nhello\r\n0\r\n\r\n")
        while not found.endswith(b"0\r\n\r\n"):
            found += sock.recv(65536)
        assert found.endswith(b"\r\n1\r\n5\r\n0\r\n\r\n")


@pytest.mark.parametrize("target", ["/endless", "/group"])
def test_a_client_that_leaves_is_an_oserror_and_no_fault(server: Server, target: str) -> None:  # ASGI-7
    before = len(lines(server, "sent "))
    with server.connect() as sock:
        sock.sendall(request(target))
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
        reset(sock)
    assert another(server, "sent ", before).endswith(" ClientGone")
    assert ask(server, "/unread").status == 200
    assert "Traceback" not in server.stderr.split("\nsent ")[-1]


RETURNS = [("/silent", 500), ("/half", 0), ("/exits", 500), ("/orphan", 500)]


@pytest.mark.parametrize(("target", "status"), RETURNS)
def test_an_application_that_gives_no_answer(server: Server, target: str, status: int) -> None:  # ASGI-9
    if status:
        assert ask(server, target).status == status
    else:
        with server.connect() as sock, pytest.raises(ConnectionResetError):
            sock.sendall(request(target))
            read_all(sock)
    server.wait_for_line(f"^GET {target}: the application")
    assert ask(server, "/unread").status == 200


# -- back-pressure -------------------------------------------------------------------------------------------------

PLENTY = 32 << 20
"""Bytes: more than the buffers of two sockets, and no more than the loopback carries in no time."""


def test_content_that_nobody_receives_stays_with_the_client(server: Server) -> None:  # ASGI-16
    (worker,) = server.workers()
    with server.connect() as sock:
        before = resident(worker)
        sock.sendall(request("/lazy?push", f"Content-Length: {PLENTY}", CLOSE, method="POST"))
        found = b""
        while b"\r\n\r\n" not in found:
            found += sock.recv(65536)
        sent = push(sock)
        assert sent < PLENTY // 2
        assert ask(server, "/open/gate?push").body == b"open"
        sock.sendall(bytes(PLENTY - sent))
        assert (found + read_all(sock)).endswith(f"{PLENTY}\r\n0\r\n\r\n".encode())
        assert resident(worker) - before < PLENTY // 2  # nor did it stay with us, on its way to the application


def push(sock: socket.socket) -> int:
    """Send until nothing more is taken for a while; return how much that was."""
    timeout = sock.gettimeout()
    sock.settimeout(0.2)
    sent = 0
    try:
        while sent < PLENTY:
            sent += sock.send(bytes(min(1 << 20, PLENTY - sent)))
    except TimeoutError:
        pass
    sock.settimeout(timeout)
    return sent


def test_who_does_not_read_stops_the_sender(server: Server) -> None:  # ASGI-16, HTTP-109
    before = len(lines(server, "sent "))
    with server.connect() as sock:
        sock.sendall(request("/endless"))
        _, sent, error = another(server, "sent ", before).split()
        with pytest.raises(ConnectionResetError):
            read_all(sock)
    assert (error, int(sent) < PLENTY // 2) == ("ClientGone", True)
    server.wait_for_line("the peer does not take what is sent")


def test_state_is_a_shallow_copy(server: Server) -> None:  # ASGI-13
    for length in (1, 2):
        expected = {"lists": [1] * length, "word": "kept", "mine": 1}
        assert ast.literal_eval(ask(server, "/state").body.decode()) == expected
