"""The queue wait, as our servers tell it, and as others do not."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from gateway_bench.samples.scoreboard import queue_wait
from gateway_runtime.testing import Server, wait_until


def worker(requests: int, recent: float, most: float) -> dict[str, object]:
    return {"requests": requests, "queue_wait_ms": {"recent": recent, "max": most}}


def answer(*workers: object) -> bytes:
    return b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps({"worker": workers}).encode()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (answer(worker(9, 0.5, 12.25)), (0.5, 12.25)),
        (answer(worker(9, 0.5, 12.25), worker(9, 0.1, 30.0), worker(1, 0.3, 1.0)), (0.3, 30.0)),
        (answer(worker(9, 0.5, 12.25), worker(0, 0.0, 99.0)), (0.5, 12.25)),  # nobody has waited for that one
        (answer(worker(0, 0.0, 0.0)), None),
        (answer(), None),
        (answer({"requests": 1}), None),
        (answer({"requests": 1, "queue_wait_ms": None}), None),
        (answer(7), None),
        (b"HTTP/1.0 200 OK\r\n\r\n{\"worker\": [", None),
        (b"HTTP/1.0 200 OK\r\n\r\n[]", None),
        (b"HTTP/1.0 404 Not Found\r\n\r\n{}", None),
        (b"220 mail.example ESMTP\r\n", None),
        (b"", None),
    ],
)  # fmt: skip
def test_what_a_server_tells(told: bytes, expected: tuple[float, float] | None, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "status"))
        listener.listen()

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                while b"\r\n\r\n" not in client.recv(4096):
                    pass
                client.sendall(told)

        thread = threading.Thread(target=serve)
        thread.start()
        found = queue_wait(tmp_path / "status")
        thread.join()
    assert (found and (found["recent_ms"], found["max_ms"])) == expected


def test_a_server_without() -> None:
    assert queue_wait(None) is None
    assert queue_wait("") is None
    assert queue_wait("/no/such/socket") is None


def test_our_server_tells(tmp_path: Path) -> None:
    status = tmp_path / "status"
    options = ("--bind", "127.0.0.1:0", "--status", f"unix:{status}")
    with Server("wsgi_server", "demo_app:app", *options) as server:
        assert queue_wait(status) is None, "nobody has asked yet"
        with server.connect() as sock:
            sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while sock.recv(65_536):
                pass
        wait_until(lambda: queue_wait(status), "the scoreboard knows of the request")
        found = queue_wait(status)
    assert found is not None
    assert 0 <= found["recent_ms"] <= found["max_ms"]
