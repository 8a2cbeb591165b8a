"""Who is doing what: memory that master and workers share, with a line for each of them and for each thread.

Everybody writes lines of their own and reads all: the master names what a worker died of, and any process can answer
with the whole status. A write is a store into mapped memory: no lock, no system call. A reader may see a line between
two stores, or a text half written; it gets an odd status line for once, and never an exception.

::

    master | worker 0 | its thread 0 | its thread 1 | ... | worker 1 | its thread 0 | ...

    master  256 bytes   one word for each field of MasterSlot
    worker  128 bytes   pid  state  generation  started  connections  wait, recent  wait, longest
    thread  256 bytes   requests  busy since (0: idle)  requests of former owners  length  "GET /path" of now or before

A thread's count of requests goes on when its slot gets a new owner, who notes where he began. So the total of all
slots never goes down, whoever dies, and nothing has to be added up at a death.

Every word is a C double, so that one view of the memory serves for times and counts alike; it is exact for whole
numbers up to 2 ** 53. Times are `time.monotonic()`, which all processes of a machine share, except where it says
"unix". Slots begin on lines of the processor's cache (64 bytes): what two processes write is never on the same one.
"""

from __future__ import annotations

import math
import mmap
import time
from dataclasses import dataclass
from enum import Enum
from typing import overload

__all__ = ["MANAGERS", "MasterSlot", "Scoreboard", "Slot", "State", "ThreadLine", "WorkerLine", "WorkerSlot"]

_MASTER = 256
_WORKER = 128
_THREAD = 256
_WORD = 8

_TEXT_AT = 4 * _WORD
_TEXT_MAX = _THREAD - _TEXT_AT
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


def _whole(word: float) -> int:
    """Return a word as a count. What no writer has written, such as half a number, becomes 0."""
    return int(word) if 0 <= word < 2**53 else 0


def _real(word: float) -> float:
    return word if math.isfinite(word) and word > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """A thread as read: `request` is "METHOD /path" of the present request or the last, `since` its start or 0.0."""

    requests: int
    since: float
    request: str

    @property
    def state(self) -> State:
        """IDLE or BUSY."""
        return State.BUSY if self.since else State.IDLE


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker as read. `wait_recent`, `wait_max`: seconds that the last in line waited for the loop or a thread."""

    pid: int
    state: State
    generation: int
    started: float
    connections: int
    wait_recent: float
    wait_max: float
    threads: list[ThreadLine]

    @property
    def requests(self) -> int:
        """All that its threads have served."""
        return sum(thread.requests for thread in self.threads)


class Slot:
    """The writing end of a thread's slot. On the hot path of every request: measure what you change."""

    __slots__ = ("_memory", "_request", "_requests", "_start", "_words")

    def __init__(self, memory: mmap.mmap, start: int) -> None:
        self._memory = memory
        self._start = start
        self._words = memoryview(memory)[start : start + _TEXT_AT].cast("d")
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
        text = request.encode("utf-8", "replace")[:_TEXT_MAX]
        at = self._start + _TEXT_AT
        self._memory[at : at + len(text)] = text
        self._words[3] = len(text)


class WorkerSlot:
    """The writing end of a worker's slot, and of its threads'. Of its threads only one writes it at a time."""

    __slots__ = ("_longest", "_memory", "_recent", "_size", "_start", "_words")

    def __init__(self, memory: mmap.mmap, start: int, size: int) -> None:
        self._memory = memory
        self._start = start
        self._size = size
        self._words = memoryview(memory)[start : start + _WORKER].cast("d")
        self._recent = self._longest = 0.0

    def take(self, pid: int, generation: int) -> None:
        """Make the slot ours, from zero: a worker that is starting."""
        self.free()
        words = self._words
        words[0], words[2], words[3] = pid, generation, time.monotonic()
        self.state = State.STARTING

    def free(self) -> None:
        """Make it nobody's: its owner has died."""
        self._memory[self._start : self._start + _WORKER] = bytes(_WORKER)
        self._recent = self._longest = 0.0
        for index in range(self.slots):
            self.thread(index).free()

    @property
    def state(self) -> State:
        """What was written: STARTING, IDLE (it serves; readers make it BUSY by its threads), RETIRING."""
        return _state(self._words[1])

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
    def slots(self) -> int:
        """How many threads have a slot."""
        return (self._size - _WORKER) // _THREAD

    def thread(self, index: int) -> Slot:
        """Return the writing end of a thread's slot, to be called once a thread after `take`."""
        assert 0 <= index < self.slots
        return Slot(self._memory, self._start + _WORKER + index * _THREAD)


