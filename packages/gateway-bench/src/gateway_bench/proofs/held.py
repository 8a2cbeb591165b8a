"""Five hundred requests held by one slow backend behind our front: what do those to a fast backend notice?

::

    500 visitors  --> http_front --/slow--> takes every request, and answers none until we say so
    the crowd     -->     ''     --/------> wsgi_server

The fast backend is asked before, meanwhile, and after. The slow one counts what it holds; at the end it answers, and
all 500 must get their answer.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.load.job import Yield
from gateway_bench.proofs.ground import Findings, Ground, descriptors_up_to, wait_for
from gateway_bench.proofs.visitors import asking

__all__ = ["Holder", "prove"]

NUMBER = 500
ROOM = 200
"""Descriptors for everything else."""
USERS = 8
TIME_LIMIT = 30.0
PLAN = """\
[[route]]
prefix = "/slow"
to = ["{slow}"]
silence = 120.0

[[route]]
to = ["{fast}"]
"""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlate\n"


class Holder:
    """A backend that holds what it is asked until it is let go; `held` counts its requests."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=NUMBER)
        self.address = Address("http", "127.0.0.1", self._listener.getsockname()[1])
        self._holding: list[socket.socket] = []
        self.held = 0
        self._finished = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take connections for the length of the block."""
        thread = threading.Thread(target=self._take, name="holder", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._finished.set()
            thread.join()
            for sock in (self._listener, *self._holding):
                sock.close()

    def let_go(self) -> None:
        """Answer everybody."""
        for sock in self._holding:
            sock.sendall(ANSWER)
            sock.shutdown(socket.SHUT_WR)

    def _take(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._finished.is_set():
                for key, _ in selector.select(0.1):
                    if key.fileobj is self._listener:
                        sock = self._listener.accept()[0]
                        self._holding.append(sock)
                        selector.register(sock, selectors.EVENT_READ)
                    else:
                        selector.unregister(key.fileobj)  # a small request comes in one piece
                        self.held += 1


def prove(ground: Ground) -> Findings:
    """Return `rate` (with them over without), p50 and p99 with and without them, and `unanswered`."""
    found = Findings()
    number = NUMBER // 10 if ground.quick else NUMBER
    if descriptors_up_to(2 * number + ROOM) < 2 * number + ROOM:
        raise ProofFailed(f"it needs {2 * number + ROOM} open files: raise the hard limit (ulimit -Hn)")
    holder = Holder()
    with holder.running(), TemporaryDirectory(prefix="gatelab-held-") as folder, ground.server() as fast:
        plan = Path(folder, "front.toml")
        plan.write_text(PLAN.format(slow=holder.address, fast=fast.address), "utf-8")
        with ground.server("--config", str(plan), app="", module="http_front") as front:
            _asked(ground, front.address, found, 0)  # thrown away: whatever is learnt is learnt now
            del found.readings[:]
            alone = _asked(ground, front.address, found, 0)
            with asking(front.address, "/slow", number, TIME_LIMIT) as visitors:
                wait_for(lambda: holder.held == number, TIME_LIMIT, f"the slow backend holds {number} requests")
                beside = _asked(ground, front.address, found, number)
                holder.let_go()
                unanswered = sum(not _answered(visitor) for visitor in visitors)
            again = _asked(ground, front.address, found, 0)
    _conclude(found, alone, beside, again, number, unanswered)
    return found


def _conclude(found: Findings, alone: Yield, beside: Yield, again: Yield, number: int, unanswered: int) -> None:
    rates = [told["requests"] / told["seconds"] for told in (alone, beside, again)]
    found.add(
        "rate", 2 * rates[1] / (rates[0] + rates[2]), "x", f"requests a second beside {number} held, over without"
    )
    for name in ("p50", "p99"):
        apart = (alone["latency"][name] + again["latency"][name]) / 2
        found.add(name, beside["latency"][name], "us", f"{name} of the fast ones beside them")
        found.add(f"{name}-alone", apart, "us", f"{name} of the fast ones without them")
    found.add("held", number, "", "requests that the slow backend held meanwhile")
    found.add("unanswered", unanswered, "", "of them without an answer when it gave one at last")


def _asked(ground: Ground, address: Address, found: Findings, beside: int) -> Yield:
    """Ask the fast backend as fast as can be."""
    ground.doing(f"held: the fast backend, beside {beside} requests held")
    told = ground.load(address, "hello", USERS, seconds=0.5 if ground.quick else 5.0)
    found.readings.append({"held": beside, "requests": told["requests"], "seconds": told["seconds"],
                           "p50_us": told["latency"]["p50"], "p99_us": told["latency"]["p99"]})  # fmt: skip
    return told


def _answered(visitor: socket.socket) -> bool:
    answer = b""
    try:
        while data := visitor.recv(4096):
            answer += data
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\nlate\n")
