"""`python -m scgi_server` as processes: over TCP and a unix socket, with peers that misbehave."""

from __future__ import annotations

import io
import os
import signal

import pytest

from gateway_core.client import fetch
from gateway_core.events import Request
from gateway_runtime.addresses import Address, connect
from gateway_runtime.testing import DEADLINE, Server, run_to_end, wait_until
from scgi_server.client import client
from scgi_server.protocol import ClientConnection


@pytest.fixture(scope="module", params=["tcp", "unix"])
def server(request, tmp_path_factory):
    bind = "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path_factory.mktemp('scgi')}/s"
    with Server("scgi_server", "demo_app:app", "--bind", bind, "--workers", "2", "--max-body", "400000") as running:
        assert running.url.startswith("scgi://127.0.0.1:" if request.param == "tcp" else "scgi+unix:/")
        yield running


def ask(server, path, content=b"", method=None, **variables):
    """Send one request; return status, fields and content."""
    method = method or ("POST" if content else "GET")
    path, _, query = path.partition("?")
    sent = [("REQUEST_METHOD", method), ("PATH_INFO", path), ("QUERY_STRING", query), *variables.items()]
    sent = [("CONTENT_LENGTH", str(len(content))), *sent]
    channel = connect(server.address, DEADLINE)
    try:
        response, body = fetch(ClientConnection(head=method == "HEAD"), channel, sent, content)
    finally:
        channel.close()
    return response.status, dict(response.fields), body


def raw(server, data):
    """Send bytes; return all that comes back until the server closes."""
    with server.connect() as sock:
        sock.sendall(data)
        received = b""
        while piece := sock.recv(65536):
            received += piece
    return received


def test_hello(server):
    status, fields, body = ask(server, "/hello")
    assert (status, fields["Content-Type"], body) == (200, "text/plain", b"Hello, world!\n")


def test_the_bytes_of_a_response(server):
    request = b"61:CONTENT_LENGTH\x000\x00SCGI\x001\x00REQUEST_METHOD\x00GET\x00PATH_INFO\x00/hello\x00,"
    request = b"%d%s" % (request.index(b",") - 3, request[2:])
    assert raw(server, request) == (
        b"Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"
    )


def test_the_environ(server):
    _, _, body = ask(server, "/environ?a=b", SERVER_NAME="", HTTPS="on", HTTP_X_A="1", REMOTE_ADDR="192.0.2.7")
    shown = dict(line.split(" = ", 1) for line in body.decode().splitlines())
    assert shown["gatelab.protocol"] == "'SCGI'"
    assert shown["wsgi.url_scheme"] == "'https'"
    assert shown["wsgi.multiprocess"] == "True"
    assert shown["QUERY_STRING"] == "'a=b'"
    assert shown["REMOTE_ADDR"] == "'192.0.2.7'"
    assert shown["SERVER_NAME"] == ("'127.0.0.1'" if server.address.host else "'localhost'")


@pytest.mark.parametrize("size", [1, 127, 128, 65535, 65536, 300_000])
def test_content_comes_back(server, size):
    content = (bytes(range(256)) * 1200)[:size]
    assert ask(server, "/echo", content)[2] == content


def test_methods_and_statuses(server):
    assert ask(server, "/hello", method="HEAD")[::2] == (200, b"")
    assert ask(server, "/status/404")[0] == 404
    assert ask(server, "/status/204")[::2] == (204, b"")
    assert ask(server, "/crash")[0] == 500
    server.wait_for_line("Traceback")


def test_too_much_content(server):
    status, _, body = ask(server, "/echo", b"x" * 400_001)
    assert (status, body) == (413, b"the content is larger than 400000 bytes\n")


