"""For tests of whole CGI hosts: folders of programs, requests as bytes, answers as values, and what must not be left.

Every program that `program` writes notes its process id in the file that `$PIDS` names, before anything else. So who
was started is known without asking the host, and `World.nothing_left` can look for every process of their groups.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_runtime.testing import Server, wait_until

__all__ = ["STRATEGIES", "Answer", "World", "memory", "program", "read_answer", "request", "seldom", "world"]

STRATEGIES = ("posix-spawn", "vfork", "fork-exec", "zygote")


@dataclass(frozen=True)
class Answer:
    """A response, names of fields in lower case; `cut` if it broke off, or none came (status 0)."""

    status: int
    fields: Mapping[str, str]
    body: bytes
    cut: bool = False


class _Stream(io.BytesIO):
    """Bytes that stand in for a socket."""

    def makefile(self, _mode: str) -> _Stream:
        return self


BEGIN = {
    "sh": "#!/bin/sh\necho $$ >>$PIDS\n",
    "python": f"#!{sys.executable}\nimport os, signal, sys, time\n"
    "with open(os.environ['PIDS'], 'a') as file:\n    file.write(f'{os.getpid()}\\n')\n",
}
"""How programs begin, by language. This Python is the one that a zygote copies."""


def program(folder: Path, name: str, script: str, language: str = "sh") -> Path:
    """Write a program."""
    file = folder / name
    file.write_text(f"{BEGIN[language]}{script}\n")
    file.chmod(0o755)
    return file


def request(target: str | bytes, *fields: str | bytes, method: str = "GET", body: bytes | None = None) -> bytes:
    """Return a request, the last one of its connection; bytes go as they are, text as latin-1."""
    lines: list[str | bytes] = [method.encode() + b" " + _bytes(target) + b" HTTP/1.1", "Host: museum.test"]
    lines += [*fields, "Connection: close"]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return b"\r\n".join([*map(_bytes, lines), b"", b""]) + (body or b"")


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def read_answer(raw: bytes, method: str) -> Answer:
    """Return a response as a value."""
    stream: Any = _Stream(raw)
    response = http.client.HTTPResponse(stream, method=method)
    try:
        response.begin()
    except (http.client.HTTPException, ConnectionError):
        return Answer(0, {}, raw, cut=True)
    fields = {name.lower(): value for name, value in response.getheaders()}
    try:
        return Answer(response.status, fields, response.read())
    except http.client.IncompleteRead as broken:
        return Answer(response.status, fields, broken.partial, cut=True)


class World:
    """A running host, and what was there before the first program."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self._pids = folder / "pids"
        self._before: dict[int, int] = {}
        self._kept: list[socket.socket] = []

    def talk(self, data: bytes, method: str = "GET") -> Answer:
        """Send a whole request, return what comes."""
        raw = b""
        with self.server.connect() as sock:
            try:
                sock.sendall(data)
                while piece := sock.recv(65536):
                    raw += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
        return read_answer(raw, method)

    def ask(self, target: str | bytes, *fields: str | bytes, method: str = "GET", body: bytes | None = None) -> Answer:
        """Make a request on a connection of its own."""
        return self.talk(request(target, *fields, method=method, body=body), method)

    def said(self, pattern: str, since: int = 0) -> None:
        """Wait for a line of the log that has this, behind the first `since` lines."""
        found = re.compile(pattern)
        try:
            wait_until(lambda: any(map(found.search, self.log()[since:])))
        except AssertionError:
            raise AssertionError(f"no line with {pattern!r} behind the first {since}: {self.server.stderr}") from None

    def log(self) -> list[str]:
        """All lines so far."""
        return self.server.stderr.splitlines()

    def started(self) -> set[int]:
        """The process ids of all programs so far."""
        return {int(line) for line in self._pids.read_text().split()} if self._pids.exists() else set()

    def remember(self) -> None:
        """Count the descriptors of the workers, and of what works for them: guard, zygote."""
        wait_until(lambda: not self._programs(), "the first programs end")
        wait_until(lambda: self._household() == self._household(), "the first connections are closed")
        self._before = self._household()

    def nothing_left(self) -> None:
        """No process of a program, no zombie, no descriptor more than `remember` has counted."""
        self.no_program_left()
        try:
            wait_until(seldom(self._as_before), "the household is as before")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._before} has become {self._household()}") from None

    def no_program_left(self) -> None:
        """Wait until nobody is left of any program's group."""
        try:
            wait_until(seldom(lambda: not self._programs()), "all programs end")
        except AssertionError as error:
            raise AssertionError(f"{error}: {list(map(_command, self._programs()))}") from None

    def keep(self, sock: socket.socket) -> None:
        """Keep a connection open until the host is gone."""
        self._kept.append(sock)

    def clear_away(self) -> None:
        """Leave nothing behind, even if the host has."""
        for sock in self._kept:
            sock.close()
        for pid in self._programs():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _as_before(self) -> bool:
        now = self._household()
        return now.keys() == self._before.keys() and all(0 <= now[pid] <= self._before[pid] for pid in now)

    def _household(self) -> dict[int, int]:
        """Descriptors of the master's children and of all that come from them, by pid; -1 for a zombie."""
        found: dict[int, int] = {}
        everybody = _everybody()
        family = {self.server.pid}
        while more := {pid for pid, process in everybody.items() if process.parent in family} - family:
            family |= more
        for pid in family - {self.server.pid}:
            if everybody[pid].state == "Z":
                found[pid] = -1
            else:
                found[pid] = _descriptors(pid)
        return found

    def _programs(self) -> list[int]:
        """Everybody, zombies too, in a group or session that one of our programs has begun."""
        started = self.started()
        return [
            pid for pid, process in _everybody().items()
            if pid in started or process.group in started or process.session in started
        ]  # fmt: skip


def seldom(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Return a condition that costs little to wait for: it looks at most twenty times a second."""
    due = 0.0

    def look() -> bool:
        nonlocal due
        if time.monotonic() < due:
            return False
        found = condition()
        due = time.monotonic() + 0.05
        return found

    return look


@dataclass(frozen=True)
class _Process:
    state: str
    parent: int
    group: int
    session: int


def _everybody() -> dict[int, _Process]:
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                state, *numbers = (path / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:  # it has just ended
                continue
            found[int(path.name)] = _Process(state, *map(int, numbers))
    return found


def _descriptors(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return -2


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return "?"


def memory(pid: int) -> int:
    """The most memory that a process has had, bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@contextmanager
def world(folder: Path, programs: Path | str, strategy: str, *options: str) -> Iterator[World]:
    """Run a host over `programs`, which has a hello.cgi, with one worker and a log of requests on standard error.

    A string is a WSGI application, MODULE:APP; its module may lie in `folder`.
    """
    what = [str(programs)] if isinstance(programs, Path) else ["--app", programs]
    fixed = ["--spawn", strategy, "--env", f"PIDS={folder / 'pids'}", "--access-log", "/dev/stderr"]
    server = Server("cgi_runner", *what, *fixed, *options, "--bind", "127.0.0.1:0", cwd=folder)
    found = World(server, folder)
    try:
        with server:
            assert found.ask("/hello.cgi").status == 200
            found.remember()
            yield found
    finally:
        found.clear_away()
