"""strace, attached to a server that runs: what it wrote down comes back as text.

strace stops a process twice at every system call, so a traced server is many times slower. Hence nothing is measured
beside it; what is *counted* under it is the same as ever.

Whether it may attach depends on the machine: Linux alone has it, containers often forbid ptrace, and Yama
(ptrace_scope) lets only root trace what it has not started. None of that ends a run: `Trace.reason` says why there is
nothing to read.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_bench import interrupts
from gateway_bench.samples import procfs
from gateway_bench.samples.processes import Tree

__all__ = ["Trace", "attached", "why_not"]

PROGRAM = "strace"
INSTALL = "apt-get install strace"
ATTACH_LIMIT = 10.0
"""Seconds until every thread of the tree must be traced; it takes milliseconds."""
DETACH_LIMIT = 10.0
STEP = 0.005
"""Seconds between two looks at whether it is attached."""
YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")


@dataclass
class Trace:
    """`reason` says why nothing was traced, else it is ""; `text` is what strace wrote, once the block has ended."""

    reason: str = ""
    text: str = ""


def why_not() -> str:
    """Return one sentence that says why nothing can be traced here; "" if it may be tried."""
    if not procfs.LINUX:
        return "only Linux has strace"
    if shutil.which(PROGRAM) is None:
        return f"strace is not installed ({INSTALL})"
    try:
        scope = int(YAMA.read_text("ascii"))
    except (OSError, ValueError):
        scope = 0
    if scope > 2 or (scope and os.geteuid()):
        return f"this machine lets nobody trace a server that runs ({YAMA} is {scope})"
    return ""


@contextmanager
def attached(tree: Tree, *options: str) -> Iterator[Trace]:
    """Trace all processes and threads of the tree, and all that they start, for the length of the block.

    It has attached when the block begins, and has let go when the block has ended.
    """
    trace = Trace(why_not())
    if trace.reason:
        yield trace
        return
    with tempfile.TemporaryDirectory(prefix="gatelab-strace-") as folder:
        written, words = Path(folder, "written"), Path(folder, "words")
        command = [PROGRAM, "-f", *options, "-o", str(written), *(f"-p{pid}" for pid in sorted(tree.pids()))]
        with words.open("wb") as errors:  # a file, since a full pipe would stop it
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True
            )
        try:
            if not _has_attached(process, tree):
                trace.reason = _complaint(words)
            yield trace
        finally:
            _detach(process)
        if not trace.reason:
            trace.text = written.read_text("utf-8", "replace")


def _has_attached(process: subprocess.Popen[bytes], tree: Tree) -> bool:
    """Wait until every thread is traced; False if strace has ended, or takes too long."""
    deadline = time.monotonic() + ATTACH_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        interrupts.check()
        pids = tree.pids()
        if pids and all(procfs.is_traced(pid) for pid in pids):
            return True
        time.sleep(STEP)
    return False


def _complaint(words: Path) -> str:
    """Return what strace said last, as a sentence."""
    said = words.read_text("utf-8", "replace").strip().rpartition("\n")[2]
    return f"strace could not attach ({said.removeprefix('strace: ') or 'and did not say why'})"


def _detach(process: subprocess.Popen[bytes]) -> None:
    """Let go of the server, which runs on, and wait until what was counted is written."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(DETACH_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()  # the kernel lets go of whom it traced
        process.wait()
