"""Are the faults of a report found, and no others? Reports are made with three faults, or fewer, planted by chance.

A report::

    rates        requests a second of two servers, in each of five rounds
    says         what it concludes: "A is faster than B", or "A and B cannot be told apart"
    axis         where the scale of its bars begins
    generator    the part of its core for which the generator did not rest, in each round
    bound        are the rates called a lower bound?
    latencies    milliseconds of the requests of each worker
    p99          what it gives as the 99th percentile of all of them
    loop         "closed" or "open": how these latencies were measured
    births       processes started for `requests` CGI requests, as it counted them
    counted_by   "polling" or "spawner"
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from statistics import mean
from typing import Any, Final

from lesson_kit.checking import NotYet

__all__ = ["FAULTS", "check_faults", "percentile", "report", "sound_report"]

FAULTS: Final = {
    "tie": "It says that one server is faster, and its rounds overlap.",
    "axis": "Its bars do not begin at 0.",
    "generator": "The generator was the limit, and the rate is not called a lower bound.",
    "average": "Its p99 is an average of the workers' own, not that of all requests.",
    "loop": "It gives waiting times from a closed loop.",
    "polling": "It counted short-lived processes by polling.",
}
"""By the name that the answer uses, in words."""
IDEAS: Final = {
    "tie": ("trusts_the_bar", "One bar is longer than the other. What do their single rounds say?"),
    "axis": ("trusts_the_bar", "How long is a bar? Look at both of its ends."),
    "generator": ("forgets_the_generator", "Two were at work in each measurement. Which of them could do no more?"),
    "average": ("averages_percentiles", "Percentiles of parts were put together. Is the result the percentile of all?"),
    "loop": ("closed_loop_is_latency", "Who decided when the next request was made while the server did nothing?"),
    "polling": ("polls_children", "Who counted the processes, and how long did each of them live?"),
}  # fmt: skip
PLANTED = 3
REPORTS = 12
"""Of one seed: some sound ones, and some with faults."""
SATURATED = 0.9
ROUNDS = 5
EACH = 400
"""Requests of a worker."""


def check_faults(faults: Callable[[Any], Any], dice: random.Random) -> None:
    """Show it reports with each fault alone, with three, and with none."""
    alone = [{name} for name in FAULTS]
    several = [set(dice.sample([*FAULTS], PLANTED)) for _ in range(REPORTS - len(alone) - 1)]
    for planted in (*alone, *several, set[str]()):
        _one(faults, report(planted, dice), planted)


def report(planted: set[str], dice: random.Random) -> dict[str, Any]:
    """Return a report with these faults and no others."""
    base, tie = dice.uniform(800, 4000), "tie" in planted
    honest_tie = not tie and dice.random() < 0.5
    gain = dice.uniform(0.01, 0.02) if tie or honest_tie else dice.uniform(0.2, 0.6)
    rates = {name: [round(level * dice.uniform(0.96, 1.04), 1) for _ in range(ROUNDS)]
             for name, level in (("A", base * (1 + gain)), ("B", base))}  # fmt: skip
    if tie or honest_tie:  # chance may have parted them
        rates["B"][0] = round(max(rates["A"]) * 1.001, 1)
        rates["A"][1] = round(min(rates["B"]) * 0.999, 1)
    full = "generator" in planted
    bound = not full and dice.random() < 0.5
    share = dice.uniform(0.92, 1.0) if full or bound else dice.uniform(0.3, 0.85)
    latencies = _latencies(dice)
    whole = percentile([value for values in latencies.values() for value in values], 99)
    parts = mean(percentile(values, 99) for values in latencies.values())
    requests, polled = dice.randint(40, 90), "polling" in planted
    return {
        "rates": rates,
        "says": "A and B cannot be told apart" if honest_tie else "A is faster than B",
        "axis": round(0.9 * base) if "axis" in planted else 0,
        "generator": [round(min(1.0, share * dice.uniform(0.99, 1.01)), 3) for _ in range(ROUNDS)],
        "bound": bound,
        "latencies": latencies,
        "p99": parts if "average" in planted else whole,
        "loop": "closed" if "loop" in planted else "open",
        "requests": requests,
        "births": requests - dice.randint(0, 30) if polled else requests,
        "counted_by": "polling" if polled else "spawner",
    }


def sound_report() -> dict[str, Any]:
    """Return a report without a fault, the same one each time."""
    return report(set(), random.Random(12))  # noqa: S311  # an example, no secret


def percentile(values: list[float], percent: int) -> float:
    """Return the smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _latencies(dice: random.Random) -> dict[str, list[float]]:
    """Return the latencies of four workers, one of which is slow now and then: their own p99 are far apart."""
    found = {}
    for number in range(4):
        often = 0.06 if number == 0 else 0.0
        found[f"worker {number + 1}"] = [
            round(dice.uniform(80, 120) if place < often * EACH else dice.uniform(1, 3), 3) for place in range(EACH)
        ]
    return found


def _one(faults: Callable[[Any], Any], shown: Mapping[str, Any], planted: set[str]) -> None:
    told = faults(_copied(shown))
    if told is None or told is ...:
        raise NotYet("blank", "The function ends without returning the names of the faults.")
    if isinstance(told, str) or not isinstance(told, list | tuple | set | frozenset):
        raise NotYet("type", "Return a list of names, an empty one for a sound report.")
    strange = [name for name in told if name not in FAULTS]
    if strange:
        raise NotYet("vocabulary", f"{strange[0]!r} is none of the names: they are {', '.join(FAULTS)}.")
    for name in FAULTS:
        if name in planted and name not in told:
            idea, question = IDEAS[name]
            raise NotYet(idea, f"A fault was overlooked. {question}")
    false = [name for name in told if name not in planted]
    if false:
        raise NotYet(
            "suspects_everything", f"“{FAULTS[false[0]]}” was said of a report that has done just that part well."
        )


def _copied(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that may be sorted and changed."""
    parts = {name: {who: [*values] for who, values in shown[name].items()} for name in ("rates", "latencies")}
    return {**shown, **parts, "generator": [*shown["generator"]]}
