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
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway_bench.address import Address
from gateway_bench.cores import on_core, two_cores
from gateway_bench.document import Generator, Parameters, Repeat
from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.gateways import Gateway
from gateway_bench.generator import LoadProcess
from gateway_bench.processes import Memory, MemorySampler, Tree, machine_busy_seconds
from gateway_bench.scenarios import SCENARIOS
from gateway_bench.spawns import Births, SpawnListener
from gateway_bench.summary import SATURATED
from gateway_bench.visitor import Failure, Visitor
from gateway_bench.wrk import drive_wrk

if TYPE_CHECKING:
    from gateway_bench.load import Job, Yield

__all__ = ["Subject", "check_answer", "measure"]


@dataclass(frozen=True)
class Subject:
    """A server that stands ready: where it listens, its processes (those `at_rest` are always there), its births."""

    gateway: Gateway
    address: Address
    tree: Tree
    at_rest: frozenset[int]
    listener: SpawnListener | None = None


@dataclass(frozen=True)
class Account:
    """What had been used at one moment of rest: CPU of the server, its births, CPU of the machine (seconds)."""

    cpu: float
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
    subject: Subject, scenario: str, parameters: Parameters, place: tuple[int, int], wrk: str | None = None
) -> Repeat:
    """Load `subject` with a scenario and return what was found. `place` is the round and the position in the run.

    With `wrk` that program makes the load (GET of the scenario's first path), else the load process does.
    Raises LoadFailed.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    subject.tree.settle(subject.at_rest)
    at_rest = subject.tree.pids()
    if wrk:
        load = _with_wrk(subject, at_rest, scenario, parameters, wrk)
    else:
        load = _with_locust(subject, at_rest, scenario, parameters)
    return _repeat(subject, scenario, place, started, len(at_rest), load)


def check_answer(address: Address, scenario: str = "hello") -> None:
    """Make one visit and check every answer of it. Raises NotReady."""
    visitor = Visitor(address, keep_alive=False)
    for exchange in SCENARIOS[scenario].visit("check"):
        try:
            complaint = exchange.check(visitor.fetch(exchange))
        except Failure as failure:
            complaint = failure.kind
        if complaint:
            raise NotReady(f"it gives no right answer to {exchange.name}: {complaint}")


def _with_locust(subject: Subject, at_rest: set[int], scenario: str, parameters: Parameters) -> Loaded:
    job: Job = {
        "address": str(subject.address),
        "keep_alive": subject.gateway.keep_alive,
        "scenario": scenario,
        "users": parameters["users"],
        "warmup": parameters["warmup_seconds"],
        "seconds": parameters["seconds"],
        "min_requests": parameters["min_requests"],
        "max_seconds": parameters["max_seconds"],
    }
    _, core = two_cores(parameters["pinned"])
    with on_core(core):
        load_process = LoadProcess(job)
    with load_process as load:
        load.warm_up()
        before = _account(subject, at_rest)
        with MemorySampler(subject.tree).running() as sampler:
            counted = load.go()
        return Loaded(before, counted, _account(subject, at_rest), sampler.result())


def _with_wrk(subject: Subject, at_rest: set[int], scenario: str, parameters: Parameters, wrk: str) -> Loaded:
    url = f"{subject.address}{SCENARIOS[scenario].visit('wrk')[0].path}"
    users, (_, core) = parameters["users"], two_cores(parameters["pinned"])
    drive_wrk(wrk, url, users, parameters["warmup_seconds"], core)
    before = _account(subject, at_rest)
    with MemorySampler(subject.tree).running() as sampler:
        counted = drive_wrk(wrk, url, users, parameters["seconds"], core)
    after = _account(subject, at_rest)
    try:
        check_answer(subject.address, scenario)
    except NotReady as error:
        raise LoadFailed(f"after the load {error}") from error
    return Loaded(before, counted, after, sampler.result())


def _repeat(
    subject: Subject, scenario: str, place: tuple[int, int], started: str, processes: int, load: Loaded
) -> Repeat:
    if not subject.tree.alive():
        raise LoadFailed("the server ended during the load")
    counted = load.counted
    share = counted["generator_cpu"] / counted["seconds"]
    births = load.after.births
    return Repeat(
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
        cpu_seconds=round(load.after.cpu - load.before.cpu, 6),
        spawned=births.spawned - load.before.births.spawned if subject.listener else None,
        lost_events=births.lost - load.before.births.lost,
        processes=processes,
        others_share=_others_share(load),
        memory=load.memory,
        generator=Generator(cpu_seconds=counted["generator_cpu"], share=round(share, 4), saturated=share >= SATURATED),
    )


def _others_share(load: Loaded) -> float:
    """Return the part of all processors that neither server nor generator used, between the two accounts."""
    ours = load.after.cpu - load.before.cpu + load.counted["generator_cpu"]
    others = load.after.machine - load.before.machine - ours
    passed = (load.after.moment - load.before.moment) * (os.cpu_count() or 1)
    return round(min(1.0, max(0.0, others / passed)), 4)


def _account(subject: Subject, at_rest: set[int]) -> Account:
    subject.tree.settle(at_rest)
    births = subject.listener.count() if subject.listener else Births(0, 0)
    return Account(subject.tree.cpu_seconds(), births, machine_busy_seconds(), time.monotonic())
