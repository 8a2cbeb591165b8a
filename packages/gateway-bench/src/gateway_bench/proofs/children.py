"""Two hundred programs at once under one CGI host: how much memory does the host itself take?

Each program writes a line and then waits, in the kernel, for a pipe (a FIFO) to be opened. When all 200 lines have
come, all 200 programs run, and the memory of the host's own processes is read: master, worker, guard, and under
`--spawn zygote` the zygote, without the programs. Then the pipe is opened, and every client must get its second line.

What the processes share among themselves is counted once: it is their PSS at rest, and by how much each has grown since
(RSS). PSS alone would not do while programs run, for copies of a zygote share its pages, and would take part of them.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.proofs.ground import Findings, Ground, descriptors_up_to, wait_for
from gateway_bench.proofs.visitors import asking
from gateway_bench.samples.processes import memory_of
from gateway_bench.servers.cgi_programs import open_to_all

__all__ = ["prove"]

NUMBER = 200
QUICK_NUMBER = 20
ROOM = 200
"""Descriptors for everything else."""
PIPES = 8
"""Descriptors that a program and its connection may take in the host."""
TIME_LIMIT = 60.0

SLEEPERS = {
    "posix-spawn": """\
#!/bin/sh
echo 'Content-Type: text/plain'
echo
echo here
: < '{pipe}'
echo done
""",
    "zygote": """\
#!{python}
print("Content-Type: text/plain\\n\\nhere", flush=True)
open("{pipe}").close()
print("done")
""",
}
"""By strategy: a zygote copies itself for programs in its own Python, and for no others."""
KINDS = {
    "pss": "what they share counted once",
    "uss": "without what they share",
    "rss": "what they share counted twice",
}


def prove(ground: Ground) -> Findings:
    """Return `memory`, the most of both strategies, and for each what the host takes at rest, and for a program."""
    found = Findings()
    number = QUICK_NUMBER if ground.quick else NUMBER
    wanted = PIPES * number + ROOM
    if descriptors_up_to(wanted) < wanted:
        raise ProofFailed(f"it needs {wanted} open files: raise the hard limit (ulimit -Hn)")
    unanswered = sum(_beside_programs(ground, strategy, number, found) for strategy in SLEEPERS)
    most = max(row["value"] for row in found.figures if row["name"].startswith("memory-"))
    found.add("memory", most, "bytes", "the most of these")
    found.add("programs", number, "", "programs at once")
    found.add("unanswered", unanswered, "", "clients that did not get the rest")
    return found


def _beside_programs(ground: Ground, strategy: str, number: int, found: Findings) -> int:
    """Read the host's memory while so many programs run; return how many clients did not get the rest."""
    with tempfile.TemporaryDirectory(prefix="gatelab-children-") as folder:
        programs, pipe = Path(folder, "programs"), Path(folder, "pipe")
        _write(programs, pipe, SLEEPERS[strategy])
        options = ("--max-children", str(number), "--spawn", strategy)
        with ground.server(*options, app=str(programs), module="cgi_runner", apart=False) as running:
            tree = running.tree
            own = tree.processes()
            (kind, at_rest, processes), before = memory_of(own), _resident(own)
            ground.doing(f"children: {number} programs at once, by {strategy}")
            with asking(running.address, "/sleeper", number, TIME_LIMIT) as visitors:
                for visitor in visitors:
                    _read_to(visitor, b"here\n")
                known = {process.pid for process in own}
                wait_for(lambda: len(tree.pids() - known) >= number, TIME_LIMIT, f"{number} programs run")
                growth = _resident(own) - before
                unanswered = _let_go(pipe, visitors)
    what = f"of the host's {processes} processes ({kind}, {KINDS[kind]}), by {strategy}"
    found.add(f"memory-{strategy}", at_rest + growth, "bytes", f"{what}, while {number} programs run")
    found.add(f"at-rest-{strategy}", at_rest, "bytes", f"{what}, before the first")
    found.add(f"each-{strategy}", growth / number, "bytes", f"for each program, by {strategy}")
    found.readings.append({"spawn": strategy, "programs": number, "kind": kind, "at_rest": at_rest, "growth": growth,
                           "processes": processes})  # fmt: skip
    return unanswered


def _write(programs: Path, pipe: Path, text: str) -> None:
    """Make the pipe, and the program that waits for it."""
    programs.mkdir()
    os.mkfifo(pipe)
    sleeper = programs / "sleeper"
    sleeper.write_text(text.format(pipe=pipe, python=sys.executable), "utf-8")
    sleeper.chmod(0o755)
    open_to_all(programs)


def _resident(processes: list[psutil.Process]) -> int:
    return sum(int(process.memory_info().rss) for process in processes)


def _read_to(visitor: socket.socket, words: bytes) -> None:
    """Read until these words have come. Raises ProofFailed."""
    answer = b""
    while words not in answer:
        interrupts.check()
        try:
            piece = visitor.recv(4096)
        except OSError as error:
            raise ProofFailed(f"a program does not answer: {error}") from error
        if not piece:
            raise ProofFailed(f"a program's answer ends with {answer[-60:]!r}")
        answer += piece


def _let_go(pipe: Path, visitors: list[socket.socket]) -> int:
    """Open the pipe until all programs have gone on; return how many clients did not get the second line."""
    unanswered = 0
    writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    try:
        for visitor in visitors:
            try:
                _read_to(visitor, b"done\n")
            except ProofFailed:
                unanswered += 1
    finally:
        os.close(writer)
    return unanswered
