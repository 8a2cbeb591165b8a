"""Gateways for an experiment: started on a free port, waited for, and gone with the block or the kernel.

::

    with serve("fastcgi", workers=4) as server:
        answers = [ask(f"{server.url}/counter") for _ in range(40)]
        births = server.heard("spawn")

A server runs on a leash (`leash.py`), so it ends with the block, with `desk.stop_all()`, or with the kernel, whatever
comes first.
"""

from __future__ import annotations

import atexit
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from lesson_kit.errors import LabError
from lesson_kit.lab.happenings import Happening, Listener

__all__ = ["KINDS", "Server", "serve", "stop_all"]

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "cgi": ("cgi_runner", "--app"),
    "fastcgi": ("fastcgi_server",),
    "scgi": ("scgi_server",),
    "uwsgi": ("uwsgi_gateway",),
    "wsgi": ("wsgi_server",),
    "asgi": ("asgi_server",),
}
"""The module of each gateway, with what stands before the name of the application."""
LEASH = Path(__file__).with_name("leash.py")
READY_LIMIT = 30.0
"""Seconds for a server to say that it is ready: a machine with forty learners is slow."""
STOP_LIMIT = 6.0
"""Seconds for the leash to end it: its grace, and as much again."""
LINES_SHOWN = 3
"""Of what a server said before it failed."""
LEFT_OUT = ("DEMO_APP_CONTENT", "PYTHONDEVMODE", "PYTHONWARNINGS")
"""Of the notebook's environment: a server of an experiment has none of these."""
_READY = re.compile(r"^ready (\S+)", re.MULTILINE)
_NOTHING_SAID = "it said nothing"

_running: set[Server] = set()


class Server:
    """A gateway, or any command that prints a ready line. It runs within a `with` block."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        events: bool = False,
        folder: Path | None = None,
    ) -> None:
        self._command = list(command)
        self._more = dict(environment or {})
        self._home = folder
        self._listener = Listener() if events else None
        self._lines: list[str] = []
        self._said = threading.Condition()
        self.url = ""
        """Where it listens, in its own scheme, such as fastcgi://127.0.0.1:41873."""

    def __enter__(self) -> Self:
        """Start it, and return once it can serve. Raises LabError."""
        self._folder = tempfile.TemporaryDirectory(prefix="lesson-")
        events = ["--events", str(self._listener.path)] if self._listener else []
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), *self._command, *events],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                errors="backslashreplace", start_new_session=True, cwd=self._home,
                env={**kept, "DEMO_APP_DB": f"{self._folder.name}/guestbook.sqlite3", "PYTHONUNBUFFERED": "1",
                     **self._more},
            )  # fmt: skip
        except OSError as error:
            self._clean_up()
            raise LabError(f"{self._command[0]} cannot be started: {error.strerror}.") from error
        _running.add(self)
        self._reader = threading.Thread(target=self._read, name="server's words", daemon=True)
        self._reader.start()
        try:
            self._wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()

    @property
    def alive(self) -> bool:
        """Does it run?"""
        return self in _running and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the server's first process. Raises LabError if it has ended."""
        children = self._tree()
        if not children:
            raise LabError(f"{self._command[2] if len(self._command) > 2 else self._command[0]} runs no more: start it "
                           "again by running the cell that has `serve`.")  # fmt: skip
        return children[0]

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes: the first one, its workers, their children."""
        return self._tree()

    @property
    def host(self) -> str:
        """The address that it listens at, without the port."""
        return self.url.partition("://")[2].rpartition(":")[0]

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        """What it wrote to standard error so far."""
        return "\n".join(self._lines)

    def wait_for_line(self, pattern: str, limit: float = 10.0) -> str:
        """Return the first line of the log in which the pattern is found; "" if there is none within `limit` s."""
        end = time.monotonic() + limit
        with self._said:
            while True:
                found = next((line for line in self._lines if re.search(pattern, line)), "")
                if found or not self._said.wait(max(0.0, end - time.monotonic())):
                    return found

    def heard(self, kind: str = "", count: int = 0) -> list[Happening]:
        """Return what it told (spawn, ready, begin, end, exit), once there are `count`. Needs `events=True`."""
        if self._listener is None:
            raise LabError("This server tells nothing: start it with `events=True`.")
        return self._listener.wait_for(kind, count) if count else self._listener.heard(kind)

    def stop(self) -> None:
        """End it and all its processes; a second time does nothing."""
        if self not in _running:
            return
        _running.discard(self)
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._clean_up()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _tree(self) -> list[int]:
        try:
            return [process.pid for process in psutil.Process(self._process.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _clean_up(self) -> None:
        if self._listener:
            self._listener.close()
        self._folder.cleanup()

    def _read(self) -> None:
        assert self._process.stderr
        with self._process.stderr as output:
            for line in output:
                with self._said:
                    self._lines.append(line.rstrip("\n"))
                    self._said.notify_all()

    def _wait_ready(self) -> None:
        end = time.monotonic() + READY_LIMIT
        with self._said:
            while not (found := _READY.search(self.log)):
                if self._process.poll() is not None or not self._reader.is_alive():
                    raise LabError(f"The server ended before it was ready: {self._last_words()}.")
                if time.monotonic() > end:
                    raise LabError(f"The server was not ready within {READY_LIMIT:g} s: {self._last_words()}.")
                self._said.wait(0.1)
        self.url = found[1].rstrip("/")

    def _last_words(self) -> str:
        return " / ".join(self._lines[-LINES_SHOWN:]) or _NOTHING_SAID


def serve(
    kind: str,
    app: str = "demo_app:app",
    *,
    workers: int = 1,
    threads: int = 1,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    events: bool = False,
    folder: Path | None = None,
) -> Server:
    """Return a gateway for a `with` block. `kind` is one of `KINDS`; `options` go to its command line. Raises LabError.

    With "cgi", `workers` is how many processes of the runner wait for requests; each request still has a process of its
    own. `folder` is where the application's file lies, if it is no installed one.
    """
    if kind not in KINDS:
        raise LabError(f"There is no gateway {kind!r}: they are {', '.join(KINDS)}.")
    module, *before = KINDS[kind]
    counts = [] if kind in ("asgi", "cgi") else ["--threads", str(threads)]
    command = [sys.executable, "-m", module, *before, app, "--bind", "127.0.0.1:0", "--workers", str(workers), *counts]
    return Server([*command, *options], environment, events=events, folder=folder)


@atexit.register
def stop_all() -> int:
    """End every server that runs; return how many there were."""
    running = list(_running)
    for server in running:
        server.stop()
    return len(running)
