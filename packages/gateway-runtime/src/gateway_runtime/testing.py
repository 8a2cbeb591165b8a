r"""For tests: start a server, wait until it serves, stop it, and see that nothing of it stays behind.

::

    with Server("wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0", "--workers", "2") as server:
        with server.connect() as sock:                  # a connected socket, to the first address
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        os.kill(server.workers()[0], signal.SIGKILL)
        server.wait_for_line("was killed by SIGKILL")

No fixed ports and no sleeps: the server takes a free port and its ready line says which; whatever else takes time is
waited for with `wait_until`. The server runs in a session of its own, so that whoever is left in it can be found.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .addresses import Address, parse_url

__all__ = ["DEADLINE", "Server", "run_to_end", "wait_until"]

DEADLINE = 20.0
"""Seconds that a test waits for what takes milliseconds on an idle machine. Only a failing test waits so long."""

_STRICT = ("-W", "error")
"""Interpreter options: a warning in a server is an error there too."""


def wait_until(condition: Callable[[], object], what: str = "", deadline: float = DEADLINE) -> None:
    """Return as soon as `condition()` is true; raise AssertionError, which says `what`, after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what or condition}")
        time.sleep(0.002)


def _command(program: str, arguments: Sequence[str], interpreter: Sequence[str]) -> list[str]:
    return [sys.executable, *interpreter, "-m", program, *arguments]


def run_to_end(
    program: str,
    *arguments: str,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    interpreter: Sequence[str] = _STRICT,
    deadline: float = DEADLINE,
) -> tuple[int, str]:
    """Run `python -m program arguments`, which ends by itself; return its exit code and its standard error."""
    done = subprocess.run(
        _command(program, arguments, interpreter),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=deadline,
        check=False,
    )
    return done.returncode, done.stderr.decode()


class Server:
    """A server process and its workers; a context manager that starts on entry and stops on exit.

    `Server(program, *arguments, cwd=None, env=None, pass_fds=(), interpreter=("-W", "error"), deadline=20.0)` runs
    `python -W error -m program arguments...`. `cwd` is where it looks for the application's module, `env` is added to
    this process's environment, `pass_fds` are for `--bind fd:N`, `deadline` is in seconds, for every single wait.

    On entry it waits for one ready line for each `--bind` (at least one); AssertionError shows the standard error if
    they do not come. On exit from a test that passed, `stop()` is called unless the server has ended already; either
    way AssertionError is raised if a process or a socket file is left. After a test that failed everything is killed,
    and the server's standard error is added to the failure as a note.

    * `address`, `addresses`: where it listens, `gateway_runtime.addresses.Address`; `url`: the first, as announced
    * `connect()`: a connected socket
    * `pid`: of the first process (the master); `workers()`: pids of its children; `alive()`: every pid of its session
    * `stderr`: what it has written so far; `wait_for_line(pattern)`: the first line with a match, waited for
    * `signal(number)`: to the master; `wait()`: until it has ended, gives the exit code
    * `stop()`: TERM, exit code 0, and nothing left
    """

    def __init__(
        self,
        program: str,
        *arguments: str,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        interpreter: Sequence[str] = _STRICT,
        deadline: float = DEADLINE,
    ) -> None:
        self._command = _command(program, arguments, interpreter)
        self._cwd = cwd
        self._env = {**os.environ, **(env or {})}
        self._pass_fds = pass_fds
        self._deadline = deadline
        self._binds = sum(argument.split("=")[0] == "--bind" for argument in arguments)
        self._lines: list[str] = []
        self.addresses: list[Address] = []
        self.url = ""

    # -- its life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._cwd,
            env=self._env,
            pass_fds=self._pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait_for_ready()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                error.add_note(f"standard error of the server:\n{self.stderr}")
            elif self._process.poll() is None:
                self.stop()
            else:
                self._assert_nothing_left()
        finally:
            self._kill()

    def signal(self, number: int) -> None:
        """Send a signal to the master."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait until the master has ended; return its exit code, negative if a signal ended it."""
        wait_until(lambda: self._process.poll() is not None, f"the server ends\n{self.stderr}", self._deadline)
        return self._process.returncode

    def stop(self) -> None:
        """End gracefully with TERM; AssertionError if the exit code is not 0, or if anything is left."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"the exit code is {code}\n{self.stderr}"
        self._assert_nothing_left()

    def _wait_for_ready(self) -> None:
        wanted = max(1, self._binds)

        def settled() -> bool:
            return self.stderr.count("\nready ") >= wanted or self._process.poll() is not None

        wait_until(settled, "the server is ready", self._deadline)
        urls = [line.split(" ", 1)[1] for line in self._lines if line.startswith("ready ")]
        if len(urls) < wanted:
            self._reader.join(self._deadline)
            raise AssertionError(f"the server ended with code {self._process.returncode}\n{self.stderr}")
        self.url = urls[0]
        self.addresses = [parse_url(url)[1] for url in urls]

    def _assert_nothing_left(self) -> None:
        wait_until(lambda: not self.alive(), f"the server's processes end\n{self.stderr}", self._deadline)
        paths = [] if self._pass_fds else [address.path for address in self.addresses if address.path]
        left = [path for path in paths if os.path.exists(path)]  # noqa: PTH110 - strings all along
        assert not left, f"socket files are left: {left}"

    def _kill(self) -> None:
        """End what is left, whatever it is, and free the pipe."""
        for pid in self.alive():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait(self._deadline)
        self._reader.join(self._deadline)
        assert self._process.stderr is not None
        self._process.stderr.close()

    # -- what it says --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))

    @property
    def stderr(self) -> str:
        """All lines so far, each behind a newline."""
        return "".join(f"\n{line}" for line in list(self._lines))

    def wait_for_line(self, pattern: str) -> str:
        """Return the first line of standard error in which `pattern`, a regular expression, is found."""
        found: list[str] = []

        def look() -> bool:
            found.extend(line for line in list(self._lines) if re.search(pattern, line))
            return bool(found)

        try:
            wait_until(look, f"a line with {pattern!r}", self._deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.stderr}") from None
        return found[0]

    # -- who and where -------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Process id of the master."""
        return self._process.pid

    @property
    def address(self) -> Address:
        """Where it listens; the first, if there are several."""
        return self.addresses[0]

    def connect(self, timeout: float = DEADLINE) -> socket.socket:
        """Return a socket connected to `address`, with `timeout` seconds for every operation."""
        if not self.address.path:
            return socket.create_connection((self.address.host, self.address.port), timeout)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(self.address.path)
        return sock

    def workers(self) -> list[int]:
        """Pids of the master's children, oldest first."""
        return sorted(pid for pid, parent in _living() if parent == self.pid)

    def alive(self) -> list[int]:
        """Pids of every process in the server's session: master, workers, and what they have started."""
        return [pid for pid, _ in _living() if _session(pid) == self.pid]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:  # it has just ended
        return -1


def _living() -> list[tuple[int, int]]:
    """Return pid and parent's pid of every process of the machine that is not a zombie."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
        rows = [row.split() for row in listed.stdout.splitlines()]
        return [(int(pid), int(parent)) for pid, parent, state in rows if not state.startswith("Z")]
    living = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is wanted
        if name.isdecimal():
            try:
                # proc_pid_stat(5): "pid (comm) state ppid ...", and comm may itself have blanks and parentheses.
                state, parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:  # it has just ended
                continue
            if state not in "ZX":
                living.append((int(name), int(parent)))
    return living
