"""The Date field: a time as HTTP writes it, made once a second.

The codec has no clock: whoever opens a connection passes one in, as a callable that gives the value of Date.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["http_date", "imf_fixdate"]

# RFC 9110 section 5.6.7: names are English whatever the locale, so strftime is of no use.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def imf_fixdate(seconds: int) -> bytes:
    """Return a unix time (seconds) as IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    t = datetime.fromtimestamp(seconds, UTC)
    day, month = _DAYS[t.weekday()], _MONTHS[t.month - 1]
    return f"{day}, {t.day:02} {month} {t.year:04} {t.hour:02}:{t.minute:02}:{t.second:02} GMT".encode()


def http_date(clock: Callable[[], float]) -> Callable[[], bytes]:
    """Return a function that gives the present IMF-fixdate. `clock()` gives unix time in seconds (`time.time`).

    A closure, and the time compared before it is rounded: every response asks, and this takes half as long as a method.
    """
    begin = end = 0.0  # of the second for which `text` is
    text = b""

    def date() -> bytes:
        nonlocal begin, end, text
        now = clock()
        if not begin <= now < end:
            second = int(now)
            # The text first: another thread may look between the two, and an old second with a new text is harmless.
            text = imf_fixdate(second)
            begin, end = float(second), second + 1.0
        return text

    return date
