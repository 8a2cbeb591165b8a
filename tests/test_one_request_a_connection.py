"""SCGI and uwsgi as processes: what two servers have in common whose connections carry one request each."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import scgi_server.client
import scgi_server.protocol
import uwsgi_gateway.client
import uwsgi_gateway.protocol
from gateway_core.client import fetch
from gateway_core.events import Request
from gateway_runtime.addresses import Address, connect
from gateway_runtime.testing import DEADLINE, Server, run_to_end, wait_until

PROTOCOLS: dict[str, Any] = {"scgi_server": scgi_server, "uwsgi_gateway": uwsgi_gateway}
NAMES = {"scgi_server": "SCGI", "uwsgi_gateway": "uwsgi"}
STATUS_LINE = {"scgi_server": b"Status: ", "uwsgi_gateway": b"HTTP/1.1 "}


@pytest.fixture(scope="module", params=PROTOCOLS)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["tcp", "unix"])
def server(request: pytest.FixtureRequest, program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    bind = "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path_factory.mktemp('oneshot')}/s"
    with Server(program, "demo_app:app", "--bind", bind, "--workers", "2", "--max-body", "400000") as running:
        scheme = NAMES[program].lower()
        assert running.url.startswith(f"{scheme}://127.0.0.1:" if request.param == "tcp" else f"{scheme}+unix:/")
        yield running


def codec(program: str) -> ModuleType:
    found: ModuleType = PROTOCOLS[program].protocol
    return found


def packed(program: str, *variables: tuple[str, str], body: bytes = b"") -> bytes:
    """Return a request as bytes, with these variables and no others but those that must be there."""
    if program == "uwsgi_gateway":
        block = b"".join(
            len(text).to_bytes(2, "little") + text.encode("latin-1") for variable in variables for text in variable
        )
        return b"\0" + len(block).to_bytes(2, "little") + b"\0" + block + body
    first = next((value for name, value in variables if name == "CONTENT_LENGTH"), "0") or "0"
    others = [variable for variable in variables if variable[0] != "CONTENT_LENGTH"]
    pairs = [("CONTENT_LENGTH", first), ("SCGI", "1"), *others]
    string = "".join(f"{name}\0{value}\0" for name, value in pairs).encode("latin-1")
    return b"%d:%b," % (len(string), string) + body


def ask(
    program: str, server: Server, path: str, content: bytes = b"", method: str = "", **variables: str
) -> tuple[int, dict[str, str], bytes]:
    """Send one request; return status, fields and content."""
    method = method or ("POST" if content else "GET")
    path, _, query = path.partition("?")
    sent = [("REQUEST_METHOD", method), ("PATH_INFO", path), ("QUERY_STRING", query), *variables.items()]
    sent = [("CONTENT_LENGTH", str(len(content))), *sent]
    channel = connect(server.address, DEADLINE)
    try:
        response, body = fetch(codec(program).ClientConnection(head=method == "HEAD"), channel, sent, content)
    finally:
        channel.close()
    return response.status, dict(response.fields), body


def raw(server: Server, data: bytes) -> bytes:
    """Send bytes; return all that comes back until the server closes."""
    with server.connect() as sock:
        sock.sendall(data)
        received = b""
        while piece := sock.recv(65536):
            received += piece
    return received


def test_hello(program: str, server: Server) -> None:
    status, fields, body = ask(program, server, "/hello")
    assert (status, fields["Content-Type"], body) == (200, "text/plain", b"Hello, world!\n")


def test_the_bytes_of_a_response(program: str, server: Server) -> None:
    """The connection stays open on the front's side: nothing waits for its end, and the server's end comes at once."""
    request = packed(program, ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/hello"))
    content = b"Content-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"
    assert raw(server, request) == STATUS_LINE[program] + b"200 OK\r\n" + content


def test_a_response_of_unknown_length_ends_with_the_connection(program: str, server: Server) -> None:
    request = packed(program, ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/stream"), ("QUERY_STRING", "n=3&ms=1"))
    head, _, content = raw(server, request).partition(b"\r\n\r\n")
    assert head.startswith(STATUS_LINE[program] + b"200 OK\r\n")
    assert b"Transfer-Encoding" not in head
    assert b"Content-Length" not in head
    assert content


def test_the_environ(program: str, server: Server) -> None:
    more = {"SERVER_NAME": "", "HTTPS": "on", "HTTP_X_A": "1", "REMOTE_ADDR": "192.0.2.7"}
    _, _, body = ask(program, server, "/environ?a=b", **more)
    shown = dict(line.split(" = ", 1) for line in body.decode().splitlines())
    assert shown["gatelab.protocol"] == repr(NAMES[program])
    assert shown["wsgi.url_scheme"] == "'https'"
    assert shown["wsgi.multiprocess"] == "True"
    assert shown["QUERY_STRING"] == "'a=b'"
    assert shown["REMOTE_ADDR"] == "'192.0.2.7'"
    assert shown["SERVER_NAME"] == ("'127.0.0.1'" if server.address.host else "'localhost'")


AS_NGINX_SENDS = [
    ("CONTENT_LENGTH", "5"), ("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/environ?a"), ("QUERY_STRING", "a"),
    ("CONTENT_TYPE", ""), ("DOCUMENT_URI", "/environ"), ("PATH_INFO", "/environ"), ("SERVER_NAME", ""),
    ("SERVER_PROTOCOL", "HTTP/1.1"), ("REQUEST_SCHEME", "http"), ("HTTP_HOST", "museum.test"),
    ("HTTP_COOKIE", "a=1"), ("HTTP_COOKIE", "b=2"), ("HTTP_X_TAG", "one"), ("HTTP_X_TAG", "two"), ("HTTP_X", ""),
    ("HTTP_TRANSFER_ENCODING", "chunked"), ("HTTP_CONTENT_LENGTH", "99"), ("HTTP_CONTENT_TYPE", "text/evil"),
    ("HTTP_CONNECTION", "keep-alive"), ("HTTP_PROXY", "http://evil.test"), ("HTTP_EXPECT", "100-continue"),
]  # fmt: skip
"""The fields of a chunked request, one variable each, though the content is decoded (nginx 1.22)."""


def test_what_nginx_really_sends(program: str, server: Server) -> None:
    answer = raw(server, packed(program, *AS_NGINX_SENDS, body=b"3\r\nab"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(STATUS_LINE[program] + b"200 OK\r\n")  # and no 100 Continue, which is the front's
    shown = dict(line.split(" = ", 1) for line in body.decode().splitlines())
    assert shown["CONTENT_LENGTH"] == "'5'"
    assert shown["PATH_INFO"] == "'/environ'"
    assert shown["HTTP_COOKIE"] == "'a=1; b=2'"
    assert shown["HTTP_X_TAG"] == "'one, two'"
    assert shown["HTTP_X"] == "''"
    assert shown["SERVER_NAME"] != "''"
    assert not shown.keys() & {"CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"}
    assert not shown.keys() & {"HTTP_CONNECTION", "HTTP_PROXY", "HTTP_EXPECT"}
    echo = [(name, {"/environ": "/echo", "GET": "POST"}.get(value, value)) for name, value in AS_NGINX_SENDS]
    assert raw(server, packed(program, *echo, body=b"3\r\nab")).endswith(b"\r\n\r\n3\r\nab")


@pytest.mark.parametrize("size", [1, 127, 128, 65535, 65536, 300_000])
def test_content_comes_back(program: str, server: Server, size: int) -> None:
    content = (bytes(range(256)) * 1200)[:size]
    assert ask(program, server, "/echo", content)[2] == content


def test_what_follows_the_content_is_ignored(program: str, server: Server) -> None:
    first = packed(program, ("CONTENT_LENGTH", "2"), ("REQUEST_METHOD", "POST"), ("PATH_INFO", "/echo"), body=b"ab")
    answer = raw(server, first + packed(program, ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/hello")))
    assert answer.endswith(b"\r\n\r\nab")
    assert b"Hello" not in answer


def test_methods_and_statuses(program: str, server: Server) -> None:
    assert ask(program, server, "/hello", method="HEAD")[::2] == (200, b"")
    assert ask(program, server, "/status/404")[0] == 404
    assert ask(program, server, "/status/204")[::2] == (204, b"")
    assert ask(program, server, "/status/304")[::2] == (304, b"")
    assert ask(program, server, "/crash")[0] == 500
    server.wait_for_line("Traceback")


def test_too_much_content(program: str, server: Server) -> None:
    """The answer arrives although nobody reads what the front still sends."""
    status, _, body = ask(program, server, "/echo", b"x" * 400_001)
    assert (status, body) == (413, b"the content is larger than 400000 bytes\n")


LENGTHS = ["+5", "-1", "1_0", " 5", "5 ", "0x5", "5,5", "\xb2", "a", "\t5", "5\n"]
"""What Python's int() takes, or other readers have taken, and is no length."""


