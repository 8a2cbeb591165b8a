"""`python -m cgi_runner --app MODULE:APP`, or `python -m cgi_runner DIRECTORY`; with `--bill` no server."""

from __future__ import annotations

import sys

from gateway_runtime.cli import main
from gateway_runtime.options import new_parser

from . import bill_command
from .server import GATEWAY


def run() -> int:
    """Do what the command line says; return the exit status."""
    if "--bill" in sys.argv:
        arguments = new_parser(GATEWAY).parse_args()
        if arguments.bill:
            return bill_command.run(arguments)
    return main(GATEWAY)


if __name__ == "__main__":
    sys.exit(run())
