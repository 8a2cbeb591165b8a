"""The time and the bytes of one request: when each part of it had happened, how much time is left, what has passed.

::

    0 ----- connect ----- sent ----- first_byte ----- head ----- total
            a connection, the whole  the first byte   the head   all of
            or a process  request    of the answer    of it      it

`sent` may come late, or never: who answers before he has read everything need not read the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .request_errors import Exit, Failed

__all__ = ["PARTS", "Meter", "Watch", "nobody"]

PARTS = ("connect", "sent", "first_byte", "head", "total")

Watch = Callable[[str, bytes], None]
"""What is told of bytes that have passed: the sender, "front" or "backend", and the bytes; b"" is end of file."""


def nobody(_sender: str, _data: bytes) -> None:
    """Watch nothing."""


class Meter:
    """Runs from its making, or from `start`. `limit`: seconds for everything, None for any time.

    `marks` are seconds, by part; `sent` and `received` are bytes. Each of those bytes is shown to `watch`.
    """

    def __init__(
        self, limit: float | None = None, watch: Watch = nobody, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._watch = watch
        self._now = now
        self._start = now()
        self.limit = limit
        self.marks: dict[str, float] = {}
        self.sent = 0
        self.received = 0

    def start(self) -> None:
        """Begin now: reading what is to be sent took time too, but not the backend's."""
        self._start = self._now()

    def mark(self, part: str) -> None:
        """This has happened now; only the first time counts."""
        if part not in self.marks:
            self.marks[part] = self._now() - self._start

    def left(self) -> float | None:
        """Return the seconds that are left, None if there is no limit. Raises Failed when none are."""
        if self.limit is None:
            return None
        left = self._start + self.limit - self._now()
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> Failed:
        """Return the error for the limit that has passed."""
        missing = next((words for part, words in _MISSING if part not in self.marks), "the answer was not complete")
        return Failed(Exit.TIMED_OUT, f"{missing} within {self.limit:g} s")

    def took(self, data: bytes) -> None:
        """The backend has taken these bytes."""
        self.sent += len(data)
        self._watch("front", data)

    def gave(self, data: bytes) -> None:
        """The backend has given these bytes; b"" is end of file."""
        if data:
            self.mark("first_byte")
            self.received += len(data)
        self._watch("backend", data)


_MISSING = (
    ("connect", "there was no connection"),
    ("first_byte", "there was no answer"),
    ("head", "the head of the answer was not complete"),
)
