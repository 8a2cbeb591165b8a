"""The live view in a terminal of its own: a pseudo-terminal, as tmux or ssh give one."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from gatelab_samples import Fake, document, http, thread, worker

DEADLINE = 30
REPORT = http(json.dumps(document([worker(4201, [thread(5, "GET /slow", 2.0)])])).encode())
LEAVE = b"\x1b[?1049l"
"""How a program gives the terminal back."""


class Terminal:
    """`gatelab top ARGUMENTS` in a pseudo-terminal; `seen` is all that it has written."""

    def __init__(self, *arguments, columns=80, lines=24, term="xterm"):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "gatelab", "top", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env={**environment, "TERM": term},
        )  # fmt: skip
        os.close(theirs)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def press(self, keys):
        os.write(self.ours, keys)

    def wait_for(self, text):
        """Read on until `text` has come since the last time."""
        begin, end = len(self.seen), time.monotonic() + DEADLINE
        while text not in self.seen[begin:]:
            assert time.monotonic() < end and self._read(), self.seen[begin:].decode(errors="replace")

    def finish(self):
        """Read to the end; return the exit code."""
        end = time.monotonic() + DEADLINE
        while self._read():
            assert time.monotonic() < end, "it does not end"
        return self.process.wait(DEADLINE)

    def _read(self):
        ready, _, _ = select.select([self.ours], [], [], DEADLINE)
        try:
            data = os.read(self.ours, 65536) if ready else b""
        except OSError:  # so Linux says that nobody has the other end
            data = b""
        self.seen += data
        return data


@pytest.fixture(autouse=True)
def _short_addresses(tmp_path, monkeypatch):
    """What is waited for must not be broken into lines."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server():
    """A server at unix:a."""
    with Fake(Path("a"), REPORT) as fake:
        yield fake


def test_it_shows_a_server_and_gives_the_terminal_back(server):
    with Terminal("unix:a") as terminal:
        terminal.wait_for(b"GET /slow")
        terminal.press(b"q")
        assert terminal.finish() == 0
        assert LEAVE in terminal.seen
        assert b"Traceback" not in terminal.seen
        assert b"reload" not in terminal.seen.replace(b"reloads", b"")


def test_a_control_socket_alone_is_address_enough(server):
    with Terminal("--control", "unix:a") as terminal:
        terminal.wait_for(b"GET /slow")
        server.answer = http(b"it is begun\n")
        terminal.press(b"r")
        terminal.wait_for(b"Load the application anew")
        terminal.press(b"y")
        terminal.wait_for(b"it is begun")
        terminal.press(b"q")
        assert terminal.finish() == 0
    assert any(head.startswith(b"POST /reload ") for head in server.asked)


def test_a_server_that_is_killed_and_started_again():
    with Terminal("--interval", "0.1", "unix:a") as terminal:
        terminal.wait_for(b"there is no such socket")
        with Fake(Path("a"), REPORT):
            terminal.wait_for(b"GET /slow")
        terminal.wait_for(b"nobody listens there")
        Path("a").unlink()
        with Fake(Path("a"), http(json.dumps(document([worker(99)], pid=98, uptime_s=1.0)).encode())):
            terminal.wait_for(b"started anew")
            terminal.press(b"q")
            assert terminal.finish() == 0
        assert b"Traceback" not in terminal.seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(server, number):
    with Terminal("unix:a") as terminal:
        terminal.wait_for(b"GET /slow")
        terminal.process.send_signal(number)
        assert terminal.finish() != 0


def test_addresses_and_control_sockets_come_in_pairs():
    with Terminal("unix:/a", "unix:/b", "--control", "unix:/c") as terminal:
        assert terminal.finish() == 2
        assert b"gatelab: 2 addresses and 1 times --control: give one for each, or none" in terminal.seen


def test_a_terminal_that_can_do_nothing_gets_text(server):
    with Terminal("--interval", "0.1", "unix:a", term="dumb") as terminal:
        assert terminal.finish() == 0
        assert b"GET /slow" in terminal.seen
        assert b"\x1b" not in terminal.seen
