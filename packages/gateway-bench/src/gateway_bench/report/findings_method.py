"""The sentences of the suite `method`, one a point, each made from what was found on this machine.

None claims more than its figures bear: where a generator was the limit its rate is a bound, and where a demonstration
did not come out as it should, the sentence says what came out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from gateway_bench.record.document import Document, Proof, Reading
from gateway_bench.report.units import duration, figure, rate, ratio

__all__ = [
    "chance_finding", "cpu_finding", "difference_finding", "kept_finding", "omission_finding", "proof_of",
    "questions_finding", "record_finding", "rounding_finding", "rows_of", "suspect_finding", "value_of",
    "wrong_finding",
]  # fmt: skip

HELLO, PAGE = "hello", "page"
CALM, NEAR = 50, 90
"""Percent of the capacity at which a server is at ease, and at which its queue grows."""


def proof_of(document: Document, name: str) -> Proof | None:
    """Return what was found about a point, or None."""
    found = (proof for proof in document["proofs"] if proof["name"] == name and proof["status"] == "ok")
    return next((proof for proof in found if proof["readings"]), None)


def value_of(proof: Proof, name: str) -> float:
    """Return a figure; 0 where there is none."""
    return next((row["value"] for row in proof["figures"] if row["name"] == name), 0.0)


def rows_of(proof: Proof, **fields: object) -> list[Reading]:
    """Return the readings in which these fields are so."""
    return [row for row in proof["readings"] if all(row.get(key) == value for key, value in fields.items())]


def about(name: str) -> Callable[[Callable[[Proof], str]], Callable[[Document], str]]:
    """Make a sentence about one point a finding: one of a document, "" where that has nothing about the point."""

    def finding(say: Callable[[Proof], str]) -> Callable[[Document], str]:
        @wraps(say)
        def find(document: Document) -> str:
            proof = proof_of(document, name)
            return say(proof) if proof else ""

        return find

    return finding


@about("difference")
def difference_finding(proof: Proof) -> str:
    """Say what the front takes, and what the server does with and without it."""
    direct, behind, front = (value_of(proof, name) for name in ("server-direct", "server-behind", "front"))
    return (
        f"The front takes {duration(front)} for a request, in an account of its own; the gateway takes "
        f"{duration(direct)} asked directly and {duration(behind)} behind it"
    )


@about("questions")
def questions_finding(proof: Proof) -> str:
    """Say how long visitors wait far from the capacity and near it."""
    calm, near = (value_of(proof, f"p99-at-{part}") for part in (CALM, NEAR))
    return (
        f"One visitor in a hundred waits more than {duration(calm)} at {CALM} % of the capacity, and more than "
        f"{duration(near)} at {NEAR} %"
    )


@about("omission")
def omission_finding(proof: Proof) -> str:
    """Say what p99 is in both loops, for a server that stalls."""
    stall = duration(float(proof["readings"][0]["stall_us"]))
    closed, open_ = (duration(value_of(proof, f"{loop}-p99")) for loop in ("closed", "open"))
    return f"A server stalls for {stall}: p99 is {closed} to a closed loop, and {open_} to visitors who come at a rate"


@about("rounding")
def rounding_finding(proof: Proof) -> str:
    """Say what locust's own statistics leave of the latencies."""
    share = 100 * value_of(proof, "zero-or-one")
    return (
        f"Of {value_of(proof, 'values-hdr'):,.0f} different latencies locust's statistics leave "
        f"{value_of(proof, 'values-locust'):,.0f}, and {figure(share)} % of all requests are at 0 or 1 ms"
    )


@about("suspect")
def suspect_finding(proof: Proof) -> str:
    """Say how far apart the figures of one server are."""
    rates = [row["value"] for row in proof["figures"] if row["name"].startswith("rate-")]
    flagged = int(value_of(proof, "flagged"))
    limit = f"{flagged} of {len(rates)} generators" if flagged != 1 else f"1 of {len(rates)} generators"
    verb = "were" if flagged != 1 else "was"
    return (
        f"One server has {len(rates)} capacities, by who asks: {rate(min(rates))} to {rate(max(rates))} requests a "
        f"second; {limit} {verb} the limit"
    )


@about("suspect")
def cpu_finding(proof: Proof) -> str:
    """Say by how much the server's CPU for a request differs, beside the rates; nothing where it could not be told."""
    if not all(value_of(proof, f"cpu-{scenario}-apart") for scenario in (HELLO, PAGE)):
        return ""
    apart, hello, page = (ratio(value_of(proof, name))[:-1]
                          for name in ("rates-apart", f"cpu-{HELLO}-apart", f"cpu-{PAGE}-apart"))  # fmt: skip
    return (
        f"Who asks changes requests a second by a factor of {apart}, the server's CPU for a hello by {hello}, and "
        f"that for a page by {page}"
    )


@about("chance")
def chance_finding(proof: Proof) -> str:
    """Say who finds differences between a server and itself."""
    pairs, unequal, apart, ties = (int(value_of(proof, name)) for name in ("pairs", "unequal", "apart", "ties"))
    return (
        f"One server against itself: {unequal} of {pairs} pairs are unlike when measured once, {apart} by over 10 %; "
        f"by the rule {pairs - ties} of {pairs} differ"
    )


@about("wrong")
def wrong_finding(proof: Proof) -> str:
    """Say what a harness that counts answers makes of a server that answers wrongly, and what ours does."""
    honest, wrong = (value_of(proof, f"counted-{name}") for name in ("honest", "wrong"))
    place = "no place" if not value_of(proof, "ranked") else "a place, which it should not have"
    return (
        f"To whoever counts answers, a server that is wrong in one of three is worth {ratio(wrong / honest)[:-1]} "
        f"times the right one; here it has {place}"
    )


@about("record")
def record_finding(proof: Proof) -> str:
    """Say when the warm-up ended, and why."""
    warmup = duration(value_of(proof, "warm-up"))
    why = "as the rate had stopped rising" if value_of(proof, "settled") else "at its limit: the rate was still rising"
    return (
        f"The warm-up ended after {warmup}, {why}; then {rate(value_of(proof, 'rate'))} requests a second were counted"
    )


@about("kept")
def kept_finding(proof: Proof) -> str:
    """Say what of killed runs is missing, and what one that was asked to end has left."""
    killed, shown = len(rows_of(proof, signal="KILL")), int(value_of(proof, "killed-shown"))
    missing = int(value_of(proof, "missing"))
    left = [int(value_of(proof, f"asked-{name}")) for name in ("processes", "files")]
    said = "none is missing" if not missing else f"{missing} {'is' if missing == 1 else 'are'} missing"
    rest = "leaves nothing behind" if not any(left) else f"leaves {left[0]} processes and {left[1]} files"
    return f"Of {shown} finished repeats of {killed} killed runs {said}; a run that is asked to end {rest}"
