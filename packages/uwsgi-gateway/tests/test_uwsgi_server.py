"""`python -m uwsgi_gateway` as processes: what only uwsgi has. `test_one_request_a_connection` asks the rest."""

from __future__ import annotations

import pytest

from gateway_core.client import fetch
from gateway_core.session import Service
from gateway_runtime.addresses import connect
from gateway_runtime.testing import DEADLINE, Server, wait_until
from uwsgi_gateway.protocol import ClientConnection
from uwsgi_gateway.server import UwsgiSession


@pytest.fixture(scope="module", params=["tcp", "unix"])
def server(request, tmp_path_factory):
    bind = "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path_factory.mktemp('uwsgi')}/s"
    with Server("uwsgi_gateway", "demo_app:app", "--bind", bind, "--workers", "2", "--max-body", "400000") as running:
        assert running.url.startswith("uwsgi://127.0.0.1:" if request.param == "tcp" else "uwsgi+unix:/")
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


def test_ping(server):
    assert raw(server, b"\x64\x00\x00\x00") == b"\x64\x00\x00\x01"


class Transport:
    """Keeps what is written."""

    peer, lost, full = "", False, False

    def __init__(self):
        self.sent, self.closed = b"", False

    def write(self, data):
        self.sent += data

    def close(self, *, linger=False):
        self.closed = True


def test_a_ping_is_no_request():
    transport = Transport()
    session = UwsgiSession(Service(None, {}, print), transport)
    assert session.receive(b"\x64\x00\x00") is False
    assert (transport.sent, transport.closed) == (b"", False)
    assert session.receive(b"\x00") is False  # nothing stands ready to be served, and so nothing is counted
    assert (transport.sent, transport.closed) == (b"\x64\x00\x00\x01", True)
    assert session.route == ""


COMMANDS = [
    "APPID", "CACHE_GET", "CACHE_SET", "CALLABLE", "CHDIR", "FILE", "HOME", "MODULE", "POSTFILE", "PYHOME", "SCHEME",
    "SCRIPT", "SETENV", "SSI", "TOUCH_RELOAD",
]  # fmt: skip
"""What uWSGI does when a variable UWSGI_... tells it to."""


@pytest.mark.parametrize("command", COMMANDS)
def test_variables_that_are_commands_to_uwsgi_do_nothing(server, tmp_path, command):
    code = tmp_path / "code.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef application(environ, start_response): 1 / 0")
    value = {"SETENV": "EVIL=1", "MODULE": "this", "SCHEME": "https", "CHDIR": str(tmp_path)}.get(command, str(code))
    status, _, body = ask(server, "/environ", **{f"UWSGI_{command}": value})
    assert status == 200
    assert b"UWSGI_" not in body
    assert b"wsgi.url_scheme = 'http'" in body
    assert not (tmp_path / "ran").exists()
    assert ask(server, "/hello")[2] == b"Hello, world!\n"


@pytest.mark.parametrize(
    ("data", "begins", "says"),
    [
        (
            b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            "these bytes spell 'GET ': this is HTTP on a uwsgi port (read as a packet header they promise 21573 bytes)",
        ),
        (b"\x16\x05\x00\x00print", b"HTTP/1.1 501 ", "modifier 22 (code to evaluate) is not served here"),
        (b"\x00\x00\x00\x00", b"HTTP/1.1 400 ", "the request is empty"),
        (b"\x00\x05\x00\x00\x01\x00A\x00\x00", b"HTTP/1.1 400 ", "the request has no REQUEST_METHOD"),
        (b"\x00\x05\x00\x00\x01\x00A\xff\xff", b"HTTP/1.1 400 ", "the block ends inside the value of 'A'"),
        (b"\x00\x8d\x13\x00" + b"\x01\x00A\x00\x00" * 1001, b"HTTP/1.1 431 ", "the block has more than 1000 variables"),
        (b"\x00\x06\x00\x00\x01\x00A\x01\x00\x00", b"HTTP/1.1 400 ", "a variable holds NUL"),
        (b"\x62\x00\x00\x00", b"HTTP/1.1 501 ", "modifier 98 (graceful reload) is not served here"),
        (b"\x6e\x00\x00\x09", b"HTTP/1.1 501 ", "modifier 110 (uwsgi signal) is not served here"),
        (b"\x16\x03\x01\x02\x00\x01", b"", "this is TLS on a uwsgi port"),
        (b"70:CONTENT_LENGTH\x00", b"", "this is SCGI on a uwsgi port"),
    ],
)
def test_rubbish_is_answered_logged_once_and_forgotten(server, data, begins, says):
    lines, traces = server.stderr.count(says), server.stderr.count("Traceback")
    answer = raw(server, data)
    assert answer.startswith(begins)
    assert says.encode() in answer if begins else not answer
    wait_until(lambda: server.stderr.count(says) > lines, "a line in the log")
    assert ask(server, "/hello")[0] == 200
    assert server.stderr.count(says) == lines + 1
    assert server.stderr.count("Traceback") == traces
