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

import mmap
from dataclasses import dataclass

from .master_slot import MasterSlot
from .slots import (
    MASTER,
    TEXT_AT,
    TEXT_MAX,
    THREAD,
    WORD,
    WORKER,
    Slot,
    State,
    WorkerSlot,
    real,
    state_of,
    whole,
)

__all__ = ["MasterSlot", "Scoreboard", "Slot", "State", "ThreadLine", "WorkerLine", "WorkerSlot"]


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


class Scoreboard:
    """The shared memory, to be made before the fork: `workers` slots for workers that serve with `threads` threads.

    `slots` is the number of thread slots of each: the thread that polls counts too where there are several.
    """

    def __init__(self, workers: int, threads: int) -> None:
        self.workers = workers
        self.threads = threads
        self.slots = threads + 1 if threads > 1 else 1
        self._stride = WORKER + self.slots * THREAD
        self._memory = mmap.mmap(-1, MASTER + workers * self._stride)
        self._words = memoryview(self._memory).cast("d")
        self.master = MasterSlot(self._memory)

    def worker(self, index: int) -> WorkerSlot:
        """Return the writing end of a worker's slot."""
        assert 0 <= index < self.workers
        return WorkerSlot(self._memory, MASTER + index * self._stride, self._stride)

    def read(self, index: int) -> WorkerLine:
        """Return what a worker's slot and those of its threads say now."""
        start = MASTER + index * self._stride
        pid, state, generation, started, connections, recent, longest = self._read_words(start, 7)
        threads = [self._read_thread(start + WORKER + number * THREAD) for number in range(self.slots)]
        shown = state_of(state)
        if shown is State.IDLE and any(thread.since for thread in threads):
            shown = State.BUSY
        return WorkerLine(
            whole(pid), shown, whole(generation), real(started), whole(connections), real(recent), real(longest),
            threads,
        )  # fmt: skip

    def _read_thread(self, start: int) -> ThreadLine:
        requests, since, former, length = self._read_words(start, 4)
        text = self._memory[start + TEXT_AT : start + TEXT_AT + min(whole(length), TEXT_MAX)]
        return ThreadLine(whole(requests - former), real(since), text.decode("utf-8", "replace"))

    def _read_words(self, start: int, number: int) -> list[float]:
        return list(self._words[start // WORD : start // WORD + number])

    def _column(self, start: int) -> list[float]:
        """Return one word of every worker's slot and its threads': the one at `start` in that of the first worker."""
        return list(self._words[start // WORD :: self._stride // WORD])

    def lines(self) -> list[WorkerLine]:
        """Return the lines of all workers there are."""
        lines = [self.read(index) for index, state in enumerate(self._column(MASTER + WORD)) if state]
        return [line for line in lines if line.state is not State.EMPTY]

    @property
    def requests(self) -> int:
        """All that were served since the start, by whomever."""
        starts = (MASTER + WORKER + thread * THREAD for thread in range(self.slots))
        return sum(whole(word) for start in starts for word in self._column(start))

    def bury(self, index: int) -> None:
        """Free the slot of a worker that has died."""
        self.worker(index).free()
