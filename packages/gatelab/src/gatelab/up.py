"""`gatelab up`: the five gateways and a front before them, on the demo application, in one terminal until Ctrl-C.

::

    browser --HTTP--> front --/fastcgi--> fastcgi_server          each on a free port of the loopback address,
                            --/uwsgi----> uwsgi_gateway           all on a leash: nothing is left of them,
                            --/scgi-----> scgi_server             however this process ends
                            --/wsgi-----> wsgi_server
                            --/cgi------> cgi_runner

Parts: `up_session` (one run, and where it is shown), `up_together` (the programs), `up_tally` and `up_ears` (what their
events tell), `up_table` (rows and columns), `up_wishes` (keys and signals).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .errors import Absent, BadAddress
from .lessons import WITHOUT

if TYPE_CHECKING:
    from .up_table import Row

__all__ = ["summary", "up"]

FAILED: Final = 1
WORKERS_MAX: Final = 16
SUMS_WIDTH: Final = 80

Bind = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the front listens; port 0: a free one.")]
Workers = Annotated[
    int, typer.Option(min=1, max=WORKERS_MAX, metavar="N", help=f"Workers of each gateway, 1 to {WORKERS_MAX}.")
]


def up(bind: Bind = "127.0.0.1:0", workers: Workers = 2) -> None:
    """Start the five gateways and a front before them, and show what they do. Ctrl-C ends them all.

    The same application runs behind each: FastCGI, uwsgi, SCGI, HTTP, and a process per request (CGI).

    \b
    The table has, of each:
      born       workers, and CGI programs, since the start
      alive      processes now: the first one, and all below it
      requests   answered; "a second": in the last two
      failed     the process ended before it had answered
      CPU        since it was ready; "CPU each": of it, a request
      memory     of all its processes; what two share, twice
      processes  their ids: the first one, then those below it

    Kill one of them (kill -9 PID) and watch. Key s starts again what has ended, key q ends all as Ctrl-C does. Ctrl-C
    once more does not wait for requests under way.

    Exit codes: 0 ended as asked; 1 one of them could not start; 2 the address is none, or taken.
    """  # noqa: D301  # \b is click's own: the lines below it are not to be folded
    try:
        from gateway_lab.errors import LabError
    except ModuleNotFoundError as error:
        raise Absent(WITHOUT) from error
    from .record_display import new_console
    from .up_session import Lines, Screen, Session
    from .up_wishes import is_ours, wishes

    _check(bind)
    console = new_console()
    live = console.is_terminal and not console.is_dumb_terminal and is_ours(sys.stdout.fileno())
    try:
        with wishes(terminal=live) as wanted:
            session = Session(bind, workers, wanted, Screen(console) if live else Lines())
            rows = session.run()
    except LabError as error:
        typer.echo(f"gatelab: {error}", err=True)
        raise typer.Exit(FAILED) from None
    if live:
        print(*session.notes, sep="\n")
    print(*summary(rows), sep="\n")


def _check(bind: str) -> None:
    """Refuse an address at which a browser would find nothing, before anything is started. Raises BadAddress."""
    from gateway_runtime.addresses import listen, parse
    from gateway_runtime.errors import StartupError

    try:
        address = parse(bind)
        if not address.host:
            raise BadAddress(f"a browser does not find {bind}: give --bind HOST:PORT")
        listen(address).close()
    except StartupError as error:
        raise BadAddress(str(error)) from None


def summary(rows: Sequence[Row]) -> list[str]:
    """Return the last lines: the sums, and what they say about staying; none if there are no rows."""
    from .up_table import CGI, FRONT, SUMS, grid

    if not rows:
        return []
    shown = [line.plain for line in grid(SUMS, rows, SUMS_WIDTH)]
    others = [row for row in rows if row.name not in (FRONT, CGI)]
    cgi = next(row for row in rows if row.name == CGI)
    requests, born = sum(row.requests for row in others), sum(row.born for row in others)
    if cgi.requests and requests:
        shown.append(
            f"{_number(cgi.requests, 'request')} under CGI: {_number(cgi.born, 'process')} born; "
            f"{requests:,} under the other four: {born:,}."
        )
    return shown


def _number(count: int, word: str) -> str:
    return f"{count:,} {word if count == 1 else f'{word}es' if word.endswith('s') else f'{word}s'}"
