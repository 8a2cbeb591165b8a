"""How long requests waited inside the server before a worker took them, by the server's own account.

Our gateways keep a scoreboard and tell it on their status socket (`--status unix:PATH`). Each worker writes down how
long the last in line had to wait for its loop or for a thread: lately (about the last thirty turns count), and at the
most. It is read when the load has just ended; lately is then the end of the load. No other server tells such a thing.
"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from statistics import median
from typing import Any

from gateway_bench.record.document import QueueWait

__all__ = ["queue_wait"]

QUESTION = b"GET /status?format=json HTTP/1.0\r\n\r\n"
HEAD_END = b"\r\n\r\n"
PATIENCE = 2.0
"""Seconds for an answer: the master gives it between other things, within milliseconds."""
LARGEST = 1 << 20
"""Bytes of an answer: a thousand workers would need less."""


def queue_wait(path: Path | str | None) -> QueueWait | None:
    """Ask the server at this status socket; None for a server that has none, or tells nothing of the kind.

    `recent_ms` is the median of the workers that have served anybody, `max_ms` the most of them since they started.
    """
    try:
        workers = json.loads(_ask(str(path)))["worker"] if path else []
        waits = [_wait(worker) for worker in workers if worker["requests"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not waits:
        return None
    return QueueWait(recent_ms=round(median(recent for recent, _ in waits), 3), max_ms=max(most for _, most in waits))


def _wait(worker: dict[str, Any]) -> tuple[float, float]:
    told = worker["queue_wait_ms"]
    return float(told["recent"]), float(told["max"])


def _ask(path: str) -> bytes:
    """Return the content of the answer. Raises OSError, and ValueError for what is no answer."""
    deadline = time.monotonic() + PATIENCE
    answer = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(path)
        sock.sendall(QUESTION)
        while piece := sock.recv(LARGEST):
            answer += piece
            if len(answer) > LARGEST or time.monotonic() > deadline:
                raise ValueError("no end of it")
    head, found, content = answer.partition(HEAD_END)
    if not found or b" 200 " not in head.partition(b"\r\n")[0]:
        raise ValueError("no answer")
    return content
