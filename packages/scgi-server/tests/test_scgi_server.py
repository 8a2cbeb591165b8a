"""`python -m scgi_server` as processes: what only SCGI has. `test_one_request_a_connection` asks the rest."""

from __future__ import annotations

import pytest

from gateway_core.client import fetch
from gateway_runtime.addresses import connect
from gateway_runtime.testing import DEADLINE, Server, wait_until
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


@pytest.mark.parametrize(
    ("data", "begins", "says"),
    [
        (b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n", "this is HTTP on an SCGI port"),
        (b"rubbish", b"Status: 400 Bad Request\r\n", "b'r' is not the length of a netstring"),
        (b"99999999999999:", b"Status: 431 ", "the length of the netstring has more than 7 digits"),
        (b"070:CONTENT_LENGTH\x00", b"Status: 400 ", "b'07' is not the length of a netstring"),
        (b"65537:", b"Status: 431 ", "the head has 65537 bytes, the limit is 65536"),
        (b"3:a\x00b\x00", b"Status: 400 ", "the netstring does not end with a comma where its length says"),
        (b"3:abc,", b"Status: 400 ", "the SCGI headers do not end with NUL"),
        (b"7:SCGI\x001\x00,", b"Status: 400 ", "the first SCGI header must be CONTENT_LENGTH, with a number"),
        (b"23:CONTENT_LENGTH\x00\x00SCGI\x001\x00,", b"Status: 400 ", "the first SCGI header must be CONTENT_LENGTH"),
        (b"17:CONTENT_LENGTH\x000\x00,", b"Status: 400 ", "there must be one SCGI header, with the value 1"),
        (b"24:CONTENT_LENGTH\x000\x00SCGI\x001\x00,", b"Status: 400 ", "the request has no REQUEST_METHOD"),
        (b"\x16\x03\x01\x02\x00\x01", b"", "this is TLS on an SCGI port"),
        (b"\x01\x01\x00\x01\x00\x08\x00\x00", b"", "this is FastCGI on an SCGI port"),
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
