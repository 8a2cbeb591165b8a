"""Make bills by the API of `cgi_runner.bill` in a process that does nothing else.

A line of JSON on standard input names the targets; the answer is one line of JSON. What is told of each is how far the
parts are from the whole, and what the bill itself costs in processor time: that is read for a whole process, so there
must be no bar that moves in it.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from cgi_runner.bill import MeasureError, Target, bill_cost, measure

__all__ = ["main", "probe"]


SHARE = 0.95
"""Of the requests: one in twenty may have been interrupted between the two clocks."""


def probe(asked: dict[str, Any]) -> dict[str, Any]:
    """Return how far the parts are from their whole, as a part of it: `gap` and `worst`; and `cost`.

    `gap` is that of 95 in 100 requests, at most.

    `asked`: the `target`, the number of `requests`, and of `pairs` for the cost (0: it is not looked at).
    Raises MeasureError, ValueError.
    """
    measured = measure(**asked["target"], requests=asked["requests"], note=_note)
    gaps = sorted(abs(bill.unaccounted) / bill.whole for bill in measured.samples)
    found: dict[str, Any] = {
        "gap": gaps[math.ceil(SHARE * len(gaps)) - 1],
        "worst": gaps[-1],
        "whole_us": measured.whole / 1000,
        "kind": measured.kind,
    }
    if asked["pairs"]:
        cost = bill_cost(Target(**asked["target"]), asked["pairs"], _note)
        found |= {"cost": cost.ratio, "low": cost.low, "high": cost.high}
    return found


def _note(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def main() -> int:
    """Answer one question. Exit code 1 with a sentence when there is no bill."""
    try:
        print(json.dumps(probe(json.loads(sys.stdin.readline()))), flush=True)
    except (MeasureError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
