r"""The options of `gatelab record`. Who does the work is imported when there is work.

::

    record_command     all of it together             relay          sockets: accept, connect, pass on
    record_display     what is seen live              relay_pair     one connection: two sockets
    record_files       what is written                relay_call     connecting to the backend
    recording          the value, and its JSON        keeper         what passes, kept in memory
    capture            it as packets                  tcp_frames, pcapng
    show               a recording, later             show_command
"""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["PROTOCOL_HELP", "record"]

PROTOCOL_HELP = "FastCGI, SCGI, uwsgi, HTTP or AJP13; by itself the first bytes tell."

Listen = Annotated[str, typer.Option(metavar="ADDRESS", help="HOST:PORT (port 0: a free one), unix:PATH or fd:N.")]
To = Annotated[str, typer.Option(metavar="ADDRESS", help="The backend: HOST:PORT or unix:PATH.")]
ProtocolName = Annotated[str | None, typer.Option("--protocol", metavar="NAME", help=PROTOCOL_HELP)]
JsonFile = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Save the recording there, for `gatelab show`.")
]
PcapngFile = Annotated[
    str | None,
    typer.Option("--pcapng", metavar="FILE", help="Write packets for Wireshark; - for standard output."),
]
AllowFrom = Annotated[
    list[str] | None,
    typer.Option(metavar="CIDR", help="Who may connect from other machines; needed where they can reach --listen."),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show nothing of what passes.")]
NoHex = Annotated[bool, typer.Option("--no-hex", help="Show fields without their bytes.")]
FrontName = Annotated[str, typer.Option("--front", metavar="TEXT", help="Who the front is, for the files.")]
BackendName = Annotated[str, typer.Option("--backend", metavar="TEXT", help="Who the backend is, for the files.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="What is recorded, for the files.")]


def record(
    listen: Listen,
    to: To,
    protocol: ProtocolName = None,
    json: JsonFile = None,
    pcapng: PcapngFile = None,
    allow_from: AllowFrom = None,
    quiet: Quiet = False,
    no_hex: NoHex = False,
    front: FrontName = "",
    backend: BackendName = "",
    note: Note = "",
) -> None:
    """Relay between a front and a backend, and show what passes.

    Every byte goes on as it came. Ctrl-C ends it and saves the files.

    \b
    a port      gatelab record --listen 127.0.0.1:9001 --to 127.0.0.1:9000
    a socket    gatelab record --listen unix:/tmp/tap.sock --to unix:/run/php/php8.2-fpm.sock
    to keep     gatelab record --listen 127.0.0.1:9001 --to 127.0.0.1:9000 --json a.json --pcapng a.pcapng
    live        gatelab record -q --listen 127.0.0.1:9001 --to 127.0.0.1:9000 --pcapng - | wireshark -k -i -

    \b
    Exit codes: 0 ended as asked, 1 a file could not be written, 2 it cannot be done as asked.
    """  # noqa: D301 - \b tells click not to wrap what follows
    from .record_command import Wanted, perform

    wanted = Wanted(
        listen=listen,
        to=to,
        protocol=protocol,
        json=json,
        pcapng=pcapng,
        allow_from=allow_from or (),
        quiet=quiet,
        hex=not no_hex,
        front=front,
        backend=backend,
        note=note,
    )
    raise typer.Exit(perform(wanted))
