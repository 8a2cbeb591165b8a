"""What happens to processes and requests, told to whoever wants to watch.

One JSON object a datagram, to a unix datagram socket that the watcher has bound; nothing at all when there is none::

    {"event": "spawn", "t": 1796500000.123, "pid": 4242, "ppid": 4200, "role": "cgi", "n": 17}

`spawn`, `ready`, `begin` and `end` (of a request), `exit`. `n` counts the events of that kind that this process has
told, so a watcher knows when the kernel dropped one. Short-lived children cannot be counted by polling; by their
spawner they can.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import time
from collections import defaultdict
from collections.abc import Iterator

from .errors import StartupError

__all__ = ["KINDS", "configure", "emit", "wanted"]

KINDS = ("spawn", "ready", "begin", "end", "exit")

_socket: socket.socket | None = None
_kinds: frozenset[str] = frozenset()
_counts: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))  # stepping one is atomic


def configure(path: str, kinds: str = "") -> None:
    """Send events to the datagram socket at `path`; `kinds` is a comma-separated choice. Raises StartupError."""
    global _socket, _kinds  # one watcher a process, and forked children inherit it
    chosen = frozenset(kinds.split(",")) if kinds else frozenset(KINDS)
    if not chosen <= set(KINDS):
        raise StartupError(f"--event-kinds knows {', '.join(KINDS)}, not {', '.join(sorted(chosen - set(KINDS)))}")
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        channel.connect(path)
    except OSError as error:
        channel.close()
        raise StartupError(f"nobody listens for events at {path}: {error.strerror}") from None
    channel.setblocking(False)
    _socket, _kinds = channel, chosen


def wanted(kind: str) -> bool:
    """Does anybody watch events of this kind?"""
    return kind in _kinds


def emit(kind: str, **fields: object) -> None:
    """Tell the watcher. `pid` defaults to this process. Never blocks, never raises."""
    if kind not in _kinds or _socket is None:
        return
    number = next(_counts[kind])
    event = {"event": kind, "t": time.time(), "pid": os.getpid(), "ppid": os.getppid(), "n": number}
    try:
        _socket.send(json.dumps(event | fields).encode())
    except OSError:
        pass  # the watcher is gone or busy; `n` shows the gap


def _forget_counts() -> None:
    _counts.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_counts)
