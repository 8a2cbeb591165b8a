"""Run a real program, ask it over HTTP at a unix socket or a port, and end it with all that it has started."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_runtime.addresses import Address
from gateway_runtime.testing import DEADLINE, _living, _session, wait_until

__all__ = ["Http", "Reply", "ask", "full_path", "started"]

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""As an init system has it. Some fronts pass it on with every request."""


@dataclass(frozen=True)
class Reply:
    """A response as a client saw it. `fields` in lower case, in order."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes


class Http(http.client.HTTPConnection):
    """HTTP to a unix socket or a port."""

    def __init__(self, address: Address) -> None:
        super().__init__("museum.test", timeout=20)
        self._address = address

    def connect(self) -> None:
        if not self._address.path:
            self.sock = socket.create_connection((self._address.host, self._address.port), self.timeout)
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)  # `close` finds it here if it cannot connect
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address.path)


def ask(
    address: Address,
    method: str,
    target: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] = {},
) -> Reply:
    """Send one request to the front that listens at `address`."""
    connection = Http(address)
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all
            connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        fields = [(name.lower(), value) for name, value in response.getheaders()]
        return Reply(response.status, response.reason, fields, response.read())
    finally:
        connection.close()


def full_path(name: str) -> str:
    """Return where a program is."""
    path = shutil.which(name) or shutil.which(name, path=PATH)
    assert path is not None, f"{name} is not installed"
    return path


@contextmanager
def started(
    words: Sequence[str], folder: Path, addresses: Collection[Address], env: Mapping[str, str] = {}
) -> Iterator[None]:
    """Run a program in `folder` until the end of the block; begin when it listens at all `addresses`.

    Of the environment it has HOME (the folder), LANG, PATH, and `env`. What it says goes to a file in `folder`.
    """
    log = folder / f"{Path(words[0]).name}.{len(list(folder.glob('*.log')))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={"HOME": str(folder), "LANG": "C.UTF-8", "PATH": PATH, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: process.poll() is not None or all(map(_listens, addresses)), f"{words[0]} is ready")
        assert process.poll() is None, log.read_text(errors="replace")
        yield
    finally:
        _end(process)


def _listens(address: Address) -> bool:
    with contextlib.closing(Http(address)) as probe:
        try:
            probe.connect()
        except OSError:
            return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it as an init system does: the program, then whom it has left behind. All have to end when they are asked to.

    lighttpd forgets a server that it has only just started; a TERM of our own then has to be enough.
    """
    process.terminate()
    try:
        process.wait(DEADLINE)
        for pid in _family(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not _family(process.pid), f"the children of {process.args[0]!r} end")
    finally:
        for pid in _family(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _family(leader: int) -> list[int]:
    """Return the processes of a session that still live."""
    return [pid for pid, _ in _living() if _session(pid) == leader]
