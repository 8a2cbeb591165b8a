"""How connections end when a worker does: the last response says so, and nobody's request crosses with the close."""

from __future__ import annotations

import http.client
import signal

import pytest

from gateway_runtime.testing import DEADLINE, Server, wait_until

PID = """
import os

def app(environ, start_response):
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture
def serve(tmp_path):
    (tmp_path / "who.py").write_text(PID)
    return lambda *arguments: Server("wsgi_server", "who:app", "--bind", "127.0.0.1:0", *arguments, cwd=tmp_path)


def ask(connection):
    """Return who has answered, and whether the connection closes."""
    connection.request("GET", "/")
    response = connection.getresponse()
    return int(response.read()), response.getheader("Connection")


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_kept_connection_gets_a_last_answer(serve, number, threads):
    with serve("--threads", threads) as server:
        (old,) = server.workers()
        idle = [http.client.HTTPConnection(server.address.host, server.address.port, timeout=DEADLINE) for _ in "ab"]
        for connection in idle:
            assert ask(connection) == (old, None)
        server.signal(number)
        # The worker hears of it at some time in between: answers go on until one is the last, and says so.
        answers = [ask(idle[0])]
        while answers[-1][1] is None:
            answers.append(ask(idle[0]))
        assert answers[-1] == (old, "close")
        assert idle[0].sock is None  # closed after that answer
        assert idle[1].sock.recv(1) == b""  # and this one, after it had asked for nothing
        wait_until(lambda: old not in server.workers())
        for connection in idle:
            connection.close()
        if number == signal.SIGTERM:
            assert server.wait() == 0
