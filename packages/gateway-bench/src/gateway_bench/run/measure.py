"""One measurement: load a server that stands ready, and read its accounts on both sides of the load.

::

    load process starts, warms up              thrown away
    everything is at rest                      read: CPU of the tree, births
    load                                       sampled: memory
    everything is at rest again                read: CPU of the tree, births

Because nothing is in flight at either reading, the differences belong to the counted requests, exactly.
"""

from __future__ import annotations

import os
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway_bench import interrupts
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.address import Address
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.http_bytes import fetch
from gateway_bench.load.job import Job, Yield
from gateway_bench.load.scenarios import SCENARIOS, Answer, Exchange
from gateway_bench.load.visitor import REQUEST_LIMIT, Failure, Visitor
from gateway_bench.load.wrk import drive_wrk
from gateway_bench.record.document import Generator, Parameters, Repeat
from gateway_bench.record.summary import SATURATED
from gateway_bench.samples.cores import on_core, two_cores
from gateway_bench.samples.processes import Memory, MemorySampler, Tree, machine_busy_seconds
from gateway_bench.samples.spawns import Births, SpawnListener
from gateway_bench.servers.gateways import Gateway

__all__ = ["Account", "Subject", "account", "check_answer", "measure"]

LOAD_PROCESSES = {"locust": "gateway_bench.load.locust_load", "crowd": "gateway_bench.load.crowd_load"}
"""By engine."""
TRY_AGAIN = 0.02


@dataclass(frozen=True)
class Subject:
    """A server that stands ready: where to ask, its processes (those `at_rest` are always there), its births.

    `front` are the processes of nginx, if it is nginx that is asked.
    """

    gateway: Gateway
    address: Address
    tree: Tree
    at_rest: frozenset[int]
    listener: SpawnListener | None = None
    front: Tree | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether a visitor may keep its connection; nginx always lets it."""
        return self.front is not None or self.gateway.keep_alive


@dataclass(frozen=True)
class Account:
    """What had been used at one moment of rest: CPU of server, front and machine (seconds), births of the server."""

    cpu: float
    front: float
    births: Births
    machine: float
    moment: float


@dataclass(frozen=True)
class Loaded:
    """A stretch of load with the accounts before and after it."""

    before: Account
    counted: Yield
    after: Account
    memory: Memory


def measure(
    subject: Subject,
    scenario: str,
    parameters: Parameters,
    place: tuple[int, int],
    engine: str = "locust",
    wrk: str | None = None,
) -> Repeat:
    """Load `subject` with a scenario and return what was found. `place` is the round and the position in the run.

    `engine` makes the load: "locust", "crowd", or "wrk" (GET of the scenario's first path), whose path is `wrk`.
    Raises LoadFailed.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    subject.tree.settle(subject.at_rest)
    at_rest = subject.tree.pids()
    if engine == "wrk":
        assert wrk
        load = _with_wrk(subject, at_rest, scenario, parameters, wrk)
    else:
        load = _with_process(subject, at_rest, scenario, parameters, LOAD_PROCESSES[engine])
    repeat = _repeat(subject, scenario, place, started, len(at_rest), load)
    repeat["engine"] = engine
    return repeat


def check_answer(address: Address, scenario: str = "hello", patience: float = 0.0, loose: bool = False) -> None:
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


def _with_process(subject: Subject, at_rest: set[int], scenario: str, parameters: Parameters, module: str) -> Loaded:
    job: Job = {
        "address": str(subject.address),
        "keep_alive": subject.keep_alive,
        "scenario": scenario,
        "users": parameters["users"],
        "warmup": parameters["warmup_seconds"],
        "seconds": parameters["seconds"],
        "min_requests": parameters["min_requests"],
        "max_seconds": parameters["max_seconds"],
    }
    _, core = two_cores(parameters["pinned"])
    with on_core(core):
        load_process = LoadProcess(job, module)
    with load_process as load:
        load.warm_up()
        before = account(subject, at_rest)
        with MemorySampler({"server": subject.tree}).running() as sampler:
            counted = load.go()
        return Loaded(before, counted, account(subject, at_rest), sampler.result("server"))


def _with_wrk(subject: Subject, at_rest: set[int], scenario: str, parameters: Parameters, wrk: str) -> Loaded:
    url = f"{subject.address}{SCENARIOS[scenario].visit('wrk')[0].path}"
    users, (_, core) = parameters["users"], two_cores(parameters["pinned"])
    if parameters["warmup_seconds"]:
        drive_wrk(wrk, url, users, parameters["warmup_seconds"], core)
    before = account(subject, at_rest)
    with MemorySampler({"server": subject.tree}).running() as sampler:
        counted = drive_wrk(wrk, url, users, parameters["seconds"], core)
    after = account(subject, at_rest)
    try:
        check_answer(subject.address, scenario)
    except NotReady as error:
        raise LoadFailed(f"after the load {error}") from error
    return Loaded(before, counted, after, sampler.result("server"))


def _repeat(
    subject: Subject, scenario: str, place: tuple[int, int], started: str, processes: int, load: Loaded
) -> Repeat:
    if not subject.tree.alive():
        raise LoadFailed("the server ended during the load")
    counted = load.counted
    front_cpu = load.after.front - load.before.front
    share = (counted["generator_cpu"] + front_cpu) / counted["seconds"]
    births = load.after.births
    repeat = Repeat(
        gateway=subject.gateway.name,
        scenario=scenario,
        round=place[0],
        position=place[1],
        started=started,
        seconds=counted["seconds"],
        requests=counted["requests"],
        errors=counted["errors"],
        content_bytes=counted["content_bytes"],
        latency=counted["latency"],
        exchanges=counted["exchanges"],
        cpu_seconds=round(_cpu(load, subject.gateway.reaps), 6),
        spawned=births.spawned - load.before.births.spawned if subject.listener else None,
        lost_events=births.lost - load.before.births.lost,
        processes=processes,
        others_share=_others_share(load, subject.gateway.reaps),
        memory=load.memory,
        generator=Generator(cpu_seconds=counted["generator_cpu"], share=round(share, 4), saturated=share >= SATURATED),
    )
    if subject.front:
        repeat["front_cpu_seconds"] = round(front_cpu, 6)
    return repeat


def _cpu(load: Loaded, reaps: bool) -> float:
    """Return what the server used, in seconds.

    Where nobody waits for its ended processes, their time is in no account: then it is all that the machine did but for
    front and generator, which on a quiet machine is the same.
    """
    if reaps:
        return load.after.cpu - load.before.cpu
    known = load.after.front - load.before.front + load.counted["generator_cpu"]
    return max(0.0, load.after.machine - load.before.machine - known)


def _others_share(load: Loaded, reaps: bool) -> float:
    """Return the part of all processors that server, front and generator did not use, between the two accounts.

    Where nobody waits for the server's ended processes, nobody can tell them from others, and the answer is 0.
    """
    if not reaps:
        return 0.0
    ours = load.after.cpu - load.before.cpu + load.after.front - load.before.front + load.counted["generator_cpu"]
    others = load.after.machine - load.before.machine - ours
    passed = (load.after.moment - load.before.moment) * (os.cpu_count() or 1)
    return round(min(1.0, max(0.0, others / passed)), 4)


def account(subject: Subject, at_rest: AbstractSet[int]) -> Account:
    """Wait until the server is at rest, and read what it has used so far."""
    subject.tree.settle(at_rest)
    births = subject.listener.count() if subject.listener else Births(0, 0)
    front = subject.front.cpu_seconds() if subject.front else 0.0
    return Account(subject.tree.cpu_seconds(), front, births, machine_busy_seconds(), time.monotonic())
