"""`gatelab demo`: the classroom, which is a package of its own, imported when it is asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from .errors import Absent
from .lessons import WITHOUT

__all__ = ["demo"]


def demo(
    bind: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the page is; port 0: a free one.")] = (
        "127.0.0.1:0"
    ),
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or only say where.")
    ] = True,
    replay: Annotated[
        bool, typer.Option("--replay", help="Show the script as recorded, and start no gateway.")
    ] = False,
) -> None:
    """Show a class what a process per request is: five minutes on a projector, then free play. Ctrl-C ends it."""
    try:
        from classroom_demo.__main__ import main
    except ModuleNotFoundError as error:
        raise Absent(WITHOUT) from error
    flags = [*([] if browser else ["--no-browser"]), *(["--replay"] if replay else [])]
    raise typer.Exit(main(["--bind", bind, *flags]))