@pytest.mark.parametrize("length", [*LENGTHS, "9" * 18, "9" * 19, "9" * 4000])
def test_lengths_that_are_none(program: str, server: Server, length: str) -> None:
    variables = [("CONTENT_LENGTH", length), ("REQUEST_METHOD", "POST"), ("PATH_INFO", "/echo")]
    workers = server.workers()
    answer = raw(server, packed(program, *variables, body=b"hello"))
    assert answer.startswith(STATUS_LINE[program] + (b"413 " if length.isdecimal() and length != "\xb2" else b"400 "))
    assert answer.partition(b"\r\n\r\n")[2].count(b"\n") == 1, "one sentence"
    assert ask(program, server, "/hello")[0] == 200
    assert server.workers() == workers


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ([("A", "b")], "the request has no REQUEST_METHOD"),
        ([("REQUEST_METHOD", "")], "the request has no REQUEST_METHOD"),
        ([("REQUEST_METHOD", "GET"), ("REQUEST_METHOD", "PUT")], "the variable REQUEST_METHOD comes more than once"),
        ([("REQUEST_METHOD", "GET"), ("PATH_INFO", "/"), ("PATH_INFO", "/")], "the variable PATH_INFO comes more than"),
        ([("REQUEST_METHOD", "GET"), ("REMOTE_USER", "a"), ("REMOTE_USER", "b")], "the variable REMOTE_USER comes"),
    ],
)
def test_variables_that_contradict(program: str, server: Server, variables: list[tuple[str, str]], says: str) -> None:
    answer = raw(server, packed(program, *variables))
    assert answer.startswith(STATUS_LINE[program] + b"400 Bad Request\r\n")
    assert says.encode() in answer
    server.wait_for_line(says)


