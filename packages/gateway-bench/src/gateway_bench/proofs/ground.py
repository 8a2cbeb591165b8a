"""What every proof stands on: our server as a process, a crowd beside it, and readings of both.

Server and load are kept apart, on a processor each, as in the suite `peers`; a proof about several workers says
otherwise. A proof reads the server's accounts when nothing is under way, so the figures belong to what it did.
"""

from __future__ import annotations

import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Job, Loss, Yield
from gateway_bench.record.document import Figure, Reading
from gateway_bench.samples.cores import on_core, two_cores
from gateway_bench.samples.processes import Tree
from gateway_bench.servers.service import Service, server_environment, started

__all__ = ["Findings", "Ground", "Running", "descriptors_up_to", "row_of", "wait_for"]

READY = re.compile(r"ready (\S+)")
SHOWN_PYTHON = "python"
STEP = 0.01
"""Seconds between two looks at something that is waited for."""


@dataclass
class Findings:
    """What a proof found: its figures, the raw readings they are made of, and what else is to be known."""

    figures: list[Figure] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, about: str) -> None:
        """Add a figure."""
        self.figures.append(Figure(name=name, about=about, value=value, unit=unit))


@dataclass(frozen=True)
class Running:
    """A server of ours that stands ready."""

    service: Service
    address: Address

    @property
    def tree(self) -> Tree:
        """Its processes now. Raises psutil.NoSuchProcess if it has ended."""
        return Tree(self.service.chief())

    def alive(self) -> bool:
        """Tell whether anybody leads the server."""
        chief = self.service.chief()
        if _runs(chief):
            return True
        heir = self.service.chief()  # it may have ended while we looked, and have left the lead to another
        return heir != chief and _runs(heir)

    def resident(self) -> int:
        """Return the resident memory of all processes, in bytes. Raises psutil.NoSuchProcess when one has ended."""
        return sum(int(process.memory_info().rss) for process in self.tree.processes())

    def descriptors(self) -> int:
        """Return how many descriptors they have open. Raises psutil.NoSuchProcess when one has ended."""
        return sum(int(process.num_fds()) for process in self.tree.processes())

    def workers(self) -> set[int]:
        """Return the ids of the workers: everybody but the first process."""
        try:
            return {process.pid for process in psutil.Process(self.service.chief()).children()}
        except psutil.NoSuchProcess:
            return set()


def _runs(pid: int) -> bool:
    try:
        return Tree(pid).alive()
    except psutil.NoSuchProcess:
        return False


@dataclass
class Ground:
    """`home` is the folder with the proofs' application; `quick` asks for a look instead of a measurement."""

    home: Path
    quick: bool = False
    doing: Callable[[str], None] = lambda _: None
    commands: list[list[str]] = field(default_factory=list)
    output: str = ""

    @contextmanager
    def server(
        self, *options: str, app: str = "demo_app:app", module: str = "wsgi_server", apart: bool = True
    ) -> Iterator[Running]:
        """Run a server of ours for the length of a block; `apart` keeps it on one processor. Raises NotReady.

        Without `app` it is one that has none, such as the front; a CGI host may have a folder of programs in its place.
        """
        command = ["-m", module, *filter(None, [app]), "--bind", "127.0.0.1:0", *options]
        shown = [SHOWN_PYTHON, *(Path(app).name if word == app and app else word for word in command)]
        if shown not in self.commands:
            self.commands.append(shown)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatelab-proof-")))
            environment = server_environment(folder / "guestbook.sqlite3")
            argv = [sys.executable, *command]
            with on_core(two_cores(apart)[0]):
                service, address = stack.enter_context(started(argv, READY, environment, self.home))
            try:
                yield Running(service, address)
            finally:
                self.output = service.output

    @contextmanager
    def crowd(
        self, address: Address, scenario: str, users: int, apart: bool = True, **more: object
    ) -> Iterator[LoadProcess]:
        """Run a crowd for the length of a block; it has warmed up, and waits. `more` goes to its job."""
        job: Job = {
            "address": str(address),
            "keep_alive": True,
            "scenario": scenario,
            "users": users,
            "warmup": 0.0,
            "seconds": 1.0,
            "min_requests": 1,
            "max_seconds": 600.0,
        }
        job.update(more)  # type: ignore[typeddict-item]  # the proofs' own, in this package
        with LoadProcess("gateway_bench.load.crowd_load", two_cores(apart)[1]) as load:
            load.prepare(job)
            load.warm_up()
            yield load

    def load(self, address: Address, scenario: str, users: int, apart: bool = True, **more: object) -> Yield:
        """Make a stretch of load, all answers of which must be right. Raises LoadFailed, ProofFailed."""
        with self.crowd(address, scenario, users, apart, **more) as load:
            told = load.go()
        if told["errors"]:
            raise ProofFailed(f"there were errors: {told['errors']}")
        return told


def row_of(loss: Loss) -> Reading:
    """Return a lost request as a row of the record."""
    return {"kind": loss["kind"], "began": loss["began"], "lost": loss["lost"], "worker": loss["worker"],
            "retried": loss["retried"]}  # fmt: skip


def wait_for(condition: Callable[[], bool], limit: float, what: str) -> None:
    """Return as soon as it is so. Raises ProofFailed, which says `what` was waited for, after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        interrupts.check()
        if time.monotonic() > deadline:
            raise ProofFailed(f"not within {limit:g} s: {what}")
        time.sleep(STEP)


def descriptors_up_to(wanted: int) -> int:
    """Let this process, and those that it starts, open that many descriptors; return how many they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)
