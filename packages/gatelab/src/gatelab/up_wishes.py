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
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final

__all__ = ["Wish", "Wishes", "is_ours", "wishes"]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STDIN: Final = 0
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
        ready, _, _ = select.select([self._signals, *([STDIN] if self.keys else [])], [], [], seconds)
        if self._signals in ready and set(os.read(self._signals, KEYS_READ)) & set(SIGNALS):
            return Wish.END
        if STDIN in ready:
            pressed = os.read(STDIN, KEYS_READ)
            self.keys = bool(pressed)  # b"": the terminal is gone
            return next((wish for key, wish in KEYS.items() if key in pressed.lower()), Wish.NOTHING)
        return Wish.NOTHING


@contextmanager
def wishes(*, terminal: bool) -> Iterator[Wishes]:
    """Take signals, and keys if the output is a terminal (`terminal`), and so is the input, and it is ours."""
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
        keys = terminal and is_ours(STDIN)
        if keys:
            mode = termios.tcgetattr(STDIN)
            exits.callback(termios.tcsetattr, STDIN, termios.TCSADRAIN, mode)
            tty.setcbreak(STDIN)
        yield Wishes(reading, keys=keys)


def is_ours(terminal: int) -> bool:
    """Is this descriptor a terminal, and are we in its foreground? In the background we have no business there."""
    try:
        return os.isatty(terminal) and os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
