"""The charts of the suite "fronts": what a front takes for itself, and what it makes the backend take.

::

    FastCGI
      nginx        ======|-|===========|-|   front 21.3 µs + backend 95.0 µs
      Apache       =========|-|==========|-| front 38.1 µs + backend 97.2 µs

`fronts_cpu`      CPU for each request: of the front, then of the backend, in blocks by protocol
`fronts_memory`   memory of each front, before the protocol that most of them speak
`fronts_latency`  how long visitors wait at a set rate
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, Estimate, Result
from gateway_bench.record.statistics import interval_name
from gateway_bench.report import findings
from gateway_bench.report.chart_parts import (
    BAR,
    ROW,
    draw_bars,
    draw_rows,
    label_room,
    make_room,
    method_of,
    slots,
)
from gateway_bench.report.chart_style import GREY, INK, bare, colours, page, say
from gateway_bench.report.findings_fronts import (
    BACKEND_CPU,
    FRONT_CPU,
    FRONT_MEMORY,
    PROTOCOLS,
    fronts_finding,
    memory_finding,
    of_one_protocol,
    protocol_of,
    protocol_word,
    rows_of,
    short_labels,
)
from gateway_bench.report.measures import MEASURES
from gateway_bench.report.units import duration, duration_tick, interval, rate

__all__ = ["fronts_cpu", "fronts_latency", "fronts_memory"]

APART = 0.17
"""How far the two intervals of a row stand from its middle, in rows, so that they are not one line."""


def fronts_cpu(document: Document) -> Figure | None:
    """Draw what a request takes of the front and, behind it, of the backend."""
    groups = _groups(document, rows_of(document))
    results = [result for _, members in groups for result in members]
    if not results:
        return None
    short = short_labels(document)
    figure, (axis,) = page(
        fronts_finding(document),
        "CPU for one GET /hello: in colour the front's own processes, in grey those of the backend behind it; "
        f"{_method(document)}",
        document,
        2.4 + ROW * slots(groups),
        label_inches=label_room(short, results, [heading for heading, _ in groups]),
    )
    palette = colours(document)
    places = draw_rows(axis, results, short, groups)
    for place, result in zip(places, results, strict=True):
        _stack(axis, place, result, palette[result["gateway"]])
        _note(figure, document, result)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_tick(value)))
    bare(axis)
    make_room(axis)
    return figure


def fronts_memory(document: Document) -> Figure | None:
    """Draw the peak of each front's memory, before one protocol: it hardly depends on which."""
    results = [result for result in of_one_protocol(document) if FRONT_MEMORY.of(result)]
    if not results:
        return None
    short = short_labels(document)
    figure, (axis,) = page(
        memory_finding(document),
        f"Memory of the front's processes together ({', '.join(_kinds(document))}) at its peak, before "
        f"{protocol_word(results[0])}, with {document['parameters']['users']} visitors; {method_of(document)}",
        document,
        2.2 + ROW * len(results),
        label_inches=label_room(short, results),
    )
    draw_bars(axis, results, FRONT_MEMORY, short, draw_rows(axis, results, short))
    return figure


def fronts_latency(document: Document) -> Figure | None:
    """Draw what 99 of 100 visitors wait at most, who come at a set rate."""
    groups = _groups(document, rows_of(document, "latency"))
    results = [result for _, members in groups for result in members]
    if not results:
        return None
    short = short_labels(document)
    figure, (axis,) = page(
        "How long visitors wait who come at a set rate, whether the front keeps up or not",
        f"99 of 100 of them wait no longer than this, counted from the moment they came; {_rates(results)}; "
        f"{method_of(document)}",
        document,
        2.4 + ROW * slots(groups),
        label_inches=label_room(short, results, [heading for heading, _ in groups]),
    )
    draw_bars(axis, results, MEASURES["p99"], short, draw_rows(axis, results, short, groups))
    return figure


def _stack(axis: Any, place: float, result: Result, colour: str) -> None:
    """Draw the front's part and the backend's behind it, each with its interval at its own end."""
    front, backend = FRONT_CPU.of(result), BACKEND_CPU.of(result)
    begin, words = 0.0, []
    if front:
        axis.barh(place, front["median"], BAR, color=colour)
        _whisker(axis, front, 0.0, place - APART)
        begin = front["median"]
        words.append(f"front {duration(front['median'])}")
    if backend:
        axis.barh(place, backend["median"], BAR, left=begin, color=GREY)
        _whisker(axis, backend, begin, place + APART if front else place)
        words.append(f"backend {duration(backend['median'])}")
    end = begin + (max(backend["high"], backend["median"]) if backend else 0.0)
    wrong = f", {sum(result['errors'].values())} errors" if result["errors"] else ""
    say(axis, (" + ".join(words) or "not known") + wrong, end, place)


def _method(document: Document) -> str:
    """Say what the end of a part and the line there stand for."""
    repeats = document["parameters"]["repeats"]
    return f"median of {repeats} repeats, each part with its {interval_name(repeats)}" if repeats > 1 else "one repeat"


def _rates(results: Sequence[Result]) -> str:
    """Say how many visitors came in a second, which is as many in each row if the generator can keep no higher rate."""
    shown = [rate(result["rate"]["median"]) for result in sorted(results, key=_rate) if result["rate"]]
    return " to ".join(dict.fromkeys((shown[0], shown[-1]))) + " came in a second" if shown else "at half of capacity"


def _rate(result: Result) -> float:
    return result["rate"]["median"] if result["rate"] else 0.0


def _whisker(axis: Any, found: Estimate, begin: float, place: float) -> None:
    if len(found["values"]) > 1:
        axis.plot([begin + found["low"], begin + found["high"]], [place, place], color=INK, linewidth=1.4, marker="|",
                  markersize=6, markeredgewidth=1.4)  # fmt: skip


def _note(figure: Any, document: Document, result: Result) -> None:
    """Put both parts of a row into the chart's table."""
    figure.headings = ("row", "front", "its interval", "backend", "its interval")
    cells = [findings.labels(document)[result["gateway"]]]
    for found in (FRONT_CPU.of(result), BACKEND_CPU.of(result)):
        cells += [duration(found["median"]), interval(found)] if found else ["", ""]
    figure.note(*cells)


def _groups(document: Document, results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    """Return the rows in blocks by protocol."""
    groups = [(word, [row for row in results if protocol_of(row) == name]) for name, word in PROTOCOLS.items()]
    return [(word, members) for word, members in groups if members]


def _kinds(document: Document) -> list[str]:
    fronts = [repeat["front"] for repeat in document["repeats"]]
    return sorted({usage["memory"]["kind"].upper() for usage in fronts if usage and usage["memory"]})
