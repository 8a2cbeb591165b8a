"""What real programs said in FastCGI: the first records of a connection, copied from the recordings in `captures/`.

Each entry of golden.json names the program and its version, the recording, the day, and which side of which connection
it was. A test holds the bytes to the recordings.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Golden", "golden"]


@dataclass(frozen=True, slots=True)
class Golden:
    """Bytes that `peer` sent: from the beginning of connection `connection` of the recording `capture`."""

    peer: str
    capture: str
    connection: int
    side: str
    data: bytes


@cache
def golden() -> tuple[Golden, ...]:
    """Return all of them: nginx first."""
    told = json.loads(Path(__file__).with_name("golden.json").read_text("utf-8"))
    return tuple(
        Golden(one["peer"], one["capture"], one["connection"], one["from"], base64.b64decode(one["data"]))
        for one in told
    )
