"""Programs that will not end and take what they can: when the server stops, when its worker is killed, beyond a limit.

Each program here has a child, and both ignore TERM.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cgi_world import STRATEGIES, World, memory, program, request, seldom, world
from gateway_runtime.testing import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")

HEAD = r"printf 'Content-Type: text/plain\n\n'"
SAY = "sys.stdout.write('Content-Type: text/plain\\n\\n'); sys.stdout.flush(); "
WAIT = "while :; do sleep 0.1; done"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork()\nwhile True: time.sleep(1)"

STOPS: dict[str, tuple[Callable[[World], None], int]] = {
    "term": (lambda host: host.server.signal(signal.SIGTERM), 0),
    "ctrl-c": (lambda host: os.killpg(host.server.pid, signal.SIGINT), 0),
}
"""Ways to stop a server, with the exit code. A terminal sends its signal to the whole foreground group."""


def begin(host: World, path: str) -> None:
    """Send a request, and wait until its program runs; the connection stays open behind us, as long as we live."""
    before = host.started()
    sock = host.server.connect()
    host.keep(sock)
    sock.sendall(request(path))
    wait_until(lambda: host.started() - before, f"{path} runs")


@pytest.fixture(params=["posix-spawn", "zygote"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    programs = tmp_path / "programs"
    programs.mkdir()
    program(programs, "hello.cgi", f"{HEAD}; echo hello")
    program(programs, "stubborn.cgi", f"trap '' TERM; ({WAIT}) & {HEAD}; {WAIT}")
    program(programs, "python.cgi", SAY + STUBBORN, "python")
    program(programs, "divided.cgi", f"(trap '' TERM; {WAIT}) & exec sleep 60")
    with world(tmp_path, programs, request.param, "--grace-timeout", "0.2", "--timeout", "0.5") as found:
        yield found


@pytest.mark.parametrize("stop", STOPS)
def test_a_server_that_stops_leaves_none(host: World, stop: str) -> None:
    begin(host, "/stubborn.cgi")
    begin(host, "/python.cgi")
    how, code = STOPS[stop]
    how(host)
    assert host.server.wait() == code
    host.no_program_left()


def test_a_worker_that_is_killed_leaves_none(host: World) -> None:
    begin(host, "/stubborn.cgi")
    begin(host, "/python.cgi")
    (worker,) = host.server.workers()
    os.kill(worker, signal.SIGKILL)
    host.no_program_left()
    wait_until(lambda: host.server.workers() not in ([], [worker]), "another worker")
    assert host.ask("/hello.cgi").body == b"hello\n"


def test_a_worker_that_is_killed_while_it_ends_a_program_leaves_none(host: World) -> None:
    assert host.ask("/divided.cgi").status == 504  # TERM has been sent, and has ended one of the two
    (worker,) = host.server.workers()
    os.kill(worker, signal.SIGKILL)
    host.no_program_left()
    wait_until(lambda: host.server.workers() not in ([], [worker]), "another worker")


def test_a_server_that_stops_while_it_ends_a_program_leaves_none(host: World) -> None:
    assert host.ask("/divided.cgi").status == 504
    host.server.stop()
    host.no_program_left()


def test_a_reset_shows_that_a_response_without_a_length_broke_off(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    program(programs, "hello.cgi", f"{HEAD}; echo hello")
    program(programs, "dies.cgi", f"{HEAD}; echo some; kill -9 $$")
    program(programs, "endless.cgi", f"{HEAD}; exec yes")
    with world(tmp_path, programs, "posix-spawn") as host:
        with (
            host.server.connect() as sock
        ):  # HTTP/1.0 has no chunks, and the end of the connection is that of the content
            sock.sendall(b"GET /dies.cgi HTTP/1.0\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                while sock.recv(65536):
                    pass
        who_does_not_read_costs_little(host)
        host.nothing_left()


def who_does_not_read_costs_little(host: World) -> None:
    """A program with endless output comes to rest when the visitor does, and the worker keeps a block of it."""
    (worker,) = host.server.workers()
    before, programs = memory(worker), host.started()
    with host.server.connect() as sock:
        sock.sendall(request("/endless.cgi"))
        sock.recv(1)
        (pid,) = host.started() - programs
        seen: list[str] = []

        def rests() -> bool:
            seen.append(Path(f"/proc/{pid}/io").read_text())
            return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

        wait_until(seldom(rests), "the program can write no more")
        assert memory(worker) - before < 8 << 20


LIMITS = ["memory=400M", "output=65536", "files=16", "core=0"]
LARGE = "open('large', 'wb', 0).write(bytes(100_000))"
LIFT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)); "
GREEDY = [
    # what it does, what the log says
    ("takes-memory", "bytearray(1 << 30)", "MemoryError"),
    ("writes-a-file", f"{LARGE}; open('large', 'ab', 0).write(b'x')", "File too large"),
    ("opens-files", "[os.dup(0) for _ in range(20)]", "Too many open files"),
    (
        "lifts-its-limit",
        f"{LIFT}{LARGE}; sys.exit('lifted')",
        "lifted" if os.geteuid() == 0 else "not allowed to raise",
    ),
]
"""Only root can lift a hard limit."""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_program_takes_more_than_it_may(tmp_path: Path, strategy: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    program(programs, "hello.cgi", f"{HEAD}; echo hello")
    for name, script, _ in GREEDY:
        program(programs, f"{name}.cgi", script, "python")
    options = [word for limit in LIMITS for word in ("--limit", limit)]
    with world(tmp_path, programs, strategy, *options) as host:
        for name, _, words in GREEDY:
            assert host.ask(f"/{name}.cgi").status == 502
            host.said(rf"/{name}\.cgi\[\d+\]: .*{words}")
            assert host.ask("/hello.cgi").body == b"hello\n"
        host.nothing_left()
