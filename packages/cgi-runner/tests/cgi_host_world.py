"""For tests of the host with real programs: an application that runs one, and what must not be left behind."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cgi_runner.environment import own_variables
from cgi_runner.host import CgiApplication
from cgi_runner.job import each_request_runs
from cgi_runner.spawn import Child, Command, World, strategy
from gateway_runtime.testing import wait_until

HEAD = r"printf 'Content-Type: text/plain\n\n'"


def alive(pid: int) -> bool:
    """Does the process run? It may end while we look, so every failure to see it means no."""
    try:
        os.kill(pid, 0)
        if Path("/proc/self/stat").exists():
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
    return True


class Host:
    """A CgiApplication that runs one program, started `by` a strategy, and what came of it."""

    by = "posix-spawn"

    def __init__(self, argv: list[str], **options: Any) -> None:
        self.log: list[str] = []
        self.pids: list[int] = []
        options.setdefault("timeout", 10.0)
        options.setdefault("own", own_variables())
        self._strategy = strategy(Host.by, options.pop("world", World()))
        choose = options.pop("choose", None) or each_request_runs(argv, "prog", "/")
        self.app = CgiApplication(choose, log=self.log.append, spawn=self._spawn, **options)
        self.status = ""
        self.fields: dict[str, str] = {}

    def _spawn(self, command: Command) -> Child:
        child = self._strategy(command)
        self.pids.append(child.pid)
        return child

    def start(self, method: str = "GET", body: bytes = b"", **environ: Any) -> Any:
        """Call the application; return the iterable."""

        def start_response(status: str, fields: list[tuple[str, str]], exc_info: object = None) -> Callable[..., None]:
            self.status, self.fields = status, dict(fields)
            return lambda data: None

        request: dict[str, Any] = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": ""}
        request |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO()}
        if body:
            request["CONTENT_LENGTH"] = str(len(body))
        return self.app({**request, **environ}, start_response)

    def get(self, method: str = "GET", body: bytes = b"", **environ: Any) -> bytes:
        """Make a whole request; return the content."""
        iterable = self.start(method, body, **environ)
        try:
            return b"".join(iterable)
        finally:
            if hasattr(iterable, "close"):
                iterable.close()

    def gone(self) -> bool:
        """No program is left, not even as a zombie."""
        return not any(Path(f"/proc/{pid}").exists() or alive(pid) for pid in self.pids)


@contextmanager
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shorten the graces; afterwards there is no descriptor, thread or child more than before."""
    monkeypatch.setattr("cgi_runner.ending.KILL_AFTER", 0.15)
    monkeypatch.setattr("cgi_runner.pump.EXIT_GRACE", 0.2)
    before = descriptors()
    yield
    wait_until(lambda: not any(thread.name.startswith("cgi-") for thread in threading.enumerate()))
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd").iterdir()))


def shell(script: str, **options: Any) -> Host:
    return Host(["/bin/sh", "-c", script], **options)


def python(script: str, **options: Any) -> Host:
    return Host([sys.executable, "-S", "-c", script], **options)
