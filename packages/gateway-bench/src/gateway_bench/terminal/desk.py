"""What each command does once its words are understood: measure, show, draw, compare, and say where things are."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway_bench.errors import BenchError
from gateway_bench.proofs.run import choose, prove_all
from gateway_bench.record.document import Document, load_document
from gateway_bench.record.outcome import (
    RECORD,
    Keeper,
    draw_again,
    find_root,
    folder_for,
    is_reference,
    make_folder,
    point_latest,
    save_reference,
)
from gateway_bench.record.partial import PARTIAL
from gateway_bench.run.blank import blank, now
from gateway_bench.run.conductor import planned, run
from gateway_bench.run.plan import expected_seconds
from gateway_bench.suites import NAMES, suite_named
from gateway_bench.terminal.choice import Choice, order_of
from gateway_bench.terminal.console import ConsoleWatcher
from gateway_bench.terminal.tables import print_document

__all__ = ["compare", "draw", "found", "list_suites", "measure", "say_what_would_be", "show"]

PLAIN_WIDTH = 140


def measure(choice: Choice, out: Path | None, keep: bool | None, as_json: bool) -> Document:
    """Carry out what was chosen, write everything, print the tables and the path to open. Raises BenchError."""
    root = find_root(Path.cwd())
    order = order_of(choice, root)
    started = now()
    folder = out or folder_for(started, root)
    make_folder(folder)
    console = _console(to_error=as_json)
    keeper = Keeper(folder)
    with ConsoleWatcher(console) as watcher:
        if order.suite.promises:
            document = prove_all(order, choose(order.suite, choice.only), watcher)
        else:
            document = run(order, watcher, keeper)
    page = keeper.finish(document)
    for notice in keeper.notices:
        console.print(notice, markup=False, style="bold red")
    if out is None:
        point_latest(folder)
    print_document(document, console)
    console.print(f"open {page}", markup=False, soft_wrap=True)
    if as_json and not keeper.printed:
        json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
        print()
    if keep is None:
        keep = choice.whole and out is None and is_reference(document, order.suite)
    if keep and document["complete"]:
        console.print(f"kept in {save_reference(document, order.suite, root)}", markup=False, soft_wrap=True)
    return document


def say_what_would_be(choice: Choice) -> None:
    """Print the rows, what of each is there, and the order in which they would be measured."""
    order = order_of(choice, find_root(Path.cwd()))
    document, console = blank(order), _console()
    table = _table("rows", ["row", "what it is", "front", "workers", "threads", "there?"])
    for row in document["gateways"]:
        there = "yes" if row["status"] == "ok" else f"{row['reason']}; to install: {row['install']}"
        table.add_row(row["name"], row["about"], row["front"], str(row["workers"]), str(row["threads"]), there)
    console.print(table)
    if order.suite.promises:
        return
    turns = planned(order, document)
    for turn in turns:
        tasks = ", ".join(f"{task.scenario} {task.shape or task.question}" for task in turn.tasks)
        console.print(f"round {turn.round}: {turn.gateway}: {tasks}", markup=False, highlight=False, soft_wrap=True)
    steps = sum(len(turn.tasks) for turn in turns)
    minutes = expected_seconds(order.suite, turns, order.parameters, order.gateways) / 60
    console.print(f"{steps} measurements, about {minutes:.1f} min, seed {order.seed}; nothing was started")


def list_suites() -> None:
    """Print what each suite asks."""
    table = _table("suites", ["suite", "question", "scenarios"])
    for name in NAMES:
        suite = suite_named(name)
        table.add_row(name, suite.question, ", ".join(suite.usual or suite.scenarios))
    _console().print(table)


def show(record: Path) -> None:
    """Print the tables of a record."""
    print_document(load_document(record), _console())


def draw(record: Path, charts: Sequence[str], out: Path | None) -> None:
    """Draw charts and report of a record into its folder, or another one, and say which to open. Raises BenchError."""
    document = load_document(record)
    suite = suite_named(document["suite"])
    for name in charts:
        if name not in suite.charts:
            raise BenchError(f"the suite {suite.name} has no chart {name!r}; it has {', '.join(suite.charts)}")
    folder = out or record.parent
    make_folder(folder)
    for path in draw_again(document, folder, charts):
        _console().print(f"open {path}", markup=False, soft_wrap=True)


def compare(before: Document, after: Document, as_json: bool) -> None:
    """Print what changed from one run to the other. Raises BenchError for proofs."""
    from gateway_bench.record.compare import comparison
    from gateway_bench.terminal.changes import print_comparison

    if as_json:
        print(json.dumps(comparison(before, after), indent=1))
    else:
        print_comparison(before, after, _console())


def found(record: Path) -> Path:
    """Return the record that a path means: itself, or the one in that folder, finished or not. Raises BenchError."""
    path = record / RECORD if record.is_dir() else record
    if not path.exists() and (record / PARTIAL).exists():
        return record / PARTIAL
    if not path.exists() and record == Path("results/latest"):
        raise BenchError("there is no run yet; `nox -s bench -- --quick` makes one in a minute and a half")
    return path


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _console(to_error: bool = False) -> Console:
    """Return the terminal, or a wide one where the output goes to a file: tables there need no wrapping."""
    console = Console(stderr=to_error)
    return console if console.is_terminal else Console(stderr=to_error, width=PLAIN_WIDTH)
