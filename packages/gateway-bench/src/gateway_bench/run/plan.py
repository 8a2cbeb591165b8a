"""What a run will do and in which order, decided before anything starts.

Gateways come in a new random order in every round, and so do the scenarios of a gateway. A machine that gets slower
while the run goes on (heat, a neighbour) then slows each of them as often as the others. The order comes from a seed,
and the seed is in the record. One thing has a fixed place: what is asked at a part of a server's capacity, or more than
it, is asked once that capacity is known.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway_bench.record.document import Parameters
from gateway_bench.run.order import Order
from gateway_bench.servers.gateways import Gateway
from gateway_bench.suites.suite import Suite

__all__ = ["Task", "Turn", "engine_for", "expected_seconds", "parameters_for", "tasks_of", "turns_of"]

WRK_CAN = ("hello", "page", "sh", "python")
"""Scenarios that wrk can make: visits of one GET that take far less than a second, since it stops the clock in the
middle of a request. A row may be too slow for it in all of them."""

OVERHEAD = 0.4
"""Seconds that a measurement takes beside its load: the server comes to rest, the accounts are read."""
WARM = 0.6
"""Seconds after which most warm-ups have settled."""
START = 0.8
"""Seconds that a server takes to start and to end."""
BEFORE = 4.0
"""Seconds before the first server: the noise probe, and the load process with locust in it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to measure of a server that stands ready. `shape` names one of the suite's, for that question."""

    scenario: str
    question: str = "capacity"
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One start of one gateway in one round, with its tasks in the order in which it meets them."""

    round: int
    gateway: str
    tasks: tuple[Task, ...]


def parameters_for(
    suite: Suite, quick: bool, repeats: int | None = None, seconds: float | None = None, hosts: int = 0
) -> Parameters:
    """Return the parameters of a suite, with what the command line asks for instead."""
    pace = suite.quick if quick else suite.full
    parameters = Parameters(
        quick=quick,
        engine="team" if hosts else "locust" if suite.alike else "wrk",
        users=pace.users,
        warmup_seconds=pace.warmup,
        seconds=pace.seconds,
        latency_seconds=pace.latency,
        fraction=suite.fraction,
        min_requests=pace.least,
        max_seconds=pace.most,
        repeats=pace.repeats if repeats is None else repeats,
        pinned=suite.pinned,
        hosts=hosts,
    )
    if seconds is not None:
        parameters["seconds"] = seconds
        parameters["latency_seconds"] = seconds if pace.latency else 0.0
        parameters["max_seconds"] = max(parameters["max_seconds"], 3 * seconds)
    return parameters


def tasks_of(suite: Suite, gateway: Gateway, scenarios: Sequence[str], parameters: Parameters) -> list[Task]:
    """Return what is to be measured of a gateway, in the order of the tables."""
    own = [scenario for scenario in scenarios if gateway.takes_part(scenario)]
    tasks = [Task(scenario) for scenario in own]
    if parameters["latency_seconds"] and not gateway.loop:
        tasks += [Task(scenario, "latency") for scenario in own if scenario in suite.waits]
    return tasks + [Task(scenario, "shape", shape) for scenario in own for shape in suite.shapes]


def turns_of(tasks: Mapping[str, Sequence[Task]], repeats: int, seed: int) -> list[Turn]:
    """Return all turns in the order to take them: round by round, shuffled within each.

    `tasks` has those of each gateway; one without any has no turn.
    """
    dice = random.Random(seed)  # noqa: S311  # an order, not a secret
    turns = []
    for round_ in range(1, repeats + 1):
        for gateway in dice.sample(sorted(tasks), len(tasks)):
            shuffled = dice.sample(tasks[gateway], len(tasks[gateway]))
            shuffled.sort(key=lambda task: task.question != "capacity")  # stable: it only moves these behind the others
            if shuffled:
                turns.append(Turn(round_, gateway, tuple(shuffled)))
    return turns


def engine_for(order: Order, gateway: Gateway, task: Task, scheme: str) -> str:
    """Return what makes the load: "locust" speaks every protocol and keeps a rate, "wrk" and the "crowd" are light.

    Rows that are compared are asked by one engine: where some of them speak no HTTP, by locust all. Where the end of an
    answer is that of the connection, the crowd asks: to wrk every such answer is an error, and it connects twice. With
    load processes on other machines they ask everything ("team").
    """
    if order.team:
        return "team"
    if task.question != "capacity" or scheme != "http" or (order.suite.alike and not gateway.front):
        return "locust"
    can = task.scenario in WRK_CAN and not gateway.slow and not gateway.unannounced
    return "wrk" if order.wrk and can else "crowd"


def expected_seconds(
    suite: Suite, turns: Sequence[Turn], parameters: Parameters, gateways: Sequence[Gateway] = ()
) -> float:
    """Return about how long the turns take, in seconds; `gateways` are those that may warm up for long."""
    lasts = {
        "capacity": parameters["seconds"] + min(parameters["warmup_seconds"], WARM),
        "latency": parameters["latency_seconds"],
        "shape": 0.0,
    }
    shapes = {name: shape["seconds"] for name, shape in suite.shapes.items()}
    tasks = [task for turn in turns for task in turn.tasks]
    each = sum(OVERHEAD + lasts[task.question] + shapes.get(task.shape, 0.0) for task in tasks)
    slow = {gateway.name: max(0.0, gateway.warmup - WARM) for gateway in gateways}
    warming = sum(slow.get(turn.gateway, 0.0) for turn in turns for task in turn.tasks if task.question == "capacity")
    return BEFORE + START * len(turns) + each + warming
