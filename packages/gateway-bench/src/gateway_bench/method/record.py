"""One measurement, as the record has it: from the first request of the warm-up to the last reading of the accounts.

It is made by the same function as those of every suite, of a server that has just been started, so its warm-up is one.
"""

from __future__ import annotations

from gateway_bench.errors import ProofFailed
from gateway_bench.proofs.ground import Findings, Ground, Running
from gateway_bench.record.document import Parameters, Reading, Repeat, Usage
from gateway_bench.record.summary import cpu_us, throughput
from gateway_bench.run.engines import Engines
from gateway_bench.run.measure import Place, measure
from gateway_bench.run.plan import Task
from gateway_bench.run.subject import Subject
from gateway_bench.samples.births import BirthCounter, KernelBirths
from gateway_bench.samples.cores import two_cores
from gateway_bench.servers.gateways import load_gateways

__all__ = ["prove"]

SCENARIO = "page"
"""Its template is compiled by the first that asks for it."""
SECONDS, QUICK_SECONDS = 2.0, 0.2
WARMUP = 2.0
USERS = 4
COUNTS = ("cpu_seconds", "system_seconds", "minor_faults", "major_faults", "voluntary_switches", "involuntary_switches")


def prove(ground: Ground) -> Findings:
    """Return the length of the warm-up, whether it settled, and what was counted."""
    found = Findings()
    ground.doing("record: one measurement")
    with ground.server("--workers", "1") as running:
        repeat = _measured(ground, running)
    if repeat["errors"]:
        raise ProofFailed(f"there were errors: {repeat['errors']}")
    found.readings += _readings(repeat)
    warmup, server = repeat["warmup"], repeat["server"]
    memory = server["memory"] if server else None
    found.add("warm-up", 1e6 * warmup["seconds"], "us", "thrown away")
    found.add("settled", int(warmup["settled"]), "", "whether the rate had stopped rising by then")
    found.add("rate", throughput(repeat), "requests/s", "in the stretch that counts")
    found.add("cpu", cpu_us(repeat), "us", "of the server for a request")
    found.add("memory", memory["peak"] if memory else 0, "bytes", "of the server at the peak")
    return found


def _measured(ground: Ground, running: Running) -> Repeat:
    row = load_gateways(ground.home / "gateways.toml", ["wsgi"])[0]
    parameters = Parameters(
        quick=ground.quick,
        engine="locust",
        users=USERS,
        warmup_seconds=WARMUP,
        seconds=QUICK_SECONDS if ground.quick else SECONDS,
        latency_seconds=0.0,
        fraction=0.5,
        min_requests=1,
        max_seconds=8.0,
        repeats=1,
        pinned=True,
        hosts=0,
    )
    core = two_cores(apart=True)[1]
    with KernelBirths().listening() as kernel, Engines(core, None, lambda _, __: None) as engines:
        births = BirthCounter(kernel, None)
        subject = Subject(row, running.address, running.tree, frozenset(running.tree.pids()), births)
        return measure(subject, Task(SCENARIO), parameters, Place(1, 1, 1), engines, "locust")


def _readings(repeat: Repeat) -> list[Reading]:
    """Return what the record has of it, in the order of time."""
    warmup = repeat["warmup"]
    width = warmup["seconds"] / len(warmup["rates"]) if warmup["rates"] else 0.0
    rows: list[Reading] = [
        {"kind": "window", "at": round(number * width, 4), "seconds": round(width, 4), "rate": rate}
        for number, rate in enumerate(warmup["rates"])
    ]
    rows.append({"kind": "warm-up", "seconds": warmup["seconds"], "settled": warmup["settled"]})
    rows.append({"kind": "counted", "seconds": round(repeat["seconds"], 4), "requests": repeat["requests"]})
    for who, usage in (("server", repeat["server"]), ("generator", repeat["generator"])):
        if usage:
            rows += _of(who, usage)
    if repeat["spawned"] is not None:
        rows.append({"kind": "births", "who": "server", "spawned": repeat["spawned"], "from": repeat["births_from"]})
    return rows


def _of(who: str, usage: Usage) -> list[Reading]:
    """Return the account of somebody, as far as the system tells, and its memory from time to time."""
    account: Reading = {"kind": "account", "who": who}
    account |= {name: value for name in COUNTS if (value := usage[name]) is not None}  # type: ignore[literal-required]
    memory = usage["memory"]
    samples = memory["samples"] if memory else []
    seen: list[Reading] = [{"kind": "memory", "who": who, "at": at, "bytes": size} for at, size, _ in samples]
    return [account, *seen]
