"""What the suite "fronts" shows, in words made from its figures, and which of its rows are set side by side.

The name of a row is PROTOCOL-FRONT: that is where its block comes from. Fronts are compared with each other before the
one protocol that most of them speak. No order is claimed between two rows that the record cannot tell apart
(`measures.tie`), and none of rows with errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from gateway_bench.record.document import Document, Result
from gateway_bench.report import findings
from gateway_bench.report.measures import MEASURES, Measure, sound, tie
from gateway_bench.report.units import duration, size

__all__ = [
    "BACKEND_CPU", "FRONT_CPU", "FRONT_MEMORY", "PROTOCOLS", "backend_finding", "direct_finding", "fronts_finding",
    "kept_finding", "memory_finding", "of_one_protocol", "protocol_of", "protocol_word", "rows_of", "short_labels",
]  # fmt: skip

PROTOCOLS = {"http": "HTTP", "fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi"}
"""The first word of a row's name, and the heading of its block."""
FRONT_CPU = Measure(
    "front_cpu", "front_cpu_us_per_request", "CPU of the front for a request", "takes", "CPU of its own for a request",
    band="front_cpu",
)  # fmt: skip
BACKEND_CPU, FRONT_MEMORY = MEASURES["cpu"], MEASURES["front_memory"]
SCENARIO = "hello"


def fronts_finding(document: Document) -> str:
    """Say which front takes the least CPU, and which the most."""
    words = _extremes(document, FRONT_CPU, "CPU a request", duration)
    return words or "CPU of a front and of the backend behind it, for one request"


def memory_finding(document: Document) -> str:
    """Say which front needs the least memory, and which the most."""
    return _extremes(document, FRONT_MEMORY, "memory", size) or "Memory of a front at its peak"


def kept_finding(document: Document) -> str:
    """Say what connections that nginx keeps save, for the backend and for nginx; "" if that is not known."""
    found = {result["gateway"]: result for result in rows_of(document)}
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
    found = {result["gateway"]: result for result in rows_of(document)}
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


def backend_finding(document: Document) -> str:
    """Say behind which front the same server takes the least CPU, and behind which the most; "" if all are alike."""
    low, high = _ends(document, BACKEND_CPU)
    if not low:
        return ""
    least, most = (
        (f"{_about(rows)}{duration(BACKEND_CPU.middle(end))}", _names(document, rows))
        for rows, end in ((low, low[0]), (high, high[-1]))
    )
    return (
        f"Our {protocol_word(low[0])} server takes {least[0]} of CPU a request behind {least[1]}, "
        f"and {most[0]} behind {most[1]}"
    )


def _extremes(document: Document, measure: Measure, what: str, show: Callable[[float], str]) -> str:
    """Say which front has the least and which the most, with those that tie with it; "" if all are alike."""
    low, high = _ends(document, measure)
    parts = []
    for rows, words, end in ((low, f"the least {what}", low[:1]), (high, "the most", high[-1:])):
        verb = measure.verb if len(rows) == 1 else measure.verb.removesuffix("s")
        parts += [f"{_names(document, rows)} {verb} {words}, {_about(rows)}{show(measure.middle(row))}" for row in end]
    return f"As fronts of {protocol_word(low[0])}, {'; '.join(parts)}" if low else ""


def _ends(document: Document, measure: Measure) -> tuple[list[Result], list[Result]]:
    """Return the rows with the least and with the most, each with those that tie with it; none if these tie.

    Whoever ties with both is in neither.
    """
    ordered = sorted(sound(of_one_protocol(document), measure), key=measure.middle)
    if len(ordered) < 2 or tie(document, ordered[0], ordered[-1], measure):
        return [], []
    low, high = ([row for row in ordered if row is end or tie(document, row, end, measure)]
                 for end in (ordered[0], ordered[-1]))  # fmt: skip
    return [row for row in low if row not in high], [row for row in high if row not in low]


def _names(document: Document, rows: Sequence[Result]) -> str:
    return findings.listed([_name(document, row) for row in rows])


def _about(rows: Sequence[Result]) -> str:
    return "" if len(rows) == 1 else "about "


def _name(document: Document, result: Result) -> str:
    """Return what a front is called, without what is said of its connections."""
    return findings.labels(short_labels(document))[result["gateway"]].partition(", ")[0]


def rows_of(document: Document, question: str = "capacity") -> list[Result]:
    """Return the results of the suite's scenario."""
    return findings.of_scenario(document, SCENARIO, question)


def of_one_protocol(document: Document) -> list[Result]:
    """Return a row for each front, before the protocol with most of them (FastCGI where that is a tie)."""
    fronts = {row["name"]: row["front"] for row in document["gateways"]}
    plain = [row for row in rows_of(document) if row["gateway"] == f"{protocol_of(row)}-{fronts[row['gateway']]}"]
    counts = Counter(map(protocol_of, plain))
    most = max(counts, key=lambda name: (counts[name], name == "fastcgi"), default="")
    return [row for row in plain if protocol_of(row) == most]


def protocol_of(result: Result) -> str:
    """Return the first word of a row's name."""
    return result["gateway"].partition("-")[0]


def protocol_word(result: Result) -> str:
    """Return the protocol of a row as people write it."""
    return PROTOCOLS.get(protocol_of(result), protocol_of(result))


def short_labels(document: Document) -> Document:
    """Return the document with labels that do not repeat the heading that they stand under."""
    rows = [{**row, "label": row["label"].partition(": ")[2] or row["label"]} for row in document["gateways"]]
    return Document(**{**document, "gateways": rows})  # type: ignore[typeddict-item]  # one field of each row is another
