"""Counting births by the reports of the gateway: it tells of each process that it starts, and this listens.

Polling the process table misses children that live for milliseconds; the spawner never does. Each datagram is
one JSON line: `{"event": "spawn", "t": ..., "pid": ..., "ppid": ..., "role": "cgi", "n": 17}`, where `n` is how
many such events this spawner has told of. A datagram may be lost when the queue is full, and then `n` runs ahead
of what was received: the count follows `n`, and the difference is reported as `lost`. A loss is noticed with the next
report of the same spawner, so one at the very end of a load is counted with what comes after it.
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

from gateway_bench.samples.inbox import Inbox, widen

__all__ = ["Births", "SpawnListener"]


@dataclass(frozen=True, slots=True)
class Births:
    """Processes started between two readings, and how many of their reports were lost."""

    spawned: int
    lost: int


class SpawnListener:
    """Owns the datagram socket at `path` while `listening()`; thread-safe readings by `count()`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._inbox: Inbox | None = None
        self._highest: Counter[int] = Counter()
        self._received: Counter[int] = Counter()
        self.rubbish = 0

    @contextmanager
    def listening(self) -> Iterator[SpawnListener]:
        """Bind the socket, read it in a thread, and remove it afterwards."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            widen(sock)
            sock.bind(str(self.path))
            self._inbox = Inbox(sock, self._take, self._lock)
            try:
                with self._inbox.reading("spawns"):
                    yield self
                self._inbox.drain()
            finally:
                self._inbox = None
                self.path.unlink(missing_ok=True)

    def count(self) -> Births:
        """Return the births since the beginning: all that were reported before this call."""
        with self._lock:
            if self._inbox:
                self._inbox.drain()
            spawned = (self._highest | self._received).total()  # the larger of the two, for each spawner
            return Births(spawned, spawned - self._received.total())

    def _take(self, datagram: bytes) -> None:
        try:
            event = json.loads(datagram)
            if event["event"] != "spawn":
                return
            spawner, number = int(event["ppid"]), int(event["n"])
        except (ValueError, KeyError, TypeError):
            self.rubbish += 1
            return
        self._highest[spawner] = max(self._highest[spawner], number)
        self._received[spawner] += 1
