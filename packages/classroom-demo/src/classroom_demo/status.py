"""How many requests each worker has served, as its gateway has counted them itself.

::

    GET /status?format=json  --unix socket of the lane-->  {"worker": [{"pid": 4711, "requests": 41, ...}, ...], ...}

Events tell this as well, and at once; but the kernel drops what nobody takes in time, and a burst of quick requests is
quicker than anybody. Then the gateway is asked: afterwards, once, since asking costs it a millisecond that would be in
the bill of its visitors.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Final

__all__ = ["served_by"]

QUESTION: Final = b"GET /status?format=json HTTP/1.0\r\n\r\n"
PATIENCE: Final = 2.0
"""Seconds for an answer; the next look asks again."""
BLOCK: Final = 65_536


def served_by(path: Path) -> dict[int, int]:
    """Return the requests that each worker has served, by its id; nothing if the gateway gives no answer."""
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(PATIENCE)
            one.connect(str(path))
            one.sendall(QUESTION)
            answer = b"".join(iter(lambda: one.recv(BLOCK), b""))
        report = json.loads(answer.partition(b"\r\n\r\n")[2])
        return {worker["pid"]: worker["requests"] for worker in report["worker"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
