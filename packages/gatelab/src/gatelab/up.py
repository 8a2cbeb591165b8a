"""`gatelab up`: the five gateways and a front before them, on the demo application, in one terminal until Ctrl-C.

::

    browser --HTTP--> front --/fastcgi--> fastcgi_server          each on a free port of the loopback address,
                            --/uwsgi----> uwsgi_gateway           all on a leash: nothing is left of them,
                            --/scgi-----> scgi_server             however this process ends
                            --/wsgi-----> wsgi_server
                            --/cgi------> cgi_runner

What the table counts is what the gateways' events tell.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .errors import Absent
from .lessons import WITHOUT

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gateway_lab.happenings import Happening
    from gateway_lab.servers import Server

__all__ = ["Row", "counts", "lines", "table", "up"]

FAILED: Final = 1
ROUTES: Final = ("fastcgi", "uwsgi", "scgi", "wsgi", "cgi")
SCHEMES: Final = {"wsgi": "http", "cgi": "http"}
"""What the front speaks to a gateway, where that is not the gateway's own name."""
WORKERS_MAX: Final = 16
STEP: Final = 0.5
"""Seconds from one look at the gateways to the next."""
PIDS_SHOWN: Final = 6

Bind = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the front listens; port 0: a free one.")]
Workers = Annotated[int, typer.Option(min=1, max=WORKERS_MAX, help="Workers of each gateway.")]


@dataclass(frozen=True, slots=True)
class Row:
    """One gateway: where it is asked, by itself and through the front, and what its processes have done."""

    name: str
    through: str
    url: str
    pids: tuple[int, ...]
    born: int
    served: int
    runs: bool = True

    def cells(self) -> tuple[str, ...]:
        """Return it as text."""
        shown = " ".join(map(str, self.pids[:PIDS_SHOWN])) + (" ..." if len(self.pids) > PIDS_SHOWN else "")
        return self.name, self.through, self.url, shown if self.runs else "has ended", str(self.born), str(self.served)


HEADINGS: Final = ("gateway", "through the front", "by itself", "processes", "born", "requests")


def up(bind: Bind = "127.0.0.1:0", workers: Workers = 2) -> None:
    """Start the five gateways and a front before them, and show what they do. Ctrl-C ends them all.

    Exit codes: 0 ended as asked; 1 one of them could not start.
    """
    try:
        from gateway_lab.errors import LabError
    except ModuleNotFoundError as error:
        raise Absent(WITHOUT) from error
    from .record_display import new_console

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with contextlib.ExitStack() as exits:
            gateways = {route: exits.enter_context(_gateway(route, workers)) for route in ROUTES}
            folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="up-"))
            front = exits.enter_context(_front(Path(folder) / "front.toml", gateways, bind))
            _show(new_console(), front, gateways, stopped)
        for route, one in gateways.items():  # all have ended, so they have told everything
            born, served = counts(one.heard())
            print(f"{route}: {born} processes born, {served} requests")
    except LabError as error:
        typer.echo(f"gatelab: {error}", err=True)
        raise typer.Exit(FAILED) from None


def counts(happenings: Iterable[Happening]) -> tuple[int, int]:
    """Return how many processes were born, and how many requests have ended: `n` counts those that were not heard."""
    highest: dict[tuple[str, int], int] = {}
    for one in happenings:
        teller = one.parent if one.kind == "spawn" else one.pid
        highest[one.kind, teller] = max(highest.get((one.kind, teller), 0), int(one.more["n"]))
    born, served = (sum(n for (kind, _), n in highest.items() if kind == which) for which in ("spawn", "end"))
    return born, served


def table(rows: Sequence[Row]) -> Table:
    """Return the gateways as a table."""
    from rich import box
    from rich.table import Table

    found = Table(title="Ctrl-C ends all of them", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in HEADINGS:
        found.add_column(heading, overflow="fold", justify="right" if heading in HEADINGS[-2:] else "left")
    for row in rows:
        found.add_row(*row.cells())
    return found


def lines(rows: Sequence[Row]) -> list[str]:
    """Return the gateways as lines of text, for where there is no terminal."""
    return ["\t".join(row.cells()) for row in rows]


# -- the programs ------------------------------------------------------------------------------------------------------


def _gateway(route: str, workers: int) -> Server:
    """Return the gateway of a route, which answers below /ROUTE."""
    from gateway_lab.servers import serve

    return serve(route, workers=workers, options=("--mount", f"/{route}"), events=True)


def _front(plan: Path, gateways: dict[str, Server], bind: str) -> Server:
    from gateway_lab.servers import Server

    plan.write_text(
        "".join(
            f'[[route]]\nprefix = "/{route}"\nto = ["{SCHEMES.get(route, route)}://{one.host}:{one.port}"]\n'
            for route, one in gateways.items()
        ),
        "utf-8",
    )
    return Server([sys.executable, "-m", "http_front", "--config", str(plan), "--bind", bind])


def _row(route: str, gateway: Server, front: Server) -> Row:
    born, served = counts(gateway.heard())
    through = f"{front.url}/{route}/"
    return Row(route, through, gateway.url, tuple(gateway.pids), born, served, gateway.alive)


def _show(console: Console, front: Server, gateways: dict[str, Server], stopped: threading.Event) -> None:
    """Show the table until the end is asked for: live in a terminal, else once."""

    def rows() -> list[Row]:
        return [_row(route, one, front) for route, one in gateways.items()]

    if console.is_terminal:
        from rich.live import Live

        with Live(table(rows()), console=console, auto_refresh=False) as live:
            while not stopped.wait(STEP):
                live.update(table(rows()), refresh=True)
        return
    print("\t".join(HEADINGS), *lines(rows()), f"ready {front.url}/", sep="\n", flush=True)
    stopped.wait()
