"""Who spends the processor time of a request: server, front, generator.

    name   [ server ][ front ]( generator )   12.3 + 4.5 + 6.7 µs

All three share the machine, so what a front or the generator takes is time that the server has not. Where a row is far
above the others, a second panel shows those magnified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import (
    BAR,
    ROW,
    draw_interval,
    draw_rows,
    label_room,
    make_room,
    method_of,
    slots,
)
from gateway_bench.report.chart_style import INK, MUTED, PAPER, SIZES, Picture, bare, colours, page, say
from gateway_bench.report.charts_common import Draw, behind, groups_of, once
from gateway_bench.report.units import duration, duration_tick, figure

__all__ = ["FAR", "cpu_split", "split_finding", "two_scales"]

FAR = 8.0
"""A row that is so many times above the least one makes bars of the others too short to compare."""
SURE = 100_000
"""Microseconds that a front must have spent in all before a sentence tells its cost: ten ticks of the kernel."""
KEYS = {
    "server": "cpu_us_per_request",
    "front": "front_cpu_us_per_request",
    "generator": "generator_cpu_us_per_request",
}
WHO = tuple(KEYS)
SHOWN = {"server": "server (in colour)", "front": "front (dark)", "generator": "load generator (outlined)"}


def cpu_split(scenario: str = "", generator: bool = True, title: Callable[[Document], str] | None = None) -> Draw:
    """Return the chart for one scenario, the main one if none is named; without the `generator` it is the servers'."""

    def draw(document: Document) -> Picture | None:
        results = once(document, findings.of_scenario(document, scenario or findings.main_scenario(document)))
        results = [result for result in results if result["cpu_us_per_request"]]
        if not results:
            return None
        parts = WHO if generator else WHO[:2]
        shown = {name: word for name, word in SHOWN.items() if name in _present(results, parts)}
        return two_scales(
            document,
            results,
            title(document) if title else split_finding(document, results),
            f"Processor time for one request of {results[0]['scenario']}, all processes counted: "
            f"{', '.join(shown.values())}; {method_of(document)}",
            parts,
        )

    return draw


def split_finding(document: Document, results: Sequence[Result]) -> str:
    """Say what share of a request's processor time the front takes, or the generator where there is no front."""
    known = findings.labels(document)
    costs = [front["median"] for result in results if (front := result["front_cpu_us_per_request"])
             if not result["errors"] and front["median"] * result["requests"] >= SURE]  # fmt: skip
    if costs:
        span = findings.span(duration(min(costs)), duration(max(costs)))
        return f"A front adds {span} of processor time to a request"
    able = [result for result in results if not result["errors"] and result["cpu_us_per_request"]]
    dearer = [known[one["gateway"]] for one in able if _generators(one) > findings.cpu_of(one)]
    if able and len(dearer) == len(able):
        return "To ask costs more processor time than to answer, in every row"
    if dearer:
        return f"To ask costs more processor time than to answer for {len(dearer)} of {len(able)} rows"
    return "To answer costs more processor time than to ask, in every row" if able else "Processor time of a request"


def two_scales(
    document: Document, results: Sequence[Result], sentence: str, subtitle: str, parts: Sequence[str]
) -> Picture:
    """Draw the parts of each result as a bar, and those that would be too short once more, magnified."""
    groups = groups_of(document, results, behind)
    ordered = [result for _, members in groups for result in members]
    lengths = {result["gateway"]: sum(part or 0.0 for part in _lengths(result, parts)) for result in ordered}
    least = min((length for length in lengths.values() if length > 0), default=0.0)
    near = [result for result in ordered if lengths[result["gateway"]] <= FAR * least]
    panels = [ordered, near] if 0 < len(near) < len(ordered) else [ordered]
    drawn, axes = page(
        sentence,
        subtitle,
        document,
        2.6 + ROW * slots(groups),
        label_inches=label_room(document, ordered, [heading for heading, _ in groups]),
        ncols=len(panels),
        width_ratios=[1, 1.3][: len(panels)],
    )
    drawn.headings = ("row", *_present(ordered, parts), "together")
    for axis, members in zip(axes, panels, strict=True):
        names = [result["gateway"] for result in ordered]
        places = dict(zip(names, draw_rows(axis, ordered, document, groups), strict=True))
        elsewhere = near if axis is not axes[-1] else []
        for result in members:
            _draw_parts(axis, document, result, places[result["gateway"]], parts, said=result not in elsewhere)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
        bare(axis)
        make_room(axis)
        axis.locator_params(axis="x", nbins=4)
    if len(panels) > 1:
        axes[1].tick_params(labelleft=False)
        times = axes[0].get_xlim()[1] / axes[1].get_xlim()[1]
        axes[0].set_title("all of them")
        axes[1].set_title(f"magnified {figure(times)} times")
    _name_parts(axes[-1], panels[-1], places, parts)
    _note_all(drawn, document, ordered, parts)
    return drawn


