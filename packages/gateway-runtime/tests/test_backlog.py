"""The queue of a listening socket, as the kernel tells it."""

from __future__ import annotations

import socket
import struct
import sys

import pytest

from gateway_runtime import backlog as module
from gateway_runtime.backlog import backlog
from gateway_runtime.testing import wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture(params=["tcp", "tcp6", "unix"])
def listener(request, tmp_path):
    if request.param == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(tmp_path / "x.sock"))
        sock.listen(7)
    elif request.param == "tcp6" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    else:
        family, host = (socket.AF_INET, "127.0.0.1") if request.param == "tcp" else (socket.AF_INET6, "::1")
        try:
            sock = socket.create_server((host, 0), family=family, backlog=7)
        except OSError:
            pytest.skip("no IPv6 here")
    with sock:
        yield sock


@linux
def test_it_counts_who_waits(listener):
    assert backlog(listener) == (0, 7)
    clients = []
    for number in range(1, 4):
        client = socket.socket(listener.family)
        clients.append(client)
        client.connect(listener.getsockname())
        wait_until(lambda number=number: backlog(listener) == (number, 7), "the queue grows")
    accepted, _ = listener.accept()
    assert backlog(listener) == (2, 7)
    for sock in (accepted, *clients):
        sock.close()


def test_what_does_not_listen_has_no_queue(listener):
    client = socket.socket(listener.family)
    with client:
        client.connect(listener.getsockname())
        assert backlog(client) is None
    assert backlog(client) is None  # closed: no error either


@pytest.mark.parametrize("missing", ["TCP_INFO", "AF_NETLINK"])
def test_where_the_system_does_not_tell(monkeypatch, missing, listener):
    monkeypatch.delattr(socket, missing, raising=False)
    if (missing == "AF_NETLINK") == (listener.family == socket.AF_UNIX):
        assert backlog(listener) is None


class Kernel:
    """A netlink socket that says what it is told to."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, *_):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def settimeout(self, _):
        pass

    def send(self, _):
        pass

    def recv(self, _):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def message(kind, *attributes):
    body = struct.pack("=BBBxIII", 1, 1, 10, 0, 0, 0) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


ICONS, RQLEN, SHUTDOWN = 3, 4, 6
ANSWERS = [
    (message(20, struct.pack("=HHII", 12, RQLEN, 3, 7)), (3, 7)),
    (message(20, struct.pack("=HHB3x", 5, SHUTDOWN, 0), struct.pack("=HHII", 12, RQLEN, 3, 7)), (3, 7)),
    (message(20, struct.pack("=HHB3x", 5, SHUTDOWN, 0)), None),
    (message(20, struct.pack("=HH", 0, ICONS)), None),
    (message(20, struct.pack("=HHI", 8, RQLEN, 3)), None),
    (message(20), None),
    (message(2, struct.pack("=i", -2)), None),
    (message(20)[:7], None),
    (b"", None),
    (TimeoutError(), None),
    (PermissionError(), None),
]


@linux
@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_whatever_the_kernel_answers(monkeypatch, tmp_path, answer, expected):
    with socket.socket(socket.AF_UNIX) as sock:
        monkeypatch.setattr(module.socket, "socket", Kernel(answer))
        assert backlog(sock) == expected
