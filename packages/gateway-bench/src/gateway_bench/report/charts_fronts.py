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
from gateway_bench.report.units import duration, duration_tick, interval, size

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
        f"{method_of(document)}",
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
        f"Memory of the front's processes together ({', '.join(_kinds(document))}) at its peak, before {_word(results[0])}, "
        f"with {document['parameters']['users']} visitors; {method_of(document)}",
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
        "99 of 100 of them wait no longer than this, counted from the moment they came; the rate is half of what the "
        f"row can do, and at most what the generator can keep; {method_of(document)}",
        document,
        2.4 + ROW * slots(groups),
        label_inches=label_room(short, results, [heading for heading, _ in groups]),
    )
    draw_bars(axis, results, MEASURES["p99"], short, draw_rows(axis, results, short, groups))
    return figure


def fronts_finding(document: Document) -> str:
    """Say which front takes the least for itself, and which the most."""
    results = sound(_of_one_protocol(document), FRONT_CPU)
    words = _extremes(document, results, FRONT_CPU, duration)
    if not words:
        return "CPU of a front and of the backend behind it, for one request"
    return f"Before a {_word(results[0])} backend, {words} of CPU a request for itself"


def memory_finding(document: Document) -> str:
    """Say which front needs the least memory, and which the most."""
    words = _extremes(document, sound(_of_one_protocol(document), FRONT_MEMORY), FRONT_MEMORY, size)
    return f"Of memory at the peak {words}" if words else "Memory of a front at its peak"


def kept_finding(document: Document) -> str:
    """Say what a connection that is kept saves behind nginx, for the backend and for nginx; "" if that is not known."""
    found = {result["gateway"]: result for result in _rows(document)}
    kept, closed = found.get("fastcgi-nginx"), found.get("fastcgi-close-nginx")
    if kept is None or closed is None:
        return ""
    parts = []
    for who, measure in (("the backend", BACKEND_CPU), ("nginx", FRONT_CPU)):
        if len(sound([kept, closed], measure)) < 2:
            return ""
        if tie(document, kept, closed, measure):
            parts.append(f"makes no difference to {who} that can be told from chance")
        else:
            now, then = duration(measure.middle(kept)), duration(measure.middle(closed))
            parts.append(f"takes {who} from {then} to {now} of CPU a request")
    return f"A FastCGI connection that nginx keeps {' and '.join(parts)}"


def direct_finding(document: Document) -> str:
    """Say what our HTTP server takes behind nginx and without it; "" if that is not known."""
    found = {result["gateway"]: result for result in _rows(document)}
    direct, behind = found.get("http-direct"), found.get("http-nginx")
    if direct is None or behind is None or len(sound([direct, behind], BACKEND_CPU)) < 2 or not FRONT_CPU.of(behind):
        return ""
    alone = duration(BACKEND_CPU.middle(direct))
    if tie(document, direct, behind, BACKEND_CPU):
        there = f"a tie with the {duration(BACKEND_CPU.middle(behind))} that it takes behind nginx"
    else:
        there = f"and {duration(BACKEND_CPU.middle(behind))} behind nginx"
    return (
        f"Asked directly our HTTP server takes {alone} of CPU a request, {there}, which takes "
        f"{duration(FRONT_CPU.middle(behind))} for itself"
    )


def _extremes(document: Document, results: Sequence[Row], measure: Measure, show: Callable[[float], str]) -> str:
    """Say who needs least and who most, each with those that tie with it; "" if all are alike, or there is one."""
    if len(results) < 2:
        return ""
    ordered = sorted(results, key=measure.middle)
    least, most = ordered[0], ordered[-1]
    if tie(document, least, most, measure):
        return ""
    known = findings.labels(_short(document))
    low = [row for row in ordered if row is least or tie(document, row, least, measure)]
    high = [row for row in ordered if row not in low and (row is most or tie(document, row, most, measure))]

    def named(rows: list[Row], ends: Row, word: str) -> str:
        names = " and ".join(known[row["gateway"]] for row in rows)
        verb = measure.verb if len(rows) == 1 else measure.verb.removesuffix("s")
        return f"{names} {verb} the {word}, {'' if len(rows) == 1 else 'about '}{show(measure.middle(ends))}"

    return f"{named(low, least, 'least')}, and {named(high, most, 'most')}"


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
