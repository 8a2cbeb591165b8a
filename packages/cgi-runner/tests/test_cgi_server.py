"""The whole thing as processes: ready line, requests over HTTP, kills, Ctrl-C, and nobody left behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cgi_runner.server import GATEWAY
from gateway_runtime.cli import main
from gateway_runtime.options import new_parser, settings_of
from gateway_runtime.testing import Server, run_to_end, wait_until

EXAMPLES = Path(__file__).parent.parent / "examples"

APP = r"""
import os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fails":
        raise ValueError("on purpose")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/slow":
        return slow()
    if path == "/drips":
        return drips()
    if path == "/echo":
        return [environ["wsgi.input"].read()]
    if path == "/breaks":
        return breaks()
    if path == "/signals":
        return [line.encode() for line in open("/proc/self/status") if line[:6] in ("SigBlk", "SigIgn")]
    return [str(os.getpid()).encode()]

def slow():
    yield str(os.getpid()).encode()
    time.sleep(600)

def drips():
    yield str(os.getpid()).encode()
    while True:
        time.sleep(0.05)
        yield b"x" * 65536

def breaks():
    yield b"some"
    raise ValueError("in the middle")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("cgi")
    (folder / "case.py").write_text(APP)
    return folder


def serve(folder: Path, *arguments: str) -> Server:
    return Server("cgi_runner", *arguments, "--bind", "127.0.0.1:0", cwd=folder)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serve(folder, "--app", "case:app") as running:
        yield running


@pytest.fixture(scope="module")
def examples() -> Iterator[Server]:
    # The examples say #!/usr/bin/env python3: let that be the interpreter that runs the tests.
    path = f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}"
    with serve(EXAMPLES, str(EXAMPLES), "--env", path) as running:
        yield running


def get(
    server: Server, path: str, method: str = "GET", body: bytes | None = None, **fields: str
) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=20)
    try:
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def slow_program(server: Server, path: bytes = b"/slow") -> tuple[socket.socket, int]:
    """Begin a request whose program sleeps; return the connection and the program's pid."""
    sock = server.connect()
    sock.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    received = b""
    while (content := received.partition(b"\r\n\r\n")[2]).count(b"\r\n") < 2:  # one whole chunk
        data = sock.recv(65536)
        assert data, received
        received += data
    return sock, int(content.split(b"\r\n")[1])


def dead(pid: int) -> bool:
    """Has the process ended? It may also do so while we look, so every failure to see it means yes."""
    try:
        os.kill(pid, 0)
        if Path("/proc/self/stat").exists():
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
    return False


def guards(server: Server) -> list[int]:
    """Children of the workers that are in a session of their own."""
    children = (Path(f"/proc/{pid}/task/{pid}/children") for pid in server.workers())
    return [int(pid) for path in children if path.exists() for pid in path.read_text().split()]


def test_each_request_is_another_process(server: Server) -> None:
    pids = [get(server, "/")[2] for _ in range(3)]
    assert len(set(pids)) == 3
    assert not set(map(int, pids)) & set(server.workers())
    wait_until(lambda: all(dead(int(pid)) for pid in pids), "every program ends")


def test_content_goes_in_and_comes_back(server: Server) -> None:
    body = os.urandom(1 << 20)
    assert get(server, "/echo", "POST", body)[2] == body


def test_a_keep_alive_connection_carries_several(server: Server) -> None:
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=20)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read().isdigit()


def test_the_program_has_default_signals(server: Server) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("reads Linux's /proc")
    blocked, ignored = get(server, "/signals")[2].decode().splitlines()
    assert blocked.split()[1] == "0" * 16
    internal = 3 << 31  # of the C library, 32 and 33: posix_spawn ignores them in the new process
    assert int(ignored.split()[1], 16) & ~internal == 1 << 12 | 1 << 24  # SIGPIPE and SIGXFSZ, by Python itself


def test_an_exception_is_500_and_a_traceback_in_the_log(server: Server) -> None:
    status, _, body = get(server, "/fails")
    assert status == 500
    assert b"on purpose" not in body
    server.wait_for_line(r"case:app\[\d+\]: ValueError: on purpose")


