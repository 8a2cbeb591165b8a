"""What a gateway says of its processes and requests, as it happens: its events, heard over a datagram socket."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Happening", "Listener"]

STEP = 0.05
"""Seconds after which the listener looks whether it is to end."""
DATAGRAM = 65_536


@dataclass(frozen=True, slots=True)
class Happening:
    """`kind` is spawn, ready, begin, end or exit; `at` is seconds since 1970; `more` has the other fields."""

    kind: str
    at: float
    pid: int
    parent: int
    more: dict[str, Any]


class Listener:
    """A datagram socket in a folder of its own, and a thread that reads it. `path` is for a server's `--events`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lesson-")  # short: a socket's path has 104 bytes on macOS
        self.path = Path(self._folder.name) / "events"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.settimeout(STEP)
        self._heard: list[Happening] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)
        self._thread.start()

    def heard(self, kind: str = "") -> list[Happening]:
        """Return what was heard so far, of that kind or all."""
        return [one for one in list(self._heard) if not kind or one.kind == kind]

    def wait_for(self, kind: str, count: int, limit: float = 5.0) -> list[Happening]:
        """Return what was heard of a kind, once there are so many or `limit` seconds have passed."""
        end = time.monotonic() + limit
        while len(found := self.heard(kind)) < count and time.monotonic() < end:
            self._ended.wait(STEP / 10)
        return found

    def close(self) -> None:
        """Read what is still there, and remove the socket."""
        self._ended.set()
        self._thread.join()
        self._socket.close()
        self._folder.cleanup()

    def _listen(self) -> None:
        while True:
            try:
                self._take(self._socket.recv(DATAGRAM))
            except TimeoutError:
                if self._ended.is_set():
                    return

    def _take(self, datagram: bytes) -> None:
        try:
            told = json.loads(datagram)
            self._heard.append(Happening(told.pop("event"), told.pop("t"), told.pop("pid"), told.pop("ppid"), told))
        except (ValueError, KeyError):  # somebody else's: there is nothing to learn from it
            pass