class _Count:
    """A word of the master's slot as an attribute: a whole number."""

    def __init__(self, index: int) -> None:
        self._index = index

    @overload
    def __get__(self, slot: None, owner: type) -> _Count: ...
    @overload
    def __get__(self, slot: MasterSlot, owner: type) -> int: ...
    def __get__(self, slot: MasterSlot | None, owner: type) -> _Count | int:
        return self if slot is None else _whole(slot.words[self._index])

    def __set__(self, slot: MasterSlot, value: int) -> None:
        slot.words[self._index] = value


class MasterSlot:
    """The master's own line: only the master writes, all read. Its counts are attributes: `board.master.died += 1`."""

    pid = _Count(0)
    generation = _Count(4)
    configured = _Count(5)  # workers: how many were asked for
    least = _Count(6)
    most = _Count(7)
    spawned = _Count(8)
    died = _Count(9)  # of those that nobody had asked to end
    reloads = _Count(10)
    slow_requests = _Count(11)
    timed_out = _Count(12)

    def __init__(self, memory: mmap.mmap) -> None:
        self.words = memoryview(memory)[:_MASTER].cast("d")

    def take(self, pid: int) -> None:
        """Note who the master is, and that it has started now."""
        self.pid = pid
        self.words[1], self.words[2] = time.time(), time.monotonic()

    @property
    def started(self) -> float:
        """When it started, unix time."""
        return _real(self.words[1])

    @property
    def since(self) -> float:
        """When it started, monotonic."""
        return _real(self.words[2])

    @property
    def manager(self) -> str:
        """One of MANAGERS."""
        return MANAGERS[min(_whole(self.words[3]), len(MANAGERS) - 1)]

    @manager.setter
    def manager(self, kind: str) -> None:
        self.words[3] = MANAGERS.index(kind)


class Scoreboard:
    """The shared memory, to be made before the fork: `workers` slots for workers that serve with `threads` threads.

    `slots` is the number of thread slots of each: the thread that polls counts too where there are several.
    """

    def __init__(self, workers: int, threads: int) -> None:
        self.workers = workers
        self.threads = threads
        self.slots = threads + 1 if threads > 1 else 1
        self._stride = _WORKER + self.slots * _THREAD
        self._memory = mmap.mmap(-1, _MASTER + workers * self._stride)
        self.master = MasterSlot(self._memory)

    def worker(self, index: int) -> WorkerSlot:
        """Return the writing end of a worker's slot."""
        assert 0 <= index < self.workers
        return WorkerSlot(self._memory, _MASTER + index * self._stride, self._stride)

    def read(self, index: int) -> WorkerLine:
        """Return what a worker's slot and those of its threads say now."""
        start = _MASTER + index * self._stride
        with memoryview(self._memory)[start : start + _WORKER] as part, part.cast("d") as words:
            pid, state, generation, started, connections, recent, longest = words[:7]
        threads = [self._read_thread(start + _WORKER + number * _THREAD) for number in range(self.slots)]
        shown = _state(state)
        if shown is State.IDLE and any(thread.since for thread in threads):
            shown = State.BUSY
        return WorkerLine(
            _whole(pid), shown, _whole(generation), _real(started), _whole(connections), _real(recent), _real(longest),
            threads,
        )  # fmt: skip

    def _read_thread(self, start: int) -> ThreadLine:
        with memoryview(self._memory)[start : start + _TEXT_AT] as part, part.cast("d") as words:
            requests, since, former, length = words
        text = self._memory[start + _TEXT_AT : start + _TEXT_AT + min(_whole(length), _TEXT_MAX)]
        return ThreadLine(_whole(requests - former), _real(since), text.decode("utf-8", "replace"))

    def lines(self) -> list[WorkerLine]:
        """Return the lines of all workers there are."""
        lines = (self.read(index) for index in range(self.workers))
        return [line for line in lines if line.state is not State.EMPTY]

    @property
    def requests(self) -> int:
        """All that were served since the start, by whomever."""
        with memoryview(self._memory) as view, view.cast("d") as words:
            starts = (
                _MASTER + worker * self._stride + _WORKER + thread * _THREAD
                for worker in range(self.workers)
                for thread in range(self.slots)
            )
            return sum(_whole(words[start // _WORD]) for start in starts)

    def bury(self, index: int) -> None:
        """Free the slot of a worker that has died."""
        self.worker(index).free()


def _state(word: float) -> State:
    code = _whole(word)
    return _STATES[code] if code < len(_STATES) else State.EMPTY
