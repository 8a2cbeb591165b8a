"""Hundreds of requests that one backend holds, and what others notice of them."""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_runtime.testing import DEADLINE, Server, wait_until

CROWD = 500

PLAN = """
[[route]]
prefix = "/slow"
to = ["scgi+unix:{slow}"]

[[route]]
to = ["scgi+unix:{fast}"]
"""


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """A visitor and a backend in one process need two for each request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * CROWD)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Slow:
    """A backend that takes requests and answers none before `release`."""

    def __init__(self, path: str) -> None:
        self.held: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(CROWD)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.held.append(self._listener.accept()[0])

    def release(self) -> None:
        """Answer all."""
        for sock in self.held:
            sock.sendall(b"Status: 200 OK\r\nContent-Length: 4\r\n\r\nslow")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for sock in self.held:
            sock.close()


class Visitors:
    """Connections that have asked for something, and what has come on each."""

    def __init__(self, front: Server, count: int, path: str) -> None:
        self.socks = [front.connect() for _ in range(count)]
        self.got = dict.fromkeys(self.socks, b"")
        for sock in self.socks:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def read(self) -> None:
        """Read until each has its answer, of 4 bytes."""
        with selectors.DefaultSelector() as selector:
            for sock in self.socks:
                selector.register(sock, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(DEADLINE)
                assert ready, "the answers come"
                for key, _ in ready:
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)
                    data = sock.recv(65536)
                    self.got[sock] += data
                    if not data or self.got[sock].partition(b"\r\n\r\n")[2]:
                        selector.unregister(sock)

    def close(self) -> None:
        for sock in self.socks:
            sock.close()


def test_500_requests_held_by_a_slow_backend_do_not_slow_those_to_a_fast_one(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.format(slow=tmp_path / "slow", fast=tmp_path / "fast"))
    with contextlib.ExitStack() as stack:
        slow = stack.enter_context(contextlib.closing(Slow(f"{tmp_path}/slow")))
        stack.enter_context(Server("scgi_server", "demo_app:app", "--bind", f"unix:{tmp_path}/fast"))
        front = stack.enter_context(
            Server("http_front", "--config", f"{tmp_path}/plan.toml", "--bind", f"unix:{tmp_path}/front")
        )
        crowd = stack.enter_context(contextlib.closing(Visitors(front, CROWD, "/slow")))
        wait_until(lambda: len(slow.held) == CROWD, "the slow backend holds them all")
        for _ in range(5):  # each of these would wait for ever, if it needed what the others hold
            with contextlib.closing(Visitors(front, 20, "/hello")) as quick:
                quick.read()
                assert all(got.startswith(b"HTTP/1.1 200 ") for got in quick.got.values())
        assert not any(crowd.got.values())
        assert len(slow.held) == CROWD
        slow.release()
        crowd.read()
        assert all(got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"slow") for got in crowd.got.values())
