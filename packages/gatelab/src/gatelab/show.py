r"""The options of `gatelab show`. Who does the work is imported when there is work."""

from __future__ import annotations

from typing import Annotated

import typer

from .record import PROTOCOL_HELP

__all__ = ["show"]

Files = Annotated[list[str], typer.Argument(metavar="FILE...", help="What `gatelab record --json FILE` has saved.")]
Connections = Annotated[
    int | None, typer.Option("--connection", min=1, metavar="N", help="Only this one; the first with --columns.")
]
ProtocolName = Annotated[str | None, typer.Option("--protocol", metavar="NAME", help=PROTOCOL_HELP)]
ColumnsView = Annotated[
    bool, typer.Option("--columns", help="Lay connections side by side, one of each file: the same request in each.")
]
HtmlFile = Annotated[
    str | None,
    typer.Option("--html", metavar="FILE", help="Write a page that stands alone; - for standard output."),
]
PcapngFile = Annotated[
    str | None, typer.Option("--pcapng", metavar="FILE", help="Write packets for Wireshark; - for standard output.")
]
NoHex = Annotated[bool, typer.Option("--no-hex", help="Show fields without their bytes.")]


def show(
    files: Files,
    connection: Connections = None,
    protocol: ProtocolName = None,
    columns: ColumnsView = False,
    html: HtmlFile = None,
    pcapng: PcapngFile = None,
    no_hex: NoHex = False,
) -> None:
    """Show what `gatelab record` has saved.

    \b
    as text         gatelab show a.json
    as a page       gatelab show a.json --html a.html
    for Wireshark   gatelab show a.json --pcapng a.pcapng
    side by side    gatelab show --columns http.json fastcgi.json scgi.json uwsgi.json cgi.json
    """  # noqa: D301 - \b tells click not to wrap what follows
    from .show_command import Wanted, perform

    perform(Wanted(files, connection, protocol, columns, html, pcapng, not no_hex))
