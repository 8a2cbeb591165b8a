"""The command line: `python -m gateway_bench run`, `report` and `compare`."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway_bench.errors import BenchError
from gateway_bench.load.scenarios import SUITES
from gateway_bench.load.wrk import find_wrk
from gateway_bench.proofs.run import choose, prove_all
from gateway_bench.record.compare import print_comparison
from gateway_bench.record.document import Document, load_document
from gateway_bench.record.goals import load_goals
from gateway_bench.record.outcome import (
    find_root,
    folder_for,
    is_reference,
    make_folder,
    point_latest,
    save_all,
    save_reference,
)
from gateway_bench.run.conductor import COMPARING, Order, run
from gateway_bench.run.plan import engine_of, parameters_for
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.servers.nginx import find_nginx
from gateway_bench.terminal.console import ConsoleWatcher
from gateway_bench.terminal.tables import print_document

__all__ = ["exit_code", "main"]

TABLES = {
    "evolution": "gateways.toml",
    "peers": "peers.toml",
    "backends": "backends.toml",
    "cgi": "cgi.toml",
    "proofs": "peers.toml",
}
GOALS = "goals.toml"
OURS = "gatelab"
"""The row of peers.toml that stands in the record of the proofs, which are about our server."""
ENVIRONMENTS = ("peers", "compiled")
"""Those that a session of nox with the same name makes."""

PLAIN_WIDTH = 120

FAILED = 1
REFUSED = 2
BROKEN_OFF = 130
"""Exit codes: a gateway failed or gave errors; the run cannot be done as asked; Ctrl-C (128 + SIGINT)."""

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__)


@dataclass(frozen=True)
class Choice:
    """What the command line chooses: rows (or proofs) and scenarios by name, and the interpreters that it names."""

    suite: str
    quick: bool
    only: list[str]
    scenarios: list[str]
    repeats: int | None
    duration: float | None
    seed: int | None
    pythons: dict[str, Path | None]

    @property
    def whole(self) -> bool:
        """Is nothing of the suite left out or made shorter?"""
        return not (self.quick or self.only or self.scenarios or self.repeats or self.duration)


@app.command("run")
def run_command(
    suite: Annotated[
        str,
        typer.Option(
            help="evolution: our five gateways. peers: our WSGI server beside others. backends: ours beside others "
            "behind nginx. cgi: our CGI host beside others. proofs: what we promise."
        ),
    ] = "evolution",
    quick: Annotated[bool, typer.Option("--quick", help="One short repeat: a look, not a measurement.")] = False,
    only: Annotated[str, typer.Option(help="Gateways, or proofs, with commas between: cgi,fastcgi")] = "",
    scenario: Annotated[str, typer.Option(help="Scenarios to measure, with commas between: hello,page")] = "",
    repeats: Annotated[int | None, typer.Option(min=1, max=100, help="Rounds, each in a new random order.")] = None,
    duration: Annotated[float | None, typer.Option(min=0.1, max=600, help="Seconds of each measurement.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the random order, to have the same one again.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results, instead of results/<time>.")] = None,
    peers_python: Annotated[Path | None, typer.Option(help="Interpreter that has the peers installed.")] = None,
    compiled_python: Annotated[Path | None, typer.Option(help="Interpreter that has our compiled build.")] = None,
    keep: Annotated[
        bool | None,
        typer.Option(
            "--save-reference/--no-save-reference",
            help="Keep this run in benchmarks/results/. A whole and undisturbed run beside peers is kept by itself.",
        ),
    ] = None,
) -> None:
    """Start each gateway, load it, measure it, and write record, charts and report."""
    pythons = {"peers": peers_python, "compiled": compiled_python}
    choice = Choice(suite, quick, _words(only), _words(scenario), repeats, duration, seed, pythons)
    root = find_root(Path.cwd())
    order = _order(choice, root)
    proofs = choose(choice.only) if suite == "proofs" else []
    make_folder(out or root / "results")
    console = _console()
    with ConsoleWatcher(console) as watcher:
        document = prove_all(order, proofs, watcher) if proofs else run(order, watcher)
    _hand_over(document, out or folder_for(document, root), console, latest=out is None)
    if keep is None:
        keep = choice.whole and out is None and is_reference(document)
    if keep and document["complete"]:
        console.print(f"kept in {save_reference(document, root)}", markup=False, soft_wrap=True)
    raise typer.Exit(exit_code(document))


def _order(choice: Choice, root: Path) -> Order:
    """Return what was ordered. Raises BenchError."""
    suite, pythons = choice.suite, choice.pythons
    if suite not in TABLES:
        raise BenchError(f"there is no suite {suite!r}; there are {', '.join(TABLES)}")
    scenarios = _chosen_scenarios(suite, choice.scenarios)
    proofs = choose(choice.only) if suite == "proofs" else []
    wrk = find_wrk() if suite in COMPARING else None
    if suite == "cgi" and wrk is None:
        raise BenchError("the suite cgi needs wrk, which is not here; on Debian: apt install wrk")
    nginx = _needed_nginx() if suite == "backends" else None
    engine = engine_of(suite, "hello", wrk)
    return Order(
        suite=suite,
        gateways=load_gateways(root / "benchmarks" / TABLES[suite], [OURS] if proofs else choice.only),
        scenarios=scenarios,
        parameters=parameters_for(suite, choice.quick, choice.repeats, choice.duration, engine),
        seed=secrets.randbelow(2**31) if choice.seed is None else choice.seed,
        root=root,
        pythons={"own": sys.executable} | {name: _python_of(name, pythons[name], root) for name in ENVIRONMENTS},
        command=["python", "-m", "gateway_bench", *sys.argv[1:]],
        wrk=wrk,
        nginx=nginx,
        remedies=_remedies(pythons, root),
        goals=load_goals(root / "benchmarks" / GOALS),
    )


@app.command()
def report(result: Annotated[Path, typer.Argument(help="The result.json of a run.")]) -> None:
    """Draw an old run again: CSV, charts and report are written beside its record."""
    _hand_over(load_document(result), result.parent, _console(), latest=False)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="The result.json of the earlier run.")],
    after: Annotated[Path, typer.Argument(help="The result.json of the later run.")],
) -> None:
    """Show by what factor each figure changed from one run to another."""
    print_comparison(load_document(before), load_document(after), _console())


def main() -> None:
    """Run the command line; a BenchError becomes one sentence and exit code 2."""
    try:
        app(prog_name="gateway-bench")
    except BenchError as error:
        print(f"gateway-bench: {error}", file=sys.stderr)
        sys.exit(REFUSED)


def _hand_over(document: Document, folder: Path, console: Console, latest: bool) -> None:
    """Write everything, print the tables and the path to open."""
    page = save_all(document, folder)
    if latest:
        point_latest(folder)
    print_document(document, console)
    console.print(f"open {page}", markup=False, soft_wrap=True)


def _console() -> Console:
    """Return the terminal, or a wide one where the output goes to a file: tables there need no wrapping."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def exit_code(document: Document) -> int:
    """Return the exit code that tells how a run went. A promise that is missed is a finding, not a failure."""
    if not document["complete"]:
        return BROKEN_OFF
    absent = document["suite"] not in COMPARING and any(row["status"] == "absent" for row in document["gateways"])
    errors = any(result["errors"] for result in document["results"])
    unproved = any(proof["status"] == "failed" for proof in document["proofs"])
    return FAILED if document["failures"] or errors or absent or unproved else 0


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _chosen_scenarios(suite: str, named: list[str]) -> list[str]:
    known = SUITES.get(suite, ())
    for name in named:
        if name not in known:
            there = f"it has {', '.join(known)}" if known else "each proof has its own"
            raise BenchError(f"the suite {suite} has no scenario {name!r}; {there}")
    default = [name for name in known if (suite, name) != ("peers", "page")]  # as hello, at length
    return [name for name in known if name in named] or default


def _needed_nginx() -> str:
    nginx = find_nginx()
    if nginx is None:
        raise BenchError("the suite backends needs nginx, which is not here; on Debian: apt install nginx-light")
    return nginx


def _made_by_nox(environment: str, root: Path) -> Path:
    return root / ".nox" / environment / "bin" / "python"


def _python_of(environment: str, given: Path | None, root: Path) -> str:
    """Return the interpreter of an environment: the one given, else that of `nox`; for peers also this one."""
    if given is not None:
        return str(given)
    made = _made_by_nox(environment, root)
    return sys.executable if environment == "peers" and not made.exists() else str(made)


def _remedies(given: dict[str, Path | None], root: Path) -> dict[str, str]:
    """Return the command that makes each environment, if it is ours to make."""
    if not (root / "noxfile.py").is_file():
        return {}
    return {name: f"python3 noxfile.py -s {name}" for name in ENVIRONMENTS if given[name] is None}


if __name__ == "__main__":
    main()
