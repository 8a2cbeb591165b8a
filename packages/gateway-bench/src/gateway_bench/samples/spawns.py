"""Counting births: the gateway reports each process that it starts, and this listens.

Polling the process table misses children that live for milliseconds; the spawner never does. Each datagram is
one JSON line: `{"event": "spawn", "t": ..., "pid": ..., "ppid": ..., "role": "cgi", "n": 17}`, where `n` is how
many such events this spawner has told of. A datagram may be lost when the queue is full, and then `n` runs ahead
of what was received: the count follows `n`, and the difference is reported as `lost`.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Births", "SpawnListener"]

LARGEST_EVENT = 65_536
RECEIVE_BUFFER = 1 << 20
WAKE_UP = 0.1
"""Seconds between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class Births:
    """Processes started between two readings, and how many of their reports were lost."""

    spawned: int
    lost: int


class SpawnListener:
    """Owns the datagram socket at `path` while `listening()`; thread-safe readings by `count()`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._highest: Counter[int] = Counter()
        self._received: Counter[int] = Counter()
        self.rubbish = 0

    @contextmanager
    def listening(self) -> Iterator[SpawnListener]:
        """Bind the socket, read it in a thread, and remove it afterwards."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
            inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            inbox.bind(str(self.path))
            inbox.settimeout(WAKE_UP)
            finished = threading.Event()
            thread = threading.Thread(target=self._listen, args=(inbox, finished), name="spawns", daemon=True)
            thread.start()
            try:
                yield self
            finally:
                finished.set()
                thread.join()
                self.path.unlink(missing_ok=True)

    def count(self) -> Births:
        """Return the births since the beginning."""
        with self._lock:
            spawned = (self._highest | self._received).total()  # the larger of the two, for each spawner
            return Births(spawned, spawned - self._received.total())

    def _listen(self, inbox: socket.socket, finished: threading.Event) -> None:
        while not finished.is_set():
            try:
                self._take(inbox.recv(LARGEST_EVENT))
            except TimeoutError:
                continue

    def _take(self, datagram: bytes) -> None:
        try:
            event = json.loads(datagram)
            if event["event"] != "spawn":
                return
            spawner, number = int(event["ppid"]), int(event["n"])
        except (ValueError, KeyError, TypeError):
            self.rubbish += 1
            return
        with self._lock:
            self._highest[spawner] = max(self._highest[spawner], number)
            self._received[spawner] += 1
