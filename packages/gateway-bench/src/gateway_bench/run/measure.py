"""One measurement: load a server that stands ready, and read its accounts on both sides of the load.

::

    warm-up, until it gets no faster           thrown away
    everything is at rest                      read: CPU, faults, switches, births
    load                                       sampled: memory of server, front and generator
    everything is at rest again                read: CPU, faults, switches, births, queue wait

Because nothing is in flight at either reading, the differences belong to the counted requests, exactly.
"""

from __future__ import annotations

import os
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from gateway_bench.errors import LoadFailed, NotReady
from gateway_bench.load.job import Job, Yield
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.shapes import Shape
from gateway_bench.load.team import busiest
from gateway_bench.load.wrk import drive_wrk, warm_up
from gateway_bench.record.document import Generator, Parameters, Repeat, Usage
from gateway_bench.record.summary import SATURATED
from gateway_bench.run.engines import Engines
from gateway_bench.run.plan import Task
from gateway_bench.run.subject import Subject, check_answer
from gateway_bench.samples.cores import two_cores
from gateway_bench.samples.processes import MemorySampler, Tree, machine_busy_seconds
from gateway_bench.samples.scoreboard import queue_wait
from gateway_bench.samples.spawns import Births
from gateway_bench.samples.usage import Counters, read_usage, usage_between

__all__ = ["OPEN_MOST", "Place", "measure", "only_time"]

