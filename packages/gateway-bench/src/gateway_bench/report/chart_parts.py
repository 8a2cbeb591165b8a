"""The parts that several charts share: named rows, whiskers, bars of requests a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.report import findings
from gateway_bench.report.chart_style import INK, bare, colour_of, say
from gateway_bench.report.units import rate, spread

__all__ = ["BAR", "ROW", "draw_rates", "draw_rows", "draw_whisker", "method_of"]

BAR = 0.62
"""Thickness of a bar, in rows."""
ROW = 0.42
"""Inches of height for one row."""


def draw_rates(axis: Any, results: Sequence[Result], remarks: Mapping[str, str] | None = None) -> None:
    """Draw bars of requests a second with their range, from zero; `remarks` follow the figure, by gateway."""
    for row, result in enumerate(results):
        range_, bound = result["throughput_rps"], result["lower_bound"]
        colour = colour_of(result["gateway"])
        face = {"facecolor": "#ffffff", "edgecolor": colour, "hatch": "///"} if bound else {"color": colour}
        axis.barh(row, range_["median"], BAR, **face)
        draw_whisker(axis, range_, row, 1.0)
        say(axis, rate(range_["median"], bound) + (remarks or {}).get(result["gateway"], ""), range_["max"], row)
    room = 1.6 if remarks else 1.4
    axis.set_xlim(0, room * max(result["throughput_rps"]["max"] for result in results))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.locator_params(axis="x", nbins=4)
    bare(axis)


def draw_whisker(axis: Any, range_: Estimate, row: int, scale: float) -> None:
    """Draw a line from the smallest to the largest repeat, where they differ."""
    if spread(range_):
        axis.plot([range_["min"] / scale, range_["max"] / scale], [row, row], color=INK, linewidth=1.4)


def draw_rows(axis: Any, results: Sequence[Result], document: Document) -> None:
    """Name the rows, the first on top."""
    known = findings.labels(document)
    axis.set_yticks(range(len(results)), [known[result["gateway"]] for result in results])
    axis.set_ylim(len(results) - 0.4, -0.6)


def method_of(document: Document) -> str:
    """Say what a mark and its line stand for."""
    repeats = document["parameters"]["repeats"]
    return f"median of {repeats} repeats with smallest and largest" if repeats > 1 else "one repeat"
