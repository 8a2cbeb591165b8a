"""What a suite is: a question, the rows that can answer it, how long to ask them, and what to make of the answers.

A suite is a module of this package with a `SUITE`. Nothing elsewhere asks for the name of a suite: what is special to
one is a field here, or a function that it brings along. Its rows are data, a TOML file in `benchmarks/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway_bench.load.shapes import Shape
from gateway_bench.record.document import Document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NO_PACE", "Draw", "Find", "Pace", "Suite"]

Draw = Callable[[Document], "Figure | None"]
"""Draws a chart from a document; None where the document has nothing for it."""
Find = Callable[[Document], str]
"""Says one sentence that the document supports; "" where it supports none."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to ask. Times are in seconds.

    `warmup` is at most so long; the rule that ends it is in `gateway_bench.load`. A closed loop lasts `seconds` and at
    least `least` requests, but never longer than `most`; an open loop `latency`, 0 for none. `repeats` are rounds.
    `scenarios` are fewer than usual, where there is no time for all.
    """

    users: int
    warmup: float
    seconds: float
    repeats: int
    latency: float = 0.0
    least: int = 16
    most: float = 8.0
    scenarios: tuple[str, ...] = ()


NO_PACE = Pace(users=1, warmup=0.0, seconds=0.0, repeats=1)
"""Of a suite of promises, each of which has its own load."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A comparison. `question` is one line for `--help`; `title` is that of the report.

    `scenarios` are those it knows, `usual` those that are asked for unless others are named (none: all), `waits` those
    in which latency at a rate is asked too, at `fraction` of the row's own capacity. `shapes` are further open loops by
    name, whose rates are parts of that capacity. `alike`: all rows without a front are asked by the one engine that
    speaks every protocol. `pinned`: server and generator have a processor each. `strict`: a row that is absent is a
    failure, not a gap.

    `charts` are in the order of the report, with a caption each; `kept` are those beside a reference run. `findings`
    are its sentences, the first of them the headline. `syscalls` names rows whose system calls are counted. `promises`
    is the module with the table of what is proved, for a suite that compares no rows (`gateway_bench.proofs.run`).
    """

    name: str
    question: str
    title: str
    table: str
    scenarios: tuple[str, ...]
    full: Pace
    quick: Pace
    charts: Mapping[str, Draw]
    captions: Mapping[str, str]
    findings: tuple[Find, ...]
    usual: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    fraction: float = 0.5
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    alike: bool = False
    pinned: bool = False
    strict: bool = False
    kept: tuple[str, ...] = ()
    syscalls: tuple[str, ...] = ()
    promises: str = ""
