"""Timers that are sharp enough to send a request when it was meant to be sent.

A visit that begins late is a visit whose latency is too long by as much. gevent over epoll sleeps in whole
milliseconds, and a hello takes a fifth of one. Two things make it sharper. To import this module does the first, so it
must come before gevent; `sharpen` does the second:

- `select()` takes microseconds where `epoll_wait()` takes milliseconds, so the load process runs libev on it. Its cost
  grows with the number of connections, which is why a load process has at most `MOST_VISITORS`.
- Linux may let a sleeper sleep 50 us longer, to wake several at once (PR_SET_TIMERSLACK, prctl(2)). Ours may not.

Measured for a sleep of 0.5 ms on a quiet machine: 580 us late with epoll, 80 with select, 33 with both. What is left,
a run of the load records itself (`lateness`).
"""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["MOST_VISITORS", "sharpen"]

MOST_VISITORS = 900
"""select() is promised for descriptors up to 1,023 (FD_SETSIZE); the load process needs a few for itself."""

SET_TIMER_SLACK = 29
"""PR_SET_TIMERSLACK of <linux/prctl.h>."""
NANOSECOND = 1
"""The least slack; 0 would mean the default."""


os.environ.setdefault("GEVENT_BACKEND", "select")  # gevent's own variable, which somebody may have set


def sharpen() -> bool:
    """Let the sleeps of this thread end when they are due; tell whether this system can."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(SET_TIMER_SLACK, NANOSECOND, 0, 0, 0) == 0)
