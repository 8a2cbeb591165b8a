"""Who is doing what: a shared page of memory with a slot for each thread that serves.

Workers write their own slot, the master (and later a status page) reads all. A write is a store into mapped memory: no
lock, no system call. A reader may see a slot between two stores; that is good enough for a status line.

::

    one slot, 256 bytes     0 pid   8 requests   16 busy since (ns, monotonic; 0: idle)   24 length   40 request
"""

from __future__ import annotations

import mmap
import time
from dataclasses import dataclass
from enum import Enum

__all__ = ["Line", "Scoreboard", "Slot", "State"]

_SLOT = 256
_WORDS = _SLOT // 8
_TEXT_AT = 40
_TEXT_MAX = _SLOT - _TEXT_AT


class State(Enum):
    """What a slot's owner is doing."""

    EMPTY = "nobody has the slot"
    IDLE = "waits for requests"
    BUSY = "serves one"


@dataclass(frozen=True, slots=True)
class Line:
    """One slot as read: `busy_for` in seconds, `request` is "METHOD /path" of the present or the last request."""

    pid: int
    state: State
    requests: int
    busy_for: float
    request: str


class Slot:
    """The writing end of one slot."""

    __slots__ = ("_memory", "_request", "_requests", "_text_at", "_word", "_words")

    def __init__(self, memory: mmap.mmap, index: int) -> None:
        self._memory = memory
        self._request = ""  # what the slot says, to write it only when it changes
        self._requests = 0
        self._words = memoryview(memory).cast("Q")
        self._word = index * _WORDS
        self._text_at = index * _SLOT + _TEXT_AT

    def take(self, pid: int) -> None:
        """Make the slot ours, from zero."""
        self._memory[self._text_at - _TEXT_AT : self._text_at + _TEXT_MAX] = bytes(_SLOT)
        self._request = ""
        self._requests = 0
        self._words[self._word] = pid

    def begin(self, request: str) -> None:
        """Serve `request` from now on."""
        words, at = self._words, self._word
        if request != self._request:
            self._request = request
            text = request.encode("utf-8", "replace")[:_TEXT_MAX]
            words[at + 3] = len(text)
            self._memory[self._text_at : self._text_at + len(text)] = text
        words[at + 2] = time.monotonic_ns()

    def end(self) -> None:
        """That request is over."""
        words, at = self._words, self._word
        self._requests += 1
        words[at + 1] = self._requests
        words[at + 2] = 0


class Scoreboard:
    """Shared memory with `size` slots, to be made before the fork."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = mmap.mmap(-1, size * _SLOT)

    def slot(self, index: int) -> Slot:
        """Return the writing end of a slot."""
        return Slot(self._memory, index)

    def read(self, index: int) -> Line:
        """Return what a slot says now."""
        start = index * _SLOT
        with memoryview(self._memory) as view, view.cast("Q") as words:
            pid, requests, since, length = words[index * _WORDS : index * _WORDS + 4]
        text = self._memory[start + _TEXT_AT : start + _TEXT_AT + min(length, _TEXT_MAX)]
        state = State.BUSY if since else State.IDLE if pid else State.EMPTY
        busy_for = (time.monotonic_ns() - since) / 1e9 if since else 0.0
        return Line(pid, state, requests, busy_for, text.decode("utf-8", "replace"))

    def clear(self, index: int) -> None:
        """Free a slot whose owner has died."""
        self._memory[index * _SLOT : (index + 1) * _SLOT] = bytes(_SLOT)
