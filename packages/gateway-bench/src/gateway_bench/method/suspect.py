"""One and the same server, loaded by three generators: whose figure is it?

Server and generator have a processor each. A generator that never rests measures itself: the requests a second are then
a lower bound of what the server can do. What the server takes for a request is the server's own, whoever asks.
"""

from __future__ import annotations

import random
from statistics import median

from gateway_bench.load.team import busiest
from gateway_bench.load.wrk import drive_wrk, find_wrk, warm_up
from gateway_bench.method.asking import CROWD, LOCUST, accounted, generator, job_for, sound
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.record.document import Reading
from gateway_bench.record.summary import SATURATED
from gateway_bench.samples.cores import two_cores

__all__ = ["prove"]

ROUNDS, SECONDS = 3, 2.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.2
USERS = 32
"""As in the suite `peers`."""
NO_WRK = "wrk was not found: two generators were compared."


def prove(ground: Ground) -> Findings:
    """Return for each generator `rate-`, `share-` and `cpu-`; how far rates and CPU are apart; how many are flagged."""
    found, dice, wrk = Findings(), random.Random(2), find_wrk()  # noqa: S311  # an order, not a secret
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if ground.quick else (ROUNDS, SECONDS)
    names = ["locust", "crowd", *(["wrk"] if wrk else [])]
    if not wrk:
        found.notes.append(NO_WRK)
    with ground.server("--workers", "1") as running, generator(LOCUST) as locust, generator(CROWD) as crowd:
        for number in range(1, rounds + 1):
            for name in dice.sample(names, len(names)):
                ground.doing(f"suspect: {name}")
                if name == "wrk" and wrk:
                    job = job_for(running.address, users=USERS)
                    warm_up(crowd, job)
                    before = running.tree.cpu_seconds()
                    told = drive_wrk(wrk, f"{running.address}/hello", USERS, seconds, two_cores(apart=True)[1])
                    cpu = running.tree.cpu_seconds() - before
                else:
                    load = locust if name == "locust" else crowd
                    told, used = accounted(
                        load, running.address, {"server": running.tree}, users=USERS, seconds=seconds
                    )
                    cpu = used["server"]
                requests = sound(told)["requests"]
                found.readings.append({
                    "round": number, "generator": name, "requests": requests, "seconds": round(told["seconds"], 4),
                    "rate": round(requests / told["seconds"], 1), "share": round(busiest(told), 4),
                    "server_us": round(1e6 * cpu / requests, 3),
                })  # fmt: skip
    _sum_up(found, names)
    return found


def _sum_up(found: Findings, names: list[str]) -> None:
    rates, shares, costs = ({name: _middle(found.readings, name, key) for name in names}
                            for key in ("rate", "share", "server_us"))  # fmt: skip
    for name in names:
        found.add(f"rate-{name}", rates[name], "requests/s", f"as {name} finds it")
        found.add(f"share-{name}", shares[name], "", f"of its core, for which {name} did not rest")
        found.add(f"cpu-{name}", costs[name], "us", f"CPU of the server for a request of {name}")
    found.add("rates-apart", max(rates.values()) / min(rates.values()), "x", "the highest rate over the lowest")
    found.add("cpu-apart", max(costs.values()) / min(costs.values()), "x", "the highest CPU a request over the lowest")
    flagged = sum(share >= SATURATED for share in shares.values())
    found.add("flagged", flagged, "", f"generators that were the limit: at least {100 * SATURATED:.0f} % of a core")


def _middle(readings: list[Reading], name: str, key: str) -> float:
    return median(float(row[key]) for row in readings if row["generator"] == name)
