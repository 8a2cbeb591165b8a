"""Gateways for an experiment: started on a free port, waited for, and gone with the block or the kernel.

::

    with serve("fastcgi", workers=4) as server:
        answers = [ask(f"{server.url}/counter") for _ in range(40)]
        births = server.heard("spawn")

A server runs on a leash (`leash.py`), so it ends with the block, with `desk.stop_all()`, or with the kernel, whatever
comes first and however: an error, an interrupt, a kill. Somebody may also kill it by hand: then `alive` says so, `log`
has its last words, and whoever asks it gets a sentence. The same Server can be started again, but not twice at a time.
"""

from __future__ import annotations

import atexit
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import psutil

from gateway_lab.ending import kill_group, wait_for_end
from gateway_lab.errors import LabError
from gateway_lab.folders import short_folder
from gateway_lab.happenings import Happening, Listener

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
STEP = 0.1
"""Seconds after which whoever waits for words looks whether the server is still there."""
SIGNALLED = 192
"""From here on an exit code of the leash is a signal that has ended its server, as a negative byte."""
LINES_SHOWN = 3
"""Of what a server said before it failed."""
LINES_KEPT = 5000
LINE_KEPT = 4000
"""Lines, and characters of each, that are kept of what a server says: one that complains at each request says a lot."""
LAST_LINES = 1.0
"""Seconds for the last of it, once the server has ended. A process that has left its group may keep the pipe open."""
AGAIN = "run the cell that has `serve` again"
LEFT_OUT = ("DEMO_APP_CONTENT", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS")
"""Of the notebook's environment: a server of an experiment has none of these. Many containers forbid Python to keep
what it has compiled; then each new process would pay for that, and a lesson would measure it."""
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
        self._events = events
        self._listener: Listener | None = None
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._said = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._first: psutil.Process | None = None
        self.url = ""
        """Where it listens, in its own scheme, such as fastcgi://127.0.0.1:41873."""

    def __enter__(self) -> Self:
        """Start it, and return once it can serve. Raises LabError."""
        if self in _running:
            raise LabError("This server runs already: use it, or make another one with `serve`.")
        self._lines.clear()
        self._folder = short_folder()
        _running.add(self)
        try:
            self._listener = Listener() if self._events else None
            self._start()
            self._wait_ready()
        except BaseException:  # an interrupt of the learner's, too
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
        return self in _running and self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code of a server that has ended by itself, a negative one being the signal; None while it runs."""
        code = self._process.poll() if self._process else None
        return code if code is None or code < SIGNALLED else code - 256

    @property
    def pid(self) -> int:
        """The id of the server's first process. Raises LabError if it has ended."""
        children = self._tree()
        if not children:
            raise LabError(f"This server runs no more ({self._last_words()}): {AGAIN}.")
        return children[0]

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes: the first one, its workers, their children."""
        return self._tree()

    @property
    def host(self) -> str:
        """The address that it listens at, without the port. Raises LabError if that is a unix socket."""
        return self._address()[0]

    @property
    def port(self) -> int:
        """The port that it listens at. Raises LabError if it listens at a unix socket."""
        return int(self._address()[1])

    @property
    def log(self) -> str:
        """What it wrote to standard error so far: the last lines of it."""
        with self._said:
            return "\n".join(self._lines)

    def wait_for_line(self, pattern: str, limit: float = 10.0) -> str:
        """Return the first line of the log with the pattern; "" if there is none in `limit` s, or it has ended."""
        end = time.monotonic() + limit
        with self._said:
            while True:
                found = next((line for line in self._lines if re.search(pattern, line)), "")
                if found or not self._speaks() or time.monotonic() > end:
                    return found
                self._said.wait(min(STEP, max(0.0, end - time.monotonic())))

    def heard(self, kind: str = "", count: int = 0) -> list[Happening]:
        """Return what it told (spawn, ready, begin, end, exit), once there are `count`. Needs `events=True`."""
        if not self._events:
            raise LabError("This server tells nothing: start it with `events=True`.")
        if self._listener is None:  # it was never started
            return []
        return self._listener.wait_for(kind, count) if count else self._listener.heard(kind)

    def stop(self) -> None:
        """End it and all its processes; a second time does nothing."""
        if self not in _running:
            return
        try:
            self._end()
        finally:
            _running.discard(self)
            if self._listener:
                self._listener.close()
            self._folder.cleanup()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
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
            raise LabError(f"{self._command[0]} cannot be started: {error.strerror}.") from error
        assert self._process.stderr
        self._reader = threading.Thread(
            target=self._read, args=[self._process.stderr], name="server's words", daemon=True
        )
        self._reader.start()

    def _end(self) -> None:
        """Let go of the leash, and wait until all is gone."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin
        process.stdin.close()
        try:
            wait_for_end(process)
        finally:
            process.kill()  # nothing, if it has ended
            process.wait()
            if self._first and self._first.is_running():  # the leash was killed, by somebody or just now
                kill_group(self._first.pid)
            self._first = None
            if self._reader:
                self._reader.join(LAST_LINES)

    def _tree(self) -> list[int]:
        if self._process is None:
            return []
        try:
            return [process.pid for process in psutil.Process(self._process.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _address(self) -> tuple[str, str]:
        host, _, port = self.url.partition("://")[2].rpartition(":")
        if not host:
            raise LabError(f"This server has no port: it listens at {self.url or 'nothing yet'}.")
        return host, port

    def _speaks(self) -> bool:
        return self._reader is not None and self._reader.is_alive()

    def _read(self, output: IO[str]) -> None:
        with output:
            while line := output.readline(LINE_KEPT):
                with self._said:
                    self._lines.append(line.rstrip("\n"))
                    self._said.notify_all()

    def _wait_ready(self) -> None:
        end = time.monotonic() + READY_LIMIT
        with self._said:
            while not (found := _READY.search(self.log)):
                if not self._speaks():
                    raise LabError(f"The server ended before it was ready: {self._last_words()}.")
                if time.monotonic() > end:
                    raise LabError(f"The server was not ready within {READY_LIMIT:g} s: {self._last_words()}.")
                self._said.wait(STEP)
        self.url = found[1].rstrip("/")
        pids = self._tree()
        self._first = psutil.Process(pids[0]) if pids else None

    def _last_words(self) -> str:
        with self._said:
            return " / ".join(list(self._lines)[-LINES_SHOWN:]) or _NOTHING_SAID


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
    bind: str = "127.0.0.1:0",
) -> Server:
    """Return a gateway for a `with` block. `kind` is one of `KINDS`; `options` go to its command line. Raises LabError.

    With "cgi", `workers` is how many processes of the runner wait for requests; each request still has a process of its
    own. `folder` is where the application's file lies, if it is no installed one. `bind` may also be `unix:PATH`.
    """
    if kind not in KINDS:
        raise LabError(f"There is no gateway {kind!r}: they are {', '.join(KINDS)}.")
    module, *before = KINDS[kind]
    counts = [] if kind in ("asgi", "cgi") else ["--threads", str(threads)]
    command = [sys.executable, "-m", module, *before, app, "--bind", bind, "--workers", str(workers), *counts]
    return Server([*command, *options], environment, events=events, folder=folder)


@atexit.register
def stop_all() -> int:
    """End every server that runs; return how many there were."""
    running = list(_running)
    for server in running:
        server.stop()
    return len(running)
