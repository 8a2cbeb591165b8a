"""A wrong answer is no answer: a server that answers wrongly to one in three, beside one that does its work.

Both are asked by a harness that counts answers, which is the few lines of `_counted`, and by ours, which looks at each.
The first finds that the wrong one is faster, since a wrong answer takes no work. The second finds right answers, errors
by their kind, and gives no place to a row that has any.
"""

from __future__ import annotations

import time
from collections import Counter
from statistics import median
from typing import cast

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.load.job import Yield
from gateway_bench.load.team import busiest
from gateway_bench.method.asking import CROWD, asked, generator
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.record.document import GatewayRecord, Repeat
from gateway_bench.record.summary import SATURATED, throughput
from gateway_bench.record.ties import bands_of, ranks
from gateway_bench.samples.cores import on_core, two_cores

__all__ = ["prove"]

ROUNDS, SECONDS = 3, 0.5
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.1
USERS = 64
"""The crowd rests for a twentieth of a second after an error; so many visitors keep the server busy meanwhile."""
HONEST, AGAIN, WRONG = "honest", "honest-again", "wrong"
REQUEST = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BLOCK, LIMIT = 65_536, 10.0


def prove(ground: Ground) -> Findings:
    """Return what each harness says of each server, and whether the wrong one has a place."""
    found, repeats = Findings(), list[Repeat]()
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if ground.quick else (ROUNDS, SECONDS)
    module = "gateway_bench.method.servers"
    with (
        ground.server(app="honest", module=module) as honest,
        ground.server(app="wrong", module=module) as wrong,
        generator(CROWD) as load,
    ):
        for number in range(1, rounds + 1):
            for name, running in ((HONEST, honest), (AGAIN, honest), (WRONG, wrong)):
                ground.doing(f"wrong: {name}")
                counted = _counted(running.address, seconds)
                told = asked(load, running.address, users=USERS, seconds=seconds, warmup=0.1)
                repeats.append(_repeat(name, number, told))
                found.readings.append({
                    "server": name, "round": number, "counted": round(counted, 1), "requests": told["requests"],
                    "right": round(throughput(repeats[-1]), 1),
                    **{f"errors, {kind}": count for kind, count in told["errors"].items()},
                })  # fmt: skip
    _sum_up(found, repeats)
    return found


def _counted(address: Address, seconds: float) -> float:
    """Return the answers a second that somebody finds who takes whatever comes for one."""
    answers = 0
    with on_core(two_cores(apart=True)[1]), address.connect(LIMIT) as connection:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            interrupts.check()
            try:
                connection.sendall(REQUEST)
                answer = connection.recv(BLOCK)
            except OSError:
                answer = b""
            if not answer:
                raise ProofFailed("the server closed a connection that was to be kept")
            answers += 1
        return answers / (time.monotonic() - began)


def _repeat(name: str, number: int, told: Yield) -> Repeat:
    """Return what the rule of places looks at in a repeat."""
    fields = {
        "gateway": name, "scenario": "hello", "question": "capacity", "round": number, "errors": told["errors"],
        "requests": told["requests"], "seconds": told["seconds"], "latency": told["latency"], "server": None,
        "front": None, "generator": {"saturated": busiest(told) >= SATURATED},
    }  # fmt: skip
    return cast("Repeat", fields)  # not all of one: nothing else is asked for


def _sum_up(found: Findings, repeats: list[Repeat]) -> None:
    rows = [{"name": HONEST, "again": ""}, {"name": AGAIN, "again": HONEST}, {"name": WRONG, "again": ""}]
    bands = bands_of(repeats, cast("list[GatewayRecord]", rows))
    places = ranks(repeats, bands, "hello", "capacity", "throughput")
    for name in (HONEST, WRONG):
        counts = [float(row["counted"]) for row in found.readings if row["server"] == name]
        right = [float(row["right"]) for row in found.readings if row["server"] == name]
        found.add(f"counted-{name}", median(counts), "requests/s", f"{name}: answers, whatever they say")
        found.add(f"right-{name}", median(right), "requests/s", f"{name}: right answers")
    errors: Counter[str] = Counter()
    for repeat in repeats:
        if repeat["gateway"] == WRONG:
            errors.update(repeat["errors"])
    requests = sum(repeat["requests"] for repeat in repeats if repeat["gateway"] == WRONG)
    for kind, count in sorted(errors.items()):
        found.add(f"errors-{kind.replace(' ', '-')}", count / requests, "", f"{WRONG}: part of the requests")
    found.add("ranked-honest", int(HONEST in places), "", f"whether {HONEST} has a place")
    found.add("ranked", int(WRONG in places), "", f"whether {WRONG} has a place")
