"""Keeps what passes a relay, as a `Recording`, as far as memory allows.

Past a limit bytes go on passing, the recording only counts them: `cut`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .recording import Connection, Cut, Recording, Segment, Sender, now

__all__ = ["MAX_CONNECTION", "MAX_RECORDING", "MAX_SEGMENTS", "Keeper"]

MAX_CONNECTION = 16 * 1024 * 1024
"""Bytes that are kept of one connection: one large upload is not to push everything else out."""

MAX_RECORDING = 64 * 1024 * 1024
"""Bytes that are kept in all. They are in memory until they are saved."""

MAX_SEGMENTS = 250_000
"""Segments that are kept, each of which takes room beside its bytes. Ends of connections that are kept come on top."""

_DIGITS = 6
"""Of a second: whoever polls does not know it better."""


class Keeper:
    """A relay's watch, with the `recording` so far; what that says of front and backend is the user's to fill in."""

    def __init__(self, max_connection: int = MAX_CONNECTION, max_recording: int = MAX_RECORDING) -> None:
        self.recording = Recording(made=now(), connections=[])
        self._max_connection = max_connection
        self._max_recording = max_recording
        self._began = time.monotonic()
        self._open: dict[int, _Open] = {}
        self._size = 0
        self._segments = 0

    def opened(self, number: int, client: str, at: float) -> None:
        """A front has connected."""
        if self._segments >= MAX_SEGMENTS:
            self.recording.more += 1
            return
        connection = Connection([], round(at - self._began, _DIGITS), client)
        self.recording.connections.append(connection)
        self._open[number] = _Open(connection, at)
        self._segments += 1  # it takes as much room as one

    def passed(self, number: int, sender: Sender, data: bytes, reset: bool, at: float) -> None:
        """Bytes have passed, or a side has ended."""
        if number not in self._open:
            return
        open_ = self._open[number]
        kept = open_.connection
        full = self._segments >= MAX_SEGMENTS or self._size + len(data) > self._max_recording
        if data and (full or kept.cut is not None or open_.size + len(data) > self._max_connection):
            kept.cut = kept.cut or Cut(0, 0)
            setattr(kept.cut, sender, getattr(kept.cut, sender) + len(data))
            return
        kept.segments.append(Segment(round(at - open_.accepted, _DIGITS), sender, data, reset))
        open_.size += len(data)
        self._size += len(data)
        self._segments += 1

    def closed(self, number: int, at: float) -> None:
        """The connection is over."""
        self._open.pop(number, None)


@dataclass(slots=True)
class _Open:
    """A connection that is open: when it was accepted, and how many of its bytes are kept."""

    connection: Connection
    accepted: float
    size: int = 0
