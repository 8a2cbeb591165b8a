"""The charts and sentences of the suite "workers": throughput against workers and threads, cost against connections.

::

    requests a second                            ideal: every processor busy, or everybody waiting at once
      |            ________ ideal                    work    min(workers, processors) / 2 ms
      |         /  o---o---o                         wait    workers or threads / 5 ms
      |       o/
      |     /o      :
      +---1--2--4---8--16   workers
            2 processors

Growth *stops* at the smallest number with which no larger one differs by more than chance. More than two numbers that
are all alike are no growth at all.
"""

from __future__ import annotations

from typing import Any

from gateway_bench.record.document import Document, Result
from gateway_bench.report.chart_style import GREY, MUTED, SIZES, Picture
from gateway_bench.report.charts_versus import Line, lines_of, versus
from gateway_bench.report.measures import MEASURES, Measure, sound, tie
from gateway_bench.report.units import duration, figure, size

__all__ = [
    "connections_finding", "draw_connections_capacity", "draw_connections_cost", "draw_memory", "draw_threads",
    "draw_workers", "memory_finding", "threads_finding", "workers_finding",
]  # fmt: skip

SECONDS = {"work": 0.002, "wait": 0.005}
"""What one request takes, by scenario: processor time, or waiting."""
GROWING = tuple(SECONDS)
HELLO = "hello"
STEPS = [2**power * 2**20 for power in range(30)]
"""Bytes between two lines of the scale of memory: whole numbers of MiB."""
TICKS = 6
KINDS = {"work": "work", "wait": "waiting"}
THROUGHPUT, CPU, MEMORY = MEASURES["throughput"], MEASURES["cpu"], MEASURES["memory"]


def draw_workers(document: Document) -> Picture | None:
    """Draw requests a second against workers, with what would be ideal."""
    return _growth(document, "workers", workers_finding(document))


def draw_threads(document: Document) -> Picture | None:
    """Draw requests a second against threads, with what would be ideal."""
    return _growth(document, "threads", threads_finding(document))


def draw_memory(document: Document) -> Picture | None:
    """Draw memory against workers."""
    drawn = versus(document, "workers", "memory", memory_finding(document), ("work",))
    if drawn is not None:
        axis = drawn.axes[0]
        top = axis.get_ylim()[1]
        step = next(step for step in STEPS if step * TICKS >= top)
        axis.set_yticks([step * number for number in range(TICKS + 1) if step * number <= top])
    return drawn


def draw_connections_cost(document: Document) -> Picture | None:
    """Draw CPU of the server for a request against connections."""
    return versus(document, "connections", "cpu", connections_finding(document), (HELLO,))


def draw_connections_capacity(document: Document) -> Picture | None:
    """Draw requests a second against connections."""
    return versus(document, "connections", "throughput", "", (HELLO,))


def workers_finding(document: Document) -> str:
    """Say where more workers stop to help."""
    return _growth_finding(document, "workers")


def threads_finding(document: Document) -> str:
    """Say where more threads stop to help."""
    return _growth_finding(document, "threads")


def memory_finding(document: Document) -> str:
    """Say what one more worker takes of memory."""
    parts = []
    for name, line in lines_of(document, "workers", MEMORY, "work").items():
        (few, first), (many, last) = line[0], line[-1]
        least = MEMORY.middle(first)
        each = (MEMORY.middle(last) - least) / (many - few)
        parts.append(
            f"{size(each)} for each further worker of {name}, which has {size(MEMORY.middle(first))} with {few}"
        )
    return f"Memory: {'; '.join(parts)}" if parts else ""


def connections_finding(document: Document) -> str:
    """Say how the cost of a request changes from the fewest to the most connections."""
    parts = []
    for name, line in lines_of(document, "connections", CPU, HELLO).items():
        (few, first), (many, last) = line[0], line[-1]
        if len(sound([first, last], CPU)) < 2:
            continue
        if tie(document, first, last, CPU):
            parts.append(f"{name} takes the same with {few} and with {many}")
        else:
            costs = f"{duration(CPU.middle(first))} with {few}, {duration(CPU.middle(last))} with {many}"
            parts.append(f"{name} takes {costs}")
    return f"CPU of a request over connections: {'; '.join(parts)}" if parts else ""


