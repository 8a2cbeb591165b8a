"""Backends that are wrong, late, early, or leave: what the visitor gets, over every protocol."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcgi_server.records import STDOUT, encode_end, encode_record, encode_stream
from front_world import Seen, ask
from gateway_core.errors import BackendError
from http_front.plan import Plan, Route
from http_front.router import Router
from uwsgi_gateway.protocol import PING, PONG

Play = Callable[[socket.socket], None]


World = tuple["Router", list[str], list["Backend"]]


class Backend:
    """A server at a unix socket: each connection is played by a thread of its own."""

    def __init__(self, path: Path, play: Play) -> None:
        self.path = path
        self.count = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._play = play
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.count += 1
                self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            self._play(sock)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def front(
    tmp_path: Path, scheme: str, *plays: Play, **options: Any
) -> Iterator[tuple[Router, list[str], list[Backend]]]:
    log: list[str] = []
    with contextlib.ExitStack() as stack:
        backends = [
            stack.enter_context(contextlib.closing(Backend(tmp_path / f"s{number}", play)))
            for number, play in enumerate(plays)
        ]
        urls = tuple(f"{scheme}+unix:{backend.path}" for backend in backends)
        router = Router(Plan((Route(to=urls, **options),)), log.append)
        stack.callback(router.close)
        yield router, log, backends


def says(answer: bytes) -> Play:
    def play(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(answer)

    return play


LINE = {"scgi": b"Status: ", "uwsgi": b"HTTP/1.1 ", "http": b"HTTP/1.1 "}

FAULTS: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("half a head", b"{}200 OK\r\nContent-Ty"),
    ("no blank line", b"{}200 OK\r\n"),
    ("no colon", b"{}200 OK\r\nnonsense\r\n\r\n"),
    ("a blank before the colon", b"{}200 OK\r\nX : 1\r\n\r\n"),
    ("an odd name", b"{}200 OK\r\nX(: 1\r\n\r\n"),
    ("a folded line", b"{}200 OK\r\nX: 1\r\n y\r\n\r\n"),
    ("NUL in a value", b"{}200 OK\r\nX: a\0b\r\n\r\n"),
    ("ESC in a value", b"{}200 OK\r\nX: a\x1b[2J\r\n\r\n"),
    ("CR in a value", b"{}200 OK\r\nX: a\rb\r\n\r\n"),
    ("status 20", b"{}20 OK\r\n\r\n"),
    ("status 2000", b"{}2000 OK\r\n\r\n"),
    ("status 600", b"{}600 OK\r\n\r\n"),
    ("status 101", b"{}101 Switching Protocols\r\n\r\n"),
    ("two lengths", b"{}200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
    ("a length of +1", b"{}200 OK\r\nContent-Length: +1\r\n\r\nx"),
    ("a length of 1_0", b"{}200 OK\r\nContent-Length: 1_0\r\n\r\nx"),
    ("a long head", b"{}200 OK\r\n" + b"X: 1\r\n" * 50_000 + b"\r\n"),
    ("a long line", b"{}200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
    ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
]


@pytest.mark.parametrize("scheme", LINE)
@pytest.mark.parametrize("answer", [answer for _, answer in FAULTS], ids=[name for name, _ in FAULTS])
def test_a_head_that_is_wrong_is_502_and_nothing_of_it_passes(tmp_path: Path, scheme: str, answer: bytes) -> None:
    with front(tmp_path, scheme, says(answer.replace(b"{}", LINE[scheme]))) as (router, log, _):
        seen = ask(router, "/x")
    assert seen.status == "502 Bad Gateway"
    assert seen.body.count(b"\n") == 1
    assert "Traceback" not in seen.body.decode()
    assert log == [f"GET /x: {scheme}+unix:{tmp_path}/s0: {seen.body.decode().strip()}"]


@pytest.mark.parametrize("scheme", ["scgi", "uwsgi"])
def test_two_status_lines_are_502(tmp_path: Path, scheme: str) -> None:
    answer = LINE[scheme] + b"200 OK\r\n" + LINE[scheme] + b"200 OK\r\n\r\n"
    with front(tmp_path, scheme, says(answer)) as (router, _, _):
        assert ask(router, "/x").status == "502 Bad Gateway"


@pytest.mark.parametrize("scheme", LINE)
def test_fields_of_the_backend_s_connection_stay_behind(tmp_path: Path, scheme: str) -> None:
    fields = (
        b"Connection: x-secret\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTrailer: X\r\nTE: x\r\nProxy-Authenticate: x\r\n"
    )
    answer = LINE[scheme] + b"200 OK\r\nX-A: 1\r\n" + fields + b"Content-Length: 2\r\n\r\nok"
    with front(tmp_path, scheme, says(answer)) as (router, _, _):
        seen = ask(router, "/x")
    assert (seen.status, seen.body) == ("200 OK", b"ok")
    assert set(seen.fields) == {"x-a", "content-length"}


@pytest.mark.parametrize("scheme", ["scgi", "uwsgi"])
def test_a_transfer_coding_of_a_backend_that_has_none_stays_behind(tmp_path: Path, scheme: str) -> None:
    answer = LINE[scheme] + b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    with front(tmp_path, scheme, says(answer)) as (router, _, _):
        seen = ask(router, "/x")
    assert (seen.body, seen.fields) == (b"2\r\nok\r\n0\r\n\r\n", {})


@pytest.mark.parametrize("scheme", LINE)
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_status_without_content_has_none(tmp_path: Path, scheme: str, status: str) -> None:
    with front(tmp_path, scheme, says(LINE[scheme] + status.encode() + b"\r\n\r\nbut")) as (router, _, _):
        assert ask(router, "/x")[::2] == (status, b"")


@pytest.mark.parametrize("scheme", LINE)
def test_an_answer_to_head_has_no_content(tmp_path: Path, scheme: str) -> None:
    with front(tmp_path, scheme, says(LINE[scheme] + b"200 OK\r\nContent-Length: 3\r\n\r\nbut")) as (router, _, _):
        seen = ask(router, "/x", "HEAD")
    assert (seen.body, seen.fields["content-length"]) == (b"", "3")


@pytest.mark.parametrize("scheme", LINE)
def test_more_than_its_length_is_cut(tmp_path: Path, scheme: str) -> None:
    answer = LINE[scheme] + b"200 OK\r\nContent-Length: 2\r\n\r\nok and more"
    with front(tmp_path, scheme, says(answer), says(answer)) as (router, _, backends):
        assert ask(router, "/x").body == b"ok"
        assert ask(router, "/x").body == b"ok"
        assert sum(backend.count for backend in backends) == 2  # nobody used such a connection again


@pytest.mark.parametrize("scheme", LINE)
def test_less_than_its_length_is_an_incomplete_answer(tmp_path: Path, scheme: str) -> None:
    answer = LINE[scheme] + b"200 OK\r\nContent-Length: 20\r\n\r\nok"
    with front(tmp_path, scheme, says(answer)) as (router, _, _), pytest.raises(BackendError, match=f"^{scheme}"):
        ask(router, "/x")


@pytest.mark.parametrize(("scheme", "known"), [("scgi", "Status"), ("uwsgi", "Status"), ("uwsgi", "HTTP")])
@pytest.mark.parametrize("code", [200, 404, 599])
def test_a_status_as_the_protocol_has_it(tmp_path: Path, scheme: str, known: str, code: int) -> None:
    first = f"Status: {code} Word" if known == "Status" else f"HTTP/1.0 {code} Word"
    with front(tmp_path, scheme, says(f"{first}\nX: 1\n\nok".encode())) as (router, _, _):
        assert ask(router, "/x") == Seen(f"{code} Word", {"x": "1"}, b"ok")


@pytest.mark.parametrize("scheme", ["scgi", "uwsgi", "fastcgi"])
@pytest.mark.parametrize("target", ["/a%00b", "/%00", "/x%00CONTENT_LENGTH%005"])
def test_a_variable_that_would_end_early_is_refused_before_anything_is_sent(
    tmp_path: Path, scheme: str, target: str
) -> None:
    got: list[bytes] = []
    with front(tmp_path, scheme, lambda sock: got.append(sock.recv(1000))) as (router, _, _):
        assert ask(router, target).status == "400 Bad Request"
    assert got in ([], [b""])


def test_variables_that_do_not_fit_a_uwsgi_packet_are_431(tmp_path: Path) -> None:
    got: list[bytes] = []
    with front(tmp_path, "uwsgi", lambda sock: got.append(sock.recv(1000))) as (router, _, _):
        for fields in ([("X", "x" * 70_000)], [(f"X-{number}", "x" * 1000) for number in range(66)]):
            assert ask(router, "/x", fields=fields).status == "431 Request Header Fields Too Large"
    assert set(got) <= {b""}


# -- early, late, full ------------------------------------------------------------------------------------------------


def early(scheme: str) -> bytes:
    if scheme == "fastcgi":
        head = encode_stream(STDOUT, 1, b"Status: 413 Large\r\n\r\nenough")
        return head + encode_record(STDOUT, 1) + encode_end(1, 0, 0)
    return LINE[scheme] + b"413 Large\r\nContent-Length: 6\r\n\r\nenough"


@pytest.mark.parametrize("scheme", [*LINE, "fastcgi"])
def test_a_backend_that_answers_early_and_reads_no_more_is_not_waited_for(tmp_path: Path, scheme: str) -> None:
    over = threading.Event()

    def play(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(early(scheme))
        over.wait(20)  # neither reads nor closes

    with front(tmp_path, scheme, play) as (router, _, _):
        try:
            seen = ask(router, "/x", "POST", body=bytes(30_000_000))
        finally:
            over.set()
    assert (seen.status, seen.body) == ("413 Large", b"enough")


@pytest.mark.parametrize("scheme", [*LINE, "fastcgi"])
def test_a_backend_that_answers_early_and_closes(tmp_path: Path, scheme: str) -> None:
    def play(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(early(scheme))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            pass

    with front(tmp_path, scheme, play) as (router, _, _):
        assert ask(router, "/x", "POST", body=bytes(30_000_000))[::2] == ("413 Large", b"enough")


def test_a_backend_that_sends_much_before_it_reads_much(tmp_path: Path) -> None:
    size = 20_000_000

    def play(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(b"Status: 200 OK\r\n\r\n" + bytes(size))  # the request waits for this, in vain if nobody reads
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            pass

    with front(tmp_path, "scgi", play) as (router, _, _):
        assert len(ask(router, "/x", "POST", body=bytes(size)).body) == size


@pytest.mark.parametrize("scheme", LINE)
def test_a_backend_that_takes_nothing_is_504(tmp_path: Path, scheme: str) -> None:
    over = threading.Event()
    with front(tmp_path, scheme, lambda sock: over.wait(20) and None, send=0.1) as (router, _, _):
        try:
            seen = ask(router, "/x", "POST", body=bytes(30_000_000))
        finally:
            over.set()
    assert (seen.status, seen.body) == ("504 Gateway Timeout", b"the backend did not take the request in time\n")


def test_a_backend_that_drips_is_504_after_the_whole(tmp_path: Path) -> None:
    over = threading.Event()

    def play(sock: socket.socket) -> None:
        while not over.wait(0.01):
            sock.sendall(b"X: 1\r\n")

    with front(tmp_path, "scgi", play, whole=0.1) as (router, _, _):
        try:
            assert ask(router, "/x").status == "504 Gateway Timeout"
        finally:
            over.set()


def test_more_requests_than_connections_wait_and_then_get_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def play(sock: socket.socket) -> None:
        sock.recv(1000)
        release.wait(20)
        sock.sendall(b"Status: 200 OK\r\n\r\nok")

    with front(tmp_path, "scgi", play, connections=1) as (router, log, backends):
        got: list[Seen] = []
        first = threading.Thread(target=lambda: got.append(ask(router, "/first")))
        first.start()
        try:
            channels = router._upstreams[0].servers[0].channels
            while not channels.in_use:
                pass
            channels._wait = 0.02
            seen = ask(router, "/second")
            assert seen.status == "503 Service Unavailable"
            assert seen.body == b"the backend has no room: all 1 connections to it are in use\n"
            assert backends[0].count == 1
        finally:
            release.set()
            first.join()
        assert got[0].status == "200 OK"
        assert ask(router, "/third").status == "200 OK"
        assert len(log) == 1


# -- several ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", LINE)
def test_another_server_is_asked_if_one_is_not_there(tmp_path: Path, scheme: str) -> None:
    answer = LINE[scheme] + b"200 OK\r\nContent-Length: 2\r\n\r\nok"
    with front(tmp_path, scheme, says(answer), says(answer), keep=0) as (router, log, backends):
        backends[0].close()
        for _ in range(10):
            assert ask(router, "/x", "POST", body=b"once")[::2] == ("200 OK", b"ok")
        assert backends[1].count == 10
        assert len([line for line in log if line.startswith("POST /x: ")]) == 3
        assert log[-1].startswith(f"{scheme}+unix:{tmp_path}/s0 is out for 10 s after 3 failures: ")


def test_an_unsafe_request_that_somebody_may_have_acted_on_is_not_sent_to_another(tmp_path: Path) -> None:
    with front(tmp_path, "scgi", says(b""), says(b"")) as (router, _, backends):
        assert ask(router, "/x", "POST", body=b"once").status == "502 Bad Gateway"
        assert sum(backend.count for backend in backends) == 1
        assert ask(router, "/x").status == "502 Bad Gateway"  # a safe one is, and both fail
        assert sum(backend.count for backend in backends) == 3


def test_a_pong_and_what_is_none(tmp_path: Path) -> None:
    answers = [PONG, b"\x64\x05\x00\x01busy!", b"HTTP/1.1 400 \r\n\r\n", b"", PING]
    errors: list[str] = []

    def play(sock: socket.socket) -> None:
        assert sock.recv(100) == PING
        sock.sendall(answers.pop(0))

    with front(tmp_path, "uwsgi", play) as (router, _, _):
        server = router._upstreams[0].servers[0]
        for _ in range(5):
            try:
                server.check()
                errors.append("")
            except BackendError as error:
                errors.append(str(error))
    assert errors[:2] == ["", ""]
    assert "not a pong" in errors[2]
    assert "closed instead of answering" in errors[3]
    assert "not a pong" in errors[4]


def test_a_fastcgi_server_that_takes_few_connections_is_not_given_more(tmp_path: Path) -> None:
    def play(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(encode_record(10, 0, b"\x0e\x01FCGI_MAX_CONNS3"))

    with front(tmp_path, "fastcgi", play) as (router, _, _):
        server = router._upstreams[0].servers[0]
        assert server.channels.limit == 512
        server.check()
        assert server.channels.limit == 3


@pytest.mark.parametrize("answer", [b"", encode_record(11, 0, b"\x09" + bytes(7))])
def test_a_fastcgi_server_that_does_not_know_the_question_may_be_well(tmp_path: Path, answer: bytes) -> None:
    with front(tmp_path, "fastcgi", says(answer)) as (router, _, _):
        (server,) = router._upstreams[0].servers
        server.check()
        assert server.channels.limit == 512


def test_a_defect_in_looking_after_servers_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    class EnoughError(BaseException):
        pass

    def sleep(seconds: float) -> None:
        looks.append(1)
        if len(looks) > 3:
            raise EnoughError

    with front(tmp_path, "scgi", says(b"")) as (router, log, _):
        monkeypatch.setattr("http_front.router.time.sleep", sleep)
        monkeypatch.setattr(router._upstreams[0], "tend", lambda: 1 / 0)
        with pytest.raises(EnoughError):
            router._tend()
    assert len(log) == 3
    assert "ZeroDivisionError" in log[0]


@pytest.mark.parametrize("scheme", ["http", "scgi", "uwsgi", "fastcgi"])
def test_a_server_that_is_not_there_is_not_well(tmp_path: Path, scheme: str) -> None:
    with front(tmp_path, scheme, lambda sock: None) as (router, _, backends):
        backends[0].close()
        with pytest.raises(BackendError):
            router._upstreams[0].servers[0].check()