@pytest.mark.parametrize(
    ("data", "begins", "says"),
    [
        (b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n", "this is HTTP on an SCGI port"),
        (b"rubbish", b"Status: 400 Bad Request\r\n", "b'r' is not the length of a netstring"),
        (b"99999999999999:", b"Status: 431 ", "the length of the netstring has more than 7 digits"),
        (b"24:CONTENT_LENGTH\x000\x00SCGI\x001\x00,", b"Status: 400 ", "the request has no REQUEST_METHOD"),
        (b"\x16\x03\x01\x02\x00\x01", b"", "this is TLS on an SCGI port"),
        (b"\x01\x01\x00\x01\x00\x08\x00\x00", b"", "this is FastCGI on an SCGI port"),
    ],
)
def test_rubbish_is_answered_logged_once_and_forgotten(server, data, begins, says):
    lines, traces = server.stderr.count(says), server.stderr.count("Traceback")
    answer = raw(server, data)
    assert answer.startswith(begins)
    assert answer.endswith(says.encode() + b"\n" if begins else b"")
    wait_until(lambda: server.stderr.count(says) > lines, "a line in the log")
    assert ask(server, "/hello")[0] == 200
    assert server.stderr.count(says) == lines + 1
    assert server.stderr.count("Traceback") == traces


def test_a_connection_without_a_byte_is_no_fault(server):
    server.connect().close()
    raw(server, b"rubbish, so that there is a later line")
    server.wait_for_line("b'r' is not")
    assert "closed" not in server.stderr


def test_as_a_wsgi_application(server):
    application = client(server.address)
    seen = []
    environ = {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/echo", "QUERY_STRING": "", "SERVER_NAME": "a",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "text/x-test", "CONTENT_LENGTH": "70000",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(b"x" * 70_000),
    }  # fmt: skip
    content = application(environ, lambda status, fields, exc_info=None: seen.append((status, dict(fields))))
    assert b"".join(content) == b"x" * 70_000
    status, fields = seen[0]
    assert (status, fields["Content-Type"]) == ("200 OK", "text/x-test")


def test_nobody_listens(tmp_path):
    seen = []
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO()}
    content = client(Address(path=f"{tmp_path}/none"))(environ, lambda status, fields: seen.append(status))
    assert b"cannot be reached" in b"".join(content)
    assert seen == ["503 Service Unavailable"]


ENDLESS = """
import os, time
def app(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/pid":
        return [b"%d" % os.getpid()]
    return endless()
def endless():
    yield b"%d" % os.getpid()
    time.sleep(60)
"""


def test_a_worker_that_is_killed_takes_only_its_own_request(tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS)
    bind = f"unix:{tmp_path}/s"
    with Server("scgi_server", "endless:app", "--bind", bind, "--workers", "2", cwd=tmp_path) as server:
        with server.connect() as sock:
            sock.sendall(ClientConnection().send(Request([("REQUEST_METHOD", "GET"), ("PATH_INFO", "/")])))
            answer = b""
            while not answer.rpartition(b"\r\n\r\n")[2]:
                answer += sock.recv(100)
            busy = int(answer.rpartition(b"\r\n\r\n")[2])
            assert busy in server.workers()
            assert int(ask(server, "/pid")[2]) != busy
            os.kill(busy, signal.SIGKILL)
            assert sock.recv(100) == b""
        server.wait_for_line("SIGKILL")
        wait_until(lambda: len(set(server.workers()) - {busy}) == 2, "a new worker")
        assert int(ask(server, "/pid")[2]) in server.workers()


def test_term_lets_a_request_finish(tmp_path):
    with Server("scgi_server", "demo_app:app", "--bind", f"unix:{tmp_path}/s") as server:
        with server.connect() as sock:
            variables = [("CONTENT_LENGTH", "4"), ("REQUEST_METHOD", "POST"), ("PATH_INFO", "/echo")]
            sock.sendall(ClientConnection().send(Request(variables, b"ab", complete=False)))
            assert ask(server, "/hello")[0] == 200  # which came later: so the first part has been read
            server.signal(signal.SIGTERM)
            sock.sendall(b"cd")
            assert sock.recv(65536).endswith(b"\r\n\r\nabcd")
        assert server.wait() == 0


def test_a_mounted_application(tmp_path):
    with Server("scgi_server", "demo_app:app", "--bind", f"unix:{tmp_path}/s", "--mount", "/app") as server:
        assert ask(server, "/app/hello")[2] == b"Hello, world!\n"
        assert ask(server, "/application/hello")[0] == 404


def test_a_bind_that_others_can_reach_needs_a_list():
    code, said = run_to_end("scgi_server", "demo_app:app", "--bind", "0.0.0.0:0")
    assert code == 2
    assert "--allow-from" in said
    assert said.count("\n") == 1
