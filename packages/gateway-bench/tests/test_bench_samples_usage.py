"""What a tree has used: the difference of two readings, and what each of them remembers of threads and children."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_bench.samples import procfs
from gateway_bench.samples.processes import Tree
from gateway_bench.samples.usage import Counters, read_usage, usage_between
from gateway_runtime.testing import wait_until

linux = pytest.mark.skipif(not procfs.LINUX, reason="reads /proc")

PAGES = 3_000

WORKER = f"""
import mmap, os, subprocess, sys, threading, time

def switch(times):
    for _ in range(times):
        time.sleep(0.0001)

def touch():
    with mmap.mmap(-1, {PAGES} * mmap.PAGESIZE) as pages:
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            pages.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range({PAGES}):
            pages[page * mmap.PAGESIZE] = 1

def burn():
    until = time.process_time() + 0.1
    while time.process_time() < until: pass

orders = threading.Semaphore(0), threading.Semaphore(0)

def serve():
    while True:
        orders[0].acquire()
        switch(200)
        orders[1].release()

threading.Thread(target=serve, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    if line == "stay\\n":
        orders[0].release()
        orders[1].acquire()
    elif line == "pass\\n":
        thread = threading.Thread(target=switch, args=(200,))
        thread.start()
        thread.join()
    elif line == "touch\\n":
        touch()
    elif line == "burn\\n":
        burn()
    else:
        for _ in range(2):  # two children, one after the other
            if not os.fork():
                touch(), burn(), os._exit(0)
            os.wait()
    print("done", flush=True)
"""


class Worker:
    """A process that does what it is told, one thing at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        self.tree = Tree(process.pid)

    def do(self, order: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def working() -> Iterator[Worker]:
    argv = [sys.executable, "-S", "-c", WORKER]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield Worker(process)


@linux
@pytest.mark.parametrize(
    ("order", "seconds", "faults", "switches"),
    [
        ("burn", 0.08, 0, 0),
        ("touch", 0.0, PAGES, 0),
        ("stay", 0.0, 0, 200),  # a thread beside the main one
        ("fork", 0.16, 2 * PAGES, 0),  # children that have ended, and were waited for
    ],
)
def test_what_is_used_is_counted(order: str, seconds: float, faults: int, switches: int) -> None:
    with working() as worker:
        before = read_usage(worker.tree)
        worker.do(order)
        used = usage_between(before, read_usage(worker.tree), None)
    assert used["cpu_seconds"] >= seconds
    assert used["minor_faults"] is not None
    assert faults <= used["minor_faults"] < faults + PAGES
    assert used["voluntary_switches"] is not None
    assert used["voluntary_switches"] >= switches
    assert used["system_seconds"] is not None
    assert 0 <= used["system_seconds"] <= used["cpu_seconds"]


@linux
def test_a_thread_that_ends_takes_its_switches_along_but_not_those_of_others() -> None:
    with working() as worker:
        before = read_usage(worker.tree)
        worker.do("pass")
        wait_until(lambda: len(procfs.switches_of(worker.pid)) == 2, "the thread is gone")  # join() is a little early
        used = usage_between(before, read_usage(worker.tree), None)
    assert used["voluntary_switches"] is not None
    assert 0 < used["voluntary_switches"] < 200


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, (0, 0)),
        ({1: (10, 5)}, {1: (17, 5)}, (7, 0)),
        ({1: (10, 5)}, {1: (17, 6), 2: (3, 2)}, (10, 3)),  # a new thread
        ({1: (10, 5), 2: (900, 900)}, {1: (17, 6)}, (7, 1)),  # an ended one
        ({1: (10, 5)}, {1: (4, 9)}, (4, 9)),  # another thread with the id of an ended one
        ({1: (10, 5)}, {1: (12, 1)}, (12, 1)),
        (None, {1: (1, 1)}, (None, None)),
        ({1: (1, 1)}, None, (None, None)),
    ],
)
def test_switches_are_taken_thread_by_thread(
    before: dict[int, tuple[int, int]] | None,
    after: dict[int, tuple[int, int]] | None,
    expected: tuple[int | None, int | None],
) -> None:
    used = usage_between(Counters(switches=before), Counters(switches=after), None)
    assert (used["voluntary_switches"], used["involuntary_switches"]) == expected


def test_the_difference_of_two_readings() -> None:
    before = Counters(cpu=2.0, system=0.5, minor_faults=100, major_faults=3)
    after = Counters(cpu=3.25, system=0.75, minor_faults=90, major_faults=4)
    used = usage_between(before, after, None)
    assert (used["cpu_seconds"], used["system_seconds"]) == (1.25, 0.25)
    assert (used["minor_faults"], used["major_faults"]) == (0, 1), "never less than nothing"
    assert usage_between(after, before, None)["cpu_seconds"] == 0
    assert usage_between(Counters(), after, None)["minor_faults"] is None, "what one reading lacks is not told"


def test_a_tree_that_has_ended_has_used_nothing_more() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    tree = Tree(process.pid)
    before = read_usage(tree)
    process.communicate()
    assert usage_between(before, read_usage(tree), None)["cpu_seconds"] == 0
    assert procfs.read_stat(process.pid) is None
    assert procfs.switches_of(process.pid) == {}
    assert procfs.proportional_bytes(process.pid) is None


@linux
def test_a_program_may_have_any_name(tmp_path: Path) -> None:
    odd = tmp_path / ") R 1 (a"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "60"]) as process:
        try:
            stat = procfs.read_stat(process.pid)
        finally:
            process.kill()
    assert stat is not None
    assert stat.user + stat.system < 5


@linux
def test_the_tree_found_from_above_is_that_found_from_below() -> None:
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', 'print(1, flush=True); input()'])"
    argv = [sys.executable, "-S", "-c", nested]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"1\n"
        tree = Tree(os.getpid())
        below = {child.pid for child in tree.processes()[0].children(recursive=True)}
        assert tree.pids() == {os.getpid(), *below}
        assert {found.pid for found in tree.processes()} == tree.pids()
        assert len(below) >= 2
        process.communicate(b"\n")


def test_without_proc_psutil_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "LINUX", False)
    with working() as worker:
        before = read_usage(worker.tree)
        worker.do("burn")
        used = usage_between(before, read_usage(worker.tree), None)
        assert used["cpu_seconds"] >= 0.08
        assert used["minor_faults"] is None
        assert used["voluntary_switches"] is None
        assert worker.tree.cpu_seconds() >= used["cpu_seconds"]
        kind, size, alive = worker.tree.memory()
    assert kind in ("pss", "uss", "rss")
    assert size > 1_000_000
    assert alive == 1
