"""A bill: where the time of one request went, as parts that leave no gap between them.

Moments come from both sides of the process boundary and lie on one clock. A part is the time from one moment to the
next, so that the parts of a request add up to exactly the time from its first moment to its last::

    server    request   spawn   spawned                                               exited  closed
    program                            first   site           ready    given   written
                  |       |        |     |      |               |        |        |       |       |
                  |-wait--|-spawn--|-----|-site-|-imports-------|handler-|-output-|-exit--|-reap--|
                                     '- interpreter start       '- app start: the rest of this stretch

A moment that has never come (the program died, or cannot tell) makes its part one with the next. A program that says
nothing at all, since it is written in another language, has one part `program` for all that it does until its head; or
until its end, if that comes in the first milliseconds, in which the server does not look (`pump`).

==================  ===================================================================================================
wait                the program is chosen, and waits for its turn if too many run
spawn               environment, pipes, and a new process that executes the program
interpreter start   the kernel has loaded Python; it initialises itself, until its first line of Python code
site                the module `site`: where packages are found
bill                what the program must do to tell its part: without a bill, a request takes so much less
imports             what the application imports, and the gateway's half of the program
app start           the application's own modules, and whatever they do when they are imported
program             all this, of a program that does not tell
handler             the application is called, until its head and first block are given
output              the rest of its response is given and written
exit                the interpreter tears itself down, and the kernel the process
reap                the server takes the exit status, hands on what it still holds of the response, and clears up
==================  ===================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["COARSE", "FINE", "FORKED", "ORDER", "Bill", "Costs", "add", "assemble", "milliseconds"]

Costs = tuple[tuple[str, int], ...]
"""Names and nanoseconds."""

ORDER = (
    "wait", "spawn", "interpreter start", "site", "bill", "imports", "app start",
    "program", "handler", "output", "exit", "reap",
)  # fmt: skip

FINE = "fine"
"""The program has told all that it can see."""

FORKED = "forked"
"""So too, but it is a copy of an interpreter that stood ready: the parts that this saves are zero."""

COARSE = "coarse"
"""The program has told nothing, or has not come that far."""

_END = (("exit", "exited"), ("reap", "reaped"), ("reap", "closed"))
_START = (("wait", "spawn"), ("spawn", "spawned"))
_ANSWER = (("app start", "ready"), ("handler", "given"), ("output", "written"), *_END)

_SOON = "soon"

_CUTS: dict[str, tuple[tuple[str, str], ...]] = {
    FINE: (*_START, ("interpreter start", "first"), ("site", "site"), ("bill", "begun"), *_ANSWER),
    FORKED: (("wait", "spawn"), ("spawn", "forked"), *_ANSWER),
    COARSE: (*_START, ("program", "head"), ("output", "output"), *_END),
    _SOON: (*_START, ("program", "exited"), ("reap", "reaped"), ("reap", "closed")),
}
"""Each part, and the moment that ends it. The end of `reap` is the later of two, when both have come."""

_SAVED = ("interpreter start", "site", "imports")
"""What a fork saves; of the imports, those that had been done."""

_NO_TOKEN = re.compile(r"[^A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Bill:
    """Where one request's time went. `parts` and `imports` are names with nanoseconds, in order.

    `whole` is what the parts should add up to: measured from outside if it comes from `measure`, else from the first
    moment to the last. `kind` is FINE, FORKED or COARSE. `imports` is the part of that name by what is to blame for
    it, the dearest first.
    """

    kind: str
    parts: Costs
    whole: int
    imports: Costs = ()

    @property
    def unaccounted(self) -> int:
        """Nanoseconds of the whole that no part explains."""
        return self.whole - sum(cost for _, cost in self.parts)

    def as_json(self) -> dict[str, Any]:
        """Return what docs/how-to/cgi-bill.md calls a bill."""
        return {
            "kind": self.kind,
            "whole_ns": self.whole,
            "unaccounted_ns": self.unaccounted,
            "parts_ns": dict(self.parts),
            "imports_ns": dict(self.imports),
        }

    def server_timing(self) -> str:
        """Return the value of a Server-Timing field (W3C Server Timing section 3): tokens, and milliseconds."""
        metrics = [(_NO_TOKEN.sub("-", name), cost) for name, cost in self.parts]
        return ", ".join(f"{name};dur={milliseconds(cost)}" for name, cost in [*metrics, ("total", self.whole)])


def milliseconds(cost: int) -> str:
    """Write nanoseconds as milliseconds, to the microsecond."""
    return f"{cost / 1_000_000:.3f}"


def assemble(moments: Mapping[str, int], imports: Mapping[str, int]) -> Bill:
    """Make the bill of one program from the moments of both sides. "request" must be among them.

    `imports` has what each package cost before "ready", or before "given" where the program has no such moment.
    """
    kind = FORKED if "forked" in moments else FINE if "first" in moments else COARSE
    times = dict(moments)
    if "first" in times and "spawned" in times:  # the server may take notice only when the program is under way
        times["spawned"] = min(times["spawned"], times["first"])
    parts = dict.fromkeys(_SAVED, 0) if kind == FORKED else {}
    now = times["request"]
    soon = kind == COARSE and "exited" in times and times["exited"] <= times.get("head", times["exited"])
    for part, end in _CUTS[_SOON if soon else kind]:
        if end in times:
            moment = max(now, times[end])  # of two that are seen at once, the order of notice is chance
            parts[part] = parts.get(part, 0) + moment - now
            now = moment
    if kind != COARSE:
        _carve(parts, sum(imports.values()))
    dearest = sorted(imports.items(), key=lambda item: (-item[1], item[0]))
    return Bill(kind, _in_order(parts), now - times["request"], tuple(dearest))


def _carve(parts: dict[str, int], imports: int) -> None:
    """Take the imports out of the part in which they happened."""
    stretch = "app start" if "app start" in parts else "handler"
    if stretch in parts:
        parts["imports"] = min(imports, parts[stretch])
        parts[stretch] -= parts["imports"]


def add(one: Bill, two: Bill) -> Bill:
    """Return the bill of two programs that ran one after the other for the same request (a local redirect)."""
    parts, imports = dict(one.parts), dict(one.imports)
    for sums, more in ((parts, two.parts), (imports, two.imports)):
        for name, cost in more:
            sums[name] = sums.get(name, 0) + cost
    dearest = sorted(imports.items(), key=lambda item: (-item[1], item[0]))
    return Bill(two.kind, _in_order(parts), one.whole + two.whole, tuple(dearest))


def _in_order(parts: Mapping[str, int]) -> Costs:
    return tuple((name, parts[name]) for name in ORDER if name in parts)
