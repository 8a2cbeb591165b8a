"""`gatelab who`: which process is which, where they listen, and how the first bytes between them look.

The experiment is the lessons' own (`gateway_lab.who`); here are its options and its tables.
"""

from __future__ import annotations

import json as jsons
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import Absent
from .lessons import WITHOUT

if TYPE_CHECKING:
    from rich.table import Table

    from gateway_lab.who import Who

__all__ = ["tables", "who"]

FAILED = 1

AsJson = Annotated[bool, typer.Option("--json", help="What was seen, as JSON; bytes are hexadecimal.")]


def who(json: AsJson = False) -> None:
    """Start a front and five gateways, ask through each once, show who is who, and end them.

    All listen on free ports of the loopback address. Exit code 1: one of them could not start.
    """
    try:
        from gateway_lab import who as lab
        from gateway_lab.errors import LabError
    except ModuleNotFoundError as error:
        raise Absent(WITHOUT) from error
    try:
        seen = lab.who()
    except LabError as error:
        typer.echo(f"gatelab: {error}", err=True)
        raise typer.Exit(FAILED) from None
    if json:
        typer.echo(jsons.dumps(seen.as_json(), indent=2))
        return
    from .record_display import new_console

    console = new_console()
    for table in tables(seen):
        console.print(table)


def tables(seen: Who) -> list[Table]:
    """Return what was seen as three tables: processes, bytes between them, calls within them."""
    return [_processes(seen), _hops(seen), _calls(seen)]


def _processes(seen: Who) -> Table:
    table = _table("Processes: each has a pid", "program", "does the work of", "pids", "listens at")
    for one in seen.processes:
        table.add_row(one.name, one.part or "-", " ".join(map(str, one.pids)), " ".join(one.listens) or "-")
    return table


def _hops(seen: Who) -> Table:
    from gateway_lab.who import beginning

    table = _table("Rules between processes: each is bytes", "from", "to", "rule", "first bytes there", "and back")
    for one in seen.hops:
        table.add_row(one.sender, one.receiver, one.rule, beginning(one.sent), beginning(one.came))
    return table


def _calls(seen: Who) -> Table:
    found = sum(hop.mentions for hop in seen.hops)
    title = f'Rules within a process: a call, and no bytes ("wsgi." passed between processes {found} times)'
    table = _table(title, "gateway", "called the application in pid", "which is", "keys that only WSGI has")
    for one in seen.calls:
        table.add_row(one.gateway, str(one.pid), "a process for this request" if one.own else "its own worker",
                      str(one.keys))  # fmt: skip
    return table


def _table(title: str, *headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
