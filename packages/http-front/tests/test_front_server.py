"""The front before real backends of every kind, and before broken ones."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway_core.environ import base_environ
from gateway_runtime.testing import Server, wait_until
from http_front.plan import Plan, Route
from http_front.router import Router

PROGRAMS = {"http": "wsgi_server", "fastcgi": "fastcgi_server", "scgi": "scgi_server", "uwsgi": "uwsgi_gateway"}

APP = r"""
import os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/wait":  # the second half comes when the file is there: only after the first has been seen
        start_response("200 OK", [("Content-Type", "text/plain")])
        return wait(environ["QUERY_STRING"])
    if path == "/breaks":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return breaks()
    if path == "/drips":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Drips(environ["QUERY_STRING"])
    if path == "/silent":
        time.sleep(1)
    if path == "/none":
        start_response("204 No Content", [])
        return []
    if path == "/fields":
        shown = sorted(name for name in environ if name.startswith("HTTP_"))
        start_response("200 OK", [("X-A", "1"), ("X-A", "2"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [" ".join(shown).encode()]
    if path == "/pid":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getpid()).encode()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REQUEST_METHOD']} {path} {environ['QUERY_STRING']}".encode("latin-1")]

def wait(path):
    yield b"one"
    while not os.path.exists(path):
        time.sleep(0.01)
    yield b"two"

def breaks():
    yield b"some"
    raise ValueError("on purpose")

class Drips:
    def __init__(self, path):
        self.path = path
    def __iter__(self):
        while True:
            time.sleep(0.02)
            yield b"x" * 65536
    def close(self):
        open(self.path, "w").close()
"""


@dataclass
class Pair:
    scheme: str
    backend: Server
    front: Server


def front(url: str, *arguments: str) -> Server:
    return Server("http_front", "--to", url, "--bind", "127.0.0.1:0", *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("front")
    (folder / "front_case.py").write_text(APP)
    return folder


@pytest.fixture(scope="module", params=PROGRAMS)
def pair(request: pytest.FixtureRequest, folder: Path) -> Iterator[Pair]:
    """A front and its backend with the small application above."""
    program = PROGRAMS[request.param]
    arguments = ("front_case:app", "--bind", "127.0.0.1:0", "--threads", "4")
    with Server(program, *arguments, cwd=folder) as backend, front(backend.url) as running:
        yield Pair(request.param, backend, running)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """The demo application over plain HTTP, and behind a front for every protocol."""
    env = {"DEMO_APP_DB": str(tmp_path_factory.mktemp("demo") / "guestbook.sqlite3")}
    sockets = tmp_path_factory.mktemp("sockets")
    with contextlib.ExitStack() as stack:
        servers = {
            "direct": stack.enter_context(Server("wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0", env=env))
        }
        for scheme, program in PROGRAMS.items():
            backend = Server(program, "demo_app:app", "--bind", f"unix:{sockets}/{scheme}", env=env)
            servers[scheme] = stack.enter_context(front(stack.enter_context(backend).url))
        yield servers


def get(
    server: Server, path: str, method: str = "GET", body: bytes | None = None, fields: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body, fields or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


# -- every protocol ---------------------------------------------------------------------------------------------------

FOOTER = re.compile(rb'<footer id="served">.*?</footer>', re.DOTALL)


@pytest.mark.parametrize(
    "path", ["/", "/hello", "/cgi", "/guestbook", "/status/404", "/status/304", "/nothing", "/%C3%A9"]
)
@pytest.mark.parametrize("scheme", PROGRAMS)
def test_the_same_page(demo: dict[str, Server], scheme: str, path: str) -> None:
    def seen(server: Server) -> tuple[int, list[tuple[str, str]], bytes]:
        status, fields, body = get(server, path)
        assert len(fields.get_all("Date") or []) == len(fields.get_all("Server") or []) == 1
        changing = ("date", "content-length") if b"<footer" in body else ("date",)
        return status, sorted(f for f in fields.items() if f[0].lower() not in changing), FOOTER.sub(b"", body)

    assert seen(demo[scheme]) == seen(demo["direct"])


@pytest.mark.parametrize("scheme", PROGRAMS)
def test_the_page_says_over_what_it_came(demo: dict[str, Server], scheme: str) -> None:
    _, _, body = get(demo[scheme], "/environ")
    names = {"http": "HTTP", "fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi"}
    assert f"gatelab.protocol = {names[scheme]!r}".encode() in body


@pytest.mark.parametrize("scheme", PROGRAMS)
@pytest.mark.parametrize("size", [0, 1, 65536, 1 << 20])
def test_echo(demo: dict[str, Server], scheme: str, size: int) -> None:
    body = os.urandom(size)
    assert get(demo[scheme], "/echo", "POST", body)[2] == body


def test_method_path_and_query_arrive_as_sent(pair: Pair) -> None:
    assert get(pair.front, "/a%20b/%C3%A9?x=%41&y=+", "DELETE")[2] == b"DELETE /a b/\xc3\xa9 x=%41&y=+"


def test_head_and_no_content(pair: Pair) -> None:
    status, _, body = get(pair.front, "/x", "HEAD")
    assert (status, body) == (200, b"")
    status, fields, body = get(pair.front, "/none")
    assert (status, body, fields["Content-Length"]) == (204, b"", None)


def test_fields_of_the_connection_stay_behind(pair: Pair) -> None:
    sent = {"X-B": "1", "TE": "trailers", "Proxy": "http://evil/", "Upgrade": "h2c", "Keep-Alive": "5", "X_C": "1"}
    _, fields, body = get(pair.front, "/fields", fields=sent)
    arrived = body.decode().split()
    assert "HTTP_X_B" in arrived
    assert not {"HTTP_TE", "HTTP_PROXY", "HTTP_UPGRADE", "HTTP_KEEP_ALIVE", "HTTP_X_C"} & set(arrived)
    assert fields.get_all("X-A") == ["1", "2"]
    assert fields.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_content_passes_as_it_comes(pair: Pair, tmp_path: Path) -> None:
    file = tmp_path / "seen"
    connection = http.client.HTTPConnection(pair.front.address.host, pair.front.address.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", f"/wait?{file}")
        response = connection.getresponse()
        assert response.read(3) == b"one"
        file.touch()
        assert response.read() == b"two"


def test_a_backend_that_breaks_off_is_a_connection_that_is_cut(pair: Pair) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        get(pair.front, "/breaks")


def test_the_visitor_leaves_and_the_backend_is_told(pair: Pair, tmp_path: Path) -> None:
    file = tmp_path / "closed"
    with pair.front.connect() as sock:
        sock.sendall(f"GET /drips?{file} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
    wait_until(file.exists, "the application's iterable is closed")


def test_a_silent_backend_is_504(pair: Pair) -> None:
    with front(pair.backend.url, "--timeout", "0.3") as hasty:
        status, _, body = get(hasty, "/silent")
        assert status == 504
        assert body.count(b"\n") == 1
        hasty.wait_for_line(f"GET /silent: {pair.scheme}://.*: the backend did not answer in time")


# -- kept connections -------------------------------------------------------------------------------------------------


class Relay:
    """Passes bytes between the front and a backend, and counts the connections."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.count = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            self.count += 1
            theirs = socket.create_connection(self._target)
            self._open += [ours, theirs]
            for source, sink in ((ours, theirs), (theirs, ours)):
                thread = threading.Thread(target=self._pass, args=(source, sink))
                thread.start()
                self._threads.append(thread)

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End every connection, as a backend does that restarts."""
        while self._open:
            sock = self._open.pop()
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()


def test_connections_are_kept_where_the_protocol_can(pair: Pair) -> None:
    with contextlib.closing(Relay((pair.backend.address.host, pair.backend.address.port))) as relay:
        # One thread: the next request comes after the connection of the last one has been put back.
        with front(f"{pair.scheme}://127.0.0.1:{relay.port}", "--threads", "1") as running:
            for _ in range(4):
                assert get(running, "/x")[0] == 200
            assert relay.count == (1 if pair.scheme in ("http", "fastcgi") else 4)
            relay.cut()  # what was kept is dead now: the next request must not notice
            assert get(running, "/x")[0] == 200
        with front(f"{pair.scheme}://127.0.0.1:{relay.port}", "--keep", "0") as running:
            before = relay.count
            for _ in range(3):
                assert get(running, "/x")[0] == 200
            assert relay.count == before + 3


# -- broken backends --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def broken(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that does `answer` with each connection; give its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                sock.recv(65536)
                answer(sock)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def ask(url: str, timeout: float = 10.0) -> tuple[str, dict[str, str], bytes, list[str]]:
    """Send one request to a backend, without a process for the front; return status, fields, content and log."""
    log: list[str] = []
    seen: list[tuple[str, dict[str, str]]] = []
    environ = base_environ(
        protocol="HTTP", software="test/1", server_name="localhost", server_port="80", errors=sys.stderr,
        multithread=False, multiprocess=False,
    )  # fmt: skip
    environ["http_front.answers"] = []
    environ |= {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "REQUEST_URI": "/x", "wsgi.input": io.BytesIO()}
    app = Router(Plan((Route(to=(url,), silence=timeout, keep=4),)), log.append)
    body = b"".join(app(environ, lambda status, fields: seen.append((status, dict(fields)))))
    app.close()
    ((status, fields),) = seen
    return status, fields, body, log


@pytest.mark.parametrize("scheme", PROGRAMS)
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_nobody_there_is_503(scheme: str, kind: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"{scheme}://127.0.0.1:{port}" if kind == "tcp" else f"{scheme}+unix:{tmp_path}/nothing"
    status, fields, body, log = ask(url)
    assert status == "503 Service Unavailable"
    assert fields["Content-Type"] == "text/plain; charset=utf-8"
    assert body.startswith(b"the backend cannot be reached")
    assert body.count(b"\n") == 1
    assert log == [f"GET /x: {url}: {body.decode().strip()}"]


def test_nobody_there_as_a_visitor_sees_it(tmp_path: Path) -> None:
    with front(f"fastcgi+unix:{tmp_path}/nothing") as running:
        status, _, body = get(running, "/x")
        assert (status, body) == (503, b"the backend cannot be reached: No such file or directory\n")
        running.wait_for_line("GET /x: fastcgi.*: the backend cannot be reached")


RUBBISH = {
    "closes at once": b"",
    "speaks no protocol": b"hello, who is there?\r\n\r\n",
    "breaks off in the head": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "sends zeros": bytes(100),
}


@pytest.mark.parametrize("scheme", PROGRAMS)
@pytest.mark.parametrize("answer", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_is_502(scheme: str, answer: bytes) -> None:
    with broken(lambda sock: sock.sendall(answer)) as port:
        status, _, body, log = ask(f"{scheme}://127.0.0.1:{port}")
    assert status == "502 Bad Gateway"
    assert body.count(b"\n") == 1
    assert len(log) == 1


def test_rubbish_as_a_visitor_sees_it() -> None:
    with broken(lambda sock: sock.sendall(b"hello")) as port, front(f"uwsgi://127.0.0.1:{port}") as running:
        status, _, body = get(running, "/x")
        assert status == 502
        assert body.count(b"\n") == 1
        assert "Traceback" not in running.stderr


def test_a_response_without_a_reason_is_fine() -> None:
    answer = b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok"
    with broken(lambda sock: sock.sendall(answer)) as port:
        status, _, body, _ = ask(f"http://127.0.0.1:{port}")
    assert (status, body) == ("200 OK", b"ok")
