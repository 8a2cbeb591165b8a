"""Ctrl-C without loose ends: the signal is noted when it comes, and acted on where nothing can be left behind.

An exception out of a signal handler strikes anywhere, also in the middle of ending a server, and then that server
lives on. So INT and TERM only set a flag; those who wait for something look at it (`check`) while they wait, and
those who clean up do not look.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["STEP", "check", "noted"]

STEP = 0.1
"""Seconds that anybody may wait before looking again."""

_asked = threading.Event()


def check() -> None:
    """Raise KeyboardInterrupt if INT or TERM came since `noted` began."""
    if _asked.is_set():
        raise KeyboardInterrupt


@contextmanager
def noted() -> Iterator[None]:
    """Note INT and TERM for the length of the block, instead of being struck by them. For the main thread."""

    def note(_number: int, _frame: FrameType | None) -> None:
        _asked.set()

    _asked.clear()
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()
