"""Hundreds of requests of every kind, from several threads at once: afterwards the host is as it was before.

This is the short form; `gateway_bench` proves the same with twenty thousand.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cgi_world import World, memory, program, request, world

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")

REQUESTS = 250
GROWTH = 16 << 20
"""Bytes that a worker may have grown by, over what the first round of all kinds has made of it."""

HEAD = r"printf 'Content-Type: text/plain\n\n'"
SCRIPTS = {
    "hello": f"{HEAD}; echo hello",
    "echo": f"{HEAD}; cat",
    "long": f"{HEAD}; head -c 1000000 /dev/zero",
    "endless": f"{HEAD}; exec yes",
    "slow": f"{HEAD}; echo some; sleep 60",
    "moved": r"printf 'Location: /hello.cgi\n\n'",
    "broken": "echo nonsense; echo",
    "dies": f"{HEAD}; echo some; kill -9 $$",
    "words": f"{HEAD}; echo busy busy >&2",
    "keeps": f"{HEAD}; echo hello; sleep 60 & exit",
}


def leave(host: World, path: str) -> None:
    """Begin to take an answer, and reset the connection."""
    with host.server.connect() as sock:
        sock.sendall(request(path))
        sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def leave_early(host: World, path: str) -> None:
    """Ask, and be gone before anything can have come."""
    with host.server.connect() as sock:
        sock.sendall(request(path))


def two_on_one_connection(host: World) -> None:
    with host.server.connect() as sock:
        sock.sendall(b"GET /hello.cgi HTTP/1.1\r\nHost: x\r\n\r\n" + request("/hello.cgi"))
        received = b""
        while piece := sock.recv(65536):
            received += piece
    assert received.count(b"hello\n") == 2


def asks(path: str, status: int, content: bytes | None = None, **how: Any) -> Callable[[World], None]:
    """Return a request, and what is to come of it."""

    def ask(host: World) -> None:
        answer = host.ask(path, **how)
        assert answer.status == status
        assert content is None or answer.body == content

    return ask


POSTED = bytes(200_000)
KINDS: list[Callable[[World], None]] = [
    asks("/hello.cgi", 200, b"hello\n"),
    asks("/hello.cgi", 200, b"", method="HEAD"),
    asks("/python.cgi", 200, b"hello\n"),
    asks("/echo.cgi", 200, POSTED, method="POST", body=POSTED),
    asks("/hello.cgi", 200, b"hello\n", method="POST", body=POSTED),
    asks("/long.cgi", 200, bytes(1_000_000)),
    asks("/moved.cgi", 200, b"hello\n"),
    asks("/broken.cgi", 502),
    asks("/dies.cgi", 200, b"some\n"),
    asks("/words.cgi", 200),
    asks("/nothing.cgi", 404),
    asks("/no-interpreter.cgi", 500),
    asks("/../hello.cgi", 400),
    lambda host: leave(host, "/endless.cgi"),
    lambda host: leave_early(host, "/hello.cgi"),
    lambda host: leave_early(host, "/endless.cgi"),
    two_on_one_connection,
]
SLOW: list[Callable[[World], None]] = [
    lambda host: leave(host, "/slow.cgi"),
    asks("/keeps.cgi", 200, b"hello\n"),
]
"""What takes a time limit or a grace: a few of them are enough."""


@pytest.mark.parametrize("strategy", ["posix-spawn", "zygote"])
def test_nothing_is_lost_and_nothing_is_left(tmp_path: Path, strategy: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in SCRIPTS.items():
        program(programs, f"{name}.cgi", script)
    program(programs, "python.cgi", "print('Content-Type: text/plain\\n\\nhello')", "python")
    (programs / "no-interpreter.cgi").write_text("#!/no/such/interpreter\n")
    (programs / "no-interpreter.cgi").chmod(0o755)
    with world(tmp_path, programs, strategy, "--timeout", "5") as host, ThreadPoolExecutor(8) as pool:
        (worker,) = host.server.workers()
        list(pool.map(lambda kind: kind(host), [*SLOW, *KINDS]))
        host.nothing_left()
        before = memory(worker)
        mixed = SLOW * 4 + random.Random(1).choices(KINDS, k=REQUESTS)
        list(pool.map(lambda kind: kind(host), mixed))
        host.nothing_left()
        assert host.server.workers() == [worker]
        assert memory(worker) - before < GROWTH
