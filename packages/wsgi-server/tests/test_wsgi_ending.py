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


def last_answers(server, number):
    """Ask until the worker, told to end by `number`, says that an answer is the last; return all answers."""
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=DEADLINE)
    answers = [ask(connection)]
    server.signal(number)
    try:
        while answers[-1][1] is None:
            answers.append(ask(connection))
    except ConnectionError:  # this test was too late with its next request, on a busy machine
        answers.append((0, "late"))
    else:
        assert connection.sock is None
    connection.close()
    return answers


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_last_answer_of_a_reload_says_so(serve, threads):
    with serve("--threads", threads) as server:
        for _ in range(5):
            (old,) = server.workers()
            answers = last_answers(server, signal.SIGHUP)
            wait_until(lambda old=old: old not in server.workers())
            if answers[-1] == (old, "close"):
                break
        else:
            pytest.fail(f"no answer was the last: {answers}")


def test_the_last_answer_of_all_says_so(serve):
    for _ in range(5):
        with serve() as server:
            answers = last_answers(server, signal.SIGTERM)
            assert server.wait() == 0
        if answers[-1][1] == "close":
            break
    else:
        pytest.fail(f"no answer was the last: {answers}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_asks_for_nothing_is_not_waited_for(serve, number):
    with serve() as server:
        (old,) = server.workers()
        idle = http.client.HTTPConnection(server.address.host, server.address.port, timeout=DEADLINE)
        assert ask(idle) == (old, None)
        server.signal(number)
        assert idle.sock.recv(1) == b""
        idle.close()
        wait_until(lambda: old not in server.workers())
        if number == signal.SIGTERM:
            assert server.wait() == 0
