"""`gatelab who`: which process is which, where they listen, and how the first bytes between them look.

The experiment is the lessons' own (`gateway_lab.who`); here are its options and its tables. With `--running` there is
no experiment, only a look at what runs already (`who_running`).
"""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import Absent
from .lessons import WITHOUT

if TYPE_CHECKING:
    from rich.table import Table

    from gateway_lab.who import Who

    from .who_running import Running

__all__ = ["tables", "tables_running", "who"]

FAILED = 1

AsJson = Annotated[bool, typer.Option("--json", help="What was seen, as JSON; bytes are hexadecimal.")]
IsRunning = Annotated[bool, typer.Option("--running", help="Start nothing: look at what runs on this machine already.")]
HIDDEN = "root is shown"
"""In the place of another user's sockets."""
NONE_RUN = "No front and no gateway that is known here runs on this machine. `gatelab up` starts some."


def who(json: AsJson = False, running: IsRunning = False) -> None:
    """Start a front and five gateways, ask through each once, show who is who, and end them.

    All listen on free ports of the loopback address. With --running: which fronts and gateways run here already (nginx,
    Apache, php-fpm, uWSGI, gunicorn, ours), who of their processes started whom, and who is connected with whom. Exit
    code 1: one of them could not start.
    """
    try:
        if running:
            _show_running(as_json=json)
            return
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


def _show_running(*, as_json: bool) -> None:
    from . import who_running
    from .record_display import new_console

    found = who_running.running(who_running.look())
    if as_json:
        typer.echo(jsons.dumps(who_running.as_json(found), indent=2))
        return
    console = new_console()
    for table in tables_running(found):
        console.print(table)
    if not found:
        console.print(NONE_RUN)


def tables_running(found: Sequence[Running]) -> list[Table]:
    """Return what runs as two tables, or fewer: programs, and connections between them."""
    from .who_running import ways

    if not found:
        return []
    programs = _table("Programs that run: told by name and parents", "program", "is", "first", "workers", "runs",
                      "takes", "listens at")  # fmt: skip
    for one in found:
        programs.add_row(one.name, one.part, str(one.first), _pids(one.workers), _pids(one.others), one.takes,
                         HIDDEN if one.listens is None else "\n".join(one.listens) or "-")  # fmt: skip
    between = _table("TCP connections between them that are open now", "from", "to", "at", "takes", "how many")
    for way in ways(found):
        between.add_row(way.sender, way.receiver, way.address, way.takes, str(way.count))
    return [programs, between] if between.row_count else [programs]


def _pids(pids: Sequence[int]) -> str:
    return " ".join(map(str, pids)) or "-"


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
