"""The whole front between visitors and servers of ours: what backends see, access log, files, a worker that dies."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_core.errors import BackendUnavailable
from gateway_runtime.testing import Server, wait_until
from http_front.plan import Plan, Route
from http_front.router import Router

SEES = r"""
import json

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/guard/out":
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"not you"]
    if path == "/file":
        start_response("200 OK", [("X-Accel-Redirect", "/inner/a.txt"), ("Content-Type", "text/x-inner")])
        return [b"nobody's"]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: value for name, value in environ.items() if isinstance(value, str)}).encode()]
"""

PLAN = """
[[route]]
to = ["{url}"]
params = {{ APP_ENV = "test" }}

[[route]]
prefix = "/assets"
static = "{folder}"

[[route]]
prefix = "/inner"
static = "{folder}"
internal = true
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("live")
    (folder / "front_sees.py").write_text(SEES)
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_text("a file")
    return folder


@pytest.fixture(scope="module", params=["wsgi_server", "fastcgi_server", "scgi_server", "uwsgi_gateway"])
def backend(request: pytest.FixtureRequest, folder: Path) -> Iterator[Server]:
    with Server(request.param, "front_sees:app", "--bind", "127.0.0.1:0", cwd=folder) as running:
        yield running


def front(backend: Server, folder: Path, *options: str) -> Server:
    (folder / "plan.toml").write_text(PLAN.format(url=backend.url, folder=folder / "files"))
    return Server("http_front", "--config", f"{folder}/plan.toml", "--bind", "127.0.0.1:0", *options)


def ask(server: Server, request: str) -> tuple[str, bytes, tuple[str, int]]:
    """Send a request; return the head, the content, and our own address."""
    with server.connect() as sock:
        head, _, content = request.partition("\n\n")
        sock.sendall(f"{head}\nHost: museum.test\nConnection: close\n\n".replace("\n", "\r\n").encode("latin-1"))
        sock.sendall(content.encode())
        got = b"".join(iter(lambda: sock.recv(65536), b""))
        us: tuple[str, int] = sock.getsockname()
    answer, _, body = got.partition(b"\r\n\r\n")
    return answer.decode(), body, us


def test_what_a_backend_sees_of_a_visitor(backend: Server, folder: Path) -> None:
    with front(backend, folder) as running:
        fields = "Proxy: http://evil/\nX_Forwarded_For: 1.1.1.1\nX-Forwarded-For: 1.1.1.1\nForwarded: for=1.1.1.1"
        _, body, us = ask(running, f"GET /x%20y?q HTTP/1.1\n{fields}\nX-Sendfile-Type: X-Accel-Redirect\nX-A: 1")
    seen = json.loads(body)
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["HTTP_X_A"]) == ("/x y", "q", "1")
    assert seen["HTTP_X_FORWARDED_FOR"] == us[0]
    assert seen["HTTP_X_FORWARDED_HOST"] == seen["HTTP_HOST"] == "museum.test"
    assert seen["HTTP_X_FORWARDED_PROTO"] == "http"
    assert seen["HTTP_FORWARDED"] == f'for={us[0]};proto=http;host="museum.test"'
    assert not {"HTTP_PROXY", "HTTP_X_SENDFILE_TYPE"} & set(seen)
    if not backend.url.startswith("http:"):
        assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == (us[0], str(us[1]))
        assert seen["APP_ENV"] == "test"


def test_a_front_of_ours_says_who_the_visitor_is(backend: Server, folder: Path) -> None:
    with front(backend, folder, "--forwarded-allow", "127.0.0.0/8") as running:
        fields = "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https"
        seen = json.loads(ask(running, f"GET /x HTTP/1.1\n{fields}")[1])
    assert seen["HTTP_X_FORWARDED_FOR"] == "203.0.113.9, 127.0.0.1"
    if not backend.url.startswith("http:"):
        assert (seen["REMOTE_ADDR"], seen["HTTPS"]) == ("203.0.113.9", "on")
        assert "REMOTE_PORT" not in seen  # that of the visitor is not known


def test_a_server_says_that_it_is_well(backend: Server) -> None:
    router = Router(Plan((Route(to=(backend.url,), check=5),)), print)
    (server,) = router._upstreams[0].servers
    server.check()
    if backend.url.startswith("fastcgi"):
        assert 1 <= server.channels.limit <= 512
    backend_is_gone = Route(to=(backend.url.rpartition(":")[0] + ":1",))
    with pytest.raises(BackendUnavailable):
        Router(Plan((backend_is_gone,)), print)._upstreams[0].servers[0].check()


def test_files_and_where_an_answer_leads(backend: Server, folder: Path) -> None:
    with front(backend, folder) as running:
        assert ask(running, "GET /assets/a.txt HTTP/1.1")[1] == b"a file"
        head, body, _ = ask(running, "GET /file HTTP/1.1")
        assert head.startswith("HTTP/1.1 200 ")
        assert "Content-Type: text/x-inner" in head
        assert body == b"a file"
        seen = json.loads(ask(running, "GET /inner/a.txt HTTP/1.1")[1])  # no visitor gets there by himself
        assert seen["PATH_INFO"] == "/inner/a.txt"


