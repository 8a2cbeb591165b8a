"""The command line: measure, show, draw and compare. `gateway-bench run` is what `nox -s bench` does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway_bench.errors import BenchError
from gateway_bench.load.team import DEFAULT_PORT
from gateway_bench.record.document import Document, load_document
from gateway_bench.servers.gateways import LOOPBACK
from gateway_bench.suites import NAMES
from gateway_bench.terminal import desk

__all__ = ["exit_code", "main"]

FAILED = 1
REFUSED = 2
BROKEN_OFF = 130
"""Exit codes: a gateway failed or gave errors; the run cannot be done as asked; Ctrl-C (128 + SIGINT)."""
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__)

Record = Annotated[Path, typer.Argument(help="A result.json, or the folder of a run; without it, the last run.")]


@app.command("run")
def run_command(
    suite: Annotated[
        str, typer.Option(help=f"What to ask: {', '.join(NAMES)}. `gateway-bench suites` says what each is.")
    ] = NAMES[0],
    quick: Annotated[bool, typer.Option("--quick", help="One short repeat: a look, not a measurement.")] = False,
    only: Annotated[str, typer.Option(help="Gateways, or proofs, with commas between: cgi,fastcgi")] = "",
    scenario: Annotated[str, typer.Option(help="Scenarios to measure, with commas between: hello,page")] = "",
    repeats: Annotated[int | None, typer.Option(min=1, max=100, help="Rounds, each in a new random order.")] = None,
    duration: Annotated[float | None, typer.Option(min=0.1, max=600, help="Seconds of each measurement.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the random order, to have the same one again.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be measured, and start nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record; all else goes to standard error.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the results, instead of results/<time>.")] = None,
    expect_workers: Annotated[
        int, typer.Option(min=0, max=512, help="Load processes on other machines to wait for; they make all the load.")
    ] = 0,
    master_host: Annotated[str, typer.Option(help="Address at which to wait for them; 0.0.0.0 is any.")] = LOOPBACK,
    master_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to wait at; 0 takes a free one.")] = (
        DEFAULT_PORT
    ),
    listen: Annotated[str, typer.Option(help="Address at which servers listen, if visitors are elsewhere.")] = LOOPBACK,
    target: Annotated[
        list[str] | None,
        typer.Option(help="[NAME=]ADDRESS of a server that somebody else runs: it is asked, and not started."),
    ] = None,
    strace: Annotated[bool, typer.Option(help="Count system calls in a run of their own, where that is allowed.")] = (
        True
    ),
    peers_python: Annotated[Path | None, typer.Option(help="Interpreter that has the peers installed.")] = None,
    compiled_python: Annotated[Path | None, typer.Option(help="Interpreter that has our compiled build.")] = None,
    keep: Annotated[
        bool | None,
        typer.Option(
            "--save-reference/--no-save-reference",
            help="Keep this run in benchmarks/results/. A whole and undisturbed run is kept by itself.",
        ),
    ] = None,
) -> None:
    """Start each gateway, load it, measure it, and write record, charts and report."""
    from gateway_bench.run.order import Team
    from gateway_bench.terminal.choice import Choice

    choice = Choice(
        suite=suite,
        quick=quick,
        only=_words(only),
        scenarios=_words(scenario),
        repeats=repeats,
        duration=duration,
        seed=seed,
        pythons={"peers": peers_python, "compiled": compiled_python},
        listen=listen,
        team=Team(expect_workers, master_host, master_port) if expect_workers else None,
        targets=target or [],
        strace=strace,
    )
    if dry:
        desk.say_what_would_be(choice)
        return
    document = desk.measure(choice, out, keep, as_json)
    raise typer.Exit(exit_code(document))


@app.command()
def suites() -> None:
    """Say what each suite asks, and how long it takes."""
    desk.list_suites()


@app.command()
def show(record: Record = Path("results/latest")) -> None:
    """Print the tables of a run again."""
    desk.show(desk.found(record))


@app.command()
def draw(
    record: Record = Path("results/latest"),
    chart: Annotated[str, typer.Option(help="Only these charts, with commas between.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to draw into, instead of the record's own.")] = None,
) -> None:
    """Draw a run again: CSV, charts and report, all made from its record alone."""
    desk.draw(desk.found(record), _words(chart), out)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="The result.json of the earlier run, or its folder.")],
    after: Annotated[Path, typer.Argument(help="The result.json of the later run, or its folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as data.")] = False,
) -> None:
    """Say what changed from one run to another beyond the noise of both."""
    one, other = load_document(desk.found(before)), load_document(desk.found(after))
    desk.compare(one, other, as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the record."""
    from gateway_bench.record.document import schema_path

    print(json.dumps(json.loads(schema_path().read_text("utf-8")), indent=1))


@app.command()
def worker(
    master: Annotated[str, typer.Option(help="HOST[:PORT] of the bench that waits for it (--expect-workers).")],
    processes: Annotated[int, typer.Option(min=1, max=256, help="Load processes to run; one a processor.")] = 1,
) -> None:
    """Make load for a bench that runs on another machine, until its run ends."""
    from gateway_bench.load.team_crew import run_workers

    run_workers(master, processes)


def exit_code(document: Document) -> int:
    """Return the exit code that tells how a run went. A promise that is missed is a finding, not a failure."""
    from gateway_bench.suites import suite_named

    if not document["complete"]:
        return BROKEN_OFF
    strict = suite_named(document["suite"]).strict
    absent = strict and any(row["status"] == "absent" for row in document["gateways"])
    errors = any(result["errors"] for result in document["results"])
    unproved = any(proof["status"] == "failed" for proof in document["proofs"])
    return FAILED if document["failures"] or errors or absent or unproved else 0


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def main() -> None:
    """Run the command line; a BenchError becomes one sentence and exit code 2."""
    try:
        app(prog_name="gateway-bench")
    except BenchError as error:
        print(f"gateway-bench: {error}", file=sys.stderr)
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
