"""Is a split made of differences of medians? Made-up repeats with a known answer, then the learner's own."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from lesson_kit.checking import Inconclusive, NotYet
from lesson_kit.lessons.lesson_03.parts import bound
from lesson_kit.lessons.lesson_03.programs import PROGRAMS

__all__ = ["check_split", "made_up"]

Times = dict[str, list[float]]

REPEATS = 9
SPREAD = 0.002
"""Of a repeat, relative: small, so that any way to take a typical one finds the same."""
OUTLIER = (3.0, 9.0)
"""How many times too long the one repeat is in which the machine did something else."""
SLACK = 0.03
"""Of the whole, by which a part may miss: more than `SPREAD` can do, and less than any misconception does."""
OWN = dict.fromkeys(PROGRAMS, (0.001, 0.3)) | {"interpreter": (0.005, 0.02), "imports": (0.03, 0.1)}
"""Seconds that each program adds in made-up repeats. Any of the others may be the dearest."""


def check_split(split: Callable[[Times], Any], dice: random.Random, own: Mapping[str, list[float]]) -> None:
    """Try repeats with known parts, some with an odd repeat, some where a part is below nothing; then the learner's."""
    for odd, below in ((False, False), (True, False), (True, True)):
        parts = {name: dice.uniform(*limits) for name, limits in OWN.items()}
        if below:
            parts["request"] = -0.1 * sum(list(parts.values())[:-1])
        _judge(parts, _asked(split, made_up(parts, dice, odd=odd)), odd=odd, below=below)
    _own(split, {name: list(repeats) for name, repeats in own.items()})


def made_up(parts: Mapping[str, float], dice: random.Random, *, odd: bool = True) -> Times:
    """Return repeats of programs that add these parts; with `odd`, one repeat of each is far too long."""
    times: Times = {}
    whole = 0.0
    for name, seconds in parts.items():
        whole += seconds
        times[name] = [whole * dice.gauss(1, SPREAD) for _ in range(REPEATS)]
        if odd:
            times[name][dice.randrange(REPEATS)] *= dice.uniform(*OUTLIER)
    return times


def _asked(split: Callable[[Times], Any], times: Times) -> dict[str, float]:
    found = split({name: list(repeats) for name, repeats in times.items()})
    if found is None:
        raise NotYet("blank", "The split is None: the function ends without `return`ing it.")
    if not isinstance(found, dict) or list(found) != list(times):
        raise NotYet("type", "Return a dictionary with the same names as `times`, in the same order.")
    if any(isinstance(seconds, bool) or not isinstance(seconds, int | float) for seconds in found.values()):
        idea = "blank" if ... in found.values() else "type"
        raise NotYet(idea, "Each part is one number of seconds, and at least one of these is none.")
    return found


def _judge(parts: Mapping[str, float], found: Mapping[str, float], *, odd: bool, below: bool) -> None:
    whole = sum(parts.values())
    slack = SLACK * whole

    def near(wanted: Mapping[str, float]) -> bool:
        return all(abs(found[name] - wanted[name]) <= slack for name in wanted)

    if near(parts):
        return
    up_to = dict(zip(parts, _running(parts), strict=True))
    if near(up_to):
        raise NotYet("sums_not_differences", "These are the times of whole programs, and each contains the ones before "
                     "it. What does each one *add*?")  # fmt: skip
    if abs(found["process"] - parts["process"]) > slack and not odd:
        raise NotYet("fork_takes_all", "The first program starts a process and does nothing in it. Its part cannot be "
                     "more than it takes by itself.")  # fmt: skip
    first = parts["process"]
    if near({name: seconds - (first if name != "process" else 0.0) for name, seconds in up_to.items()}):
        raise NotYet("from_the_first", "Each was compared with the first program. Which program differs from it by one "
                     "thing only?")  # fmt: skip
    if below and near({name: max(0.0, seconds) for name, seconds in parts.items()}):
        raise NotYet("hides_negatives", "By chance a program may come out faster than the one in it. If that is "
                     "hidden, do the parts still make the whole?")  # fmt: skip
    if odd:
        raise NotYet("mean_of_noise", "One repeat of each program took many times as long as the others, and your "
                     "parts have followed it. Which number does one odd repeat not move?")  # fmt: skip
    raise NotYet("parts", "The parts are not what the programs add, one after the other.")


def _own(split: Callable[[Times], Any], times: Times) -> None:
    """Hold the sum of the learner's own parts against the interval of the whole."""
    found = _asked(split, times)
    *_, before, _, whole = times.values()
    low, high = bound(whole)
    if low <= statistics.median(before) <= high:
        raise Inconclusive("This machine is too noisy: repeats of the whole program differ by more than all that the "
                           "application adds to Python. Measure again when it has less to do.")  # fmt: skip
    if not low <= sum(found.values()) <= high:
        raise NotYet("sum", "On your own data the parts do not make the whole: their sum lies outside of the interval "
                     "in which the last program's median lies.")  # fmt: skip


def _running(parts: Mapping[str, float]) -> list[float]:
    sums: list[float] = []
    for seconds in parts.values():
        sums.append(seconds + (sums[-1] if sums else 0.0))
    return sums
