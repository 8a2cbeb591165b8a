"""`python -m fastcgi_server` as processes: over TCP, a unix socket and descriptor 0, with peers that misbehave."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys

import pytest

from fastcgi_server import records
from fastcgi_server.client import client
from fastcgi_server.protocol import ClientConnection, GetValues, Stderr, Values
from fastcgi_server.records import encode_record
from gateway_core.client import fetch
from gateway_core.events import NEED_DATA, Data, EndOfMessage, Request, Response
from gateway_runtime.addresses import Address, connect
from gateway_runtime.testing import DEADLINE, Server, run_to_end, wait_until


@pytest.fixture(scope="module", params=["tcp", "unix"])
def server(request, tmp_path_factory):
    bind = "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path_factory.mktemp('fastcgi')}/s"
    with Server("fastcgi_server", "demo_app:app", "--bind", bind, "--workers", "2", "--max-body", "400000") as running:
        assert running.url.startswith("fastcgi://127.0.0.1:" if request.param == "tcp" else "fastcgi+unix:/")
        yield running


def variables(path, method="GET", content=b"", **more):
    path, _, query = path.partition("?")
    sent = [("REQUEST_METHOD", method), ("PATH_INFO", path), ("QUERY_STRING", query), *more.items()]
    return [("CONTENT_LENGTH", str(len(content)) if content else ""), *sent]


def ask(server, path, content=b"", method=None, channel=None, **more):
    """Send one request, over a connection of its own or over `channel`; return status, fields and content."""
    method = method or ("POST" if content else "GET")
    kept = channel is not None
    channel = channel or connect(server.address, DEADLINE)
    codec = ClientConnection(keep_alive=kept, head=method == "HEAD")
    try:
        response, body = fetch(codec, channel, variables(path, method, content, **more), content)
        assert codec.reusable is kept
        if not kept:
            assert channel.recv(1) == b""  # without KEEP_CONN the server closes
    finally:
        if not kept:
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
    request = records.encode_begin(1, 1, keep=False)
    request += encode_record(records.PARAMS, 1, b"\x0e\x03REQUEST_METHODGET\x09\x06PATH_INFO/hello")
    request += encode_record(records.PARAMS, 1) + encode_record(records.STDIN, 1)
    assert raw(server, request) == (
        b"\x01\x06\x00\x01\x00\x4e\x02\x00Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\n"
        b"Hello, world!\n\x00\x00"
        b"\x01\x06\x00\x01\x00\x00\x00\x00"
        b"\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    )


def test_the_environ(server):
    _, _, body = ask(server, "/environ?a=b", SERVER_NAME="", HTTPS="on", HTTP_X_A="1", REMOTE_ADDR="192.0.2.7")
    shown = dict(line.split(" = ", 1) for line in body.decode().splitlines())
    assert shown["gatelab.protocol"] == "'FastCGI'"
    assert shown["wsgi.url_scheme"] == "'https'"
    assert shown["QUERY_STRING"] == "'a=b'"
    assert shown["REMOTE_ADDR"] == "'192.0.2.7'"
    assert shown["SERVER_NAME"] == ("'127.0.0.1'" if server.address.host else "'localhost'")


def test_a_kept_connection_stays_with_one_worker(server):
    channel = connect(server.address, DEADLINE)
    counts = [int(ask(server, "/counter", channel=channel)[2]) for _ in range(5)]
    assert counts == list(range(counts[0], counts[0] + 5))
    assert ask(server, "/echo", b"x" * 100_000, channel=channel)[2] == b"x" * 100_000
    assert ask(server, "/hello", method="HEAD", channel=channel)[::2] == (200, b"")
    assert ask(server, "/status/204", channel=channel)[::2] == (204, b"")
    assert ask(server, "/echo", b"x" * 400_001, channel=channel)[0] == 413
    assert ask(server, "/crash", channel=channel)[0] == 500
    assert ask(server, "/hello", channel=channel)[0] == 200
    channel.close()
    server.wait_for_line("Traceback")


@pytest.mark.parametrize("size", [1, 127, 128, 65535, 65536, 300_000])
def test_content_comes_back(server, size):
    content = (bytes(range(256)) * 1200)[:size]
    assert ask(server, "/echo", content)[2] == content


def test_content_of_a_length_that_nobody_knew(server):
    channel = connect(server.address, DEADLINE)
    codec = ClientConnection()
    channel.sendall(codec.send(Request(variables("/echo", "POST"), b"ab", complete=False)))
    channel.sendall(codec.send(Data(b"cd")) + codec.send(EndOfMessage()))
    found = []
    while not found or not isinstance(found[-1], EndOfMessage):
        while (event := codec.next_event()) is not NEED_DATA:
            found.append(event)
        if not isinstance(found[-1] if found else None, EndOfMessage):
            codec.receive_data(channel.recv(65536))
    channel.close()
    assert b"".join(event.data for event in found if isinstance(event, Data)) == b"abcd"
    assert not any(isinstance(event, Stderr) for event in found)


def test_requests_side_by_side(server):
    def part(request_id, path, content):
        pairs = records.encode_pairs(variables(path, "POST", content))
        start = records.encode_begin(request_id, 1, keep=True) + encode_record(records.PARAMS, request_id, pairs)
        return start + encode_record(records.PARAMS, request_id)

    ids = (1, 2, 300)
    contents = {request_id: b"%d " % request_id * 3000 for request_id in ids}
    pieces = [part(request_id, "/echo", contents[request_id]) for request_id in ids]
    for at in range(0, 13_000, 1000):
        pieces += [records.encode_stream(records.STDIN, i, contents[i][at : at + 1000]) for i in reversed(ids)]
    pieces += [encode_record(records.STDIN, i) for i in (300, 1, 2)]
    reader, found = records.RecordReader(), []
    with server.connect() as sock:
        for piece in pieces:
            sock.sendall(piece)
        while sum(record.type == records.END_REQUEST for record in found) < 3:
            reader.receive(sock.recv(65536))
            while (record := reader.next()) is not None:
                found.append(record)
    for request_id in ids:
        stdout = b"".join(
            record.content for record in found if record[:2] == (records.STDOUT, request_id)
        )  # fmt: skip
        assert stdout.partition(b"\r\n\r\n")[2] == contents[request_id]


def test_what_the_server_says_of_itself(server):
    codec = ClientConnection()
    names = [records.MAX_CONNS, records.MAX_REQS, records.MPXS_CONNS, "FCGI_OTHER"]
    with server.connect() as sock:
        sock.sendall(codec.send(GetValues(names)))
        codec.receive_data(sock.recv(65536))
        event = codec.next_event()
        assert isinstance(event, Values)
        assert dict(event.values) == {"FCGI_MAX_CONNS": "20000", "FCGI_MAX_REQS": "1", "FCGI_MPXS_CONNS": "0"}
        sock.sendall(encode_record(99, 0))
        assert sock.recv(65536) == encode_record(records.UNKNOWN_TYPE, 0, bytes([99, 0, 0, 0, 0, 0, 0, 0]))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "this is HTTP on a FastCGI port"),
        (b"\x16\x03\x01\x02\x00\x01", "this is TLS on a FastCGI port"),
        (b"\x02\x01\x00\x01\x00\x08\x00\x00", "a FastCGI record has version 1, not 2"),
        (b"\xff" * 1000, "a FastCGI record has version 1, not 255"),
        (encode_record(records.STDIN, 0), "a STDIN record with request id 0"),
    ],
)
def test_rubbish_is_logged_once_and_forgotten(server, data, says):
    lines, traces = server.stderr.count(says), server.stderr.count("Traceback")
    answer = raw(server, data)
    if data.startswith(b"GET"):
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.endswith(says.encode() + b"\n")
    else:
        assert answer == b""
    wait_until(lambda: server.stderr.count(says) > lines, "a line in the log")
    assert ask(server, "/hello")[0] == 200
    assert server.stderr.count(says) == lines + 1
    assert server.stderr.count("Traceback") == traces


def test_a_connection_without_a_byte_is_no_fault(server):
    server.connect().close()
    raw(server, b"\x03" * 4)
    server.wait_for_line("version 1, not 3")
    assert "closed" not in server.stderr


def test_as_a_wsgi_application(server):
    application = client(server.address, keep=1)
    for _ in range(2):
        seen = []
        environ = {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/echo", "QUERY_STRING": "", "SERVER_NAME": "a",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "text/x-test",
            "CONTENT_LENGTH": "70000", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(b"x" * 70_000),
        }  # fmt: skip
        content = application(environ, lambda status, fields, exc_info=None: seen.append((status, dict(fields))))  # noqa: B023
        assert b"".join(content) == b"x" * 70_000
        assert seen[0][0] == "200 OK"
        assert seen[0][1]["Content-Type"] == "text/x-test"
    application.close()


class Overloaded:
    """A channel whose other end has no room."""

    def begin(self, watched):
        pass

    def exchange(self, data, size):
        return len(data), None

    def recv(self, size):
        return encode_record(records.END_REQUEST, 1, bytes([0, 0, 0, 0, records.OVERLOADED, 0, 0, 0]))

    def close(self):
        pass


def test_an_overloaded_application_is_503(monkeypatch):
    monkeypatch.setattr("fastcgi_server.client.connect", lambda address, timeout: Overloaded())
    seen = []
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO()}
    content = client(None)(environ, lambda status, fields: seen.append(status))
    assert b"OVERLOADED" in b"".join(content)
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
    with Server("fastcgi_server", "endless:app", "--bind", bind, "--workers", "2", cwd=tmp_path) as server:
        codec = ClientConnection()
        with server.connect() as sock:
            sock.sendall(codec.send(Request(variables("/"))))
            found = []
            while not found or not isinstance(found[-1], Data):
                codec.receive_data(sock.recv(65536))
                while (event := codec.next_event()) is not NEED_DATA:
                    found.append(event)
            assert isinstance(found[0], Response)
            busy = int(found[-1].data)
            assert busy in server.workers()
            assert int(ask(server, "/pid")[2]) != busy
            os.kill(busy, signal.SIGKILL)
            assert sock.recv(100) == b""  # no END_REQUEST: the front can tell
        server.wait_for_line("SIGKILL")
        wait_until(lambda: len(set(server.workers()) - {busy}) == 2, "a new worker")
        assert int(ask(server, "/pid")[2]) in server.workers()


def test_term_lets_a_request_finish_and_closes_what_is_idle(tmp_path):
    with Server("fastcgi_server", "demo_app:app", "--bind", f"unix:{tmp_path}/s") as server:
        idle = connect(server.address, DEADLINE)
        codec = ClientConnection(keep_alive=True)
        with server.connect() as sock:
            sock.sendall(codec.send(Request(variables("/echo", "POST", b"abcd"), b"ab", complete=False)))
            assert ask(server, "/hello", channel=idle)[0] == 200  # which came later: the first part has been read
            server.signal(signal.SIGTERM)
            assert idle.recv(1) == b""
            sock.sendall(codec.send(Data(b"cd")) + codec.send(EndOfMessage()))
            codec.receive_data(sock.recv(65536))
            assert isinstance(codec.next_event(), Response)
            assert codec.next_event() == Data(b"abcd")
        idle.close()
        assert server.wait() == 0


def test_a_mounted_application(tmp_path):
    with Server("fastcgi_server", "demo_app:app", "--bind", f"unix:{tmp_path}/s", "--mount", "/app") as server:
        assert ask(server, "/app/hello")[2] == b"Hello, world!\n"
        assert ask(server, "/application/hello")[0] == 404


def test_a_bind_that_others_can_reach_needs_a_list():
    code, said = run_to_end("fastcgi_server", "demo_app:app", "--bind", "0.0.0.0:0")
    assert code == 2
    assert "--allow-from" in said
    assert said.count("\n") == 1


# -- started by a web server (section 2 of the specification) --------------------------------------------------------


@pytest.mark.parametrize("closed", ["", "1>&- 2>&-"])
def test_the_listening_socket_is_descriptor_0(closed):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = ["sh", "-c", f'exec "$0" -W error -m fastcgi_server demo_app:app {closed}', sys.executable]
        with subprocess.Popen(command, stdin=listener, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            host, port = listener.getsockname()
            channel = connect(Address(host=host, port=port), DEADLINE)  # it waits until somebody accepts it
            try:
                assert ask(None, "/crash", channel=channel)[0] == 500  # its traceback must not end up in the socket
                assert ask(None, "/hello", channel=channel)[2] == b"Hello, world!\n"
            finally:
                channel.close()
                process.send_signal(signal.SIGTERM)
                try:
                    assert process.wait(DEADLINE) == 0
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    raise


@pytest.mark.parametrize("value", ["localhost", "", "127.0.0.1,", "127.0.0.1, ::1", "::1", "1.2.3"])
def test_web_server_addrs_that_are_no_list(value):
    code, said = run_to_end(
        "fastcgi_server", "demo_app:app", "--bind", "127.0.0.1:0", env={"FCGI_WEB_SERVER_ADDRS": value}
    )
    assert code == 2
    assert "FCGI_WEB_SERVER_ADDRS" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("value", "welcome"), [("192.0.2.1,127.0.0.1", True), ("192.0.2.1", False)])
def test_web_server_addrs(value, welcome):
    with Server(
        "fastcgi_server", "demo_app:app", "--bind", "127.0.0.1:0", env={"FCGI_WEB_SERVER_ADDRS": value}
    ) as server:
        if welcome:
            assert ask(server, "/hello")[0] == 200
            return
        with server.connect() as sock:
            try:
                assert sock.recv(1) == b""  # closed without a word from us, or from it
            except ConnectionResetError:
                pass
        server.wait_for_line("127.0.0.1 is not in FCGI_WEB_SERVER_ADDRS")


def test_web_server_addrs_excludes_unix_sockets(tmp_path):
    env = {"FCGI_WEB_SERVER_ADDRS": "127.0.0.1"}
    with Server("fastcgi_server", "demo_app:app", "--bind", f"unix:{tmp_path}/s", env=env) as server:
        with server.connect() as sock:
            try:
                sock.sendall(ClientConnection().send(Request(variables("/hello"))))
                assert sock.recv(1) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass
        server.wait_for_line("a unix peer is not in FCGI_WEB_SERVER_ADDRS")
