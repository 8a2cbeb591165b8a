"""Charts that any suite can have, one for each figure that rows are compared by.

`comparison` makes a chart of one measure: a row for each gateway, a column for each scenario, in groups by what stands
before the gateway. `system_calls` counts those of a request, by name.

A factory returns a function from a document to a chart, which is None where the document has nothing for it; so a suite
lists them: `charts={"capacity": comparison("throughput"), "memory": comparison("memory", ("hello",))}`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, GatewayRecord, Result, Syscalls
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import (
    BAR,
    PADDING,
    ROW,
    Group,
    draw_bars,
    draw_dots,
    draw_rows,
    label_room,
    log_scale,
    make_room,
    method_of,
    slots,
)
from gateway_bench.report.chart_style import Picture, bare, colours, fitted, page, say, width_of
from gateway_bench.report.measures import Measure, measure_named, reference_of
from gateway_bench.report.units import figure

__all__ = ["Draw", "Grouped", "Remarks", "also", "behind", "comparison", "groups_of", "hints", "once", "system_calls"]

Draw = Callable[[Document], Picture | None]
Grouped = Callable[[GatewayRecord], str]
"""Gives the heading under which a row stands; "" for none."""
Remarks = Callable[[Document, Sequence[Result]], dict[str, str]]
"""Gives words to follow the figure of a row, by its name."""

Panel = tuple[str, Sequence[Result]]
"""A scenario's title, and its results."""

COLUMNS = 3
"""Scenarios beside each other."""
AROUND = 2.3
"""Inches above and below the rows."""
COUNTED = 4
"""System calls that are named; the others are counted."""


def behind(row: GatewayRecord) -> str:
    """Return what stands before a row, as a heading."""
    return f"behind {'http_front' if row['front'] == 'ours' else row['front']}" if row["front"] else ""


def once(document: Document, results: Sequence[Result]) -> list[Result]:
    """Leave out the rows that are others again: what they came to is in the band of chance."""
    again = {row["name"] for row in document["gateways"] if row["again"]}
    return [result for result in results if result["gateway"] not in again]


def groups_of(document: Document, results: Sequence[Result], grouped: Grouped = behind) -> list[Group]:
    """Return the results under their headings, which are in the order of the table; one group needs no heading."""
    rows = {row["name"]: row for row in document["gateways"]}
    here = {result["gateway"] for result in results}
    groups: dict[str, list[Result]] = {grouped(row): [] for name, row in rows.items() if name in here}
    for result in results:
        groups[grouped(rows[result["gateway"]])].append(result)
    return [*groups.items()] if len(groups) > 1 else [("", members) for members in groups.values()]


def hints(document: Document, groups: Sequence[Group], measure: Measure) -> str:
    """Say what hatching and the strip mean, where there is any."""
    words = method_of(document)
    if any(measure.bounded(result) for _, members in groups for result in members):
        words += "; hatched: the generator was the limit, the server could do more"
    found = [reference_of(document, members, measure) for _, members in groups]
    known = findings.labels(document)
    names = [known[one[0]["gateway"]] for one in found if one]
    if names:
        words += f"; inside the strip there is no difference from {findings.listed(names)}"
    return words


def comparison(
    name: str,
    scenarios: Sequence[str] = (),
    question: str = "capacity",
    title: Callable[[Document], str] | None = None,
    grouped: Grouped = behind,
    best_first: bool = False,
    logarithmic: bool = False,
    instead: bool = False,
    remarks: Remarks | None = None,
) -> Draw:
    """Return a chart of one measure (a name of `gateway_bench.report.measures`), for some scenarios or all.

    Without a `title` the sentence tells of the first group in the first of these scenarios; `best_first` sorts by that.
    With `instead`, the first scenario of the run stands in for those named if none of them was run. `remarks` gives
    words that follow the figure of a row.
    """
    measure = measure_named(name)

    def draw(document: Document) -> Picture | None:
        known = [
            (row, found)
            for row in document["scenarios"]
            if (found := _known(document, row["name"], question, measure, logarithmic))
        ]
        panels = [(row["title"], found) for row, found in known if not scenarios or row["name"] in scenarios]
        if not panels and instead:
            panels = [(row["title"], found) for row, found in known[:1]]
        if not panels:
            return None
        leading = _leading(document, [found for _, found in panels])
        if best_first:
            leading.sort(key=measure.middle, reverse=measure.more_is_better)
        groups = groups_of(document, leading, grouped)
        sentence = title(document) if title else _sentence(document, panels, groups[0], measure)
        return _compared(document, measure, panels, groups, sentence, logarithmic, remarks)

    return draw


def _known(document: Document, scenario: str, question: str, measure: Measure, positive: bool) -> list[Result]:
    """Return the results that have a figure; only `positive` ones have a place on a logarithmic scale."""
    results = once(document, findings.of_scenario(document, scenario, question))
    return [result for result in results if measure.of(result) and (not positive or measure.middle(result) > 0)]


