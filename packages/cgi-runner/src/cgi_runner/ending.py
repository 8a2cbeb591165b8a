"""The end of a program: every one is reaped, and none that was told to go stays.

A program ends in one of three ways, seen from here:

========================================  ==============================================================================
it has ended by itself                    reap it, at once
it has given its response and goes on     let it, within the time limit; a thread waits for it, no request does
its response is not wanted any more       TERM to its process group; who is still there after a grace gets KILL
========================================  ==============================================================================

Waiting happens in a thread of its own, because the thread that finds out is often the one that serves everybody else.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

from .spawn import TICK, Child, signal_group

__all__ = ["KILL_AFTER", "let_finish", "make_end", "take_leave"]

KILL_AFTER = 2.0
"""Seconds between TERM and KILL: time to roll back and to remove temporary files."""

Done = Callable[[int], None]
"""What is called with the exit status once the program is reaped."""


def take_leave(child: Child, done: Done) -> None:
    """Reap a program that has ended."""
    done(child.reap())


def let_finish(child: Child, seconds: float, done: Done) -> None:
    """Let a program go on that has closed its output. After `seconds` it is made to end."""

    def wait() -> None:
        if child.has_exited(seconds):
            take_leave(child, done)
        else:
            child.signal_group(signal.SIGTERM)
            _see_off(child, done)

    # A daemon thread: the program may work longer than the server that started it.
    _apart(threading.Thread(target=wait, name=f"cgi-{child.pid}-finishes", daemon=True), child, done)


def make_end(child: Child, done: Done) -> None:
    """Signal the program and everything it has started; return at once."""
    child.signal_group(signal.SIGTERM)
    _apart(threading.Thread(target=_see_off, args=(child, done), name=f"cgi-{child.pid}-ends"), child, done)


def _apart(thread: threading.Thread, child: Child, done: Done) -> None:
    """Let a thread wait for the program. If the system gives us none, there is no time to wait."""
    try:
        thread.start()
    except RuntimeError:
        child.signal_group(signal.SIGKILL)
        done(child.reap())


def _see_off(child: Child, done: Done) -> None:
    """After TERM: wait for the program, then for the rest of its group, KILL_AFTER seconds in all; then KILL.

    Only then is it done: until nobody is left the guard must know of the group, for this process may be killed too.
    """
    limit = time.monotonic() + KILL_AFTER
    if not child.has_exited(KILL_AFTER):
        child.signal_group(signal.SIGKILL)
    status = child.reap()
    while signal_group(child.pid, 0) and time.monotonic() < limit:
        time.sleep(TICK)
    child.signal_group(signal.SIGKILL)
    done(status)
