"""The tables at the end of a run: results, ratios, promises, proofs. All from the document alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_bench.record.document import Document, Proof, Ratio, Result, Verdict
from gateway_bench.report.findings import labels
from gateway_bench.report.units import duration, per_request, rate, ratio, shown, size, spread

__all__ = ["print_document"]

FIGURES = ["CPU/request", "spawned", "requests/s", "p50", "p99", "memory", "errors"]
WRAPPED = ("promise", "what it is")
"""Headings of columns of words, which may take several lines: figures may not."""
STYLES = {"kept": "green", "missed": "bold red", "unknown": "yellow"}


def print_document(document: Document, console: Console) -> None:
    """Print the tables that the document has something for, and what is missing from them."""
    if document["suite"] == "proofs":
        for proof in document["proofs"]:
            if proof["status"] == "ok":
                console.print(_proof_table(proof, document))
    else:
        console.print(_results_table(document) if document["results"] else "nothing was measured")
    if document["ratios"]:
        console.print(_ratios_table(document))
    if document["goals"]:
        console.print(_goals_table(document))
    for line in _remarks(document):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _results_table(document: Document) -> Table:
    """Return the results, one block for each scenario; p99 of single requests is below that of a whole visit."""
    known = labels(document)
    table = _table(_title(document), ["scenario", "gateway"], FIGURES)
    previous = ""
    for result in document["results"]:
        scenario = result["scenario"]
        if previous and previous != scenario:
            table.add_section()
        table.add_row(scenario if scenario != previous else "", known[result["gateway"]], *_cells(result))
        for name, p99 in result.get("exchanges_p99_us", {}).items():
            table.add_row("", f"  {name}", "", "", "", "", duration(p99["median"]), "", "", style="dim")
        previous = scenario
    return table


def _ratios_table(document: Document) -> Table:
    """Return how one server compares with another: medians over the rounds, the smallest and largest beside them."""
    known = labels(document)
    speeds = [row for row in document["goals"] if row["figure"] == "throughput"]
    promised = {(row["scenario"], row["of"], row["over"]): row for row in speeds}
    headings = ["requests/s", "", "goal", "aim", "CPU/request", ""]
    table = _table(
        "one over another: median of the ratios of the rounds (min .. max)", ["scenario", "server", "over"], headings
    )
    previous: tuple[str, str] = ("", "")
    for row in sorted(document["ratios"], key=lambda row: _place(row, document)):
        head = row["scenario"], row["gateway"]
        if previous[0] and head != previous:
            table.add_section()
        goal = promised.get((*head, row["against"]))
        bound = "\u2265 " if row["lower_bound"] else ""
        speed, cpu = row["throughput"], row["cpu"]
        table.add_row(
            *((head[0], known[head[1]]) if head != previous else ("", "")),
            known[row["against"]],
            bound + ratio(speed["median"]),
            spread(speed, ratio),
            _limit(goal) if goal else "",
            ratio(goal["aim"]) if goal and goal["aim"] is not None else "",
            ratio(cpu["median"]),
            spread(cpu, ratio),
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


def _title(document: Document) -> str:
    repeats = document["parameters"]["repeats"]
    many = f"medians of {repeats} repeats (min .. max)" if repeats > 1 else "one repeat"
    state = "" if document["complete"] else ", BROKEN OFF"
    return f"{document['suite']}: {many}{state}"


def _cells(result: Result) -> list[str | Text]:
    cpu = result["cpu_us_per_request"]
    spawned = result["spawned_per_request"]
    errors = ", ".join(f"{number} {kind}" for kind, number in result["errors"].items())
    return [
        f"{duration(cpu['median'])}  {spread(cpu)}".rstrip(),
        per_request(spawned["median"] if spawned else None),
        rate(result["throughput_rps"]["median"], result["lower_bound"]),
        duration(result["p50_us"]["median"]),
        duration(result["p99_us"]["median"]),
        size(result["memory_peak_bytes"]["median"]),
        Text(errors or "0", style="red" if errors else ""),
    ]