def test_the_access_log_is_that_of_the_server(backend: Server, folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "access"
    with front(backend, folder, "--access-log", str(log), "--forwarded-allow", "127.0.0.0/8") as running:
        ask(running, "GET /assets/a.txt HTTP/1.1")
        ask(running, "GET /nowhere%0a?q HTTP/1.1\nX-Forwarded-For: 203.0.113.9")
        wait_until(lambda: log.read_text().count("\n") == 2, "two lines")
    first, second = log.read_text().splitlines()
    assert re.fullmatch(r'127\.0\.0\.1 - - \[.*\] "GET /assets/a.txt HTTP/1.1" 200 6', first)
    assert re.fullmatch(r'203\.0\.113\.9 - - \[.*\] "GET /nowhere%0a\?q HTTP/1.1" 200 [0-9]+', second)


def test_the_scripts_of_a_fastcgi_server(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.php").touch()
    with (
        Server("fastcgi_server", "front_sees:app", "--bind", f"unix:{tmp_path}/s", cwd=folder) as backend,
        Server("http_front", "--to", backend.url, "--root", str(tmp_path), "--bind", "127.0.0.1:0") as running,
    ):
        seen = json.loads(ask(running, "GET /x.php/more?q HTTP/1.1")[1])
        assert (seen["SCRIPT_FILENAME"], seen["DOCUMENT_ROOT"]) == (f"{tmp_path}/x.php", str(tmp_path))
        assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/x.php", "/more", "q")
        assert ask(running, "GET /none.php HTTP/1.1")[0].startswith("HTTP/1.1 404 ")


def test_a_changed_file_is_read_at_a_reload(folder: Path, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    plan = tmp_path / "plan.toml"
    plan.write_text(f'[[route]]\nstatic = "{tmp_path}/old"\n')
    with Server("http_front", "--config", str(plan), "--bind", "127.0.0.1:0") as running:
        assert ask(running, "GET /a.txt HTTP/1.1")[1] == b"old"
        plan.write_text("nonsense")
        running.signal(signal.SIGHUP)
        running.wait_for_line("plan.toml is not TOML")
        assert ask(running, "GET /a.txt HTTP/1.1")[1] == b"old"
        plan.write_text(f'[[route]]\nstatic = "{tmp_path}/new"\n')
        running.signal(signal.SIGHUP)
        wait_until(lambda: ask(running, "GET /a.txt HTTP/1.1")[1] == b"new", "the new file is served")


GUARD = """
def app(environ, start_response):
    assert environ["fastcgi.role"] == "authorizer"
    if environ.get("HTTP_COOKIE") == "user=ada":
        start_response("200 OK", [("Variable-USER_NAME", "ada")])
    else:
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
    return [b"who are you?"]
"""


def test_an_authorizer_guards_a_route(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "front_guard.py").write_text(GUARD)
    with contextlib.ExitStack() as stack:
        arguments = ("front_guard:app", "--role", "authorizer", "--bind", f"unix:{tmp_path}/guard")
        guard = stack.enter_context(Server("fastcgi_server", *arguments, cwd=tmp_path))
        behind = stack.enter_context(
            Server("scgi_server", "front_sees:app", "--bind", f"unix:{tmp_path}/behind", cwd=folder)
        )
        plan = tmp_path / "guarded.toml"
        plan.write_text(
            f'[[route]]\nto = ["{behind.url}"]\nauthorizer = "{guard.url}"\n'
            f'[[route]]\nprefix = "/files"\nstatic = "{folder}/files"\nauthorizer = "{guard.url}"\n'
        )
        running = stack.enter_context(Server("http_front", "--config", str(plan), "--bind", "127.0.0.1:0"))
        for path in ("/x", "/files/a.txt"):
            head, body, _ = ask(running, f"GET {path} HTTP/1.1")
            assert head.startswith("HTTP/1.1 403 ")
            assert body == b"who are you?"
        assert ask(running, "GET /files/a.txt HTTP/1.1\nCookie: user=ada")[1] == b"a file"
        assert json.loads(ask(running, "GET /x HTTP/1.1\nCookie: user=ada")[1])["USER_NAME"] == "ada"
        body = ask(running, "POST /x HTTP/1.1\nCookie: user=ada\nContent-Length: 5\n\nhello")[1]
        assert json.loads(body)["CONTENT_LENGTH"] == "5"  # the guard has left the content alone
        guard.stop()
        assert ask(running, "GET /files/a.txt HTTP/1.1\nCookie: user=ada")[0].startswith("HTTP/1.1 503 ")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="who has a connection is looked up in /proc")
def test_a_worker_that_dies_loses_only_its_own(tmp_path: Path) -> None:
    """One request is with each worker; one of them is killed."""
    held: list[socket.socket] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"{tmp_path}/slow")
    listener.listen()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                held.append(listener.accept()[0])

    thread = threading.Thread(target=accept)
    thread.start()
    visitors: list[socket.socket] = []
    try:
        arguments = ("--to", f"scgi+unix:{tmp_path}/slow", "--bind", "127.0.0.1:0", "--workers", "2")
        with Server("http_front", *arguments) as running:
            owners: dict[int, tuple[socket.socket, socket.socket]] = {}  # by worker: visitor and backend
            while len(owners) < 2:
                visitors.append(running.connect())
                before = {pid: _sockets(pid) for pid in running.workers()}
                count = len(held)
                visitors[-1].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                wait_until(lambda count=count: len(held) > count, "the backend has it")
                owner = next(pid for pid in before if _sockets(pid) > before[pid])
                owners[owner] = (visitors[-1], held[-1])
            (dead, (lost, _)), (_, (kept, server)) = owners.items()
            os.kill(dead, signal.SIGKILL)
            assert lost.recv(100) == b""
            server.sendall(b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nok")
            assert kept.recv(1000).endswith(b"ok")
            wait_until(lambda: len(running.workers()) == 2, "there is another worker")
            for sock in (*visitors, *held):
                sock.close()
    finally:
        for sock in (*visitors, *held):
            sock.close()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _sockets(pid: int) -> int:
    """Return how many descriptors a process has."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
