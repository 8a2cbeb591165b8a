r"""The brake on crash loops: workers that die right after their start are replaced later and later.

::

    dies young -> at once -> dies young -> wait 1 s -> dies young -> 2 -> 4 -> 8 -> 16 -> 32, and no longer
                                  \_ lives for a second: forget it all

Other workers serve on meanwhile. Pure: the clock is a parameter.
"""

from __future__ import annotations

__all__ = ["YOUNG", "Brake"]

YOUNG = 1.0
"""Seconds of serving until a worker counts as well."""

_FIRST = 1.0
"""Seconds before the first replacement: a crash that every start repeats must not become a storm of forks."""

_LONGEST = 32.0
"""Seconds between two tries, at most: whoever has mended the cause does not wait longer than that."""


class Brake:
    """Says until when nobody may be started."""

    def __init__(self) -> None:
        self.until = 0.0
        self._delay = 0.0
        self._warned = False

    def died_young(self, now: float) -> float | None:
        """Note a death. Returns how long the next start has to wait, or None if that has been said already.

        One death is an accident. More of them, with no worker between that lives, are a loop.
        """
        if now < self.until:
            return None
        if self._warned:
            self._delay = min(2 * self._delay, _LONGEST) or _FIRST
        self._warned = True
        self.until = now + self._delay
        return self._delay

    def holds(self, now: float) -> bool:
        """Must whoever wants to start a worker wait?"""
        return now < self.until

    def lived(self, started: float) -> None:
        """Note a worker, started at that time, that has served for as long as YOUNG."""
        if started >= self.until:
            self.release()

    def release(self) -> None:
        """Forget it all: what is started next is something new."""
        self.until = self._delay = 0.0
        self._warned = False
