"""The gatelab command: look into running gateways."""

from __future__ import annotations

import os
import sys
from itertools import zip_longest
from typing import Annotated, NoReturn, TextIO

import typer

from .demo import demo
from .errors import BadAddress, GatelabError
from .lessons import doctor, learn
from .record import record
from .request import EPILOG, request
from .show import show
from .target import Target, parse_control, parse_target
from .up import up
from .who import who

__all__ = ["main"]

FAILED = 1
REFUSED = 2
"""Exit codes: a server gave no report; it cannot be done as asked."""

EXAMPLE = "start it with --status unix:/tmp/app.status, then: gatelab"

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__)

Addresses = Annotated[
    list[str] | None,
    typer.Argument(metavar="ADDRESS", help="unix:PATH of --status, or http://HOST:PORT/PATH of a status page."),
]


@app.callback()
def gatelab() -> None:
    """Look into running gateways."""


@app.command()
def top(
    addresses: Addresses = None,
    interval: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds from report to report.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one frame as text, as without a terminal.")] = False,
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="unix:PATH", help="A control socket, to reload and resize: one for each ADDRESS, or alone."
        ),
    ] = None,
) -> None:
    """Show what servers do, live.

    Workers, requests, queues, and what takes long. Where --control says where a server takes orders, keys give them.
    """
    controls = [parse_control(text) for text in control or ()]
    targets = _targets("top", addresses or control)
    if once or not _interactive():
        _print(targets, interval)
    if controls and len(controls) != len(targets):
        raise BadAddress(f"{len(targets)} addresses and {len(controls)} times --control: give one for each, or none")
    from .ask import report_of
    from .top import Top
    from .watch import Watch

    Top([Watch(*pair) for pair in zip_longest(targets, controls)], report_of, interval).run()


@app.command()
def status(
    addresses: Addresses = None,
    json: Annotated[bool, typer.Option("--json", help="The server's own JSON, one line for each server.")] = False,
) -> None:
    """Print one report of each server. Exit code 1: one of them gave none."""
    targets = _targets("status", addresses)
    if json:
        _print_json(targets)
    _print(targets, None)


app.command(epilog=EPILOG)(request)
app.command()(record)
app.command()(show)
app.command()(doctor)
app.command()(learn)
app.command()(who)
app.command()(up)
app.command()(demo)


def main() -> None:
    """Run the command line; a mistake becomes one sentence and exit code 2."""
    try:
        app(prog_name="gatelab")
    except GatelabError as error:
        _complain(str(error))
        sys.exit(REFUSED)
    finally:
        _let_go(sys.stdout)
        _let_go(sys.stderr)


def _let_go(stream: TextIO | None) -> None:
    """Forget what a stream cannot write: the interpreter would try again at its end, and take that for the outcome."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _targets(command: str, addresses: list[str] | None) -> list[Target]:
    if not addresses:
        raise BadAddress(f"which server? {EXAMPLE} {command} unix:/tmp/app.status")
    return [parse_target(text) for text in dict.fromkeys(addresses)]


def _print(targets: list[Target], apart: float | None) -> NoReturn:
    """Print each server as text, with rates if there is to be a second report."""
    import asyncio

    from rich.console import Console

    from .plain import look, print_watch

    watches = asyncio.run(look(targets, apart))
    console = Console()
    for watch in watches:
        print_watch(watch, console)
    _end([f"{watch.target}: {watch.trouble}" for watch in watches if watch.trouble])


def _print_json(targets: list[Target]) -> NoReturn:
    import asyncio

    from .plain import documents

    answers = asyncio.run(documents(targets))
    for answer in answers:
        if isinstance(answer, str):
            print(answer)
    _end([f"{target}: {why}" for target, why in zip(targets, answers, strict=True) if isinstance(why, GatelabError)])


def _end(failures: list[str]) -> NoReturn:
    for failure in failures:
        _complain(failure)
    raise typer.Exit(FAILED if failures else 0)


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _complain(sentence: str) -> None:
    print(f"gatelab: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    main()