def _leading(document: Document, panels: Sequence[Sequence[Result]]) -> list[Result]:
    """Return a result for each gateway that has one in any panel, the first it has, in the order of the table."""
    firsts = {result["gateway"]: result for results in reversed(panels) for result in results}
    return [firsts[row["name"]] for row in document["gateways"] if row["name"] in firsts]


def _sentence(document: Document, panels: Sequence[Panel], group: Group, measure: Measure) -> str:
    """Say what the first panel shows of the first group, since others are not measured alike."""
    heading, results = panels[0]
    members = {result["gateway"] for result in group[1]}
    alike = [result for result in results if result["gateway"] in members]
    return findings.ranking(document, alike, measure, heading if len(panels) > 1 else "")


def _compared(
    document: Document,
    measure: Measure,
    panels: Sequence[Panel],
    groups: Sequence[Group],
    sentence: str,
    logarithmic: bool,
    remarks: Remarks | None,
) -> Picture:
    columns = min(COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    leading = [result for _, members in groups for result in members]
    scale = "; logarithmic scale" if logarithmic else ""
    drawn, axes = page(
        sentence,
        f"{measure.words}{scale}; {hints(document, groups, measure)}",
        document,
        AROUND + lines * (ROW * slots(groups) + 0.3),
        label_inches=label_room(document, leading, [heading for heading, _ in groups]),
        ncols=columns,
        nrows=lines,
    )
    for axis, (heading, results) in zip(axes, panels, strict=False):
        axis.set_title(heading)
        places = draw_rows(axis, leading, document, groups)
        axis.tick_params(labelleft=axis.get_subplotspec().is_first_col())
        at = {one["gateway"]: place for one, place in zip(leading, places, strict=True)}
        here = {result["gateway"]: result for result in results}
        for _, members in groups:
            shown = [here[one["gateway"]] for one in members if one["gateway"] in here]
            there = [at[one["gateway"]] for one in shown]
            if shown and logarithmic:
                draw_dots(axis, shown, measure, document, there, heading)
            elif shown:
                draw_bars(axis, shown, measure, document, there, heading, remarks(document, shown) if remarks else None)
        if logarithmic:
            log_scale(axis, *_ends(results, measure), measure.tick)
    for axis in axes[len(panels) :]:
        axis.remove()
    return drawn


def _ends(results: Sequence[Result], measure: Measure) -> tuple[float, float]:
    """Return the smallest repeat above zero, and the largest of all."""
    values = [value for result in results if (found := measure.of(result)) for value in (found["min"], found["max"])]
    return min(value for value in values if value > 0), max(values)


def also(name: str, where: str) -> Remarks:
    """Return remarks with a second measure: "+ 12 MiB in front"."""
    second = measure_named(name)

    def remarks(_: Document, results: Sequence[Result]) -> dict[str, str]:
        return {one["gateway"]: f" + {second.shown(one)} {where}" for one in results if second.of(one)}

    return remarks


def system_calls(document: Document) -> Picture | None:
    """Draw the system calls of a request, with the names of the most frequent."""
    again = {row["name"] for row in document["gateways"] if row["again"]}
    counted = [one for one in document["syscalls"] if one["requests"] and one["calls"] and one["gateway"] not in again]
    if not counted:
        return None
    known = findings.labels(document)
    scenario = counted[0]["scenario"]
    counted = [one for one in counted if one["scenario"] == scenario]
    drawn, (axis,) = page(
        findings.calls_finding(document, scenario),
        f"System calls of all processes of the server for one request ({scenario}), in a short run of its own under "
        "strace, which slows it down: so these are counts and no times",
        document,
        AROUND + ROW * len(counted),
        label_inches=PADDING + max(width_of(fitted(known[one["gateway"]])) for one in counted),
    )
    axis.set_yticks(range(len(counted)), [fitted(known[one["gateway"]]) for one in counted])
    axis.set_ylim(len(counted) - 0.4, -0.6)
    palette = colours(document)
    drawn.headings = ("row", "calls a request", "by name")
    for place, one in enumerate(counted):
        calls = _per_request(one)
        total = sum(calls.values())
        axis.barh(place, total, BAR, color=palette[one["gateway"]])
        say(axis, f"{figure(total)}   {_most(calls)}", total, place)
        drawn.note(known[one["gateway"]], figure(total), ", ".join(f"{name} {figure(n)}" for name, n in calls.items()))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bare(axis)
    make_room(axis)
    return drawn


def _per_request(one: Syscalls) -> dict[str, float]:
    calls = {name: count / one["requests"] for name, count in one["calls"].items()}
    return dict(sorted(calls.items(), key=lambda call: (-call[1], call[0])))


def _most(calls: dict[str, float]) -> str:
    return ", ".join(name for name, _ in list(calls.items())[:COUNTED])
