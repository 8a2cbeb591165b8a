"""Is everything claimed that the data bear out, and nothing else? The rule of `claims`, on the learner's own rounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from math import exp, log
from statistics import median
from typing import Any

from lesson_kit.checking import Inconclusive, NotYet
from lesson_kit.lessons.lesson_06.claims import CLAIMS, borne_out, votes
from lesson_kit.lessons.lesson_06.contest import AGAIN, ROWS

__all__ = ["check_claims", "example"]

ROUNDS = 5
LEAST = 3
"""Rounds: with fewer, all of them agree too often by chance."""
APART = 1.3
"""By how much a row and the same row again may differ; beyond, the machine is the experiment."""
TIE = 0.06
"""Of a request: what a cache saves where it is about as much as a round can be wrong by."""
TWIN = AGAIN.removesuffix(" again")

FAULTS = {
    "a new process is cheaper with a cache": (
        "cache_survives", "What can an application remember whose process ends with the request?"),
    "FastCGI is cheaper than a call": (
        "binary_is_fast", "Compare two rows that differ in the wire alone. What does a wire add, what take away?"),
    "decoding is most of a FastCGI request": (
        "protocol_did_it", "You have measured the codec alone, too. How much of a whole request is that?"),
    "the wire matters more than staying": (
        "protocol_did_it", "Change one thing at a time: the wire, or how long a process lives. Which step is longer?"),
    "the order of 1996 holds": (
        "paper_is_law", "A paper tells what was so on its machine. Which of its steps do your own rounds not show?"),
    "a cache saves more than the wire takes": (
        "paper_is_law", "It was so in 1996. Set what the cache saves beside what the wire takes, in your own rounds."),
}  # fmt: skip
"""Of a claim that no round bears out: the idea that is missing, and a question."""


def check_claims(claims: Callable[..., Any], dice: random.Random, rounds: Sequence[Mapping[str, float]]) -> None:
    """Hold what is claimed against the rounds."""
    _fit(rounds)
    told = claims([dict(cost) for cost in rounds], dict(CLAIMS))
    if told is None or told is ...:
        raise NotYet("blank", "The function ends without returning a list of claims.")
    if isinstance(told, str) or not isinstance(told, list | tuple | set | frozenset):
        raise NotYet("type", "Return a list of claims, each in the words of the vocabulary.")
    strange = [claim for claim in told if claim not in CLAIMS]
    if strange:
        raise NotYet("vocabulary", f"{strange[0]!r} is none of the claims: take their words as they are.")
    for claim in (claim for claim in CLAIMS if claim in told):
        said = votes(claim, rounds)
        if all(said):
            continue
        if any(said):
            raise NotYet("all_differences_are_real", f"“{claim}”: some of the rounds say so, and some do not. "
                         "What would another round say?")  # fmt: skip
        idea, question = FAULTS.get(claim, ("unsupported", "No round bears it out."))
        raise NotYet(idea, f"“{claim}”: {question}")
    if set(told) != set(borne_out(rounds)):
        raise NotYet("too_careful", "All that you claim is borne out, and the rounds bear out more than that.")


def example(dice: random.Random) -> tuple[list[dict[str, float]]]:
    """Make rounds of a machine by chance: on some the wire is dear, on some the database, on some a cache is a tie."""
    while True:
        process, http = dice.uniform(20, 60), dice.uniform(0.05, 0.1)
        wire, opening, asking = (10 ** dice.uniform(low, high) for low, high in ((-1.3, 0), (-1, 1.3), (-1.5, 0.7)))
        asking = dice.choice((asking, TIE * http))
        known = {
            f"{carrier}/{keeping}": http
            + (process if carrier == "new" else 0)
            + (wire if carrier == "fastcgi" else 0)
            + (0 if carrier != "new" and keeping != "nothing" else opening)
            + (0 if carrier != "new" and keeping == "cache" else asking)
            for carrier, keeping in (row.split("/") for row in ROWS)
        }
        known |= {AGAIN: known[TWIN], "decode fastcgi": 0.01}
        rounds = [{row: cost * exp(dice.gauss(0, _spread(row))) for row, cost in known.items()} for _ in range(ROUNDS)]
        if all(len(set(votes(claim, rounds))) == 1 for claim in FAULTS):  # of these ideas there is to be no doubt
            return (rounds,)


def _spread(row: str) -> float:
    """Return by how much a row varies, in the logarithm: a long stretch of work varies less than a short one."""
    return 0.01 if row.startswith("new") else 0.04


def _fit(rounds: Sequence[Mapping[str, float]]) -> None:
    """Raise Inconclusive if these rounds can bear out nothing."""
    if len(rounds) < LEAST:
        raise Inconclusive(f"{len(rounds)} rounds cannot tell a difference from chance: measure at least {LEAST}.")
    try:
        apart = exp(abs(median(log(cost[AGAIN] / cost[TWIN]) for cost in rounds)))
        steady = all(votes("staying is cheaper than starting", rounds))
    except (KeyError, ValueError, ZeroDivisionError, TypeError):
        raise Inconclusive("These are not the rounds of the contest: run the experiment above again.") from None
    if apart > APART or not steady:
        raise Inconclusive(f"The machine is too noisy now: one row, measured twice, came out {apart:.1f} times as dear "
                           "as itself. Run the experiment again when less is going on.")  # fmt: skip
