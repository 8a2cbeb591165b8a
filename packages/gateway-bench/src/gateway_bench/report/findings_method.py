"""The sentences of the suite `method`, one a point, each made from what was found on this machine.

None claims more than its figures bear: where a generator was the limit its rate is a bound, and where a demonstration
did not come out as it should, the sentence says what came out.
"""

from __future__ import annotations

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


def difference_finding(document: Document) -> str:
    """Say what the front takes, and what the server does with and without it."""
    proof = proof_of(document, "difference")
    if proof is None:
        return ""
    direct, behind, front = (value_of(proof, name) for name in ("server-direct", "server-behind", "front"))
    return (
        f"The front takes {duration(front)} for a request, in an account of its own; the gateway takes "
        f"{duration(direct)} asked directly and {duration(behind)} behind it"
    )


def questions_finding(document: Document) -> str:
    """Say how long visitors wait far from the capacity and near it."""
    proof = proof_of(document, "questions")
    if proof is None:
        return ""
    calm, near = (value_of(proof, f"p99-at-{part}") for part in (CALM, NEAR))
    return (
        f"One visitor in a hundred waits more than {duration(calm)} at {CALM} % of the capacity, and more than "
        f"{duration(near)} at {NEAR} %"
    )


def omission_finding(document: Document) -> str:
    """Say what p99 is in both loops, for a server that stalls."""
    proof = proof_of(document, "omission")
    if proof is None:
        return ""
    stall = duration(float(proof["readings"][0]["stall_us"]))
    closed, open_ = (duration(value_of(proof, f"{loop}-p99")) for loop in ("closed", "open"))
    return f"A server stalls for {stall}: p99 is {closed} to a closed loop, and {open_} to visitors who come at a rate"


def rounding_finding(document: Document) -> str:
    """Say what locust's own statistics leave of the latencies."""
    proof = proof_of(document, "rounding")
    if proof is None:
        return ""
    share = 100 * value_of(proof, "zero-or-one")
    return (
        f"Of {value_of(proof, 'values-hdr'):,.0f} different latencies locust's statistics leave "
        f"{value_of(proof, 'values-locust'):,.0f}, and {figure(share)} % of all requests are at 0 or 1 ms"
    )


def suspect_finding(document: Document) -> str:
    """Say how far apart the figures of one server are."""
    proof = proof_of(document, "suspect")
    if proof is None:
        return ""
    rates = [row["value"] for row in proof["figures"] if row["name"].startswith("rate-")]
    flagged = int(value_of(proof, "flagged"))
    limit = f"{flagged} of {len(rates)} generators" if flagged != 1 else f"1 of {len(rates)} generators"
    verb = "were" if flagged != 1 else "was"
    return (
        f"One server has {len(rates)} capacities, by who asks: {rate(min(rates))} to {rate(max(rates))} requests a "
        f"second; {limit} {verb} the limit"
    )


def cpu_finding(document: Document) -> str:
    """Say by how much the server's CPU for a request differs, beside the rates."""
    proof = proof_of(document, "suspect")
    if proof is None:
        return ""
    apart, hello, page = (ratio(value_of(proof, name))[:-1]
                          for name in ("rates-apart", f"cpu-{HELLO}-apart", f"cpu-{PAGE}-apart"))  # fmt: skip
    return (
        f"Who asks changes requests a second by a factor of {apart}, the server's CPU for a hello by {hello}, and "
        f"that for a page by {page}"
    )


def chance_finding(document: Document) -> str:
    """Say who finds differences between a server and itself."""
    proof = proof_of(document, "chance")
    if proof is None:
        return ""
    pairs, unequal, apart, ties = (int(value_of(proof, name)) for name in ("pairs", "unequal", "apart", "ties"))
    return (
        f"One server against itself: {unequal} of {pairs} pairs are unlike when measured once, {apart} by over 10 %; "
        f"by the rule {pairs - ties} of {pairs} differ"
    )


def wrong_finding(document: Document) -> str:
    """Say what a harness that counts answers makes of a server that answers wrongly, and what ours does."""
    proof = proof_of(document, "wrong")
    if proof is None:
        return ""
    honest, wrong = (value_of(proof, f"counted-{name}") for name in ("honest", "wrong"))
    place = "no place" if not value_of(proof, "ranked") else "a place, which it should not have"
    return (
        f"To whoever counts answers, a server that is wrong in one of three is worth {ratio(wrong / honest)[:-1]} "
        f"times the right one; here it has {place}"
    )


def record_finding(document: Document) -> str:
    """Say when the warm-up ended, and why."""
    proof = proof_of(document, "record")
    if proof is None:
        return ""
    warmup = duration(value_of(proof, "warm-up"))
    why = "as the rate had stopped rising" if value_of(proof, "settled") else "at its limit: the rate was still rising"
    return (
        f"The warm-up ended after {warmup}, {why}; then {rate(value_of(proof, 'rate'))} requests a second were counted"
    )


def kept_finding(document: Document) -> str:
    """Say what of killed runs is missing, and what one that was asked to end has left."""
    proof = proof_of(document, "kept")
    if proof is None:
        return ""
    killed, shown = len(rows_of(proof, signal="KILL")), int(value_of(proof, "killed-shown"))
    missing = int(value_of(proof, "missing"))
    left = [int(value_of(proof, f"asked-{name}")) for name in ("processes", "files")]
    said = "none is missing" if not missing else f"{missing} {'is' if missing == 1 else 'are'} missing"
    rest = "leaves nothing behind" if not any(left) else f"leaves {left[0]} processes and {left[1]} files"
    return f"Of {shown} finished repeats of {killed} killed runs {said}; a run that is asked to end {rest}"
