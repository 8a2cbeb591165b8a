"""The WSGI server as a process: what HTTP clients see of it over real sockets."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_runtime.testing import Server
from wsgi_server.client import client

APPLICATION = """
from wsgiref.validate import validator

def site(environ, start_response):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = {
        "/echo": body,
        "/where": f"{environ['SCRIPT_NAME']}|{path}".encode(),
        "/length": environ.get("CONTENT_LENGTH", "none").encode(),
        "/kind": f"{environ['wsgi.multithread']} {environ['wsgi.multiprocess']} {environ['wsgi.run_once']}".encode(),
    }.get(path, path.encode("latin-1"))
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(answer)))])
    return [answer]

def endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    while True:
        yield b"x" * 65536

app = validator(site)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("wsgi")
    (made / "site_under_test.py").write_text(APPLICATION)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with Server(
        "wsgi_server", "site_under_test:app", "--bind", "127.0.0.1:0", "--max-body", "100000", cwd=folder
    ) as one:
        yield one


def talk(server: Server, data: bytes) -> bytes:
    """Send, and read until the server closes."""
    with server.connect() as sock:
        sock.sendall(data)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    answer = b""
    while piece := sock.recv(65536):
        answer += piece
    return answer


def request(target: str, *fields: str, method: str = "GET", version: str = "HTTP/1.1", body: bytes = b"") -> bytes:
    lines = [f"{method} {target} {version}", "Host: museum.test", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


CLOSE = "Connection: close"


def test_connections_are_kept(server: Server) -> None:
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=20)
    for number in range(5):
        connection.request("POST", "/echo", f"number {number}")
        assert connection.getresponse().read() == f"number {number}".encode()
    connection.close()


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    sent = b"".join(request(f"/{number}") for number in range(40)) + request("/last", CLOSE)
    answer = talk(server, sent)
    assert [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]] == [
        *(f"/{number}".encode() for number in range(40)), b"/last",
    ]  # fmt: skip


def test_the_client_may_stop_sending_and_still_gets_its_answer(server: Server) -> None:
    with server.connect() as sock:
        sock.sendall(request("/half"))
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock).endswith(b"\r\n\r\n/half")


def test_chunked_content(server: Server) -> None:
    chunks = b"3\r\none\r\n5;ext=1\r\n, two\r\n0\r\nX-Trailer: dropped\r\n\r\n"
    assert talk(server, request("/echo", CLOSE, "Transfer-Encoding: chunked", method="POST", body=chunks)).endswith(
        b"\r\n\r\none, two"
    )
    assert talk(server, request("/length", CLOSE, "Transfer-Encoding: chunked", method="POST", body=chunks)).endswith(
        b"\r\n\r\n8"
    )


def test_expect_100_continue(server: Server) -> None:
    with server.connect() as sock:
        sock.sendall(request("/echo", CLOSE, "Expect: 100-continue", "Content-Length: 4", method="POST"))
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"body")
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nbody")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("/", method="GET").replace(b"Host: museum.test\r\n", b""), 400),
        (request("/", "Host: twice"), 400),
        (request("/", "Content-Length: 1", "Transfer-Encoding: chunked", method="POST"), 400),
        (request("/", "Content-Length: +1", method="POST", body=b"x"), 400),
        (request("/", "Bad Name: x"), 400),
        (request("/" + "x" * 20_000), 414),
        (request("/", "X: " + "y" * 100_000), 431),
        (request("/", "Content-Length: 100001", method="POST"), 413),
        (request("/", "Transfer-Encoding: gzip", method="POST"), 400),
        (request("/", "Transfer-Encoding: gzip, chunked", method="POST"), 501),
        (request("/", version="HTTP/2.0"), 505),
        (b"GET /\r\n\r\n", 400),
    ],
)
def test_refusals(server: Server, sent: bytes, status: int) -> None:
    answer = talk(server, sent)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close\r\n" in answer
    assert answer.count(b"Content-Type:") == 1


def test_too_much_chunked_content_is_refused(server: Server) -> None:
    body = b"186a1\r\n" + b"x" * 100_001 + b"\r\n0\r\n\r\n"
    answer = talk(server, request("/echo", "Transfer-Encoding: chunked", method="POST", body=body))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_nothing_is_read_after_a_refusal(server: Server) -> None:
    answer = talk(server, request("/", "Bad Name: x") + request("/smuggled"))
    assert b"smuggled" not in answer


@pytest.mark.parametrize(
    ("version", "fields", "kept"), [("HTTP/1.0", (), False), ("HTTP/1.0", ("Connection: keep-alive",), True)]
)
def test_http_1_0(server: Server, version: str, fields: tuple[str, ...], kept: bool) -> None:
    with server.connect() as sock:
        sock.sendall(request("/old", *fields, version=version))
        if not kept:
            assert b"Connection: close\r\n" in read_all(sock)
            return
        assert b"Connection: keep-alive\r\n" in sock.recv(65536)
        sock.sendall(request("/older", version=version))
        assert read_all(sock).endswith(b"/older")


def test_a_client_that_leaves_ends_its_response(folder: Path) -> None:
    with Server("wsgi_server", "site_under_test:endless", "--bind", "127.0.0.1:0", cwd=folder) as server:
        for _ in range(3):
            with server.connect() as sock:
                sock.sendall(request("/"))
                assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        with server.connect() as sock:  # one worker, one thread: it could not answer if it were still sending
            sock.sendall(request("/"))
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert "Traceback" not in server.stderr


def test_a_slow_reader_does_not_hold_up_others(folder: Path) -> None:
    running = Server("wsgi_server", "site_under_test:endless", "--bind", "127.0.0.1:0", cwd=folder)
    with running as server, server.connect() as slow, server.connect() as other:
        for sock in (slow, other):  # neither is read to the end, and there is one thread
            sock.sendall(request("/"))
            assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), b"False False False"), (("--workers", "2"), b"False True False"), (("--threads", "2"), b"True False False")],
)
def test_the_environ_tells_the_truth_about_threads_and_processes(
    folder: Path, options: tuple[str, ...], expected: bytes
) -> None:
    with Server("wsgi_server", "site_under_test:app", "--bind", "127.0.0.1:0", *options, cwd=folder) as server:
        assert talk(server, request("/kind", CLOSE)).endswith(b"\r\n\r\n" + expected)


def test_unix_socket_mount_and_client_half(folder: Path, tmp_path: Path) -> None:
    arguments = ("site_under_test:site", "--bind", f"unix:{tmp_path}/s", "--mount", "/app/")
    with Server("wsgi_server", *arguments, cwd=folder) as server:
        assert talk(server, request("/app/where", CLOSE)).endswith(b"\r\n\r\n/app|/where")
        assert talk(server, request("/application", CLOSE)).startswith(b"HTTP/1.1 404 ")
        ask = client(server.address)
        head: list[object] = []
        environ = {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/app", "PATH_INFO": "/where", "QUERY_STRING": "",
            "SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "HTTP_HOST": "x",
        }  # fmt: skip
        assert b"".join(ask(environ, lambda *start: head.extend(start))) == b"/app|/where"
        assert head[0] == "200 OK"
        ask.close()
