"""One and the same server, loaded by three generators: whose figure is it?

Server and generator have a processor each. A generator that never rests measures itself: the requests a second are then
a lower bound of what the server can do.

What the server takes for a request is its own, whoever asks; but not to the last microsecond. One that is kept busy
finds several requests whenever it looks, and one that is asked slowly looks, and wakes, for each. Beside a request that
takes next to nothing (hello) that is much; beside one with some work in it (a page) it is little.
"""

from __future__ import annotations

import random
from statistics import median

from gateway_bench.load.generator import LoadProcess
from gateway_bench.load.job import Yield
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.team import busiest
from gateway_bench.load.wrk import drive_wrk, find_wrk, warm_up
from gateway_bench.method.asking import CROWD, LOCUST, accounted, generator, job_for, sound, warmup_of
from gateway_bench.proofs.ground import Findings, Ground, Running
from gateway_bench.record.document import Reading
from gateway_bench.record.summary import SATURATED
from gateway_bench.samples.cores import two_cores

__all__ = ["HELLO", "PAGE", "prove"]

HELLO, PAGE = "hello", "page"
ROUNDS, SECONDS = 3, 1.0
"""A second is the least that wrk can do."""
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.2
USERS = 32
"""As in the suite `peers`."""
WRK = "wrk"
NO_WRK = "wrk was not found: two generators were compared."
TOO_SHORT = "The server's CPU for a {} is not compared: a stretch was too short for the system's clock."


def prove(ground: Ground) -> Findings:
    """Return of each generator `rate-`, `share-` and `cpu-`; how far rates and CPU are apart; how many are flagged."""
    found, dice, wrk = Findings(), random.Random(2), find_wrk()  # noqa: S311  # an order, not a secret
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if ground.quick else (ROUNDS, SECONDS)
    warmup = warmup_of(ground)
    if not wrk:
        found.notes.append(NO_WRK)
    with ground.server("--workers", "1") as running, generator(LOCUST) as locust, generator(CROWD) as crowd:
        loads = {"locust": locust, "crowd": crowd}
        turns = [(scenario, name) for scenario in (HELLO, PAGE) for name in (*loads, *([WRK] if wrk else []))]
        for number in range(1, rounds + 1):
            for scenario, name in dice.sample(turns, len(turns)):
                ground.doing(f"suspect: {scenario}, {name}")
                if name in loads:
                    trees = {"server": running.tree}
                    told, used = accounted(loads[name], running.address, trees, scenario=scenario, users=USERS,
                                           seconds=seconds, warmup=warmup)  # fmt: skip
                    cpu = used["server"]
                else:
                    told, cpu = _by_wrk(str(wrk), crowd, running, scenario, warmup)
                found.readings.append({"round": number, "scenario": scenario, "generator": name, **_row(told, cpu)})
    _sum_up(found, [name for scenario, name in turns if scenario == HELLO])
    return found


def _by_wrk(wrk: str, crowd: LoadProcess, running: Running, scenario: str, warmup: float) -> tuple[Yield, float]:
    """Let wrk load the server, which the crowd has warmed up; return what came of it, and what the server used."""
    warm_up(crowd, job_for(running.address, scenario=scenario, users=USERS, warmup=warmup))
    before = running.tree.cpu_seconds()
    url = f"{running.address}{SCENARIOS[scenario].visit(WRK)[0].path}"
    told = drive_wrk(wrk, url, USERS, SECONDS, two_cores(apart=True)[1])
    return told, running.tree.cpu_seconds() - before


def _row(told: Yield, cpu: float) -> Reading:
    requests = sound(told)["requests"]
    return {
        "requests": requests, "seconds": round(told["seconds"], 4), "rate": round(requests / told["seconds"], 1),
        "share": round(busiest(told), 4), "server_us": round(1e6 * cpu / requests, 3),
    }  # fmt: skip


def _sum_up(found: Findings, names: list[str]) -> None:
    rates, shares = ({name: _middle(found, name, HELLO, key) for name in names} for key in ("rate", "share"))
    for name in names:
        found.add(f"rate-{name}", rates[name], "requests/s", f"hello, as {name} finds it")
        found.add(f"share-{name}", shares[name], "", f"of its core, for which {name} did not rest")
    found.add("rates-apart", max(rates.values()) / min(rates.values()), "x", "hello: the highest rate over the lowest")
    for scenario in (HELLO, PAGE):
        costs = {name: _middle(found, name, scenario, "server_us") for name in names}
        for name, cost in costs.items():
            found.add(f"cpu-{scenario}-{name}", cost, "us", f"CPU of the server for a {scenario}, asked by {name}")
        if min(costs.values()) == 0:
            found.notes.append(TOO_SHORT.format(scenario))
            continue
        apart = max(costs.values()) / min(costs.values())
        found.add(f"cpu-{scenario}-apart", apart, "x", f"{scenario}: the highest CPU a request over the lowest")
    flagged = sum(share >= SATURATED for share in shares.values())
    found.add("flagged", flagged, "", f"generators that were the limit: at least {100 * SATURATED:.0f} % of a core")


def _middle(found: Findings, name: str, scenario: str, key: str) -> float:
    return median(float(row[key]) for row in found.readings if (row["generator"], row["scenario"]) == (name, scenario))
