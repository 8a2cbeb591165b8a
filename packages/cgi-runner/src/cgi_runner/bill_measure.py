"""Measure bills: the same request, several times, one after another.

The host is called as the WSGI application that it is. What HTTP adds in front of it is the same for every gateway and
is measured by the bench; here it would only stand between the two clocks: the one inside, which takes the moments, and
the one outside, around the whole call, whose time the parts must add up to.

    measured = measure(app="demo_app:app", path="/hello", spawn="posix-spawn")
    print(measured.median("handler"), measured.whole)

The first request is not counted: it fills caches, and Python writes down what it has compiled.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import queue
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gateway_core.environ import decode_path
from gateway_runtime import log

from .account import NO_BILL
from .account import Bill as Keeper
from .bill_account import Account, Ledger
from .bill_command import REQUESTS
from .bill_parts import ORDER, Bill
from .bill_watch import application_command, watched
from .environment import own_variables
from .host import CgiApplication
from .job import Choose, each_request_runs
from .programs import Programs
from .spawn import DEFAULT, STRATEGIES, Spawn, World, strategy, zygote

__all__ = ["Cost", "MeasureError", "Measured", "Target", "bill_cost", "compare", "machine", "measure"]

BILL_SECONDS = 30.0
"""How long a program may go on after its response before its bill is given up."""

_RESAMPLES = 500
"""For the interval of a cost (bootstrap)."""


class MeasureError(Exception):
    """There is no bill; `str(error)` is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to run, as on the command line: either `app`, MODULE:APP, or a `directory` of programs; and how.

    `environment` is `--env`, `interpreters` maps endings to programs.
    """

    app: str | None = None
    directory: str | None = None
    path: str = "/"
    spawn: str = DEFAULT
    world: World = field(default_factory=World)
    environment: Sequence[str] = ()
    interpreters: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """What is measured, in a few words."""
        return f"{self.app} {self.path}" if self.app else self.path


@dataclass(frozen=True, slots=True)
class Measured:
    """The bills of equal requests, `samples`, in the order in which they came."""

    target: Target
    samples: tuple[Bill, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that there are, in order."""
        return tuple(name for name in ORDER if any(name in dict(bill.parts) for bill in self.samples))

    @property
    def kind(self) -> str:
        """Of the last one: whether the program has told its part."""
        return self.samples[-1].kind

    @property
    def whole(self) -> float:
        """Nanoseconds, the median."""
        return statistics.median(bill.whole for bill in self.samples)

    @property
    def unaccounted(self) -> float:
        """Nanoseconds of the whole that no part explains, the median."""
        return statistics.median(bill.unaccounted for bill in self.samples)

    def costs(self, part: str) -> list[int]:
        """Return what a part cost in each sample."""
        return [dict(bill.parts).get(part, 0) for bill in self.samples]

    def median(self, part: str) -> float:
        """Return the median of a part, nanoseconds."""
        return statistics.median(self.costs(part))

    def imports(self) -> list[tuple[str, float]]:
        """Return what each import cost, the median, the dearest first."""
        names = {name for bill in self.samples for name, _ in bill.imports}
        costs = [(name, statistics.median(dict(bill.imports).get(name, 0) for bill in self.samples)) for name in names]
        return sorted(costs, key=lambda item: (-item[1], item[0]))

    def as_json(self) -> dict[str, Any]:
        """Return what docs/how-to/cgi-bill.md calls a measurement."""
        return {
            "name": self.target.name,
            "app": self.target.app,
            "directory": self.target.directory,
            "path": self.target.path,
            "spawn": self.target.spawn,
            "kind": self.kind,
            "median": {
                "whole_ns": self.whole,
                "unaccounted_ns": self.unaccounted,
                "parts_ns": {part: self.median(part) for part in self.parts},
                "imports_ns": dict(self.imports()),
            },
            "samples": [bill.as_json() for bill in self.samples],
        }


def measure(
    app: str | None = None,
    directory: str | os.PathLike[str] | None = None,
    *,
    path: str = "/",
    spawn: str = DEFAULT,
    requests: int = REQUESTS,
    note: Callable[[str], None] = log.line,
    **more: Any,
) -> Measured:
    """Make `requests` requests and return their bills. `more`: see Target. Raises MeasureError, ValueError."""
    folder = None if directory is None else os.fspath(directory)
    (measured,) = compare([Target(app, folder, path, spawn, **more)], requests, note)
    return measured


def compare(
    targets: Sequence[Target], requests: int = REQUESTS, note: Callable[[str], None] = log.line
) -> list[Measured]:
    """Make `requests` requests to each target, in turn, so that whatever else the machine does disturbs all alike.

    Raises MeasureError, or ValueError for an odd target.
    """
    with contextlib.ExitStack() as hosts:
        samplers = [hosts.enter_context(_sampler(target, note)) for target in targets]
        rounds = [[sample() for sample in samplers] for _ in range(requests + 1)]
    return [
        Measured(target, tuple(samples[1:])) for target, samples in zip(targets, zip(*rounds, strict=True), strict=True)
    ]


@contextlib.contextmanager
def _sampler(target: Target, note: Callable[[str], None]) -> Iterator[Callable[[], Bill]]:
    accounts: queue.SimpleQueue[Account] = queue.SimpleQueue()
    ledger = Ledger(accounts.put, server_timing=False, all_tell=target.spawn == "zygote", log=note)
    with _host(target, ledger, note) as host:
        yield lambda: _one(host, target, accounts)


