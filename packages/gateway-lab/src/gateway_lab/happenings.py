"""What a gateway says of its processes and requests, as it happens: its events, heard over a datagram socket."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_lab.errors import LabError
from gateway_lab.folders import short_folder

__all__ = ["Happening", "Listener"]

STEP = 0.05
"""Seconds after which the listener looks whether it is to end."""
DATAGRAM = 65_536
KEPT = 200_000
"""Happenings that are kept, the last ones: some minutes of load."""


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
        self._folder = short_folder()
        self.path = Path(self._folder.name) / "events"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(str(self.path))
        except OSError as error:
            self._socket.close()
            self._folder.cleanup()
            raise LabError(f"Nothing can be heard here, no unix socket can be made: {error}.") from error
        self._socket.settimeout(STEP)
        self._heard: deque[Happening] = deque(maxlen=KEPT)
        self._highest: dict[tuple[int, str], int] = {}
        self._count = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """How many were told and not heard: a socket takes so many, and no more, while nobody reads."""
        return sum(self._highest.values()) - self._count

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
        """Read what is still there, and remove the socket; what was heard stays."""
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
            one = Happening(told.pop("event"), told.pop("t"), told.pop("pid"), told.pop("ppid"), told)
            number = int(told["n"])
        except (ValueError, KeyError, TypeError, AttributeError):  # somebody else's: there is nothing to learn from it
            return
        self._count += 1
        self._highest[one.pid, one.kind] = max(number, self._highest.get((one.pid, one.kind), 0))
        self._heard.append(one)
