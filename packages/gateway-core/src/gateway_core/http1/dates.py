"""The Date field: a time as HTTP writes it, made once a second.

The codec has no clock: whoever opens a connection passes one in, as a callable that gives the value of Date.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["HttpDate", "imf_fixdate"]

# RFC 9110 section 5.6.7: names are English whatever the locale, so strftime is of no use.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def imf_fixdate(seconds: int) -> bytes:
    """Return a unix time (seconds) as IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    t = datetime.fromtimestamp(seconds, UTC)
    day, month = _DAYS[t.weekday()], _MONTHS[t.month - 1]
    return f"{day}, {t.day:02} {month} {t.year:04} {t.hour:02}:{t.minute:02}:{t.second:02} GMT".encode()


class HttpDate:
    """A callable that returns the present IMF-fixdate. `clock()` gives unix time in seconds (`time.time`)."""

    __slots__ = ("_clock", "_second", "_text")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = -1
        self._text = b""

    def __call__(self) -> bytes:
        """Return the value of Date."""
        second = int(self._clock())
        if second != self._second:
            # The text first: another thread may look between the two, and an old second with a new text is harmless.
            self._text = imf_fixdate(second)
            self._second = second
        return self._text
