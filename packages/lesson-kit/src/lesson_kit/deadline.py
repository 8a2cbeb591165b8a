"""An end to code that would not end: what a learner wrote may loop for ever, and the notebook must live on.

On Unix, in the main thread (where a kernel runs its cells), an alarm interrupts it. Code that catches everything, as in
`while True: try: ... except: pass`, is interrupted again and again. Elsewhere nothing can interrupt it, and only the
kernel's own "interrupt" button helps.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["TookTooLong", "within"]

AGAIN = 0.05
"""Seconds between two alarms, once the first has been swallowed."""


class TookTooLong(BaseException):
    """The time is up. No Exception, so that `except Exception` in the code does not hide it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupt the block after so many seconds, with TookTooLong."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
