"""The chart of the suite "proofs": the line that must be flat."""

from __future__ import annotations

from statistics import median

from matplotlib.ticker import FuncFormatter, NullLocator

from gateway_bench.record.document import Document, Reading
from gateway_bench.report.chart_style import LIGHT, Picture, bare, page
from gateway_bench.report.units import duration, duration_tick, ratio

__all__ = ["idle_connections"]

COLOURS = {"asked": LIGHT["green"], "silent": LIGHT["blue"]}
WORDS = {"asked": "that have asked before", "silent": "that never said a word"}
HEIGHT = 5.2


def idle_connections(document: Document) -> Picture | None:
    """Draw CPU for each request beside idle connections, with every reading; None if it was not looked at."""
    proof = next((proof for proof in document["proofs"] if proof["name"] == "idle"), None)
    if proof is None or not proof["readings"]:
        return None
    spread = next(row["value"] for row in proof["figures"] if row["name"] == "spread")
    figure, (axis,) = page(
        f"From 10 to 10,000 idle connections, the CPU of a request changes by a factor of {ratio(spread)[:-1]}",
        "Server CPU for one GET /hello over 32 busy connections, beside those that say nothing; the line is the median",
        document,
        HEIGHT,
        label_inches=1.2,
    )
    figure.headings = ("connections", "idle connections", "median", "each reading")
    for kind, colour in COLOURS.items():
        rows = [row for row in proof["readings"] if row["kind"] == kind]
        numbers = sorted({int(row["connections"]) for row in rows})
        middles = [median(_cost(row) for row in rows if row["connections"] == number) for number in numbers]
        axis.plot(
            [int(row["connections"]) for row in rows], [_cost(row) for row in rows], "o", color=colour, alpha=0.35
        )
        axis.plot(numbers, middles, color=colour, linewidth=2.4)
        for number, middle in zip(numbers, middles, strict=True):
            each = [duration(_cost(row)) for row in rows if row["connections"] == number]
            figure.note(WORDS[kind], f"{number:,}", duration(middle), ", ".join(each))
        place = 12 if kind == "asked" else -22
        axis.annotate(
            WORDS[kind], (numbers[-1], middles[-1]), (0, place), textcoords="offset points", color=colour, ha="right"
        )
    axis.set_xscale("log")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    axis.set_ylim(0, 1.3 * max(_cost(row) for row in proof["readings"]))
    axis.set_xlabel("idle connections")
    bare(axis)
    return figure


def _cost(row: Reading) -> float:
    return float(row["cpu_seconds"]) * 1e6 / float(row["requests"])