def stop_of(document: Document, line: Line, measure: Measure = THROUGHPUT) -> int | None:
    """Return the smallest number from which on nothing grows beyond chance; None if it grows to the end.

    Rows with errors, or whose generator was the limit, end the line before them. None too where fewer than two are
    left.
    """
    known: list[tuple[int, Result]] = []
    for number, result in line:
        if not sound([result], measure):
            break
        known.append((number, result))
    for place, (number, result) in enumerate(known[:-1]):
        later = [other for _, other in known[place + 1 :]]
        if all(_no_more(document, result, other, measure) for other in later):
            return number
    return None


def _no_more(document: Document, one: Result, other: Result, measure: Measure) -> bool:
    return measure.middle(other) <= measure.middle(one) or tie(document, one, other, measure)


def _growth_finding(document: Document, key: str) -> str:
    parts = []
    for scenario in GROWING:
        for name, line in lines_of(document, key, THROUGHPUT, scenario).items():
            parts.append(f"{KINDS[scenario]} behind {name} {_grows(document, line, key)}")
    cores = document["machine"]["threads"]
    return f"With more {key} on {cores} processors, {'; '.join(parts)}" if parts else ""


def _grows(document: Document, line: Line, key: str) -> str:
    stop = stop_of(document, line)
    first, last = line[0], line[-1]
    if any(result["errors"] for _, result in line):
        return "met errors"
    if stop == first[0]:
        return f"does not grow beyond the {figure(THROUGHPUT.middle(first[1]))} a second of {first[0]}"
    if stop is not None:
        found = next(result for number, result in line if number == stop)
        return f"grows up to {stop}, to {figure(THROUGHPUT.middle(found))} a second"
    if last[1]["lower_bound"]:
        return f"grows as far as the generator can tell ({last[0]} {key})"
    return f"grows up to the last of {last[0]}, to {figure(THROUGHPUT.middle(last[1]))} a second"


def _growth(document: Document, key: str, title: str) -> Picture | None:
    drawn = versus(document, key, "throughput", title, GROWING)
    if drawn is None:
        return None
    panels = [name for name in GROWING if lines_of(document, key, THROUGHPUT, name)]
    for axis, scenario in zip(drawn.axes, panels, strict=True):
        _draw_ideal(axis, scenario, document)
    return drawn


def _draw_ideal(axis: Any, scenario: str, document: Document) -> None:
    """Draw what would be ideal as a broken line, and mark the number of processors."""
    numbers = [round(number) for number in axis.get_xticks()]
    cores = int(document["machine"]["threads"])
    places = sorted({*numbers, cores} if numbers[0] <= cores <= numbers[-1] else {*numbers})
    busy = [min(number, cores) if scenario == "work" else number for number in places]
    ideal = [number / SECONDS[scenario] for number in busy]
    axis.plot(places, ideal, linestyle=(0, (4, 3)), linewidth=1.5, color=MUTED, zorder=1)
    axis.annotate("ideal", (places[-1], ideal[-1]), (0, 5), textcoords="offset points", ha="right", color=MUTED,
                  size=SIZES["ticks"])  # fmt: skip
    top = max(axis.get_ylim()[1], 1.15 * max(ideal))
    axis.set_ylim(0, top)
    axis.axvline(cores, color=GREY, linewidth=1, zorder=0)
    words = f"{cores} processors" if cores > 1 else "1 processor"
    at, aside = ("data", "axes fraction"), "offset points"
    axis.annotate(words, (cores, 0.02), (5, 0), xycoords=at, textcoords=aside, color=MUTED, size=SIZES["ticks"])
