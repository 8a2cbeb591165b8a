"""The charts and sentences of the suite "fronts": what a front takes for itself, and what it makes the backend take.

::

    FastCGI
      nginx        ======|-|===========|-|   front 21.3 µs + backend 95.0 µs
      Apache       =========|-|==========|-| front 38.1 µs + backend 97.2 µs

`fronts_cpu`      CPU for each request: of the front, then of the backend, in blocks by protocol
`fronts_memory`   memory of each front, before the protocol that most of them speak
`fronts_latency`  how long visitors wait at a set rate

The name of a row is PROTOCOL-FRONT, which is where the blocks come from. No order is claimed between two rows that the
record cannot tell apart (`measures.tie`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gateway_bench.record.document import Document, Estimate, Result
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
from gateway_bench.report.measures import MEASURES, Measure, sound, tie
from gateway_bench.report.units import duration, duration_tick, interval, rate, size

__all__ = [
    "direct_finding", "fronts_cpu", "fronts_finding", "fronts_latency", "fronts_memory", "kept_finding",
    "memory_finding",
]  # fmt: skip

PROTOCOLS = {"http": "HTTP", "fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi"}
"""The first word of a row's name, and the heading of its block."""
FRONT_CPU = Measure(
    "front_cpu", "front_cpu_us_per_request", "CPU of the front for a request", "takes", "CPU of its own for a request",
    band="front_cpu",
)  # fmt: skip
BACKEND_CPU, FRONT_MEMORY = MEASURES["cpu"], MEASURES["front_memory"]
SCENARIO = "hello"
APART = 0.17
"""How far the two intervals of a row stand from its middle, in rows, so that they are not one line."""
Row = Result


def fronts_cpu(document: Document) -> Figure | None:
    """Draw what a request takes of the front and, behind it, of the backend."""
    groups = _groups(document, _rows(document))
    results = [result for _, members in groups for result in members]
    if not results:
        return None
    short = _short(document)
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
    results = [result for result in _of_one_protocol(document) if FRONT_MEMORY.of(result)]
    if not results:
        return None
    short = _short(document)
    figure, (axis,) = page(
        memory_finding(document),
        f"Memory of the front's processes together ({', '.join(_kinds(document))}) at its peak, before "
        f"{_word(results[0])}, with {document['parameters']['users']} visitors; {method_of(document)}",
        document,
        2.2 + ROW * len(results),
        label_inches=label_room(short, results),
    )
    draw_bars(axis, results, FRONT_MEMORY, short, draw_rows(axis, results, short))
    return figure


def fronts_latency(document: Document) -> Figure | None:
    """Draw what 99 of 100 visitors wait at most, who come at a set rate."""
    groups = _groups(document, _rows(document, "latency"))
    results = [result for _, members in groups for result in members]
    if not results:
        return None
    short = _short(document)
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


def fronts_finding(document: Document) -> str:
    """Say which front takes the least CPU, and which the most."""
    words = _extremes(document, FRONT_CPU, "CPU a request", duration)
    return words or "CPU of a front and of the backend behind it, for one request"


def memory_finding(document: Document) -> str:
    """Say which front needs the least memory, and which the most."""
    return _extremes(document, FRONT_MEMORY, "memory", size) or "Memory of a front at its peak"


def kept_finding(document: Document) -> str:
    """Say what connections that nginx keeps save, for the backend and for nginx; "" if that is not known."""
    found = {result["gateway"]: result for result in _rows(document)}
    kept, closed = found.get("fastcgi-nginx"), found.get("fastcgi-close-nginx")
    if kept is None or closed is None:
        return ""
    parts = []
    for whose, measure in (("the server's CPU a request", BACKEND_CPU), ("that of nginx", FRONT_CPU)):
        if len(sound([kept, closed], measure)) < 2:
            return ""
        if tie(document, kept, closed, measure):
            parts.append(f"make no difference to {whose} that can be told from chance")
        else:
            then, now = duration(measure.middle(closed)), duration(measure.middle(kept))
            parts.append(f"bring {whose} from {then} to {now}")
    return f"Kept connections between nginx and our FastCGI server {', and '.join(parts)}"


