"""A whole server with threads: slow calls beside quick ones, signals while calls run, slow readers."""

from __future__ import annotations

import http.client
import signal
import socket

import pytest

from gateway_runtime.testing import DEADLINE, Server, wait_until

GATES = """
import os
import time


def wait(name):
    end = time.monotonic() + 20
    while not os.path.exists(name):
        assert time.monotonic() < end
        time.sleep(0.005)


def app(environ, start_response):
    word, _, name = environ["PATH_INFO"][1:].partition("/")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if word == "wait":
        open(name + ".in", "w").close()
        wait(name)
    elif word == "drip":
        return drip(name)
    elif word == "large":
        return (b"@" * 65536 for _ in range(200))
    return [f"{word} {environ['wsgi.multithread']}".encode()]


def drip(name):
    yield b"first"
    wait(name)
    yield b"second"
"""
"""A call waits at a gate, which is a file: it opens when the file is made."""


@pytest.fixture
def serve(tmp_path):
    (tmp_path / "gates.py").write_text(GATES)

    def start(*arguments):
        return Server("wsgi_server", "gates:app", "--bind", "127.0.0.1:0", *arguments, cwd=tmp_path)

    return start


def get(server, path):
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=DEADLINE)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def begin(server, path):
    """Send a request; the answer is to be read later."""
    sock = server.connect()
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return sock


def rest(sock):
    data = b""
    with sock:
        while piece := sock.recv(65536):
            data += piece
    return data


@pytest.mark.parametrize(("threads", "told"), [("1", "False"), ("2", "True")])
def test_multithread_tells_the_truth(serve, threads, told):
    with serve("--threads", threads) as server:
        assert get(server, "/x") == f"x {told}"


def test_slow_calls_hold_up_nobody(serve, tmp_path):
    with serve("--threads", "3") as server:
        slow = [begin(server, f"/wait/{name}") for name in "ab"]
        for _ in range(20):
            assert get(server, "/x") == "x True"
        for name, sock in zip("ab", slow, strict=True):
            (tmp_path / name).touch()
            assert rest(sock).endswith(b"wait True")


def test_with_all_threads_busy_the_next_waits_in_line(serve, tmp_path):
    with serve("--threads", "2") as server:
        slow = [begin(server, f"/wait/{name}") for name in "ab"]
        wait_until(lambda: (tmp_path / "a.in").exists() and (tmp_path / "b.in").exists())
        third = begin(server, "/wait/c")
        with pytest.raises(TimeoutError):
            third.settimeout(0.1)
            third.recv(1)
        third.settimeout(DEADLINE)
        assert not (tmp_path / "c.in").exists()
        for name in "bca":
            (tmp_path / name).touch()
        for sock in (*slow, third):
            assert rest(sock).endswith(b"wait True")


def test_a_stream_is_seen_while_it_stalls(serve, tmp_path):
    with serve("--threads", "2") as server, begin(server, "/drip/a") as sock:
        data = b""
        while b"first" not in data:
            data += sock.recv(65536)
        assert b"second" not in data
        (tmp_path / "a").touch()
        assert b"second" in rest(sock)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_calls_in_all_threads_are_waited_for(serve, tmp_path, number):
    """Also what is still in line behind them."""
    with serve("--threads", "2") as server:
        slow = [begin(server, f"/wait/{name}") for name in "ab"]
        wait_until(lambda: (tmp_path / "a.in").exists() and (tmp_path / "b.in").exists())
        line = begin(server, "/x")
        (old,) = server.workers()
        server.signal(number)
        if number == signal.SIGHUP:
            server.wait_for_line("reloaded")
            assert get(server, "/y") == "y True"
        assert old in server.workers()
        for name, sock in zip("ab", slow, strict=True):
            (tmp_path / name).touch()
            assert rest(sock).endswith(b"wait True")
        assert rest(line).endswith(b"x True")
        wait_until(lambda: old not in server.workers())
        if number == signal.SIGTERM:
            assert server.wait() == 0


def test_quit_does_not_wait(serve, tmp_path):
    with serve("--threads", "2") as server:
        slow = [begin(server, f"/wait/{name}") for name in "ab"]
        wait_until(lambda: (tmp_path / "a.in").exists() and (tmp_path / "b.in").exists())
        server.signal(signal.SIGQUIT)
        assert server.wait() == 0
        for sock in slow:
            try:
                assert rest(sock) == b""
            except ConnectionResetError:
                pass


@pytest.mark.parametrize("threads", ["1", "2"])
def test_slow_readers_need_no_thread(serve, threads):
    """Peers that asked for much and read nothing, and a good client beside them."""
    with serve("--threads", threads) as server:
        lazy = []
        for _ in range(4):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(DEADLINE)
            sock.connect((server.address.host, server.address.port))
            sock.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            lazy.append(sock)
        for _ in range(30):
            assert get(server, "/x").startswith("x")
        for sock in lazy:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            assert rest(sock).count(b"@") == 200 * 65536


def test_peers_of_stalled_calls_leave(serve, tmp_path):
    with serve("--threads", "2") as server:
        for number in range(5):
            begin(server, f"/wait/{number}").close()
            wait_until(lambda number=number: (tmp_path / f"{number}.in").exists())
            (tmp_path / str(number)).touch()
        assert get(server, "/x") == "x True"
