"""What whoever sits at the terminal of `gatelab up` wants: a key, or a signal, both as something to wait for.

::

    SIGINT, SIGTERM, SIGHUP --wake-up pipe--+
                                            +--> select --> END | AGAIN | NOTHING
    a key, if there is a terminal ----------+

The terminal is put into cbreak mode, in which a key comes without Enter and Ctrl-C is still a signal, and gets back
what it was.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final

__all__ = ["Wish", "Wishes", "wishes"]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
KEYS_READ: Final = 64
"""Bytes of keys at a time."""


class Wish(Enum):
    """What is wanted."""

    NOTHING = ""
    END = "end"
    AGAIN = "start again"


KEYS: Final = {b"q": Wish.END, b"s": Wish.AGAIN}


class Wishes:
    """Waits for signals, and for keys where there are any (`keys`)."""

    def __init__(self, signals: int, *, keys: bool) -> None:
        self.keys = keys
        self._signals = signals

    def wait(self, seconds: float) -> Wish:
        """Return what is wanted, or NOTHING after so many seconds."""
        ready, _, _ = select.select([self._signals, *([0] if self.keys else [])], [], [], seconds)
        if self._signals in ready and set(os.read(self._signals, KEYS_READ)) & set(SIGNALS):
            return Wish.END
        if 0 in ready:
            pressed = os.read(0, KEYS_READ)
            self.keys = bool(pressed)  # b"": the terminal is gone
            return next((wish for key, wish in KEYS.items() if key in pressed.lower()), Wish.NOTHING)
        return Wish.NOTHING


@contextmanager
def wishes(*, terminal: bool) -> Iterator[Wishes]:
    """Take signals, and keys if the output is a terminal, and so is the input, and it is ours."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    old = signal.set_wakeup_fd(writing)
    with contextlib.ExitStack() as exits:
        exits.callback(os.close, reading)
        exits.callback(os.close, writing)
        for number, handler in before.items():
            exits.callback(signal.signal, number, handler)
        exits.callback(signal.set_wakeup_fd, old)
        keys = terminal and _ours()
        if keys:
            mode = termios.tcgetattr(0)
            exits.callback(termios.tcsetattr, 0, termios.TCSADRAIN, mode)
            tty.setcbreak(0)
        yield Wishes(reading, keys=keys)


def _ours() -> bool:
    """Is standard input a terminal, and are we the ones it listens to? In the background it would stop us."""
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, ValueError):
        return False
