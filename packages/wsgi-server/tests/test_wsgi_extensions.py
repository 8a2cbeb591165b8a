"""What the server offers beyond the bare interface, over real sockets: files, early hints, forwarded fields, logs."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway_core.access import FORMATS
from gateway_runtime.access_log import FORMS
from gateway_runtime.testing import Server, run_to_end, wait_until

APPLICATION = """
import sys

def app(environ, start_response):
    route = ROUTES[environ["PATH_INFO"].strip("/").partition("/")[0]]
    return route(environ, start_response)

def file(environ, start_response):
    fields = [("Content-Type", "application/octet-stream")]
    if environ["QUERY_STRING"]:
        fields.append(("Content-Length", environ["QUERY_STRING"]))
    start_response("200 OK", fields)
    return environ["wsgi.file_wrapper"](open(environ["PATH_INFO"].removeprefix("/file"), "rb"))

def write(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    try:
        for number in range(int(environ["QUERY_STRING"])):
            write(bytes([number % 256]) * 65536)
    except OSError as error:
        print("write() raised", type(error).__name__, file=environ["wsgi.errors"])
        raise
    return []

def hints(environ, start_response):
    early = environ["wsgi.early_hints"]
    how = environ["QUERY_STRING"]
    fields = {
        "bad": [("Link", "a\\r\\nX-Injected: b")], "hop": [("Connection", "close")], "none": [], "tuple": (("a", "b"),),
    }.get(how, [("Link", "</style.css>; rel=preload"), ("X-Hint", "1")])
    if how == "late":
        start_response("200 OK", [("Content-Type", "text/plain")])(b"begun")
    early(fields)
    if how == "twice":
        early([("X-Hint", "2")])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

def client(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = "REMOTE_ADDR", "wsgi.url_scheme", "HTTPS", "HTTP_X_FORWARDED_FOR", "my.setting"
    return ["|".join(str(environ.get(name)) for name in names).encode("latin-1")]

def errors(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("one, ")
    errors.write("caf\\xe9 \\u20ac \\udcff, \\x07\\n")
    print("two", 3, file=errors)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

def letters(environ, start_response):
    for _ in range(200):
        for letter in "a line of letters":
            environ["wsgi.errors"].write(letter)
        environ["wsgi.errors"].write("\\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

def endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    while True:
        yield b"x" * 65536

ROUTES = {
    "file": file, "write": write, "hints": hints, "client": client, "errors": errors, "letters": letters,
    "endless": endless,
}
"""

MIB = 1 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("extensions")
    (made / "extended.py").write_text(APPLICATION)
    return made


@pytest.fixture(scope="module", params=[1, 2])
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """One thread, or two that hand the loop to each other."""
    options = ("--bind", "127.0.0.1:0", "--threads", str(request.param))
    with Server("wsgi_server", "extended:app", *options, cwd=folder) as one:
        yield one


def request(target: str, *fields: str, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    return "\r\n".join([f"{method} {target} {version}", "Host: museum.test", *fields, "", ""]).encode()


CLOSE = "Connection: close"


def read_all(sock: socket.socket) -> bytes:
    answer = bytearray()
    while piece := sock.recv(MIB):
        answer += piece
    return bytes(answer)


def talk(server: Server, *requests: bytes) -> bytes:
    """Send, and read until the server closes."""
    with server.connect() as sock:
        sock.sendall(b"".join(requests))
        return read_all(sock)


def reset(sock: socket.socket) -> None:
    """Leave in the rudest way."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


# -- wsgi.file_wrapper ------------------------------------------------------------------------------------------------


def open_files(server: Server, path: Path) -> int:
    """Return how many descriptors of the workers lead to a file."""
    found = 0
    for pid in server.workers():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found += link.readlink() == path
            except OSError:  # closed meanwhile
                pass
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")


@pytest.mark.parametrize("size", [0, 1, 65536, 5 * MIB + 3])
def test_a_file_arrives_whole_and_the_connection_stays(server: Server, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    answer = talk(server, request(f"/file{path}"), request("/client", CLOSE))
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {size}".encode() in head
    assert rest[:size] == path.read_bytes()
    assert rest[size:].startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_part_of_a_file(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1000)
    assert body(talk(server, request(f"/file{path}?1000", CLOSE))) == (bytes(range(256)) * 4)[:1000]


def test_a_file_for_head(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    answer = talk(server, request(f"/file{path}", CLOSE, method="HEAD"))
    assert b"\r\nContent-Length: 1000\r\n" in answer
    assert body(answer) == b""


@needs_proc
def test_a_client_that_leaves_a_file_leaves_no_descriptor(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(256 * MIB)
    for leave in (reset, socket.socket.close):
        sock = server.connect()
        sock.sendall(request(f"/file{path}"))
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        assert open_files(server, path) == 1  # it waits for us to read
        leave(sock)
        wait_until(lambda: open_files(server, path) == 0, "the file is closed")
    assert "Traceback" not in server.stderr


def test_a_file_that_shrinks_while_it_is_sent_cuts_the_connection(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(256 * MIB)
    with server.connect() as sock:
        sock.sendall(request(f"/file{path}"))
        answer = sock.recv(1000)
        assert b"\r\nContent-Length: %d\r\n" % (256 * MIB) in answer
        os.truncate(path, MIB)
        try:
            length = len(answer) + len(read_all(sock))
        except ConnectionResetError:
            length = 0
        assert length < 256 * MIB
    server.wait_for_line("the file has become shorter; the connection is cut")


def test_a_file_shorter_than_was_declared_cuts_the_connection(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    try:
        assert len(body(talk(server, request(f"/file{path}?1003")))) <= 1000
    except ConnectionResetError:
        pass
    server.wait_for_line("3 bytes fewer than its Content-Length; the connection is cut")


# -- write() ----------------------------------------------------------------------------------------------------------


def test_write_waits_for_a_slow_reader(server: Server) -> None:
    """20 MiB: more than the buffers of both sides take, so write() has to wait."""
    with server.connect() as sock:
        sock.sendall(request("/write?320", version="HTTP/1.0"))
        assert body(read_all(sock)) == b"".join(bytes([number % 256]) * 65536 for number in range(320))


def test_write_does_not_wait_for_ever(folder: Path) -> None:
    options = ("--bind", "127.0.0.1:0", "--send-timeout", "0.3")
    with Server("wsgi_server", "extended:app", *options, cwd=folder) as server, server.connect() as sock:
        sock.sendall(request("/write?2000"))
        server.wait_for_line("write\\(\\) raised ConnectionAbortedError")
        with server.connect() as other:  # the one thread has come back
            other.sendall(request("/client", CLOSE))
            assert read_all(other).startswith(b"HTTP/1.1 200 OK\r\n")
        assert "Traceback" not in server.stderr


# -- wsgi.early_hints -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "hints"),
    [
        ("", [b"Link: </style.css>; rel=preload\r\nX-Hint: 1"]),
        ("none", [b""]),
        ("twice", [b"Link: </style.css>; rel=preload\r\nX-Hint: 1", b"X-Hint: 2"]),
    ],
)
def test_early_hints(server: Server, how: str, hints: list[bytes]) -> None:
    answers = talk(server, request(f"/hints?{how}"), request(f"/hints?{how}", CLOSE)).split(b"HTTP/1.1 ")[1:]
    interim = [b"103 Early Hints\r\n" + (hint + b"\r\n" if hint else b"") + b"\r\n" for hint in hints]
    final = len(interim)
    assert answers[:final] == interim
    assert answers[final].startswith(b"200 OK\r\n")
    assert answers[final + 1 : -1] == interim


def test_clients_of_http_1_0_get_no_hints(server: Server) -> None:
    answer = talk(server, request("/hints", version="HTTP/1.0"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body(answer) == b"ok"


@pytest.mark.parametrize("how", ["bad", "hop", "tuple"])
def test_hints_that_no_response_may_have(server: Server, how: str) -> None:
    answer = talk(server, request(f"/hints?{how}", CLOSE))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"X-Injected" not in answer


def test_hints_that_come_too_late(server: Server) -> None:
    try:
        answer = talk(server, request("/hints?late", CLOSE))
    except ConnectionResetError:
        return
    assert b"103" not in answer
    assert not answer.endswith(b"0\r\n\r\n")


# -- who the client is ------------------------------------------------------------------------------------------------

FORWARDED = ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", CLOSE)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), b"127.0.0.1|http|None|203.0.113.9|None"),
        (("--forwarded-allow", "192.0.2.0/24"), b"127.0.0.1|http|None|203.0.113.9|None"),
        (("--forwarded-allow", "127.0.0.0/8"), b"203.0.113.9|https|on|203.0.113.9|None"),
        (("--forwarded-allow", "::1/128", "--forwarded-allow", "127.0.0.1"), b"203.0.113.9|https|on|203.0.113.9|None"),
        (("--environ", "my.setting=caf\xe9"), b"127.0.0.1|http|None|203.0.113.9|caf\xc3\xa9"),
    ],
)
def test_forwarded_fields_and_variables(folder: Path, options: tuple[str, ...], expected: bytes) -> None:
    with Server("wsgi_server", "extended:app", "--bind", "127.0.0.1:0", *options, cwd=folder) as server:
        assert expected in talk(server, request("/client", *FORWARDED))


@pytest.mark.parametrize(("options", "client"), [((), b"|http"), (("--forwarded-allow", "::1"), b"203.0.113.9|https")])
def test_a_front_on_a_unix_socket(folder: Path, tmp_path: Path, options: tuple[str, ...], client: bytes) -> None:
    with Server("wsgi_server", "extended:app", "--bind", f"unix:{tmp_path}/s", *options, cwd=folder) as server:
        assert client + b"|" in talk(server, request("/client", *FORWARDED))


# -- what is written down ---------------------------------------------------------------------------------------------


def test_the_error_stream(server: Server) -> None:
    talk(server, request("/errors", CLOSE))
    server.wait_for_line("^one, caf\xe9 \u20ac .udcff, \x07$")
    server.wait_for_line("^two 3$")


def test_workers_and_threads_do_not_tear_each_other_s_lines(folder: Path) -> None:
    options = ("--bind", "127.0.0.1:0", "--workers", "2", "--threads", "2")
    with Server("wsgi_server", "extended:app", *options, cwd=folder) as server:
        with ExitStack() as stack:
            socks = [stack.enter_context(server.connect()) for _ in range(8)]
            for sock in socks:
                sock.sendall(request("/letters", CLOSE))
            assert [body(read_all(sock)) for sock in socks] == [b"ok"] * 8
        wait_until(lambda: server.stderr.count("\na line of letters") == 8 * 200, "all lines")
        lines = server.stderr.split("\n")[1:]
        assert [line for line in lines if line != "a line of letters" and not line.startswith("ready ")] == []


def test_the_forms_of_the_access_log_are_those_that_there_are() -> None:
    assert sorted(FORMS) == sorted(FORMATS)


def lines_of(path: Path, count: int) -> list[str]:
    wait_until(lambda: len(path.read_text().splitlines()) >= count, f"{count} lines in the access log")
    return path.read_text().splitlines()


def test_the_access_log(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "access"
    options = ("--bind", "127.0.0.1:0", "--workers", "2", "--access-log", str(path), "--access-log-format", "json")
    with Server("wsgi_server", "extended:app", *options, cwd=folder) as server:
        for number in range(5):
            talk(server, request(f"/client?{number}", CLOSE, 'User-Agent: a"b', "Referer: there"))
        talk(server, b"no request\r\n\r\n")
        with server.connect() as sock:
            sock.sendall(request("/endless"))
            sock.recv(1000)
            reset(sock)
        records = [json.loads(line) for line in lines_of(path, 7)]
        assert {record["pid"] for record in records} <= set(server.workers())
    asked = [record for record in records if record["target"] and record["target"].startswith("/client")]
    assert sorted(record["target"] for record in asked) == [f"/client?{number}" for number in range(5)]
    for record in asked:
        assert (record["peer"], record["status"], record["method"]) == ("127.0.0.1", 200, "GET")
        assert (record["agent"], record["referer"], record["complete"]) == ('a"b', "there", True)
        assert record["bytes"] == len("127.0.0.1|http|None|None|None")
        assert 0 < record["duration_ms"] < 20_000
    (refused,) = [record for record in records if not record["target"]]
    assert (refused["status"], refused["method"], refused["peer"]) == (400, None, "127.0.0.1")
    (cut,) = [record for record in records if record["target"] == "/endless"]
    assert (cut["status"], cut["complete"]) == (200, False)


def test_usr1_begins_a_new_access_log(folder: Path, tmp_path: Path) -> None:
    path, old = tmp_path / "access", tmp_path / "access.1"
    options = ("--bind", "127.0.0.1:0", "--workers", "2", "--access-log", str(path))
    with Server("wsgi_server", "extended:app", *options, cwd=folder) as server:
        talk(server, request("/client?old", CLOSE))
        lines_of(path, 1)
        path.rename(old)
        server.signal(signal.SIGUSR1)
        wait_until(path.exists, "a new file")

        def old_one_is_left() -> bool:
            """Ask both workers, as far as chance goes: does anybody still write to the old file?"""
            before = old.stat().st_size
            for _ in range(10):
                talk(server, request("/client?new", CLOSE))
            return old.stat().st_size == before

        wait_until(old_one_is_left)
        assert "?old" in old.read_text().splitlines()[0]
        assert "?new" in path.read_text()


def test_an_access_log_that_cannot_be_written_stops_the_start(folder: Path) -> None:
    code, said = run_to_end("wsgi_server", "extended:app", "--access-log", "/nowhere/access", cwd=folder)
    assert code == 2
    assert said == "wsgi_server: cannot write the access log /nowhere/access: No such file or directory\n"


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("nothing", "is not NAME=VALUE"),
        ("=x", "is not NAME=VALUE"),
        ("a b=x", "is not NAME=VALUE"),
        ("HTTP_HOST=x", "HTTP_HOST is not yours to set"),
        ("wsgi.version=x", "wsgi.version is not yours to set"),
    ],
)
def test_variables_that_are_none(folder: Path, pair: str, words: str) -> None:
    code, said = run_to_end("wsgi_server", "extended:app", "--environ", pair, cwd=folder)
    assert code == 2
    assert words in said