@pytest.mark.parametrize("name", ["wsgi.input", "wsgi.errors", "wsgi.url_scheme", "gatelab.protocol", "path_info"])
def test_names_that_would_replace_server_keys(program: str, server: Server, name: str) -> None:
    variables = [("REQUEST_METHOD", "GET"), ("PATH_INFO", "/environ"), (name, "evil")]
    answer = raw(server, packed(program, *variables))
    assert answer.startswith(STATUS_LINE[program] + b"200 OK\r\n")
    assert b"evil" not in answer


def test_a_connection_without_a_byte_is_no_fault(program: str, server: Server) -> None:
    server.connect().close()
    raw(server, b"\xfb\0\0\0")
    server.wait_for_line("modifier 251" if program == "uwsgi_gateway" else "not the length of a netstring")
    assert "closed" not in server.stderr


def test_as_a_wsgi_application(program: str, server: Server) -> None:
    application = PROTOCOLS[program].client.client(server.address)
    seen: list[Any] = []
    environ = {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/echo", "QUERY_STRING": "", "SERVER_NAME": "a",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "text/x-test", "CONTENT_LENGTH": "70000",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(b"x" * 70_000),
    }  # fmt: skip
    content = application(environ, lambda status, fields, exc_info=None: seen.append((status, dict(fields))))
    assert b"".join(content) == b"x" * 70_000
    status, fields = seen[0]
    assert (status, fields["Content-Type"]) == ("200 OK", "text/x-test")


def test_nobody_listens(program: str, tmp_path: Path) -> None:
    seen: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO()}
    application = PROTOCOLS[program].client.client(Address(path=f"{tmp_path}/none"))
    content = application(environ, lambda status, fields: seen.append(status))
    assert b"cannot be reached" in b"".join(content)
    assert seen == ["503 Service Unavailable"]


def test_a_head_that_never_ends(program: str, tmp_path: Path) -> None:
    with Server(program, "demo_app:app", "--bind", f"unix:{tmp_path}/s", "--head-timeout", "0.3") as server:
        whole = packed(program, ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/hello"))
        answer = raw(server, whole[:-5])
        assert answer.startswith(STATUS_LINE[program] + b"408 ")
        server.wait_for_line("did not arrive within the time limit")
        assert ask(program, server, "/hello")[0] == 200


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


def test_a_worker_that_is_killed_takes_only_its_own_request(program: str, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    bind = f"unix:{tmp_path}/s"
    with Server(program, "endless:app", "--bind", bind, "--workers", "2", cwd=tmp_path) as server:
        with server.connect() as sock:
            sock.sendall(packed(program, ("REQUEST_METHOD", "GET"), ("PATH_INFO", "/")))
            answer = b""
            while not answer.rpartition(b"\r\n\r\n")[2]:
                answer += sock.recv(100)
            busy = int(answer.rpartition(b"\r\n\r\n")[2])
            assert busy in server.workers()
            assert int(ask(program, server, "/pid")[2]) != busy
            os.kill(busy, signal.SIGKILL)
            assert sock.recv(100) == b""
        server.wait_for_line("SIGKILL")
        wait_until(lambda: len(set(server.workers()) - {busy}) == 2, "a new worker")
        assert int(ask(program, server, "/pid")[2]) in server.workers()


def test_term_lets_a_request_finish(program: str, tmp_path: Path) -> None:
    with Server(program, "demo_app:app", "--bind", f"unix:{tmp_path}/s") as server:
        with server.connect() as sock:
            variables = [("CONTENT_LENGTH", "4"), ("REQUEST_METHOD", "POST"), ("PATH_INFO", "/echo")]
            sock.sendall(codec(program).ClientConnection().send(Request(variables, b"ab", complete=False)))
            assert ask(program, server, "/hello")[0] == 200  # which came later: so the first part has been read
            server.signal(signal.SIGTERM)
            sock.sendall(b"cd")
            assert sock.recv(65536).endswith(b"\r\n\r\nabcd")
        assert server.wait() == 0


def test_a_mounted_application(program: str, tmp_path: Path) -> None:
    with Server(program, "demo_app:app", "--bind", f"unix:{tmp_path}/s", "--mount", "/app") as server:
        assert ask(program, server, "/app/hello")[2] == b"Hello, world!\n"
        assert ask(program, server, "/application/hello")[0] == 404


def test_a_bind_that_others_can_reach_needs_a_list(program: str) -> None:
    code, said = run_to_end(program, "demo_app:app", "--bind", "0.0.0.0:0")
    assert code == 2
    assert "--allow-from" in said
    assert said.count("\n") == 1
