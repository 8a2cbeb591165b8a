"""Forty CGI programs, counted by two people: one looks at the process table now and then, one has started them.

::

    spawner    |*|   |*|   |*|   |*|   |*|   |*|      each birth is told as it happens
    poller      ^             ^             ^         who was born and has ended in between was never there
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway_lab.asking import ask
from gateway_lab.servers import Server

__all__ = ["PROGRAMS", "Looks", "count_children", "polled"]

PROGRAMS = Path(__file__).with_name("programs")
TARGET = "/hello.sh"
LONGEST_PAUSE = 0.06
"""Seconds between two requests: forty of them take a second or two, in which a poller looks a few dozen times."""


@dataclass(slots=True)
class Looks:
    """What a poller saw: when it looked, and which processes were there for the first time."""

    times: list[float] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def look(self, server: Server) -> None:
        """Look once."""
        there = set(server.pids)
        self.times.append(time.time())
        self.new.append(len(there - self.seen))
        self.seen |= there


@contextmanager
def polled(server: Server, every: float) -> Iterator[Looks]:
    """Look at a server's processes every so many seconds, for the length of the block. Those at rest do not count."""
    looks, ended = Looks(seen=set(server.pids)), threading.Event()

    def look() -> None:
        while not ended.wait(every):
            looks.look(server)

    thread = threading.Thread(target=look, name="poller", daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        ended.set()
        thread.join()


def count_children(requests: int, every: float) -> dict[str, list[float]]:
    """Ask a CGI runner for a small program so many times, and have its processes counted by both.

    Between two requests is a pause of chance, as visitors make them. Return in seconds from the first birth on:
    `births` as the spawner tells them; `looks`, when the poller looked; and for each how many it had `seen` by then.
    """
    command = [sys.executable, "-m", "cgi_runner", str(PROGRAMS), "--interpreter", ".sh=/bin/sh"]
    dice = random.Random()  # noqa: S311  # visitors, no secret
    with Server([*command, "--bind", "127.0.0.1:0"], events=True) as server:
        with polled(server, every) as looks:
            for _ in range(requests):
                ask(f"{server.url}{TARGET}")
                time.sleep(dice.uniform(0, LONGEST_PAUSE))
        server.heard("exit", count=requests)
        births = [told.at for told in server.heard("spawn") if told.more["role"] == "cgi"]
    first = min(births, default=0.0)
    return {
        "births": [round(at - first, 5) for at in births],
        "looks": [round(at - first, 5) for at in looks.times],
        "seen": [float(sum(looks.new[: number + 1])) for number in range(len(looks.new))],
    }
