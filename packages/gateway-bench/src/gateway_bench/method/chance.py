"""What no difference looks like: one server against itself, twenty times.

A pair is two rows that are one and the same server, each measured for a moment in five rounds; a third row, the same
server once more, gives the band of chance, as the row does that every suite has twice. In each round the three come in
a random order, and the rounds of a pair lie seconds apart: all pairs take turns.

Who measures once finds a difference each time. The rule of `gateway_bench.record.statistics` is made to find none in 19
of 20 pairs.
"""

from __future__ import annotations

import random

from gateway_bench.load.address import Address
from gateway_bench.load.generator import LoadProcess
from gateway_bench.method.asking import CROWD, asked, generator, sound
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.record.document import Reading
from gateway_bench.record.statistics import band_of, estimate, meets

__all__ = ["APART", "judged", "prove"]

PAIRS, ROUNDS, SECONDS = 20, 5, 0.1
QUICK_PAIRS, QUICK_ROUNDS, QUICK_SECONDS = 3, 3, 0.02
ROWS = ("first", "second", "again")
"""`first` and `second` are the pair, `first` and `again` the one that says what chance does."""
SCENARIO, USERS = "page", 8
"""A page takes the server longer than the crowd, so it is the server that is measured."""
APART = 0.1
"""The difference that is often said to be one, without a reason."""


def prove(ground: Ground) -> Findings:
    """Return how many of the pairs are a difference to whom, and how many tie."""
    found, dice = Findings(), random.Random(3)  # noqa: S311  # an order, not a secret
    pairs, rounds = (QUICK_PAIRS, QUICK_ROUNDS) if ground.quick else (PAIRS, ROUNDS)
    seconds = QUICK_SECONDS if ground.quick else SECONDS
    with ground.server("--workers", "1") as running, generator(CROWD) as load:
        sound(asked(load, running.address, scenario=SCENARIO, users=USERS, seconds=seconds))
        for number in range(1, rounds + 1):
            ground.doing(f"chance: round {number} of {rounds}")
            for pair in range(1, pairs + 1):
                rates = {row: _rate(load, running.address, seconds) for row in dice.sample(ROWS, len(ROWS))}
                found.readings.append({"pair": pair, "round": number, **{row: rates[row] for row in ROWS}})
    verdicts = [judged([row for row in found.readings if row["pair"] == pair]) for pair in range(1, pairs + 1)]
    found.readings += verdicts
    whole = f"of {pairs} pairs of one server and itself"
    found.add("pairs", pairs, "", "one server against itself")
    found.add("unequal", _number(verdicts, "unequal"), "", f"{whole}: unlike when each is measured once")
    found.add("apart", _number(verdicts, "apart"), "", f"{whole}: {100 * APART:.0f} % apart when each is measured once")
    found.add("ties", _number(verdicts, "tie"), "", f"{whole}: ties, by the rule of the bench")
    return found


def judged(rounds: list[Reading]) -> Reading:
    """Return what is to be said of a pair: the ratio with its interval, the band of chance, and three verdicts."""
    ratios = [float(row["second"]) / float(row["first"]) for row in rounds]
    band = band_of([float(row["again"]) / float(row["first"]) for row in rounds])
    ratio = estimate(ratios)
    low, high = band or (0.0, 0.0)
    return {
        "pair": rounds[0]["pair"],
        "ratio": round(ratio["median"], 5),
        "low": round(ratio["low"], 5),
        "high": round(ratio["high"], 5),
        "band_low": round(low, 5),
        "band_high": round(high, 5),
        "unequal": f"{ratios[0]:.2f}" != "1.00",
        "apart": abs(ratios[0] - 1) > APART,
        "tie": band is not None and meets(ratio, band),
    }


def _rate(load: LoadProcess, address: Address, seconds: float) -> float:
    told = sound(asked(load, address, scenario=SCENARIO, users=USERS, seconds=seconds, warmup=0.0))
    return round(told["requests"] / told["seconds"], 2)


def _number(verdicts: list[Reading], key: str) -> int:
    return sum(bool(verdict[key]) for verdict in verdicts)
