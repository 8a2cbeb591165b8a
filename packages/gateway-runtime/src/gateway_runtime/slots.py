"""The writing ends of the scoreboard: what the layout drawn in `scoreboard` looks like to those who fill it in."""

from __future__ import annotations

import math
import mmap
import time
from enum import Enum

__all__ = [
    "MANAGERS", "MASTER", "TEXT_AT", "TEXT_MAX", "THREAD", "WORD", "WORKER", "Slot", "State", "WorkerSlot", "real",
    "state_of", "whole",
]  # fmt: skip

MASTER, WORKER, THREAD = 256, 128, 256
"""Bytes of each kind of slot."""

WORD = 8

TEXT_AT = 4 * WORD
TEXT_MAX = THREAD - TEXT_AT
"""Bytes of a request's "METHOD /path" that are kept: the usual ones whole, and four cache lines a thread."""

_DECAY = 1 / 16
"""Weight of the newest in the recent queue wait: about the last thirty turns of the loop count."""

MANAGERS = ("static", "dynamic", "ondemand")
"""How the master decides on the number of workers."""


class State(Enum):
    """What a worker or a thread is doing."""

    EMPTY = "nobody has the slot"
    STARTING = "loads the application"
    IDLE = "waits for requests"
    BUSY = "serves one"
    RETIRING = "finishes what is under way, then ends"


_STATES = tuple(State)
_CODES = {state: float(code) for code, state in enumerate(_STATES)}


def whole(word: float) -> int:
    """Return a word as a count. What no writer has written, such as half a number, becomes 0."""
    return int(word) if 0 <= word < 2**53 else 0


def real(word: float) -> float:
    """Return a word as a time, likewise."""
    return word if math.isfinite(word) and word > 0 else 0.0


def state_of(word: float) -> State:
    """Return a word as a state, likewise: EMPTY."""
    code = whole(word)
    return _STATES[code] if code < len(_STATES) else State.EMPTY


class Slot:
    """The writing end of a thread's slot. On the hot path of every request: measure what you change."""

    __slots__ = ("_memory", "_request", "_requests", "_start", "_words")

    def __init__(self, memory: mmap.mmap, start: int) -> None:
        self._memory = memory
        self._start = start
        self._words = memoryview(memory)[start : start + TEXT_AT].cast("d")
        self._request = ""  # what the slot says, to write it only when it changes
        self._requests = self._words[0]

    def begin(self, request: str, now: float) -> None:
        """Serve `request` since `now`, in time.monotonic() seconds."""
        if request != self._request:
            self._write(request)
        self._words[1] = now

    def end(self) -> None:
        """That request is over."""
        words = self._words
        self._requests = requests = self._requests + 1.0
        words[0] = requests
        words[1] = 0.0

    def rest(self) -> None:
        """It is not over, but nothing is done for it now: its response waits for the peer to read."""
        self._words[1] = 0.0

    def free(self) -> None:
        """Leave the count to the next owner, and nothing else."""
        words = self._words
        words[1], words[2], words[3] = 0.0, words[0], 0.0

    def _write(self, request: str) -> None:
        self._request = request
        text = request.encode("utf-8", "replace")[:TEXT_MAX]
        at = self._start + TEXT_AT
        self._memory[at : at + len(text)] = text
        self._words[3] = len(text)


class WorkerSlot:
    """The writing end of a worker's slot, and of its threads'. Of its threads only one writes it at a time."""

    __slots__ = ("_longest", "_memory", "_recent", "_size", "_start", "_words")

    def __init__(self, memory: mmap.mmap, start: int, size: int) -> None:
        self._memory = memory
        self._start = start
        self._size = size
        self._words = memoryview(memory)[start : start + WORKER].cast("d")
        self._recent = self._longest = 0.0

    def take(self, pid: int, generation: int) -> None:
        """Make the slot ours, from zero: a worker that is starting."""
        self.free()
        words = self._words
        words[0], words[2], words[3] = pid, generation, time.monotonic()
        self.state = State.STARTING

    def free(self) -> None:
        """Make it nobody's: its owner has died."""
        self._memory[self._start : self._start + WORKER] = bytes(WORKER)
        self._recent = self._longest = 0.0
        for index in range(self.slots):
            self.thread(index).free()

    @property
    def state(self) -> State:
        """What was written: STARTING, IDLE (it serves; readers make it BUSY by its threads), RETIRING."""
        return state_of(self._words[1])

    @state.setter
    def state(self, state: State) -> None:
        self._words[1] = _CODES[state]

    def connections(self, number: int) -> None:
        """Tell how many connections are open."""
        self._words[4] = number

    def lag(self, seconds: float) -> None:
        """Tell how long the last in line has waited. Once a turn of the loop, with 0.0 if nobody did."""
        words = self._words
        self._recent = recent = self._recent + (seconds - self._recent) * _DECAY
        words[5] = recent
        if seconds > self._longest:
            self._longest = seconds
            words[6] = seconds

    @property
    def alone(self) -> bool:
        """Is there no other worker?"""
        states = memoryview(self._memory).cast("d")[(MASTER + WORD) // WORD :: self._size // WORD]
        return sum(map(bool, states)) <= 1

    @property
    def slots(self) -> int:
        """How many threads have a slot."""
        return (self._size - WORKER) // THREAD

    def thread(self, index: int) -> Slot:
        """Return the writing end of a thread's slot, to be called once a thread after `take`."""
        assert 0 <= index < self.slots
        return Slot(self._memory, self._start + WORKER + index * THREAD)
