"""Is the knee found? On machines made by chance, and on the learner's own curve, within a quarter of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

from lesson_kit.checking import Inconclusive, NotYet

__all__ = ["check_knee", "example"]

CASES = 20
WITHIN = 0.25
"""Of the measured knee: rates of half a second are not better than that."""
SLACK = 1.01
"""Workers by which an answer may differ where nothing was measured: somebody may round up or down."""
APART = 2.5
"""Workers between the right answer and each wrong idea of a case: otherwise it would show nothing."""


def check_knee(knee: Callable[..., Any], dice: random.Random, mine: Mapping[str, Any]) -> None:
    """Hold the answer against machines by chance, then against the learner's own curve."""
    for _ in range(CASES):
        cores, work, wait = _machine(dice)
        _one(_number(knee(cores, work, wait)), cores, work, wait)
    _judge_own(knee, mine)


def example(dice: random.Random) -> tuple[dict[str, Any]]:
    """Make a curve that somebody may have measured: a little off, as all are."""
    cores, work, wait = _machine(dice)
    found = _knee(cores, work, wait) * dice.uniform(0.9, 1.1)
    return ({"cores": cores, "work": work, "wait": wait, "knee": found, "bent": True, "bounded": False},)


def _machine(dice: random.Random) -> tuple[float, float, float]:
    """Return cores, work and waiting (in seconds) for which every wrong idea gives a number of its own."""
    while True:
        cores, work = dice.choice((2, 3, 4, 6, 8, 12)), dice.randint(1, 20) / 1000
        wait = work * dice.randint(1, 12)
        ideas = [_knee(cores, work, wait), *_ideas(cores, work, wait).values()]
        if all(abs(one - other) > APART for place, one in enumerate(ideas) for other in ideas[:place]):
            return float(cores), work, wait


def _knee(cores: float, work: float, wait: float) -> float:
    return cores / work * (work + wait)


def _ideas(cores: float, work: float, wait: float) -> dict[str, float]:
    """Return what each wrong idea comes to."""
    return {"cores_always": cores, "forgets_the_work": cores * wait / work, "one_core": (work + wait) / work}


QUESTIONS = {
    "cores_always": "A worker that waits leaves its core to others. How many can share one?",
    "forgets_the_work": "For how long is a worker held by one request: only while it waits?",
    "one_core": "How many requests a second can all cores do together?",
    "more_is_faster": "With so many workers some would stand in line for a core. Where does that begin?",
    "too_few": "With so few workers a core would be idle now and then, and requests would wait for a worker.",
}


def _one(told: float, cores: float, work: float, wait: float) -> None:
    right = _knee(cores, work, wait)
    if abs(told - right) <= SLACK:
        return
    near = (idea for idea, value in _ideas(cores, work, wait).items() if abs(told - value) <= SLACK)
    idea = next(near, "more_is_faster" if told > right else "too_few")
    raise NotYet(idea, f"{cores:g} cores, {1000 * work:g} ms of work and {1000 * wait:g} ms of waiting: {told:g} "
                 f"workers are not where it ends. {QUESTIONS[idea]}")  # fmt: skip


def _judge_own(knee: Callable[..., Any], mine: Mapping[str, Any]) -> None:
    """Hold the answer against the learner's own curve, if that is one."""
    case = {name: float(mine[name]) for name in ("cores", "work", "wait")}
    if mine["bounded"]:
        raise Inconclusive("The load generator was the limit in your rounds: it, and not the workers, ended the curve.")
    if not mine["bent"]:
        raise Inconclusive("Your curve still rises with the last workers: this machine has more cores than this "
                           "lesson has workers, or it was too busy. All other cases are right.")  # fmt: skip
    if not _near(_knee(**case), mine["knee"]):
        raise Inconclusive("Your own curves do not fit together: the machine was busy with something else while one "
                           "was measured. The cases without your data are right: run it again.")  # fmt: skip
    told = _number(knee(**case))
    if not _near(told, mine["knee"]):
        raise NotYet(
            "not_yours", f"On your own machine {told:.1f} workers are more than a quarter off the measured knee."
        )


def _near(told: float, knee: float) -> bool:
    return abs(told - knee) <= WITHIN * knee


def _number(told: Any) -> float:
    if told is None or told is ...:
        raise NotYet("blank", "The function ends without returning a number of workers.")
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise NotYet("type", "Return a number of workers.")
    if math.isnan(told):
        raise NotYet("type", "Return a number of workers: nan is none.")
    return float(told)