def direct_finding(document: Document) -> str:
    """Say what our HTTP server takes behind nginx and without it; "" if that is not known."""
    found = {result["gateway"]: result for result in _rows(document)}
    direct, behind = found.get("http-direct"), found.get("http-nginx")
    if direct is None or behind is None or len(sound([direct, behind], BACKEND_CPU)) < 2 or not FRONT_CPU.of(behind):
        return ""
    alone, there, nginx = (
        duration(measure.middle(result))
        for measure, result in ((BACKEND_CPU, direct), (BACKEND_CPU, behind), (FRONT_CPU, behind))
    )
    alike = " (a tie)" if tie(document, direct, behind, BACKEND_CPU) else ""
    return (
        f"Asked directly our HTTP server takes {alone} of CPU a request; behind nginx it takes {there}{alike}, "
        f"and nginx {nginx}"
    )


def _extremes(document: Document, measure: Measure, what: str, show: Callable[[float], str]) -> str:
    """Say which front has the least and which the most, with those that tie with it; "" if all are alike, or one."""
    ordered = sorted(sound(_of_one_protocol(document), measure), key=measure.middle)
    if len(ordered) < 2 or tie(document, ordered[0], ordered[-1], measure):
        return ""
    low = [row for row in ordered if row is ordered[0] or tie(document, row, ordered[0], measure)]
    high = [row for row in ordered if row is ordered[-1] or tie(document, row, ordered[-1], measure)]
    parts = []
    for rows, words, end in ((low, f"the least {what}", low[0]), (high, "the most", high[-1])):
        verb, about = (measure.verb, "") if len(rows) == 1 else (measure.verb.removesuffix("s"), "about ")
        names = " and ".join(_name(document, row) for row in rows)
        parts.append(f"{names} {verb} {words}, {about}{show(measure.middle(end))}")
    return f"As fronts of {_word(ordered[0])}, {'; '.join(parts)}"


def _name(document: Document, result: Row) -> str:
    """Return what a front is called, without what is said of its connections."""
    return findings.labels(_short(document))[result["gateway"]].partition(", ")[0]


def _stack(axis: Any, place: float, result: Row, colour: str) -> None:
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
    return f"median of {repeats} repeats, each part with its 95 % interval" if repeats > 1 else "one repeat"


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


def _note(figure: Any, document: Document, result: Row) -> None:
    """Put both parts of a row into the chart's table."""
    figure.headings = ("row", "front", "95 % of its median", "backend", "95 % of its median")
    cells = [findings.labels(document)[result["gateway"]]]
    for found in (FRONT_CPU.of(result), BACKEND_CPU.of(result)):
        cells += [duration(found["median"]), interval(found)] if found else ["", ""]
    figure.note(*cells)


def _rows(document: Document, question: str = "capacity") -> list[Row]:
    return findings.of_scenario(document, SCENARIO, question)


def _groups(document: Document, results: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return the rows in blocks by protocol."""
    groups = [(word, [row for row in results if _protocol(row) == name]) for name, word in PROTOCOLS.items()]
    return [(word, members) for word, members in groups if members]


def _of_one_protocol(document: Document) -> list[Row]:
    """Return a row for each front, before the protocol with most of them (FastCGI where that is a tie)."""
    fronts = {row["name"]: row["front"] for row in document["gateways"]}
    plain = [row for row in _rows(document) if row["gateway"] == f"{_protocol(row)}-{fronts[row['gateway']]}"]
    counts = Counter(map(_protocol, plain))
    most = max(counts, key=lambda name: (counts[name], name == "fastcgi"), default="")
    return [row for row in plain if _protocol(row) == most]


def _protocol(result: Row) -> str:
    return result["gateway"].partition("-")[0]


def _word(result: Row) -> str:
    return PROTOCOLS.get(_protocol(result), _protocol(result))


def _kinds(document: Document) -> list[str]:
    fronts = [repeat["front"] for repeat in document["repeats"]]
    return sorted({usage["memory"]["kind"].upper() for usage in fronts if usage and usage["memory"]})


def _short(document: Document) -> Document:
    """Return the document with labels that do not repeat the heading that they stand under."""
    rows = [{**row, "label": row["label"].partition(": ")[2] or row["label"]} for row in document["gateways"]]
    return Document(**{**document, "gateways": rows})  # type: ignore[typeddict-item]  # one field of each row is another
