r"""What this project promises, as rows of data, and whether a run keeps it. See `benchmarks/goals.toml`.

A row:

    [[goal]]
    suite = "peers"                     or "backends", "cgi", "proofs", "method"
    scenario = "hello"                  of a suite that has any
    of = "gatelab"                      the gateway, or the proof
    over = ["waitress"]                 whom it is compared with; of several, the best in this run
    figure = "throughput"               or "time", "cpu" (for a request), or "p99"; of a proof, one of its figures
    exchange = "GET /hello"             p99 of this kind of request alone
    least = 5.0                         or most = ...: the promise
    aim = 8.0                           what we would like beyond it: at least, or (with `most`) at most
    about = "..."                       in words

A figure is compared as it is shown, at three significant digits: no table says that 1.00 misses 1.00. It is that of
closed loops; an open one goes at its own rate. Repeats with errors count for nothing, so a row with errors in every
repeat is unknown, which is not kept. Nor is a promise kept that a peer might break which the generator held back, or
missed by a row of ours that it held back: both are unknown.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from gateway_bench.errors import BenchError
from gateway_bench.record.document import Estimate, Proof, Repeat, Verdict
from gateway_bench.record.statistics import estimate
from gateway_bench.record.summary import cpu_us, limited, throughput

__all__ = ["PROVED", "Goal", "judge", "load_goals", "met"]

KINDS: dict[str, type | tuple[type, ...]] = {
    "suite": str, "of": str, "figure": str, "scenario": str, "exchange": str, "about": str, "over": list,
    "least": (int, float), "most": (int, float), "aim": (int, float),
}  # fmt: skip
PROVED = ("proofs", "method")
"""Suites of promises: their goals are about figures of a proof."""
REQUIRED = ("suite", "of", "figure", "about")
UNITS = {"throughput": "requests/s", "time": "us", "p99": "us", "cpu": "us"}
"""Of the figures of gateways; a proof's say theirs."""
HELD_BACK = ("throughput", "time")
"""Figures that are bounds where the generator was the limit."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One row. Of `least` and `most` one at most is given."""

    suite: str
    of: str
    figure: str
    about: str
    scenario: str = ""
    exchange: str = ""
    over: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    aim: float | None = None

    def pairs(self) -> list[tuple[str, str, str]]:
        """Return scenario, gateway and peer for each ratio that this goal needs."""
        return [(self.scenario, self.of, peer) for peer in self.over]