def test_an_exception_in_the_middle_breaks_the_connection(server: Server) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        get(server, "/breaks")


def test_the_client_leaves_and_the_program_ends(server: Server) -> None:
    sock, pid = slow_program(server, b"/drips")
    sock.close()
    wait_until(lambda: dead(pid), "the program ends")


def test_a_killed_program_is_one_broken_response(server: Server) -> None:
    sock, pid = slow_program(server)
    with sock:
        os.kill(pid, signal.SIGKILL)
        try:
            assert b"0\r\n\r\n" not in sock.recv(65536)  # no proper end
        except ConnectionResetError:
            pass
    server.wait_for_line("killed by SIGKILL")
    assert get(server, "/")[0] == 200


def test_a_silent_program_is_ended(folder: Path) -> None:
    with serve(folder, "--app", "case:app", "--timeout", "0.5") as server:
        sock, pid = slow_program(server)
        with sock:
            wait_until(lambda: dead(pid), "the program ends")
        server.wait_for_line("silent for 0.5 seconds")


def test_a_killed_worker_takes_its_programs_along(folder: Path) -> None:
    with serve(folder, "--app", "case:app") as server:
        sock, pid = slow_program(server)
        with sock:
            (worker,) = server.workers()
            standing_guard = [other for other in guards(server) if other != pid]
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: all(dead(other) for other in (pid, *standing_guard)), "program and guard end")
        server.wait_for_line("another takes its place")
        wait_until(lambda: server.workers() not in ([], [worker]), "a new worker")
        assert get(server, "/")[0] == 200


def test_ctrl_c_leaves_no_process(folder: Path) -> None:
    with serve(folder, "--app", "case:app", "--workers", "2") as server:
        sock, pid = slow_program(server)
        with sock:
            standing_guard = [other for other in guards(server) if other != pid]
            os.killpg(os.getpgid(server.pid), signal.SIGINT)  # as a terminal does: to the whole foreground group
            assert server.wait() == 0
        wait_until(lambda: all(dead(other) for other in (pid, *standing_guard)), "all processes end")


def test_term_lets_a_program_finish(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = tmp_path / "prog"
    program.write_text(
        f"#!/bin/sh\necho 'X: y'\necho\necho one\nwhile [ ! -e {seen} ]; do sleep 0.02; done\necho two\n"
    )
    program.chmod(0o755)
    with serve(tmp_path, str(tmp_path)) as server:
        with server.connect() as sock:
            sock.sendall(b"GET /prog HTTP/1.0\r\n\r\n")
            received = sock.recv(65536)
            while b"one\n" not in received:
                received += sock.recv(65536)
            server.signal(signal.SIGTERM)
            seen.touch()
            while data := sock.recv(65536):
                received += data
        assert received.endswith(b"one\ntwo\n")
        assert server.wait() == 0


def test_two_programs_run_at_once(server: Server) -> None:
    one, first = slow_program(server)
    with one:
        two, second = slow_program(server)
        with two:
            assert first != second
            os.kill(first, signal.SIGKILL)
            os.kill(second, signal.SIGKILL)


def test_spawn_and_exit_are_told(folder: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "events")
    watcher = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    watcher.bind(path)
    watcher.settimeout(20)
    with watcher, serve(folder, "--app", "case:app", "--events", path, "--event-kinds", "spawn,exit") as server:
        pids = [int(get(server, "/")[2]) for _ in range(3)]
        told: list[dict[str, Any]] = []
        while sum(event["event"] == "exit" for event in told) < 3:
            told.append(json.loads(watcher.recv(65536)))
        spawned = [event for event in told if event["event"] == "spawn" and event["role"] == "cgi"]
        assert [event["pid"] for event in spawned] == pids
        assert [(event["n"], event["request"]) for event in spawned] == [(n, "GET /") for n in (1, 2, 3)]
        assert {event["ppid"] for event in spawned} == set(server.workers())
        ended = [event for event in told if event["event"] == "exit"]
        assert [(event["pid"], event["role"], event["status"]) for event in ended] == [(pid, "cgi", 0) for pid in pids]


# -- a directory of programs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/", 200, b"hello.sh</a>"),
        ("/hello.sh", 200, b"Hello, 127.0.0.1!"),
        ("/hello.sh/extra%20path", 200, b"'/extra path'"),
        ("/moved.sh", 200, b"'/by/way/of/moved'"),
        ("/form.py?name=%3CAda%3E", 200, b"Hello, &lt;Ada&gt;!"),
        ("/environment.sh?a=b", 200, b"QUERY_STRING=a=b\n"),
        ("/nothing", 404, b"no program"),
        ("/../src", 400, b"climbs out"),
    ],
)
def test_examples(examples: Server, path: str, status: int, part: bytes) -> None:
    got, _, body = get(examples, path)
    assert got == status
    assert part in body