def _draw_parts(axis: Any, document: Document, result: Result, place: float, parts: Sequence[str], said: bool) -> None:
    start = 0.0
    for part, length in zip(parts, _lengths(result, parts), strict=True):
        if length is not None:
            face = {"server": colours(document)[result["gateway"]], "front": MUTED, "generator": PAPER}[part]
            # The edge keeps a bar visible that is too short to be drawn.
            axis.barh(
                place, length, BAR, start, facecolor=face, edgecolor=INK if face == PAPER else face, linewidth=1.2
            )
            start += length
    server = result["cpu_us_per_request"]
    assert server
    draw_interval(axis, server, place)
    if said:
        say(axis, _sum(result, parts), max(start, server["max"]), place, bold=len(parts) == 2)


def _name_parts(axis: Any, results: Sequence[Result], places: dict[str, float], parts: Sequence[str]) -> None:
    """Write what the parts are over the longest bar that has all of them."""
    known = {result["gateway"]: [part for part in _lengths(result, parts) if part] for result in results}
    longest = max(results, key=lambda result: (len(known[result["gateway"]]), sum(known[result["gateway"]])))
    if len(known[longest["gateway"]]) < 2:
        return
    lengths, place = _lengths(longest, parts), places[longest["gateway"]]
    start = 0.0
    for part, length in zip(parts, lengths, strict=True):
        if length is not None:
            align, at = {"server": ("left", start), "front": ("right", start + length), "generator": ("left", start)}[
                part
            ]
            axis.text(
                at,
                place - BAR / 2 - 0.04,
                f" {part}" if part == WHO[-1] else part,
                ha=align,
                va="bottom",
                color=MUTED,
                size=SIZES["small"],
            )
            start += length


def _note_all(drawn: Picture, document: Document, results: Sequence[Result], parts: Sequence[str]) -> None:
    known = findings.labels(document)
    present = _present(results, parts)
    for result in results:
        found = [length for part, length in zip(parts, _lengths(result, parts), strict=True) if part in present]
        cells = ["" if length is None else duration(length) for length in found]
        drawn.note(known[result["gateway"]], *cells, duration(sum(length or 0.0 for length in found)))


def _present(results: Sequence[Result], parts: Sequence[str]) -> list[str]:
    """Return those of the parts that any result has."""
    return [part for part in parts if any(result[KEYS[part]] for result in results)]  # type: ignore[literal-required]


def _lengths(result: Result, parts: Sequence[str]) -> list[float | None]:
    found: list[Estimate | None] = [result[KEYS[part]] for part in parts]  # type: ignore[literal-required]
    return [one["median"] if one else None for one in found]


def _sum(result: Result, parts: Sequence[str]) -> str:
    """Return the parts as a sum with its unit said once, if it is one."""
    words = [duration(length) for length in _lengths(result, parts) if length is not None]
    units = {word.split()[1] for word in words}
    return " + ".join(word.split()[0] for word in words) + f" {units.pop()}" if len(units) == 1 else " + ".join(words)


def _generators(result: Result) -> float:
    return result["generator_cpu_us_per_request"]["median"]
