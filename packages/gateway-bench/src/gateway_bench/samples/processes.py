"""What a server costs: the processor time and the memory of its whole process tree.

Processor time of a tree is the sum, over its living processes, of two numbers that the kernel keeps for each:

    own time (user + system)   +   time of ended children that it has waited for, and of theirs

The second is what makes CGI visible. A child that lives for a fifth of a second is gone before anybody polls,
but whoever waits for it inherits its account (times(2): tms_cutime, tms_cstime). The sum over the tree
therefore loses nothing, as long as every child is reaped by its parent. Linux counts in ticks of 10 ms, so a
reading is right to about one tick a process.

Memory is PSS: private pages, plus each shared page divided by the number of its owners. Adding RSS would
count the pages that forked workers share once for each worker. Where the system does not tell PSS the
sample says what it is instead ("uss", "rss").

Sampling is not free, for us and for those that are sampled: the kernel walks the pages of each process, which takes
some tenths of a millisecond, and meanwhile that process can map no memory. `INTERVAL` is chosen for that, and the
proof `cost` measures it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypedDict

import psutil

from gateway_bench.samples import procfs

__all__ = ["HighWater", "Memory", "MemorySampler", "Tree", "machine_busy_seconds", "memory_of"]

SETTLE_LIMIT = 2.0
"""Seconds to wait for ended children to be reaped before a reading is taken anyway."""
SETTLE_STEP = 0.005

INTERVAL = 0.2
"""Seconds between two samples of memory: some dozens in a run, for about a hundredth of a processor."""
KINDS = ("rss", "uss", "pss")
"""What is counted of a process, the roughest first: a sum is called after the roughest of its parts."""

RESET_PEAK = "5"
"""proc_pid_clear_refs(5): "Reset the peak resident set size ("high water mark") to the process's current..."."""
FINE = 0.01
"""Seconds between two samples where the kernel keeps no high-water mark."""


class Memory(TypedDict):
    """Samples of the memory of a tree: `[seconds since the first, bytes, processes]` each."""

    kind: str
    samples: list[tuple[float, int, int]]
    median: int
    peak: int


class Tree:
    """The process `pid` and everything that it started. Raises psutil.NoSuchProcess if it has ended."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def alive(self) -> bool:
        """Tell whether the first process still runs; one that has ended and was not waited for does not."""
        try:
            return bool(self._root.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def processes(self) -> list[psutil.Process]:
        """Return the living processes, the root first; empty when the root has ended."""
        if not procfs.LINUX:
            try:
                return [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return []
        found = []
        for pid in self._pids():
            try:
                found.append(self._root if pid == self._root.pid else psutil.Process(pid))
            except psutil.NoSuchProcess:
                continue
        return found

    def pids(self) -> set[int]:
        """Return the ids of the living processes."""
        return set(self._pids())

    def _pids(self) -> list[int]:
        if not procfs.LINUX:
            return [process.pid for process in self.processes()]
        return procfs.descendants(self._root.pid) if self._root.is_running() else []

    def cpu_seconds(self) -> float:
        """Return the processor time used so far, by the living and by the ended that were waited for."""
        if not procfs.LINUX:
            return sum(_cpu_seconds(process) for process in self.processes())
        stats = map(procfs.read_stat, self._pids())
        return sum(stat.user + stat.system for stat in stats if stat)

    def settle(self, at_rest: AbstractSet[int], limit: float = SETTLE_LIMIT) -> bool:
        """Wait until no process is left beside those `at_rest`; False when the limit (seconds) passed first."""
        deadline = time.monotonic() + limit
        while self.pids() - at_rest:
            if time.monotonic() > deadline:
                return False
            time.sleep(SETTLE_STEP)
        return True

    def memory(self) -> tuple[str, int, int]:
        """Return what is counted ("pss", "uss" or "rss"), its sum in bytes, and the number of processes."""
        return memory_of(self.processes())


class MemorySampler:
    """Reads the memory of some trees, each by its name, every `interval` seconds, in one thread for all of them."""

    def __init__(self, trees: Mapping[str, Tree], interval: float = INTERVAL) -> None:
        self._trees = dict(trees)
        self._interval = interval
        self._kinds = dict.fromkeys(trees, KINDS[-1])
        self._samples: dict[str, list[tuple[float, int, int]]] = {name: [] for name in trees}

    @contextmanager
    def running(self) -> Iterator[MemorySampler]:
        """Sample at once and then until the block ends."""
        finished = threading.Event()
        thread = threading.Thread(target=self._sample, args=(finished,), name="memory", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            finished.set()
            thread.join()

    def _sample(self, finished: threading.Event) -> None:
        began = time.monotonic()
        while True:
            for name, tree in self._trees.items():
                kind, size, alive = tree.memory()
                if alive:
                    self._kinds[name] = min(self._kinds[name], kind, key=KINDS.index)
                    self._samples[name].append((round(time.monotonic() - began, 3), size, alive))
            if finished.wait(self._interval):
                return

    def result(self, name: str) -> Memory:
        """Return the samples of a tree so far with their median and peak in bytes; zero when there are none."""
        samples = list(self._samples[name])
        sizes = [size for _, size, _ in samples]
        return Memory(
            kind=self._kinds[name],
            samples=samples,
            median=round(median(sizes)) if sizes else 0,
            peak=max(sizes, default=0),
        )


class HighWater:
    """By how much the resident memory of a tree grew at most, while a block ran: `before` and `growth` in bytes.

    Linux keeps a high-water mark for each process, which misses nothing. Elsewhere a thread looks a hundred times a
    second. Resident memory has no page cache in it, other than of files that the process has mapped.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.before = 0
        self.growth = 0

    @contextmanager
    def watching(self) -> Iterator[HighWater]:
        """Watch for the length of the block."""
        processes = self._tree.processes()
        self.before = sum(int(process.memory_info().rss) for process in processes)
        if all(_reset_peak(process.pid) for process in processes):
            yield self
            self.growth = sum(_peak(process.pid) for process in processes) - self.before
            return
        finished, seen = threading.Event(), [self.before]

        def look() -> None:
            while not finished.wait(FINE):
                seen.append(sum(int(process.memory_info().rss) for process in processes))

        thread = threading.Thread(target=look, name="high water", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            finished.set()
            thread.join()
        self.growth = max(seen) - self.before


def _reset_peak(pid: int) -> bool:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def _peak(pid: int) -> int:
    """Return the high-water mark of a process in bytes, as /proc/PID/status says it in kB."""
    found = re.search(r"^VmHWM:\s+([0-9]+) kB$", Path(f"/proc/{pid}/status").read_text("ascii"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def memory_of(processes: Iterable[psutil.Process]) -> tuple[str, int, int]:
    """Return what is counted ("pss", "uss" or "rss"), its sum in bytes, and how many of these processes live."""
    kind, total, alive = KINDS[-1], 0, 0
    for process in processes:
        try:
            counted, size = _memory_bytes(process)
        except psutil.NoSuchProcess:
            continue
        kind = min(kind, counted, key=KINDS.index)
        total += size
        alive += 1
    return kind, total, alive


def machine_busy_seconds() -> float:
    """Return the time that all processors together were not idle, since the system started, in seconds."""
    times = psutil.cpu_times()._asdict()
    counted_twice = ("guest", "guest_nice")  # they are in user and nice already
    idle = ("idle", "iowait", *counted_twice)
    return float(sum(seconds for name, seconds in times.items() if name not in idle))


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0  # ended a moment ago: its parent's account has it
    return float(times.user + times.system + times.children_user + times.children_system)


def _memory_bytes(process: psutil.Process) -> tuple[str, int]:
    if procfs.LINUX:
        proportional = procfs.proportional_bytes(process.pid)
        if proportional is not None:
            return "pss", proportional
        resident = int(process.memory_info().rss)
        if not resident:  # it has ended, and nobody has waited for it yet
            raise psutil.NoSuchProcess(process.pid)
        return "rss", resident
    try:
        info = process.memory_full_info()
    except psutil.AccessDenied:
        return "rss", int(process.memory_info().rss)
    return ("pss", int(info.pss)) if hasattr(info, "pss") else ("uss", int(info.uss))
