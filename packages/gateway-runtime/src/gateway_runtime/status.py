"""The status report: all that a server can say of itself, as one JSON object.

It is made from the scoreboard, which every process of the server shares, and from what the kernel knows of its workers
and listening sockets; so the master and any worker give the same report. `status.schema.json` beside this module
describes it field by field; `status_page` shows it.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .backlog import backlog
from .lifetime import resident
from .scoreboard import Scoreboard, State, ThreadLine, WorkerLine

__all__ = ["FORMAT", "report"]

FORMAT = 1
"""Goes up when a field goes away or changes its meaning. New fields may come without that."""


def report(
    board: Scoreboard, program: str, version: str, listeners: Iterable[tuple[str, socket.socket]]
) -> dict[str, Any]:
    """Return the report. `listeners` are the server's URLs, each with its listening socket."""
    now = time.monotonic()
    master = board.master
    lines = board.lines()
    number = Counter(line.state for line in lines)
    return {
        "format": FORMAT,
        "program": program,
        "version": version,
        "pid": master.pid,
        "started": round(master.started, 3),
        "uptime_s": _since(master.since, now),
        "manager": master.manager,
        "workers": {
            "configured": master.configured,
            "least": master.least,
            "most": master.most,
            "alive": len(lines),
            "idle": number[State.IDLE],
            "busy": number[State.BUSY],
            "starting": number[State.STARTING],
            "retiring": number[State.RETIRING],
        },
        "threads": board.threads,
        "generation": master.generation,
        "requests": board.requests,
        "spawned": master.spawned,
        "died": master.died,
        "reloads": master.reloads,
        "slow_requests": master.slow_requests,
        "timed_out": master.timed_out,
        "listeners": [_listener(url, sock) for url, sock in listeners],
        "worker": [_worker(line, now) for line in lines],
    }


def _listener(url: str, sock: socket.socket) -> dict[str, Any]:
    queue, longest = backlog(sock) or (None, None)
    return {"url": url, "queue": queue, "queue_max": longest}


def _worker(line: WorkerLine, now: float) -> dict[str, Any]:
    return {
        "pid": line.pid,
        "state": line.state.name.lower(),
        "generation": line.generation,
        "age_s": _since(line.started, now),
        "requests": line.requests,
        "connections": line.connections,
        "rss_bytes": resident(line.pid) or None,
        "queue_wait_ms": {"recent": round(line.wait_recent * 1000, 3), "max": round(line.wait_max * 1000, 3)},
        "threads": [_thread(thread, now) for thread in line.threads],
    }


def _thread(line: ThreadLine, now: float) -> dict[str, Any]:
    return {
        "state": line.state.name.lower(),
        "requests": line.requests,
        "request": line.request,
        "busy_s": _since(line.since, now),
    }


def _since(moment: float, now: float) -> float:
    """Return the seconds since `moment` (0: never). One that another process has just written may lie ahead."""
    return round(max(0.0, now - moment), 3) if moment else 0.0
