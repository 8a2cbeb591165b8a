"""The tables at the end of a run: results, ratios, promises, proofs. All from the document alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_bench.record.document import Document, Estimate, Proof, Ratio, Result, Verdict
from gateway_bench.record.statistics import interval_name
from gateway_bench.record.ties import ranks
from gateway_bench.report.findings import labels
from gateway_bench.report.units import duration, interval, per_request, rate, ratio, shown, size, spread

__all__ = ["print_document"]

CAPACITY = ["CPU/request", "front's", "spawned", "requests/s", "place", "p50", "p99", "memory", "errors"]
LATENCY = ["asked/s", "p50", "p90", "p99", "p99.9", "late", "errors"]
WRAPPED = ("promise", "what it is")
"""Headings of columns of words, which may take several lines: figures may not."""
Cell = str | Text
Cells = Callable[[Result, int | None], list[Cell]]
NOTHING = ("", "?")
"""What a cell says of something that nobody knows."""

STYLES = {"kept": "green", "missed": "bold red", "unknown": "yellow"}


def print_document(document: Document, console: Console) -> None:
    """Print the tables that the document has something for, and what is missing from them."""
    if document["proofs"]:
        for proof in document["proofs"]:
            if proof["status"] == "ok":
                console.print(_proof_table(proof, document))
    elif not document["results"]:
        console.print("nothing was measured")
    capacity = [result for result in document["results"] if result["question"] == "capacity"]
    latency = [result for result in document["results"] if result["question"] == "latency"]
    if capacity:
        title = f"{document['suite']}, as much as it can: {_repeats(document)}"
        console.print(_results_table(title, capacity, document, CAPACITY, _capacity_cells))
    if latency:
        title = f"{document['suite']}, at {document['parameters']['fraction']:.0%} of that: {_repeats(document)}"
        console.print(_results_table(title, latency, document, LATENCY, _latency_cells))
    if any(row["question"] == "capacity" for row in document["ratios"]):
        console.print(_ratios_table(document))
    if document["goals"]:
        console.print(_goals_table(document))
    for line in _remarks(document):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _results_table(title: str, results: list[Result], document: Document, headings: list[str], cells: Cells) -> Table:
    """Return results, one block for each scenario; p99 of single requests is below that of a whole visit.

    Columns in which nobody has anything are left out.
    """
    known = labels(document)
    places = {scenario: _places(document, scenario, results[0]["question"]) for scenario in _scenarios(results)}
    rows = [cells(result, places[result["scenario"]].get(result["gateway"])) for result in results]
    told = [number for number in range(len(headings)) if any(row[number] not in NOTHING for row in rows)]
    table = _table(title, ["scenario", "gateway"], [headings[number] for number in told])
    previous = ""
    for result, row in zip(results, rows, strict=True):
        scenario = result["scenario"]
        if previous and previous != scenario:
            table.add_section()
        first = scenario if scenario != previous else ""
        table.add_row(first, known[result["gateway"]], *(row[number] for number in told))
        for name, p99 in result["exchanges_p99_us"].items():
            blank = [duration(p99["median"]) if headings[number] == "p99" else "" for number in told]
            table.add_row("", f"  {name}", *blank, style="dim")
        previous = scenario
    return table


def _scenarios(results: list[Result]) -> list[str]:
    return list(dict.fromkeys(result["scenario"] for result in results))


def _ratios_table(document: Document) -> Table:
    """Return how one server compares with another: medians over the rounds, the smallest and largest beside them."""
    known = labels(document)
    speeds = [row for row in document["goals"] if row["figure"] == "throughput"]
    promised = {(row["scenario"], row["of"], row["over"]): row for row in speeds}
    headings = ["requests/s", "", "goal", "aim", "CPU/request", "", "no difference in"]
    title = "one over another: median of the ratios of the rounds, with its interval"
    table = _table(title, ["scenario", "server", "over"], headings)
    previous: tuple[str, str] = ("", "")
    compared = [row for row in document["ratios"] if row["question"] == "capacity"]
    for row in sorted(compared, key=lambda row: _place(row, document)):
        head = row["scenario"], row["gateway"]
        if previous[0] and head != previous:
            table.add_section()
        goal = promised.get((*head, row["against"]))
        bound = "\u2265 " if row["lower_bound"] else ""
        speed, cpu, ties = row["throughput"], row["cpu"], row["ties"] or []
        table.add_row(
            *((head[0], known[head[1]]) if head != previous else ("", "")),
            known[row["against"]],
            bound + ratio(speed["median"]),
            interval(speed, ratio),
            _limit(goal) if goal else "",
            ratio(goal["aim"]) if goal and goal["aim"] is not None else "",
            ratio(cpu["median"]) if cpu else "",
            interval(cpu, ratio) if cpu else "",
            " and ".join(figure for figure in ("throughput", "cpu") if figure in ties),
        )
        previous = head
    return table


def _place(row: Ratio, document: Document) -> tuple[int, int, float]:
    """Return where a ratio stands: scenarios and servers in the order of the run, then the largest first."""
    scenarios = [scenario["name"] for scenario in document["scenarios"]]
    gateways = [gateway["name"] for gateway in document["gateways"]]
    return scenarios.index(row["scenario"]), gateways.index(row["gateway"]), -row["throughput"]["median"]


def _goals_table(document: Document) -> Table:
    """Return each promise beside what was found."""
    known = labels(document)
    table = _table("what is promised", ["of", "promise"], ["goal", "aim", "found", "", ""])
    for row in document["goals"]:
        where = f"{row['scenario']}, {known.get(row['of'], row['of'])}" if row["scenario"] else row["of"]
        over = known.get(row["over"], row["over"])
        about = row["about"] if not over or over in row["about"] else f"{row['about']} ({over})"
        found, unit = row["found"], row["unit"]
        table.add_row(
            where,
            about,
            _limit(row),
            "" if row["aim"] is None else shown(row["aim"], unit),
            shown(found["median"], unit) if found else "",
            spread(found, partial(shown, unit=unit)) if found else "",
            _mark(row),
        )
    return table


def _limit(row: Verdict) -> str:
    if row["least"] is not None:
        return f"\u2265 {shown(row['least'], row['unit'])}"
    return "" if row["most"] is None else f"\u2264 {shown(row['most'], row['unit'])}"


def _mark(row: Verdict) -> Text:
    aim = {True: "aim reached", False: "aim missed", None: ""}[row["aim_reached"]]
    words = ", ".join(word for word in (row["verdict"], aim) if word)
    return Text(words, style=STYLES.get(row["verdict"], ""))


def _proof_table(proof: Proof, document: Document) -> Table:
    """Return the figures of one proof."""
    table = _table(f"{proof['title']}: {proof['about']}", ["figure", "what it is"], ["found", "goal", ""])
    promised = {row["figure"]: row for row in document["goals"] if row["of"] == proof["name"]}
    for figure in proof["figures"]:
        goal = promised.get(figure["name"])
        cells = [figure["name"], figure["about"], shown(figure["value"], figure["unit"])]
        table.add_row(*cells, *((_limit(goal), _mark(goal)) if goal else ()))
    return table


def _table(title: str, left: list[str], right: list[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in left:
        table.add_column(heading, no_wrap=heading not in WRAPPED, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _remarks(document: Document) -> Iterator[str]:
    """Give the lines under the table: what a mark means, what is missing, what else is to be known."""
    if any(result["lower_bound"] for result in document["results"]):
        yield "≥ the load generator was the limit: the server could do more, so these are not ranked"
    if any(result["lateness_p99_us"] for result in document["results"]):
        yield "late: by how much the load generator itself was late, in the worst of 100 visits; it is in the latencies"
    for gateway in document["gateways"]:
        if gateway["status"] == "absent":
            yield f"absent: {gateway['label']}: {gateway['reason']}; to install: {gateway['install']}"
        elif gateway["status"] == "failed":
            yield f"failed: {gateway['label']}: {gateway['reason']}"
    for proof in document["proofs"]:
        if proof["status"] == "failed":
            yield f"failed: {proof['title']}: {proof['reason']}"
        yield from (f"note on {proof['name']}: {note}" for note in proof["notes"])
    for note in document["notes"]:
        yield f"note: {note}"


def _repeats(document: Document) -> str:
    repeats = document["parameters"]["repeats"]
    many = f"medians of {repeats} repeats, each with its {interval_name(repeats)}" if repeats > 1 else "one repeat"
    return many if document["complete"] else f"{many}, BROKEN OFF"


def _places(document: Document, scenario: str, question: str) -> dict[str, int]:
    """Return who stands where in requests a second; who ties with the best is first too."""
    return ranks(document["repeats"], document["bands"], scenario, question, "throughput")


def _capacity_cells(result: Result, place: int | None) -> list[Cell]:
    cpu, front, memory = result["cpu_us_per_request"], result["front_cpu_us_per_request"], result["memory_peak_bytes"]
    spawned = result["spawned_per_request"]
    return [
        f"{duration(cpu['median'])}  {interval(cpu)}".rstrip() if cpu else "?",
        duration(front["median"]) if front else "",
        per_request(spawned["median"] if spawned else None),
        rate(result["throughput_rps"]["median"], result["lower_bound"]),
        str(place or ""),
        _duration(result["p50_us"]),
        _duration(result["p99_us"]),
        size(memory["median"]) if memory else "?",
        _errors(result),
    ]


def _latency_cells(result: Result, _place: int | None) -> list[Cell]:
    asked, rare, late = result["rate"], result["p999_us"], result["lateness_p99_us"]
    return [
        rate(asked["median"]) if asked else "",
        f"{_duration(result['p50_us'])}  {interval(result['p50_us'])}".rstrip(),
        _duration(result["p90_us"]),
        _duration(result["p99_us"]),
        _duration(rare),
        _duration(late),
        _errors(result),
    ]


def _duration(found: Estimate | None) -> str:
    """Return the median; "" where there is none, or too few requests for it."""
    return duration(found["median"]) if found and found["median"] else ""


def _errors(result: Result) -> Cell:
    errors = ", ".join(f"{number} {kind}" for kind, number in result["errors"].items())
    return Text(errors or "0", style="red" if errors else "")
