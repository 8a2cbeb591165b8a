"""How the demonstrations load a server: as the suites do, by the same processes, with a job of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Job, Yield
from gateway_bench.proofs.ground import Ground
from gateway_bench.samples.cores import two_cores
from gateway_bench.samples.processes import Tree

__all__ = ["CROWD", "LOCUST", "accounted", "asked", "generator", "job_for", "sound", "warmup_of"]

LOCUST, CROWD = "gateway_bench.load.locust_load", "gateway_bench.load.crowd_load"
WARMUP = 1.0
"""Seconds at most; the rule ends most of them earlier."""
QUICK_WARMUP = 0.1
PATIENCE = 60.0
"""Seconds that no stretch of these exceeds, whatever the machine does."""


@contextmanager
def generator(module: str = LOCUST) -> Iterator[LoadProcess]:
    """Run a load process for the length of a block, on the generator's processor."""
    with LoadProcess(module, two_cores(apart=True)[1]) as load:
        yield load


def job_for(address: Address, **fields: object) -> Job:
    """Return a closed loop of one visitor who says hello for a second, but for what `fields` say."""
    job: Job = {
        "address": str(address),
        "keep_alive": True,
        "scenario": "hello",
        "users": 1,
        "warmup": WARMUP,
        "seconds": 1.0,
        "min_requests": 1,
        "max_seconds": PATIENCE,
    }
    job.update(fields)  # type: ignore[typeddict-item]  # the demonstrations' own, in this package
    return job


def asked(load: LoadProcess, address: Address, **fields: object) -> Yield:
    """Make one stretch of load. Raises LoadFailed."""
    load.prepare(job_for(address, **fields))
    load.warm_up()
    return load.go()


def accounted(
    load: LoadProcess, address: Address, trees: Mapping[str, Tree], **fields: object
) -> tuple[Yield, dict[str, float]]:
    """Make one stretch; return too what each of `trees` used meanwhile, in seconds, both times read at rest."""
    load.prepare(job_for(address, **fields))
    load.warm_up()
    before = {name: tree.cpu_seconds() for name, tree in trees.items()}
    told = load.go()
    return told, {name: tree.cpu_seconds() - before[name] for name, tree in trees.items()}


def warmup_of(ground: Ground) -> float:
    """Return how long a warm-up may take."""
    return QUICK_WARMUP if ground.quick else WARMUP


def sound(told: Yield) -> Yield:
    """Return what was told, if all answers were right. Raises ProofFailed."""
    if told["errors"]:
        raise ProofFailed(f"there were errors: {told['errors']}")
    return told
