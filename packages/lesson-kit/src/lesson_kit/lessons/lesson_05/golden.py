"""Whole connections of real programs, both sides in the order in which they spoke.

They are copied from the recordings in `captures/`; a test holds the bytes to those.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastcgi_server.records import RecordReader, type_name

__all__ = ["Row", "Talked", "talked"]

Row = tuple[str, int, bytes]
"""A record as this lesson has it: the name of its type, its request id, its content."""


@dataclass(frozen=True, slots=True)
class Talked:
    """A connection between two programs: number `connection` of the recording `capture`."""

    front: str
    backend: str
    capture: str
    connection: int
    segments: tuple[tuple[str, bytes], ...]

    def rows(self) -> list[Row]:
        """Return the records of both sides, in the order in which each was complete."""
        readers = {"front": RecordReader(), "backend": RecordReader()}
        found = []
        for side, data in self.segments:
            readers[side].receive(data)
            while (record := readers[side].next()) is not None:
                found.append((type_name(record.type), record.request_id, record.content))
        return found


@cache
def talked() -> tuple[Talked, ...]:
    """Return all of them: HAProxy first, whose ids differ."""
    told = json.loads(Path(__file__).with_name("golden.json").read_text("utf-8"))
    return tuple(
        Talked(one["front"], one["backend"], one["capture"], one["connection"],
               tuple((side, base64.b64decode(data)) for side, data in one["segments"]))
        for one in told
    )  # fmt: skip