def load_goals(path: Path) -> list[Goal]:
    """Return the rows of a TOML file; none when there is no file. Raises BenchError."""
    if not path.exists():
        return []
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be read as TOML: {error}") from error
    rows = table.get("goal", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BenchError(f"{path} has a 'goal' that is no table: each begins with [[goal]]")
    return [_goal(row, number, path) for number, row in enumerate(rows, 1)]


def _goal(row: dict[str, Any], number: int, path: Path) -> Goal:
    shown = f"goal {number} of {path.name}"
    for key in REQUIRED:
        if key not in row:
            raise BenchError(f"{shown} needs {key!r}")
    for key, value in row.items():
        if key not in KINDS or not isinstance(value, KINDS[key]) or isinstance(value, bool):
            raise BenchError(f"{shown} has a {key!r} that it cannot have")
    if row["suite"] not in PROVED and row["figure"] not in UNITS:
        raise BenchError(f"{shown} has a figure {row['figure']!r}; of gateways there are {', '.join(UNITS)}")
    if "least" in row and "most" in row:
        raise BenchError(f"{shown} has both 'least' and 'most': make it two goals")
    if not {"least", "most", "aim"} & set(row):
        raise BenchError(f"{shown} promises nothing: give it 'least', 'most' or 'aim'")
    return Goal(**{**row, "over": tuple(map(str, row.get("over", ())))})


def judge(goals: Iterable[Goal], repeats: Sequence[Repeat], proofs: Sequence[Proof] = ()) -> list[Verdict]:
    """Set each goal beside what was found."""
    return [_of_proofs(goal, proofs) if goal.suite in PROVED else _of_repeats(goal, repeats) for goal in goals]


def met(found: float, least: float | None, most: float | None) -> bool:
    """Tell whether a figure, as it is shown, is within the bounds that there are."""
    shown = float(f"{found:.3g}")
    return (least is None or shown >= least) and (most is None or shown <= most)


def _of_proofs(goal: Goal, proofs: Sequence[Proof]) -> Verdict:
    for proof in proofs:
        for figure in proof["figures"]:
            if (proof["name"], figure["name"]) == (goal.of, goal.figure):
                return _verdict(goal, "", figure["unit"], estimate([figure["value"]]))
    return _verdict(goal, "", "", None)


def _of_repeats(goal: Goal, repeats: Sequence[Repeat]) -> Verdict:
    closed = [one for one in repeats if (one["scenario"], one["question"]) == (goal.scenario, "capacity")]
    own = _by_round(goal, goal.of, closed)
    if not goal.over:
        found = estimate([*own.values()]) if own else None
        return _in_doubt(_verdict(goal, "", UNITS[goal.figure], found), closed)
    rounds = {peer: _by_round(goal, peer, closed) for peer in goal.over}
    measured = {peer: values for peer, values in rounds.items() if values}
    if not measured:
        return _verdict(goal, goal.over[0], "x", None)
    choose = max if goal.figure == "throughput" else min
    best = choose(measured, key=lambda peer: median(measured[peer].values()))
    ratios = [own[number] / value for number, value in measured[best].items() if number in own and value]
    return _in_doubt(_verdict(goal, best, "x", estimate(ratios) if ratios else None), closed)


def _in_doubt(verdict: Verdict, closed: Sequence[Repeat]) -> Verdict:
    """Return the verdict, or one that leaves open what a generator that was the limit has hidden."""
    if verdict["figure"] not in HELD_BACK:
        return verdict
    bound = {repeat["gateway"] for repeat in closed if limited(repeat)}
    if (verdict["verdict"] == "kept" and verdict["over"] in bound) or (
        verdict["verdict"] == "missed" and verdict["of"] in bound
    ):
        verdict["verdict"] = "unknown"
    if (verdict["aim_reached"] is True and verdict["over"] in bound) or (
        verdict["aim_reached"] is False and verdict["of"] in bound
    ):
        verdict["aim_reached"] = None
    return verdict


def _by_round(goal: Goal, gateway: str, closed: Sequence[Repeat]) -> dict[int, float]:
    """Return the figure of each round in which this gateway made no error."""
    sound = (repeat for repeat in closed if repeat["gateway"] == gateway and not repeat["errors"])
    return {repeat["round"]: value for repeat in sound if (value := _figure(goal, repeat)) is not None}


def _figure(goal: Goal, repeat: Repeat) -> float | None:
    if goal.figure == "throughput":
        return throughput(repeat)
    if goal.figure == "time":
        right = throughput(repeat)
        return 1e6 / right if right else None
    if goal.figure == "cpu":
        return cpu_us(repeat) or None
    latency = repeat["exchanges"].get(goal.exchange) if goal.exchange else repeat["latency"]
    return float(latency["p99"]) if latency else None


def _verdict(goal: Goal, over: str, unit: str, found: Estimate | None) -> Verdict:
    bounded = goal.least is not None or goal.most is not None
    verdict, aim_reached = "unknown", None
    if found is not None:
        kept = met(found["median"], goal.least, goal.most)
        verdict = "" if not bounded else "kept" if kept else "missed"
        if goal.aim is not None:
            at_most = goal.most is not None
            aim_reached = met(found["median"], None if at_most else goal.aim, goal.aim if at_most else None)
    return Verdict(
        of=goal.of,
        scenario=goal.scenario,
        figure=goal.figure,
        exchange=goal.exchange,
        over=over,
        unit=unit,
        about=goal.about,
        least=goal.least,
        most=goal.most,
        aim=goal.aim,
        found=found,
        verdict=verdict,
        aim_reached=aim_reached,
    )
