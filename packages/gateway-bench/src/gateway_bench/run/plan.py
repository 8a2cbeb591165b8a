"""What a run will do and in which order, decided before anything starts.

Gateways come in a new random order in every round, and so do the scenarios of a gateway. A machine that gets
slower while the run goes on (heat, a neighbour) then slows each of them as often as the others. The order comes
from a seed, and the seed is in the record.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway_bench.record.document import Parameters

__all__ = ["Turn", "ends_by_closing", "engine_of", "expected_seconds", "parameters_for", "turns_of"]

SLOW = ("sleep", "mixed", "app")
"""Scenarios that the crowd makes, beside wrk: that stops the clock in the middle of a request, which counts where one
takes half a second, and it cannot tell the latencies of two paths apart."""

SHARING = ("cgi", "evolution")
"""Suites in which server and generator share all processors: these servers have several processes."""

OVERHEAD = 1.7
"""Seconds that a measurement takes beside its load: a load process starts, the server comes to rest."""
START = 1.5
"""Seconds that a server takes to start and to end."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One start of one gateway in one round, with the scenarios in the order in which it meets them."""

    round: int
    gateway: str
    scenarios: tuple[str, ...]


def parameters_for(
    suite: str, quick: bool, repeats: int | None = None, seconds: float | None = None, engine: str = "locust"
) -> Parameters:
    """Return the parameters of a suite, with what the command line asks for instead."""
    if suite == "proofs":
        parameters = _parameters(users=1, warmup=0.0, seconds=0.0, repeats=1)  # each proof has its own
    elif suite == "backends":
        parameters = _parameters(users=32, warmup=1.0, seconds=1.0 if quick else 3.0, repeats=1 if quick else 3)
    elif suite == "cgi":
        # Without a warm-up: a process that is new for each request has none, and its host has answered a check.
        parameters = _parameters(users=4, warmup=0.0, seconds=1.0 if quick else 2.0, repeats=1 if quick else 3)
    elif suite == "peers":
        parameters = _parameters(users=32, warmup=1.0, seconds=1.0 if quick else 3.0, repeats=1 if quick else 5)
    elif quick:
        parameters = _parameters(users=4, warmup=0.3, seconds=1.5, repeats=1)
        parameters["min_requests"], parameters["max_seconds"] = 8, 4.0
    else:
        parameters = _parameters(users=4, warmup=0.4, seconds=1.4, repeats=3)
    parameters["quick"], parameters["engine"] = quick, engine
    parameters["pinned"] = suite not in SHARING
    if repeats is not None:
        parameters["repeats"] = repeats
    if seconds is not None:
        parameters["seconds"] = seconds
        parameters["max_seconds"] = max(parameters["max_seconds"], 3 * seconds)
    return parameters


def _parameters(users: int, warmup: float, seconds: float, repeats: int) -> Parameters:
    return Parameters(
        quick=False,
        engine="locust",
        users=users,
        warmup_seconds=warmup,
        seconds=seconds,
        min_requests=16,
        max_seconds=8.0,
        repeats=repeats,
        pinned=False,
    )


def engine_of(suite: str, scenario: str, wrk: str | None, keep_alive: bool = True) -> str:
    """Return what makes the load: "locust" speaks every protocol, "wrk" (if found) and the "crowd" are light.

    Where the end of an answer is that of the connection, the crowd asks: to wrk every such answer is an error, and it
    connects twice.
    """
    if suite == "evolution":
        return "locust"
    if ends_by_closing(suite, keep_alive):
        return "crowd"
    return "wrk" if wrk and scenario not in SLOW else "crowd"


def ends_by_closing(suite: str, keep_alive: bool) -> bool:
    """Tell whether a row's answers end by closing: those of a CGI host that keeps no connection do."""
    return suite == "cgi" and not keep_alive


def turns_of(gateways: Mapping[str, Sequence[str]], repeats: int, seed: int) -> list[Turn]:
    """Return all turns in the order to take them: round by round, shuffled within each.

    `gateways` has the scenarios of each; one without any has no turn.
    """
    dice = random.Random(seed)  # noqa: S311  # an order, not a secret
    return [
        Turn(round_, gateway, tuple(dice.sample(gateways[gateway], len(gateways[gateway]))))
        for round_ in range(1, repeats + 1)
        for gateway in dice.sample(sorted(gateways), len(gateways))
        if gateways[gateway]
    ]


def expected_seconds(turns: Sequence[Turn], parameters: Parameters) -> float:
    """Return about how long the turns take, in seconds."""
    measured = OVERHEAD + parameters["warmup_seconds"] + parameters["seconds"]
    return sum(START + len(turn.scenarios) * measured for turn in turns)
