"""A server that stands ready to be measured, with all that belongs to it: from a row of data to processes, and back.

::

    generator --HTTP--> front --FastCGI, SCGI, uwsgi or HTTP--> server          with a front
    generator --HTTP, FastCGI, SCGI or uwsgi----------------------> server      without

Each server has a folder, a guestbook and sockets of its own for the time of one turn, and nothing of it is left
afterwards. It counts as ready when it has given a right answer: a line in a log alone is not believed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.address import Address, free_port, parse_address
from gateway_bench.load.http_bytes import fetch
from gateway_bench.load.scenarios import SCENARIOS, Answer, Exchange
from gateway_bench.load.team_reach import neighbours
from gateway_bench.load.visitor import REQUEST_LIMIT, Failure, Visitor
from gateway_bench.run.order import Order
from gateway_bench.samples.births import BirthCounter, KernelBirths
from gateway_bench.samples.cores import on_core, two_cores
from gateway_bench.samples.processes import Tree
from gateway_bench.samples.spawns import SpawnListener
from gateway_bench.servers.cgi_programs import write_programs
from gateway_bench.servers.fronts import FRONTS
from gateway_bench.servers.gateways import Gateway, Places
from gateway_bench.servers.service import server_environment, started

__all__ = ["HELLO", "WORK", "Subject", "all_there", "check_answer", "ready"]

WORK = "work"
"""The folder with CGI programs, beside everything else of a server."""
HELLO = "hello"
LISTEN_LIMIT = 3.0
"""Seconds for a server to listen after it has said that it is ready: granian's worker says so a little early."""
TRY_AGAIN = 0.02
QUIET = 0.15
"""Seconds in which no process joins a server that has all of its own: gunicorn rests for up to 0.1 between two."""


@dataclass(frozen=True)
class Subject:
    """Where to ask, and whose accounts to read. `tree` is None for a server that somebody else runs.

    Processes `at_rest` are always there, `births` counts those that come. `front` are those of what stands before it,
    `status` is the socket of its scoreboard.
    """

    gateway: Gateway
    address: Address
    tree: Tree | None
    at_rest: frozenset[int] = frozenset()
    births: BirthCounter = field(default_factory=BirthCounter)
    front: Tree | None = None
    status: Path | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether a visitor may keep its connection; a front always lets it."""
        return self.front is not None or self.gateway.keep_alive

    @property
    def accounted(self) -> bool:
        """Whether what its ended processes used is known: somebody waits for them, or the kernel tells."""
        return self.gateway.reaps or self.births.complete


@contextmanager
def ready(gateway: Gateway, order: Order, scenario: str, kernel: KernelBirths | None = None) -> Iterator[Subject]:
    """Run a gateway for the length of a block. It gives a right answer to that scenario by then. Raises NotReady.

    `kernel` is asked for its births, if that tells; else the gateway itself.
    """
    if gateway.target:
        address = parse_address(gateway.target)
        check_answer(address, scenario)
        yield Subject(gateway, address, None)
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatelab-bench-")))
        places = Places(
            host=order.listen,
            neighbours=neighbours(order.listen),
            port=str(free_port(order.listen)),
            socket=folder / "socket",
            events=folder / "events",
            status=folder / "status",
            work=folder / WORK,
        )
        if gateway.starts_programs:
            write_programs(places.work)
        listener = stack.enter_context(SpawnListener(places.events).listening()) if gateway.events else None
        argv = gateway.argv(order.pythons[gateway.environment], places)
        environment = server_environment(folder / "guestbook.sqlite3")
        with on_core(two_cores(order.parameters["pinned"])[0]):
            service, address = stack.enter_context(
                started(argv, gateway.ready, environment, order.root, order.ready_limit, gateway.listens_at(places))
            )
        tree = Tree(service.pid)
        at_rest = tree.pids()
        try:
            check_answer(address, scenario, LISTEN_LIMIT, gateway.unannounced)
            at_rest |= all_there(tree)
            front = None
            if gateway.front:
                front, address = stack.enter_context(_behind(gateway, address, order, folder))
            status = places.status if gateway.tells_status else None
            births = BirthCounter(kernel, listener)
            yield Subject(gateway, address, tree, frozenset(at_rest), births, front, status)
        except (NotReady, LoadFailed) as error:
            error.output = error.output or service.output
            raise


@contextmanager
def _behind(gateway: Gateway, address: Address, order: Order, folder: Path) -> Iterator[tuple[Tree, Address]]:
    """Run the front of a row before its server, on the generator's processor; gives its processes and its address."""
    kept = (gateway.connections or order.parameters["users"]) if gateway.keep_alive else 0
    with ExitStack() as stack:
        with on_core(two_cores(order.parameters["pinned"])[1]):
            running = FRONTS[gateway.front].before(address, kept, folder / "front", order.ready_limit, order.listen)
            service, before = stack.enter_context(running)
        check_answer(before, patience=LISTEN_LIMIT)
        yield Tree(service.pid), before


def all_there(tree: Tree) -> set[int]:
    """Wait until nobody has joined the tree for a while, and return who is in it.

    Some say that they are ready, and answer, before all of their processes are there. One that came later would look
    like a program that has yet to end: the bench would wait for that, and meanwhile a server may hang up on visitors.
    """
    known, deadline = tree.pids(), time.monotonic() + LISTEN_LIMIT
    quiet = time.monotonic() + QUIET
    while time.monotonic() < min(quiet, deadline):
        interrupts.check()
        time.sleep(TRY_AGAIN)
        found = tree.pids()
        if found - known:
            known, quiet = known | found, time.monotonic() + QUIET
    return tree.pids()


def check_answer(address: Address, scenario: str = HELLO, patience: float = 0.0, loose: bool = False) -> None:
    """Make one visit and check every answer of it. Raises NotReady.

    `patience` is for servers that say that they are ready before they listen: seconds in which to try again. `loose`:
    as the crowd reads answers, which forgives line ends that our codec does not.
    """
    visitor = Loose(address) if loose else Visitor(address, keep_alive=False)
    deadline = time.monotonic() + patience
    for exchange in SCENARIOS[scenario].visit("check"):
        complaint = _complaint(visitor, exchange)
        while complaint == "connect" and time.monotonic() < deadline:
            interrupts.check()
            time.sleep(TRY_AGAIN)
            complaint = _complaint(visitor, exchange)
        if complaint:
            raise NotReady(f"it gives no right answer to {exchange.name}: {complaint}")


@dataclass(frozen=True)
class Loose:
    """A visitor that reads answers as the crowd does."""

    address: Address

    def fetch(self, exchange: Exchange) -> Answer:
        """Make one request and return whatever answer comes. Raises Failure."""
        try:
            return fetch(self.address, exchange, REQUEST_LIMIT)
        except ConnectionRefusedError:
            raise Failure("connect") from None
        except TimeoutError:
            raise Failure("timeout") from None
        except OSError:
            raise Failure("closed") from None
        except ValueError:
            raise Failure("protocol") from None


def _complaint(visitor: Visitor | Loose, exchange: Exchange) -> str | None:
    try:
        return exchange.check(visitor.fetch(exchange))
    except Failure as failure:
        return failure.kind
