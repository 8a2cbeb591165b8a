"""A server as a process of ours: started, waited for, listened to, and ended with everything it started.

Readiness is never a matter of time: the server prints a line, and the bench waits for it. Each server gets a
session of its own, so that Ctrl-C at the terminal reaches the bench alone, which then ends the servers in order.
Ending is TERM to the server itself, a grace period, and KILL for whatever of its tree or its session is left.

A server may replace itself while it runs (a binary upgrade): another process of the same session is its *chief* then.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import BenchError, NotReady
from gateway_bench.load.address import Address, parse_address

__all__ = ["DISTURBING", "Service", "server_environment", "started"]

READY_LIMIT = 20.0
"""Seconds for a server to say that it is ready; a cold import of a CGI child is the slowest of them."""
STOP_LIMIT = 5.0
STOP_STEP = 0.005
KEPT_LINES = 200
KEPT_WIDTH = 2_000

DISTURBING = (
    "DEMO_APP_CONTENT", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "PYTHONTRACEMALLOC",
    "PYTHONWARNINGS",
)  # fmt: skip
"""Left out of a server's environment: each changes what is measured. Many a container forbids to write bytecode, and
each CGI program would compile what it imports."""


class Service:
    """A running server: its process id, and the end of its output. `address` is for one whose line does not say."""

    def __init__(self, process: subprocess.Popen[str], ready: re.Pattern[str], address: str = "") -> None:
        self._process = process
        self._pattern = ready
        self._address = address
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._settled = threading.Event()
        self._ready_text = ""
        self._reader = threading.Thread(target=self._read, name="output", daemon=True)

    @property
    def pid(self) -> int:
        """The id of the server's first process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """The last lines that it printed."""
        return "\n".join(self._lines)

    def wait_ready(self, limit: float) -> Address:
        """Return the address of the ready line. Raises NotReady if the server ends, or stays silent for `limit` s."""
        self._reader.start()
        deadline = time.monotonic() + limit
        while not self._settled.wait(interrupts.STEP):
            interrupts.check()
            if time.monotonic() > deadline:
                raise NotReady(f"it was not ready within {limit:g} s", self.output)
        if not self._ready_text:
            raise NotReady(f"{self._how_it_ended()} before it was ready", self.output)
        try:
            return parse_address(self._ready_text)
        except BenchError as error:
            raise NotReady(f"its ready line is of no use: {error}", self.output) from error

    def chief(self) -> int:
        """Return the id of the process that leads the server now: its first one, or the one that took over from it."""
        if self._process.poll() is None:
            return self._process.pid
        members = {process.pid: process for process in _session(self._process.pid)}
        leading = [pid for pid, process in members.items() if _parent(process) not in members]
        return min(leading, default=self._process.pid)

    def stop(self) -> list[int]:
        """End the server and its tree; return the ids of processes that had to be killed."""
        chief = self.chief()
        tree = _tree(chief)
        if chief == self._process.pid:
            self._process.terminate()
        elif tree:
            _send(tree[0], signal.SIGTERM)
        psutil.wait_procs(tree[:1], STOP_LIMIT)
        tree = [*dict.fromkeys((*_tree(chief), *tree, *_session(self._process.pid)))]
        killed = [process for process in tree if _send(process, signal.SIGKILL)]
        self._process.wait()
        deadline = time.monotonic() + STOP_LIMIT
        while any(map(_alive, killed)) and time.monotonic() < deadline:
            time.sleep(STOP_STEP)
        if self._reader.is_alive():
            self._reader.join(STOP_LIMIT)
        return [process.pid for process in killed]

    def _how_it_ended(self) -> str:
        try:
            return f"it ended with exit code {self._process.wait(STOP_LIMIT)}"
        except subprocess.TimeoutExpired:
            return "it closed its output"

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as output:
            for line in output:
                self._lines.append(line.rstrip("\n")[:KEPT_WIDTH])
                found = None if self._ready_text else self._pattern.search(line)
                if found:
                    self._ready_text = self._address or found[1]
                    self._settled.set()
        self._settled.set()


@contextmanager
def started(
    argv: Sequence[str],
    ready: re.Pattern[str],
    environment: Mapping[str, str],
    folder: Path,
    limit: float = READY_LIMIT,
    listens_at: str = "",
) -> Iterator[tuple[Service, Address]]:
    """Run a server for the length of a block: gives it and its address. Raises NotReady.

    `listens_at` is the address of a server whose ready line does not say it.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        )
    except OSError as error:
        raise NotReady(f"{argv[0]} does not start: {error.strerror}") from error
    service = Service(process, ready, listens_at)
    try:
        yield service, service.wait_ready(limit)
    finally:
        service.stop()


def server_environment(database: Path) -> dict[str, str]:
    """Return the environment for a server: ours, without what disturbs, with the guestbook at `database`."""
    kept = {name: value for name, value in os.environ.items() if name not in DISTURBING}
    return {**kept, "DEMO_APP_DB": str(database), "PYTHONUNBUFFERED": "1"}


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _session(leader: int) -> list[psutil.Process]:
    """Return the living processes of a session. Its number is that of its first process, which may have ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and _alive(process):
                found.append(process)
        except OSError:  # it has ended meanwhile
            continue
    return found


def _parent(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return 0


def _send(process: psutil.Process, number: int) -> bool:
    """Send a signal to a process that is still the one we knew (ids are used again); True if there was one."""
    if not _alive(process):
        return False
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


def _alive(process: psutil.Process) -> bool:
    """Tell whether a process runs. One that has ended and was not waited for (by init, say) does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
