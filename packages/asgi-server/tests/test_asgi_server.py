"""The processes and the command line: what every server here can do, done with asyncio in the worker."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asgi_peer import probed

from http_peer import CLOSE, answers, ask, read_all, request, talk  # isort: skip
from gateway_runtime.testing import Server, run_to_end, wait_until

BIND = ("--bind", "127.0.0.1:0")

MISTAKES = [
    # options, a word of the sentence
    (("probe:app", "--threads", "4"), "one thread, whose loop serves all"),
    (("probe:app", "--manager", "dynamic"), "--manager dynamic counts busy threads"),
    (("probe:app", "--manager", "ondemand"), "--manager ondemand counts busy threads"),
    (("probe:app", "--environ", "A=b"), "ASGI has none"),
    (("probe:app", "--status-path", "s"), "--status-path: 's' is not the path of a page"),
    (("probe:app", "--ping-path", "s"), "--ping-path: 's' is not the path of a page"),
    (("probe:nothing",), "has no 'nothing'"),
    (("nowhere:app",), "no module 'nowhere'"),
    (("wsgi:app",), "is no ASGI application; if it is one for WSGI, serve it with wsgi_server"),
    ((), "required: MODULE:APP"),
]


@pytest.mark.parametrize(("options", "word"), MISTAKES)
def test_a_mistake_is_one_sentence_and_code_2(tmp_path: Path, options: tuple[str, ...], word: str) -> None:
    (probed(tmp_path) / "wsgi.py").write_text("def app(environ, start_response): return []\n")
    code, said = run_to_end("asgi_server", *options, *BIND, cwd=tmp_path)
    assert (code, said.count("\n")) == (2, 1)
    assert word in said


def test_help_tells_of_asgi_and_no_threads(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "asgi_server", "--help"], capture_output=True, text=True, check=True)
    assert "the ASGI application, such as demo_app.asgi:app" in done.stdout
    assert "--threads" not in done.stdout


@contextmanager
def watched(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    path = str(folder / "events")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.settimeout(20)
        yield sock, path


def test_events_in_order(tmp_path: Path) -> None:
    with watched(tmp_path) as (watcher, path):
        options = (*BIND, "--bind", "unix:second.sock", "--events", path)
        with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as server:
            (worker,) = server.workers()
            assert ask(server, "/unread").status == 200
            server.addresses[1] = type(server.address)(path=str(tmp_path / "second.sock"))
            server.stop()
        told = []
        while not told or told[-1]["event"] != "exit":
            told.append(json.loads(watcher.recv(65536)))
    assert [one["event"] for one in told] == ["spawn", "ready", "ready", "begin", "end", "exit"]
    assert {one["pid"] for one in told if one["event"] in ("spawn", "begin", "end", "exit")} == {worker}
    assert {one["request"] for one in told if "request" in one} == {"GET /unread"}


def test_a_worker_that_dies_is_replaced_and_says_what_it_was_at(tmp_path: Path) -> None:  # HTTP-119
    with Server("asgi_server", "probe:app", *BIND, "--workers", "2", cwd=probed(tmp_path)) as server:
        before = server.workers()
        with server.connect() as sock:
            sock.sendall(request("/blocks"))
            server.wait_for_line("^blocking$")
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            server.wait_for_line("was killed by SIGKILL.*GET /blocks")
        wait_until(lambda: len(set(server.workers()) - set(before)) == 2)
        wait_until(lambda: ask(server, "/unread").status == 200)


def test_a_call_that_blocks_the_loop_is_named_and_its_worker_replaced(tmp_path: Path) -> None:
    options = (*BIND, "--slow-log", "0.2", "--request-timeout", "1", "--grace-timeout", "1")
    with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as server:
        before = server.workers()
        with server.connect() as waits, server.connect() as blocks:
            waits.sendall(request("/forever"))  # however long it waits: that is no fault
            server.wait_for_line("^waiting$")
            blocks.sendall(request("/blocks"))
            server.wait_for_line("has been serving GET /blocks for .* which is slow")
            server.wait_for_line("probe.py.* in blocks")
            server.wait_for_line("has been serving GET /blocks for .* which is too long")
            wait_until(lambda: server.workers() and not set(server.workers()) & set(before))
        wait_until(lambda: ask(server, "/unread").status == 200)
        assert "serving GET /forever" not in server.stderr


def test_a_reload_drops_nothing(tmp_path: Path) -> None:
    app = "async def app(scope, receive, send):\n    assert scope['type'] != 'lifespan'\n"
    app += "    if scope['path'] == '/wait': await receive(); await receive()\n"
    app += "    await send({'type': 'http.response.start', 'status': 200})\n"
    app += "    await send({'type': 'http.response.body', 'body': b'old'})\n"
    (tmp_path / "loaded.py").write_text(app)
    with Server("asgi_server", "loaded:app", *BIND, cwd=tmp_path) as server, server.connect() as sock:
        sock.sendall(request("/wait"))
        assert ask(server, "/").body == b"old"
        (tmp_path / "loaded.py").write_text(app.replace("b'old'", "b'brand new'"))
        server.signal(signal.SIGHUP)
        server.wait_for_line("reloaded")
        wait_until(lambda: ask(server, "/").body == b"brand new", "the old worker accepts no more")
        sock.shutdown(socket.SHUT_WR)
        (answer,) = answers(read_all(sock))
        assert (answer.body, answer.fields["connection"]) == (b"old", "close")


def test_an_interrupt_ends_at_once(tmp_path: Path) -> None:
    with Server("asgi_server", "probe:app", *BIND, cwd=probed(tmp_path)) as server, server.connect() as sock:
        sock.sendall(request("/forever"))
        server.wait_for_line("^waiting$")
        server.signal(signal.SIGINT)
        assert server.wait() == 0


def test_a_worker_that_has_served_enough_is_replaced(tmp_path: Path) -> None:
    with Server("asgi_server", "probe:app", *BIND, "--max-requests", "3", cwd=probed(tmp_path)) as server:
        before = server.workers()
        for _ in range(3):
            assert ask(server, "/unread").status == 200
        server.wait_for_line("has served its 3 requests")
        wait_until(lambda: server.workers() and not set(server.workers()) & set(before))
        server.wait_for_line("^shut down$")


def test_the_status_counts_and_the_access_log_tells(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    options = (*BIND, "--status", "unix:status.sock", "--access-log", str(log), "--access-log-format", "combined")
    with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as server:
        assert ask(server, "/unread?a=b", "User-Agent: tester", "Referer: /x").status == 200
        assert ask(server, "/silent").status == 500
        assert answers(talk(server, b"GET\r\n\r\n"))[0].status == 400
        with server.connect() as sock, pytest.raises(ConnectionResetError):
            sock.sendall(request("/half"))
            read_all(sock)
        wait_until(lambda: log.read_text().count("\n") == 4, "four lines")
        wait_until(
            lambda: _report(tmp_path / "status.sock")["requests"] == 3, "three requests, without the one refused"
        )
    lines = log.read_text().splitlines()
    assert re.fullmatch(r'127.0.0.1 - - \[.*\] "GET /unread\?a=b HTTP/1.1" 200 6 "/x" "tester"', lines[0])
    assert '"GET /silent HTTP/1.1" 500 74' in lines[1]
    assert " 400 " in lines[2]
    assert lines[3].endswith('"GET /half HTTP/1.1" 200 4 "-" "-" cut')


def _report(status: Path) -> dict[str, int]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(status))
        sock.sendall(b"GET /status?format=json HTTP/1.0\r\nHost: a\r\n\r\n")
        told: dict[str, int] = json.loads(read_all(sock).partition(b"\r\n\r\n")[2])
    return told


def test_a_preloaded_application_starts_up_in_each_worker(tmp_path: Path) -> None:  # ASGI-10
    options = (*BIND, "--workers", "2", "--preload")
    with Server("asgi_server", "probe:app", *options, cwd=probed(tmp_path)) as server:
        assert b"kept" in ask(server, "/state", CLOSE).body
    assert server.stderr.count("\nshut down") == 2
