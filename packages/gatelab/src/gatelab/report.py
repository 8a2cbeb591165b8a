"""What a server says of itself: the status report, format 1, as values.

::

    Report ── Workers        how many, by state
          ├── Listener...    where it listens, how many connections wait to be accepted
          └── Worker...      one a process ── QueueWait, Thread...

The server writes it as JSON (`GET /status?format=json`). A field that is missing or of another type makes the whole
report bad, and the error names it; fields that are not known here are passed over, so a newer server may say more.
None stands where the server's system does not tell.
"""

from __future__ import annotations

import msgspec

from .errors import Unreachable

__all__ = ["FORMAT", "Listener", "QueueWait", "Report", "Thread", "Worker", "Workers", "read_report"]

FORMAT = 1
"""The format that is read here; a server says in "format" which one it writes."""


class Workers(msgspec.Struct, frozen=True):
    """Numbers of processes. `configured` are wanted now, between `least` and `most`."""

    configured: int
    least: int
    most: int
    alive: int
    idle: int
    busy: int
    starting: int
    retiring: int


class Listener(msgspec.Struct, frozen=True):
    """An address, and how many connections wait there to be accepted, of how many at most."""

    url: str
    queue: int | None
    queue_max: int | None


class QueueWait(msgspec.Struct, frozen=True):
    """Milliseconds that the last in line waited for the loop or for a thread."""

    recent: float
    max: float


class Thread(msgspec.Struct, frozen=True):
    """One thread: `busy_s` is for how long it has served `request`, "GET /path"; idle, that is its last one."""

    state: str
    requests: int
    request: str
    busy_s: float

    @property
    def busy(self) -> bool:
        """Does it serve a request?"""
        return self.state == "busy"


class Worker(msgspec.Struct, frozen=True):
    """One process."""

    pid: int
    state: str
    generation: int
    age_s: float
    requests: int
    connections: int
    rss_bytes: int | None
    queue_wait_ms: QueueWait
    threads: tuple[Thread, ...]

    @property
    def longest(self) -> Thread | None:
        """The thread that has served its request for the longest time; None if all are idle."""
        return max((thread for thread in self.threads if thread.busy), key=lambda one: one.busy_s, default=None)


class Report(msgspec.Struct, frozen=True):
    """A whole server at one moment."""

    program: str
    version: str
    pid: int
    started: float
    uptime_s: float
    manager: str
    workers: Workers
    threads: int
    generation: int
    requests: int
    spawned: int
    died: int
    reloads: int
    slow_requests: int
    timed_out: int
    listeners: tuple[Listener, ...]
    worker: tuple[Worker, ...]


class _Form(msgspec.Struct, frozen=True):
    """What every format has."""

    format: int


def read_report(document: bytes) -> Report:
    """Read a report from its JSON. Raises Unreachable."""
    try:
        form = msgspec.json.decode(document, type=_Form)
        if form.format != FORMAT:
            raise Unreachable(f"the report there has format {form.format}, and this gatelab reads {FORMAT}: update it")
        return msgspec.json.decode(document, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreachable(f"what answers there is no status report of a gateway: {error}") from None
