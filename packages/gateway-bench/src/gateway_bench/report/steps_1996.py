"""What a request of the suite "1996" is made of: differences between rows, taken round by round.

A row is WIRE-KEEPING ("fastcgi-close-cache"). Its cost is the processor time of server and front for one request. Two
rows that differ in one word differ by one *step*, and the same step is there once for each wire::

    opening      WIRE-nothing - WIRE-connection
    asking       WIRE-connection - WIRE-cache
    wire         fastcgi-connection - api-connection            the paper's own difference; nginx reads HTTP in C,
                                                                so its way is no single difference, but a scale
    process      cgi - api-nothing
    page         the personal page - 14 bytes, of one row
    http         the 14 bytes, in the server's own process

A slow minute of the machine slows both sides of a difference that is taken within a round. Repeats with errors are left
out, and so is a step of which one side is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway_bench.record.document import Document, Estimate, Repeat
from gateway_bench.record.statistics import estimate

__all__ = [
    "BASE", "BYTES", "KEEPINGS", "PAPER_MS", "PAPER_STEPS", "PERSONAL", "STEPS", "WIRES", "Side", "Step", "cost_us",
    "difference", "over", "proved", "step_of", "untold",
]  # fmt: skip

WIRES = {"api": "in the server", "fastcgi": "FastCGI", "fastcgi-close": "FastCGI anew"}
"""How the names of rows begin that stay alive, and what the wire is called."""
BASE = "fastcgi-cache"
"""What the paper sets all else over."""
KEEPINGS = ("nothing", "connection", "cache")
PERSONAL, BYTES = "personal", "checked"
"""The scenarios: the page of 1996, and 14 bytes."""
ROUNDS = 3
"""Rounds from which on an order is claimed: an interval from fewer says next to nothing."""

PAPER_MS = {"api-nothing": 36.6, "api-connection": 16.0, "fastcgi-connection": 20.1, "fastcgi-cache": 12.0}
"""Milliseconds for a request. M. R. Brown, "Understanding FastCGI Application Performance", 1996, section 5.4."""
PAPER_STEPS = {
    "opening": PAPER_MS["api-nothing"] - PAPER_MS["api-connection"],
    "asking": PAPER_MS["fastcgi-connection"] - PAPER_MS[BASE],
    "wire": PAPER_MS["fastcgi-connection"] - PAPER_MS["api-connection"],
}
"""What follows from them, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Side:
    """A row under a scenario."""

    gateway: str
    scenario: str = PERSONAL

    @property
    def wire(self) -> str:
        """The wire of the row, which is what its name begins with."""
        wire, _, keeping = self.gateway.rpartition("-")
        return wire if keeping in KEEPINGS else self.gateway


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a request. `found`: for each way to find it, what it is called, the dear side and the cheap one."""

    name: str
    words: str
    found: tuple[tuple[str, Side, Side | None], ...]


def _for_each_wire(dear: str, cheap: str) -> tuple[tuple[str, Side, Side | None], ...]:
    return tuple((label, Side(f"{wire}-{dear}"), Side(f"{wire}-{cheap}")) for wire, label in WIRES.items())


STEPS = (
    Step(
        "process",
        "a process for each request",
        (
            ("CGI, a new Python", Side("cgi"), Side("api-nothing")),
            ("CGI by zygote", Side("cgi-zygote"), Side("api-nothing")),
        ),
    ),
    Step("opening", "opening the database", _for_each_wire("nothing", "connection")),
    Step("asking", "asking it what a cache knows", _for_each_wire("connection", "cache")),
    Step(
        "wire",
        "the wire",
        (
            ("FastCGI, kept", Side("fastcgi-connection"), Side("api-connection")),
            ("FastCGI, anew each time", Side("fastcgi-close-connection"), Side("api-connection")),
            ("FastCGI, kept by nginx", Side("fastcgi-nginx-connection"), Side("api-connection")),
        ),
    ),
    Step(
        "page",
        "the page itself",
        tuple((label, Side(f"{wire}-cache"), Side(f"{wire}-cache", BYTES)) for wire, label in WIRES.items()),
    ),
    Step("http", "HTTP, and calling the application", (("in the server", Side("api-cache", BYTES), None),)),
)
"""In the order in which a chart has them."""


def cost_us(repeat: Repeat) -> float | None:
    """Return the processor time of server and front for a request, None where it is not known."""
    server, front = repeat["server"], repeat["front"]
    if server is None or not repeat["requests"] or repeat["errors"]:
        return None
    return (server["cpu_seconds"] + (front["cpu_seconds"] if front else 0.0)) * 1e6 / repeat["requests"]


def difference(document: Document, dear: Side, cheap: Side | None) -> Estimate | None:
    """Return how much more one side costs than the other, or what it costs if there is no other; None if unknown."""
    return _by_round(document, dear, cheap, lambda more, less: more - less)


def over(document: Document, dear: str, cheap: str) -> Estimate | None:
    """Return the cost of a personal page of one row over that of another one; None if unknown."""
    return _by_round(document, Side(dear), Side(cheap), lambda more, less: more / less if less else 0.0)


def step_of(document: Document, name: str, which: int = 0) -> Estimate | None:
    """Return a step, found in the first way, or in another one."""
    step = next(step for step in STEPS if step.name == name)
    _, dear, cheap = step.found[which]
    return difference(document, dear, cheap)


def proved(found: Estimate | None) -> bool:
    """Tell whether a difference is above 0, as far as these rounds can tell."""
    return found is not None and len(found["values"]) >= ROUNDS and found["low"] > 0


def untold(found: Estimate) -> bool:
    """Tell whether a difference cannot be told from none, in as many rounds as could tell."""
    return len(found["values"]) >= ROUNDS and found["low"] <= 0 <= found["high"]


def _by_round(
    document: Document, dear: Side, cheap: Side | None, together: Callable[[float, float], float]
) -> Estimate | None:
    more = _costs(document, dear)
    less = _costs(document, cheap) if cheap else dict.fromkeys(more, 0.0)
    values = [together(more[round_], less[round_]) for round_ in more if round_ in less]
    return estimate(values) if values else None


def _costs(document: Document, side: Side) -> dict[int, float]:
    """Return the cost of each round in which there was no error."""
    found = {}
    for repeat in document["repeats"]:
        if (repeat["gateway"], repeat["scenario"], repeat["question"]) == (side.gateway, side.scenario, "capacity"):
            cost = cost_us(repeat)
            if cost is not None:
                found[repeat["round"]] = cost
    return found