def _one(host: CgiApplication, target: Target, accounts: queue.SimpleQueue[Account]) -> Bill:
    """Make a request; return its bill, whose whole is measured here."""
    environ = _environ(target.path)
    began = time.monotonic_ns()
    status, content = _call(host, environ)
    if not status.startswith(("2", "3")):
        words = content.decode("utf-8", "replace").strip().partition("\n")[0][:200]
        why = f": {words}" if words and not words.startswith("<") else ""  # one sentence, or a page for a browser
        raise MeasureError(f"{target.name} is answered with {status}{why}")
    try:
        account = accounts.get(timeout=BILL_SECONDS)
        while not accounts.empty():  # it comes again for each program of a local redirect
            account = accounts.get()
    except queue.Empty:
        raise MeasureError(f"{target.name} has not ended {BILL_SECONDS:g} seconds after its response") from None
    whole = time.monotonic_ns() - began
    return replace(account.bill(), whole=whole)


def _call(host: CgiApplication, environ: dict[str, Any]) -> tuple[str, bytes]:
    """Call a WSGI application; return status and content."""
    answers: list[str] = []

    def start_response(status: str, fields: list[tuple[str, str]], exc_info: object = None) -> Callable[..., None]:
        answers.append(status)
        return lambda data: None

    iterable: Iterable[bytes] = host(environ, start_response)
    try:
        content = b"".join(iterable)
    finally:
        if hasattr(iterable, "close"):
            iterable.close()
    return answers[-1], content


def _environ(path: str) -> dict[str, Any]:
    """Return the environ of a GET, as a server on this machine would make it."""
    plain, _, query = path.partition("?")
    return {
        "REQUEST_METHOD": "GET", "REQUEST_URI": path,
        "SCRIPT_NAME": "", "PATH_INFO": decode_path(plain), "QUERY_STRING": query,
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "cgi_runner",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip


@contextlib.contextmanager
def _host(target: Target, bill: Keeper, note: Callable[[str], None]) -> Iterator[CgiApplication]:
    """Make the host that the command line would make; watched if it keeps a bill."""
    if (target.app is None) == (target.directory is None):
        raise ValueError("say what to run: either DIRECTORY or --app MODULE:APP")
    if target.directory is not None and not Path(target.directory).is_dir():
        raise ValueError(f"{target.directory} is not a directory")
    own = own_variables(target.environment)
    spawn = _spawn(target, own)
    try:
        yield CgiApplication(_choose(target, own, bill is not NO_BILL), own=own, spawn=spawn, bill=bill, log=note)
    finally:
        if isinstance(spawn, zygote.ZygoteStrategy):
            spawn.close()


def _choose(target: Target, own: Mapping[bytes, bytes], fine: bool) -> Choose:
    if target.app is not None:
        from .server import child_command

        command = application_command(target.app) if fine else child_command(target.app)
        return each_request_runs(command, target.app)
    assert target.directory is not None
    choose = Programs(target.directory, target.interpreters or {})
    return watched(choose, os.fsdecode(own[b"PATH"])) if fine and target.spawn != "zygote" else choose


def _spawn(target: Target, own: Mapping[bytes, bytes]) -> Spawn:
    if target.spawn == "zygote":
        return zygote.strategy(target.world, target.app, own)
    if target.spawn not in STRATEGIES:
        raise ValueError(f"{target.spawn!r} is not one of {', '.join(STRATEGIES)}, zygote")
    return strategy(target.spawn, target.world)


def machine() -> dict[str, Any]:
    """Return where this was measured, for a record that is looked at later."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "implementation": platform.python_implementation(),
        "python": platform.python_version(),
        "cgi_runner": version("cgi-runner"),
    }


# -- what the bill itself costs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """What billed requests took in proportion to plain ones: 1.02 is two per cent more.

    95 of 100 such experiments would lie between `low` and `high`.
    """

    ratio: float
    low: float
    high: float
    pairs: int


def bill_cost(target: Target, pairs: int = 50, note: Callable[[str], None] = log.line) -> Cost:
    """Compare the processor time of billed requests with that of plain ones, which alternate in pairs.

    Processor time is that of the host and of its programs together. Under a zygote the programs are not its children,
    and cannot be counted. Raises MeasureError, ValueError.
    """
    if target.spawn == "zygote":
        raise ValueError("the programs of a zygote are not children of this process: their time cannot be counted")
    ledger = Ledger(server_timing=False, log=note)
    with _host(target, NO_BILL, note) as plain, _host(target, ledger, note) as billed:
        _processor_time(plain, target), _processor_time(billed, target)  # not counted: caches
        found = []
        for number in range(pairs):
            first, second = (plain, billed) if number % 2 else (billed, plain)
            times = {id(host): _processor_time(host, target) for host in (first, second)}
            found.append((times[id(plain)], times[id(billed)]))
    chance = random.Random(pairs)  # noqa: S311 - the same data give the same interval
    ratios = sorted(_ratio(chance.choices(found, k=pairs)) for _ in range(_RESAMPLES))
    return Cost(_ratio(found), ratios[int(0.025 * _RESAMPLES)], ratios[int(0.975 * _RESAMPLES)], pairs)


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """Compare within pairs, for what disturbs one of a pair mostly disturbs the other too."""
    more = statistics.median(billed - plain for plain, billed in pairs)
    return 1 + more / statistics.median(plain for plain, _ in pairs)


def _processor_time(host: CgiApplication, target: Target) -> float:
    """Make a request; return the processor time that it took."""
    before = _used()
    status, _ = _call(host, _environ(target.path))
    if not status.startswith(("2", "3")):
        raise MeasureError(f"{target.name} is answered with {status}")
    return _used() - before


def _used() -> float:
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)
