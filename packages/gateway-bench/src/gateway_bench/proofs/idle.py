"""What idle connections cost: the CPU of a request beside many of them, and our memory for each.

A server that walks through its connections pays for those that say nothing. One that is told by the kernel who has
something to say does not, so the line must be flat from 10 to 10,000. Two kinds are tried: connections that have made
a request before, as browsers keep them, and connections that have never said a word.

::

    CPU       for each round, for each number in random order:   open them, load, read, close them
    memory    in a server of its own, which has never had so many:   read, open them, read

Memory is that of our processes alone. What the kernel keeps for a socket is its own affair, and the same for everybody.
"""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.load.http_bytes import request_bytes
from gateway_bench.load.scenarios import HELLO, SCENARIOS
from gateway_bench.proofs.ground import Findings, Ground, Running, descriptors_up_to, wait_for
from gateway_bench.record.document import Reading

__all__ = ["hold", "prove"]

NUMBERS = (10, 100, 1_000, 10_000)
KINDS = ("asked", "silent")
USERS = 32
ROOM = 200
"""Descriptors that this process and the server need for everything else."""
TIME_LIMIT = "600"
"""Seconds: no connection is to be closed for saying nothing while we look."""
OPTIONS = ("--idle-timeout", TIME_LIMIT, "--head-timeout", TIME_LIMIT, "--max-connections", str(2 * max(NUMBERS)))
ACCEPT_LIMIT = 30.0
LINGER_NONE = struct.pack("ii", 1, 0)
"""Close with a reset: ten thousand ports in TIME_WAIT would be in the way of the next ten thousand."""
ANSWER_LIMIT = 20.0


def prove(ground: Ground) -> Findings:
    """Return `spread` (dearest request over cheapest), `memory` (bytes a connection), and the readings."""
    found = Findings()
    most = descriptors_up_to(max(NUMBERS) + ROOM) - ROOM
    numbers = [number for number in NUMBERS if number <= most]
    if numbers != [*NUMBERS]:
        found.notes.append(f"The limit of open files allows {most} connections: raise the hard limit (ulimit -Hn).")
    for kind in KINDS:
        with ground.server(*OPTIONS) as running:
            found.readings += _costs(ground, running, kind, numbers)
        with ground.server(*OPTIONS) as running:
            found.add(
                f"memory-{kind}",
                _memory(ground, running, kind, numbers[-1]),
                "bytes",
                f"our memory for a connection of {numbers[-1]:,}, {kind}",
            )
    _conclude(found, numbers)
    return found


def _costs(ground: Ground, running: Running, kind: str, numbers: list[int]) -> list[Reading]:
    """Return the CPU of requests beside that many idle connections."""
    readings: list[Reading] = []
    seconds = 0.5 if ground.quick else 4.0
    dice = random.Random(1)  # noqa: S311  # an order, not a secret
    ground.load(running.address, "hello", USERS, seconds=seconds)  # whatever is made once is made now
    for round_ in range(1, 2 if ground.quick else 4):
        for number in dice.sample(numbers, len(numbers)):
            ground.doing(f"idle: {number} connections, {kind}")
            with _held(running, number, kind):
                cpu = running.tree.cpu_seconds()
                requests = ground.load(running.address, "hello", USERS, seconds=seconds)["requests"]
                used = running.tree.cpu_seconds() - cpu
            readings.append(
                {"kind": kind, "round": round_, "connections": number, "requests": requests, "cpu_seconds": used}
            )
    return readings


def _memory(ground: Ground, running: Running, kind: str, number: int) -> float:
    """Return by how much our memory grew for each connection, in bytes."""
    ground.load(running.address, "hello", USERS, seconds=0.5)
    before = running.tree.memory()[1]
    with _held(running, number, kind):
        return (running.tree.memory()[1] - before) / number


@contextmanager
def _held(running: Running, number: int, kind: str) -> Iterator[None]:
    """Hold the connections for the length of the block; all of them accepted at its beginning, open at its end."""
    before = _at_rest(running)
    with hold(running.address, number, ask=kind == "asked") as held:
        wait_for(lambda: running.descriptors() >= before + number, ACCEPT_LIMIT, "every connection is accepted")
        yield
        if lost := _closed(held):
            raise ProofFailed(f"the server closed {lost} of {number} idle connections")
    wait_for(lambda: running.descriptors() <= before, ACCEPT_LIMIT, "the server closes what its clients closed")


def _at_rest(running: Running) -> int:
    """Return how many descriptors the server has open while nobody is connected. The load may just have left."""

    def alone() -> bool:
        sockets = (one for process in running.tree.processes() for one in process.net_connections("tcp"))
        return all(one.status == psutil.CONN_LISTEN for one in sockets)

    wait_for(alone, ACCEPT_LIMIT, "the server closes what its clients closed")
    return running.descriptors()


def _conclude(found: Findings, numbers: list[int]) -> None:
    spreads = []
    for kind in KINDS:
        costs = []
        for number in numbers:
            rows = [row for row in found.readings if (row["kind"], row["connections"]) == (kind, number)]
            costs.append(median(float(row["cpu_seconds"]) * 1e6 / float(row["requests"]) for row in rows))
            about = f"CPU for a request beside {number:,} connections, {kind}"
            found.add(f"cpu-{kind}-{number}", costs[-1], "us", about)
        spreads.append(max(costs) / min(costs))
    sizes = [figure["value"] for figure in found.figures if figure["name"].startswith("memory-")]
    found.add("spread", max(spreads), "x", "the dearest over the cheapest, for the kind where it is greater")
    found.add("memory", max(sizes), "bytes", "our memory for a connection, of the kind that takes more")


@contextmanager
def hold(address: Address, number: int, ask: bool) -> Iterator[list[socket.socket]]:
    """Hold that many connections open for the length of a block; with `ask` each has made one request."""
    request = request_bytes(SCENARIOS["hello"].visit("idle")[0], f"{address.host}:{address.port}")
    held: list[socket.socket] = []
    try:
        for _ in range(number):
            interrupts.check()
            connection = address.connect(ANSWER_LIMIT)
            held.append(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            if ask:
                connection.sendall(request)
                _wait_for_answer(connection)
        yield held
    except OSError as error:
        raise ProofFailed(f"connection {len(held)} of {number} could not be held: {error}") from error
    finally:
        for connection in held:
            connection.close()


def _wait_for_answer(connection: socket.socket) -> None:
    answer = b""
    while not answer.endswith(HELLO):
        block = connection.recv(65_536)
        if not block:
            raise ProofFailed("the server closed a connection that asked for /hello")
        answer += block


def _closed(held: list[socket.socket]) -> int:
    """Return how many connections the server has closed."""
    closed = 0
    for connection in held:
        connection.setblocking(False)
        try:
            closed += not connection.recv(1)
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    return closed