def test_the_form_takes_a_post(examples: Server) -> None:
    status, _, body = get(
        examples, "/form.py", "POST", b"name=Grace", **{"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (status, b"Hello, Grace!" in body) == (200, True)
    assert get(examples, "/form.py", "POST", b"name=" + b"x" * 20_000)[0] == 413


def test_the_three_line_program(examples: Server) -> None:
    status, _, body = get(examples, "/wsgi.py/hello")
    assert (status, body) == (200, b"Hello, world!\n")


def test_chunked_content_has_a_length(examples: Server) -> None:
    connection = http.client.HTTPConnection(examples.address.host, examples.address.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", "/form.py", iter([b"name=", b"Chunk"]), encode_chunked=True)
        assert b"Hello, Chunk!" in connection.getresponse().read()


def test_many_at_once(server: Server) -> None:
    results: list[int] = []

    def one() -> None:
        results.append(get(server, "/")[0])

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 12


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "either DIRECTORY or --app"),
        (["--app", "case:app", "."], "either DIRECTORY or --app"),
        (["no-such-directory"], "is not a directory"),
        ([".", "--sendfile", "no-such-directory"], "--sendfile: no-such-directory is not a directory"),
        (["--app", "nowhere:app"], "there is no module 'nowhere'"),
        (["--app", "case:nothing"], "has no 'nothing'"),
        (["--app", "case:app", "--env", "HTTP_PROXY=x"], "HTTP_PROXY is set by each request"),
        (["--app", "case:app", "--env", "1=2"], "not the name of an environment variable"),
        (["--app", "case:app", "--timeout", "0"], "not a number of seconds"),
        (["--app", "case:app", "--max-children", "0"], "not a number from 1"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(folder)
    try:
        code: object = main(GATEWAY, [*arguments, "--bind", "127.0.0.1:0"])
    except SystemExit as stop:
        code = stop.code
    words = capsys.readouterr().err
    assert code == 2
    assert sentence in words
    assert words.count("\n") == 1


def test_a_mistake_of_a_real_process(folder: Path) -> None:
    code, words = run_to_end("cgi_runner", "--app", "nowhere:app", "--bind", "127.0.0.1:0", cwd=folder)
    assert code == 2
    assert words.startswith("cgi_runner: there is no module 'nowhere'")
    assert words.count("\n") == 1


@pytest.mark.parametrize(("given", "threads"), [([], 81), (["--max-children", "2", "--queue", "0"], 3)])
def test_each_program_and_each_waiting_request_has_a_thread(given: list[str], threads: int) -> None:
    arguments = new_parser(GATEWAY).parse_args(["directory", *given])
    assert settings_of(GATEWAY, arguments).threads == threads


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["--limit", "cpu"], "is not NAME=VALUE"),
        (["--limit", "speed=3"], "is not NAME=VALUE with a name of cpu"),
        (["--limit", "memory=lots"], "is not a number of bytes"),
        (["--umask", "9"], "is not an octal number"),
        (["--umask", "1000"], "is not an octal number"),
        (["--interpreter", "php=php"], "is not .EXT=PROGRAM"),
        (["--interpreter", ".x=/no/such/program"], "there is no program '/no/such/program' on PATH"),
        (["--spawn", "magic"], "invalid choice"),
        (["--threads", "4"], "--threads"),
    ],
)
def test_what_the_command_line_refuses(given: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        new_parser(GATEWAY).parse_args(["directory", *given])
    assert why in capsys.readouterr().err