OPEN_MOST = 1_000.0
"""Visits a second of an open loop, at most. A visit costs locust about a quarter of a millisecond; at a rate beyond
this the generator's own queue would be what is measured."""
OPEN_LEAST = 16
"""Visitors of an open loop, at least: the next one must not have to wait for a free one."""
AGAIN = 0.2
"""Seconds of warm-up of an open loop: the same server has just shown its capacity, and only connections are new."""
SERVER, FRONT, GENERATOR = "server", "front", "generator"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the run a measurement stands: round and position from 1, and a seed of its own."""

    round: int
    position: int
    seed: int


@dataclass(frozen=True)
class Account:
    """What had been used at one moment of rest: by server, front, generator and machine; births of the server."""

    used: dict[str, Counters]
    births: Births
    machine: float
    moment: float


@dataclass(frozen=True)
class Loaded:
    """A stretch of load, with the accounts before and after it."""

    before: Account
    counted: Yield
    after: Account
    sampler: MemorySampler

    def usage(self, who: str) -> Usage | None:
        """Return what somebody used meanwhile."""
        if who not in self.after.used:
            return None
        return usage_between(self.before.used[who], self.after.used[who], self.sampler.result(who))

    def cpu(self, who: str) -> float:
        """Return processor time used meanwhile, in seconds; 0 if nobody is known by that name."""
        usage = self.usage(who)
        return usage["cpu_seconds"] if usage else 0.0

    def generator_here(self) -> float:
        """Return processor time of the load on this machine: of a team, only that of who leads it."""
        return self.cpu(GENERATOR) if "team" in self.counted else self.counted["generator_cpu"]


def measure(
    subject: Subject,
    task: Task,
    parameters: Parameters,
    place: Place,
    engines: Engines,
    engine: str,
    wrk: str | None = None,
    rate: float = 0.0,
    shape: Shape | None = None,
) -> Repeat:
    """Carry out a task on `subject` and return what was found.

    `engine` makes the load: "locust", "crowd", "team", or "wrk" (GET of the scenario's first path), which is at `wrk`.
    `rate`: visits a second of an open loop, 0 for a closed one. Raises LoadFailed.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    if subject.tree:
        subject.tree.settle(subject.at_rest)
        subject.births.follow(subject.tree)
    at_rest = subject.tree.pids() if subject.tree else set()
    job = _job(subject, task, parameters, place.seed, min(rate, OPEN_MOST), shape)
    if engine == "wrk":
        assert wrk
        _, core = two_cores(parameters["pinned"])
        load = _with_wrk(subject, at_rest, job, engines, core, wrk)
    else:
        load = _with_process(subject, at_rest, job, engines, engine)
    if subject.tree and not subject.tree.alive():
        raise LoadFailed("the server ended during the load")
    return _repeat(subject, task, place, job, engine, started, len(at_rest), load, parameters["pinned"])


def _job(subject: Subject, task: Task, parameters: Parameters, seed: int, rate: float, shape: Shape | None) -> Job:
    users = subject.gateway.connections or parameters["users"]
    open_loop = task.question != "capacity"
    least = subject.gateway.warmup
    seconds = parameters["latency_seconds"] if open_loop else parameters["seconds"]
    job: Job = {
        "address": str(subject.address),
        "keep_alive": subject.keep_alive,
        "scenario": task.scenario,
        "users": max(users, OPEN_LEAST) if open_loop else users,
        "warmup": min(parameters["warmup_seconds"], AGAIN) if open_loop else max(parameters["warmup_seconds"], least),
        "least_warmup": 0.0 if open_loop else least,
        "seconds": shape["seconds"] if shape else seconds,
        "min_requests": parameters["min_requests"],
        "max_seconds": max(parameters["max_seconds"], 2 * shape["seconds"] if shape else 0.0),
        "rate": rate,
        "seed": seed,
    }
    if shape:
        job["shape"] = shape
    return job


def _with_process(subject: Subject, at_rest: set[int], job: Job, engines: Engines, engine: str) -> Loaded:
    with engines.using(engine) as load:
        load.prepare(job)
        load.warm_up()
        generator = Tree(load.pid)
        before = _account(subject, at_rest, generator)
        with MemorySampler(_trees(subject, generator)).running() as sampler:
            counted = load.go()
        return Loaded(before, counted, _account(subject, at_rest, generator), sampler)


def _with_wrk(subject: Subject, at_rest: set[int], job: Job, engines: Engines, core: int | None, wrk: str) -> Loaded:
    url = f"{subject.address}{SCENARIOS[job['scenario']].visit('wrk')[0].path}"
    with engines.using("crowd") as crowd:
        warmup = warm_up(crowd, job)
    before = _account(subject, at_rest, None)
    with MemorySampler(_trees(subject, None)).running() as sampler:
        counted = drive_wrk(wrk, url, job["users"], job["seconds"], core)
    counted["warmup"] = warmup
    after = _account(subject, at_rest, None)
    try:
        check_answer(subject.address, job["scenario"])
    except NotReady as error:
        raise LoadFailed(f"after the load {error}") from error
    return Loaded(before, counted, after, sampler)


def _trees(subject: Subject, generator: Tree | None) -> dict[str, Tree]:
    known = {SERVER: subject.tree, FRONT: subject.front, GENERATOR: generator}
    return {name: tree for name, tree in known.items() if tree}


def _account(subject: Subject, at_rest: AbstractSet[int], generator: Tree | None) -> Account:
    """Wait until the server is at rest, and read what everybody has used so far. Raises LoadFailed if it has ended."""
    try:
        if subject.tree:
            subject.tree.settle(at_rest)
        kernel = {SERVER: subject.births.kernel}
        used = {name: read_usage(tree, kernel.get(name)) for name, tree in _trees(subject, generator).items()}
    except psutil.NoSuchProcess:
        raise LoadFailed("the server ended during the load") from None
    return Account(used, subject.births.count(), machine_busy_seconds(), time.monotonic())


def _repeat(
    subject: Subject, task: Task, place: Place, job: Job, engine: str, started: str, processes: int, load: Loaded,
    pinned: bool,
) -> Repeat:  # fmt: skip
    counted, births = load.counted, load.after.births
    connections = counted.get("connections")
    return Repeat(
        gateway=subject.gateway.name,
        scenario=task.scenario,
        question=task.question,
        rate=job["rate"] or None,
        shape=task.shape,
        offered=job.get("shape"),
        users=job["users"],
        round=place.round,
        position=place.position,
        started=started,
        engine=engine,
        warmup=counted["warmup"],
        seconds=counted["seconds"],
        requests=counted["requests"],
        errors=counted["errors"],
        content_bytes=counted["content_bytes"],
        latency=counted["latency"],
        exchanges=counted["exchanges"],
        lateness=counted["lateness"],
        timeline=counted["timeline"],
        server=_server(subject, load),
        front=load.usage(FRONT),
        generator=_generator(load, pinned),
        spawned=births.spawned - load.before.births.spawned if subject.births.source else None,
        births_from=subject.births.source,
        lost_events=births.lost - load.before.births.lost,
        processes=processes,
        others_share=_others_share(subject, load),
        queue_wait=queue_wait(subject.status) if subject.status else None,
        connections=connections["opened"] if connections else None,
        team=counted.get("team", []),
    )


def _server(subject: Subject, load: Loaded) -> Usage | None:
    """Return what the server used.

    Where nobody waits for its ended processes, nor the kernel tells of them, their time is in no account: then it is
    all that the machine did but for front and generator, which on a quiet machine is the same.
    """
    usage = load.usage(SERVER)
    if usage and not subject.accounted:
        known = load.cpu(FRONT) + load.generator_here()
        usage["cpu_seconds"] = round(max(0.0, load.after.machine - load.before.machine - known), 6)
        usage["system_seconds"] = None
    return usage


def _generator(load: Loaded, pinned: bool) -> Generator:
    """Return what the generator used, and whether that was all it could get.

    It, or it and the front, have one core; of a team, each worker has one elsewhere, and the busiest counts. Where it
    also had to wait for one, that is no rest either.
    """
    used = load.counted["generator_cpu"]
    beside = load.cpu(FRONT) if pinned else 0.0
    share = busiest(load.counted) if "team" in load.counted else (used + beside) / load.counted["seconds"]
    rarely_rests = max(share, busiest(load.counted)) >= SATURATED
    usage = load.usage(GENERATOR) or only_time(used)
    usage["cpu_seconds"] = used  # its own reading, of just the load
    return Generator(**usage, share=round(share, 4), saturated=rarely_rests)


def only_time(seconds: float) -> Usage:
    """Return a usage of which nothing else is known."""
    return Usage(
        cpu_seconds=seconds,
        system_seconds=None,
        minor_faults=None,
        major_faults=None,
        voluntary_switches=None,
        involuntary_switches=None,
        memory=None,
    )


def _others_share(subject: Subject, load: Loaded) -> float:
    """Return the part of all processors that server, front and generator did not use, between the two accounts.

    Where the server's ended processes are in no account, or it runs elsewhere, nobody can tell them from others, and
    the answer is 0.
    """
    if not subject.accounted or subject.tree is None:
        return 0.0
    ours = load.cpu(SERVER) + load.cpu(FRONT) + load.generator_here()
    others = load.after.machine - load.before.machine - ours
    passed = (load.after.moment - load.before.moment) * (os.cpu_count() or 1)
    return round(min(1.0, max(0.0, others / passed)), 4)
