"""Ten thousand connections that send one byte a second, beside a good client.

Each drips the head of a request that never ends. The server cuts such a connection when its time for a head is over,
and the sender opens another: that is what an attacker does. Every byte wakes the server, so they cost something; what
counts is that nobody waits for them.

The good client asks twice: as fast as it can (how much is left of the server?), and at a steady pace (how long must it
wait?).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.load.job import Yield
from gateway_bench.proofs.ground import Findings, Ground, Running, descriptors_up_to, wait_for
from gateway_bench.proofs.idle import LINGER_NONE
from gateway_bench.samples.cores import on_core, two_cores

__all__ = ["Drippers", "prove"]

CONNECTIONS = 10_000
ROOM = 200
SLICES = 100
"""Parts of a second, in each of which one part of the connections sends its byte."""
BEGINNING = b"GET /hello HTTP/1.1\r\nHost: drip\r\nX-Endless: "
CONNECT_LIMIT = 10.0
USERS = 4
PAUSE = 0.02


class Drippers:
    """`number` connections that each send a byte a second, from a thread, while `dripping()`."""

    def __init__(self, address: Address, number: int) -> None:
        self._address = address
        self._number = number
        self._open: list[socket.socket | None] = [None] * number
        self._place = [0] * number  # in BEGINNING
        self.opened = 0
        self.cut = 0
        self.sent = 0
        self.error = ""

    @contextmanager
    def dripping(self) -> Iterator[None]:
        """Open them all, drip for the length of the block, and close them. Raises ProofFailed."""
        finished = threading.Event()
        thread = threading.Thread(target=self._drip, args=(finished,), name="drip", daemon=True)
        thread.start()
        try:
            wait_for(lambda: self.sent >= self._number or bool(self.error), 60.0, "the drippers are connected")
            yield
        finally:
            finished.set()
            thread.join()
        if self.error:
            raise ProofFailed(f"the drippers failed: {self.error}")

    def _drip(self, finished: threading.Event) -> None:
        began = time.monotonic()
        turn = 0
        with on_core(two_cores(apart=True)[1]):  # of this thread alone
            try:
                while not finished.is_set():
                    for index in range(turn % SLICES, self._number, SLICES):
                        self._turn(index)
                    turn += 1
                    finished.wait(max(0.0, began + turn / SLICES - time.monotonic()))
            except OSError as error:
                self.error = str(error)
        for connection in self._open:
            if connection is not None:
                connection.close()

    def _turn(self, index: int) -> None:
        """Send the next byte of one connection, or open it anew if the server has cut it."""
        connection = self._open[index]
        if connection is not None:
            place = self._place[index]
            try:
                if not _has_ended(connection):
                    connection.send(BEGINNING[place : place + 1] or b"a")
                    self._place[index] = place + 1
                    self.sent += 1
                    return
            except OSError:
                pass
            connection.close()
            self.cut += 1
        fresh = self._address.connect(CONNECT_LIMIT)
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        fresh.setblocking(False)
        self._open[index], self._place[index] = fresh, 0
        self.opened += 1


def prove(ground: Ground) -> Findings:
    """Return `rate` (with them over without) and p99 of a steady client with and without them."""
    found = Findings()
    number = min(CONNECTIONS, descriptors_up_to(CONNECTIONS + ROOM) - ROOM)
    if ground.quick:
        number //= 10
    elif number < CONNECTIONS:
        found.notes.append(f"The limit of open files allows {number} connections: raise the hard limit (ulimit -Hn).")
    seconds = 0.5 if ground.quick else 10.0
    with ground.server("--max-connections", str(2 * CONNECTIONS)) as running:
        ground.load(running.address, "hello", USERS, seconds=seconds / 2)
        alone = _asked(ground, running, seconds, found, 0)
        drippers = Drippers(running.address, number)
        with drippers.dripping():
            sent, began = drippers.sent, time.monotonic()
            beside = _asked(ground, running, seconds, found, number)
            bytes_a_second = (drippers.sent - sent) / (time.monotonic() - began)
        again = _asked(ground, running, seconds, found, 0)
    rates = [fast["requests"] / fast["seconds"] for fast, _ in (alone, beside, again)]
    found.add(
        "rate", 2 * rates[1] / (rates[0] + rates[2]), "x", f"requests a second beside {number:,} of them, over without"
    )
    found.add("p99", beside[1]["latency"]["p99"], "us", "p99 of a steady client beside them")
    found.add("p99-alone", min(alone[1]["latency"]["p99"], again[1]["latency"]["p99"]), "us", "p99 of it without them")
    found.add("bytes", bytes_a_second, "", "bytes a second that they sent")
    found.add("cut", drippers.cut, "", "of their connections that the server cut")
    return found


def _asked(ground: Ground, running: Running, seconds: float, found: Findings, beside: int) -> tuple[Yield, Yield]:
    """Ask as fast as can be, then at a steady pace."""
    ground.doing(f"slow: a good client beside {beside} drippers")
    fast = ground.load(running.address, "hello", USERS, seconds=seconds)
    steady = ground.load(running.address, "hello", USERS, seconds=seconds, pause=PAUSE)
    for client, told in (("fast", fast), ("steady", steady)):
        found.readings.append(
            {
                "drippers": beside,
                "client": client,
                "requests": told["requests"],
                "seconds": told["seconds"],
                "p50_us": told["latency"]["p50"],
                "p99_us": told["latency"]["p99"],
                "max_us": told["latency"]["max"],
            }
        )
    return fast, steady


def _has_ended(connection: socket.socket) -> bool:
    """Tell whether the server has answered (408) or closed: either way the request is over."""
    try:
        connection.recv(65_536)
    except BlockingIOError:
        return False
    return True
