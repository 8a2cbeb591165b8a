"""What may be claimed of the contest, each as a sentence and a question to one round.

A claim is borne out when *every* round says yes. One cost is less than another when it is so by 5 % and more: less than
that, no round of half a second can tell. A difference that some rounds show and some do not is a tie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final

__all__ = ["CLAIMS", "borne_out", "clearly", "step", "tied", "votes"]

Costs = Mapping[str, float]
"""A round: milliseconds of each row, and of `decode fastcgi`."""
Claim = Callable[[Costs], bool]
MARGIN: Final = 0.95


def below(less: float, more: float) -> bool:
    """Tell whether one cost is less than another, by more than a round can be wrong."""
    return less < MARGIN * more


CLAIMS: Final[dict[str, Claim]] = {
    "staying is cheaper than starting": lambda cost: below(cost["fastcgi/nothing"], cost["new/nothing"]),
    "a new process is cheaper with a cache": lambda cost: below(cost["new/cache"], cost["new/nothing"]),
    "keeping the database open is cheaper": lambda cost: below(cost["server/connection"], cost["server/nothing"]),
    "a cache is cheaper still": lambda cost: below(cost["server/cache"], cost["server/connection"]),
    "FastCGI is cheaper than a call": lambda cost: below(cost["fastcgi/connection"], cost["server/connection"]),
    "a call is cheaper than FastCGI": lambda cost: below(cost["server/connection"], cost["fastcgi/connection"]),
    "a cache saves more than the wire takes": lambda cost: below(cost["fastcgi/cache"], cost["server/connection"]),
    "decoding is most of a FastCGI request": lambda cost: below(cost["fastcgi/cache"] / 2, cost["decode fastcgi"]),
    "the wire matters more than staying": lambda cost: below(
        cost["new/nothing"] - cost["fastcgi/nothing"], abs(cost["fastcgi/nothing"] - cost["server/nothing"])
    ),
    "the order of 1996 holds": lambda cost: (
        below(cost["fastcgi/cache"], cost["server/connection"])
        and below(cost["server/connection"], cost["fastcgi/connection"])
        and below(cost["fastcgi/connection"], cost["server/nothing"])
    ),
}
"""`new`, `fastcgi` and `server` are who carries the request; the rest is what is kept."""


def votes(claim: str, rounds: Sequence[Costs]) -> list[bool]:
    """Return what each round says of a claim."""
    return [CLAIMS[claim](cost) for cost in rounds]


def borne_out(rounds: Sequence[Costs]) -> list[str]:
    """Return the claims that every round bears out."""
    return [claim for claim in CLAIMS if rounds and all(votes(claim, rounds))]


def clearly(rounds: Sequence[Costs], less: str, more: str) -> bool:
    """Tell whether one row costs less than another one in every round."""
    return bool(rounds) and all(below(cost[less], cost[more]) for cost in rounds)


def tied(rounds: Sequence[Costs], one: str, other: str) -> bool:
    """Tell whether no order of two rows is borne out."""
    return not clearly(rounds, one, other) and not clearly(rounds, other, one)


def step(rounds: Sequence[Costs], dear: str, cheap: str) -> str:
    """Return in words by how much one row costs more than another one, or that nobody can tell."""
    if not clearly(rounds, cheap, dear):
        return "less than can be told"
    return f"{median(cost[dear] - cost[cheap] for cost in rounds):.2g} ms"
