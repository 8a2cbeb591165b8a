"""`python -m cgi_runner --bill`: measure, and show a table, JSON or a chart.

::

    python -m cgi_runner --bill --app demo_app:app --path /hello
    python -m cgi_runner --bill --app demo_app:app --path /hello --compare fork-exec --compare zygote --chart bill.svg
    python -m cgi_runner --bill packages/cgi-runner/examples --path /hello.sh --path /hello.py --json

Exit status: 0, or 1 with one sentence when there is no bill for one of the paths, or 2 when nothing could be begun.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from gateway_runtime.arguments import count
from gateway_runtime.errors import EXIT_CANNOT_START, StartupError

from .spawn import STRATEGIES, World

TYPE_CHECKING = False  # what is imported in functions here would delay the start of every server
if TYPE_CHECKING:
    from .bill_measure import Measured
    from .bill_target import Target

__all__ = ["FORMAT", "add_arguments", "run"]

FORMAT = "cgi-runner-bill-1"
"""What the JSON calls itself. It changes when a program that reads it would have to."""

EXIT_NO_BILL = 1
EXIT_INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C has ended."""

REQUESTS = 10
"""Of which the median is shown: few enough to wait for, and one disturbance among them does no harm."""

_ENDINGS = (".svg", ".png")

_NEEDS_MATPLOTLIB = "a chart is drawn by matplotlib, which is not installed: pip install 'cgi-runner[bill]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the bill."""
    bill = parser.add_argument_group("the bill: where does a request's time go? (no server; docs/how-to/cgi-bill.md)")
    bill.add_argument(
        "--bill", action="store_true", help="make some requests, show what each part of them costs, and end"
    )
    bill.add_argument(
        "--path", action="append", metavar="PATH", help="what is asked for (/); repeatable, and then compared"
    )
    bill.add_argument(
        "--requests", type=count(1, 100_000), default=REQUESTS, metavar="N",
        help=f"how many, one after another, and one before them that is not counted ({REQUESTS})",
    )  # fmt: skip
    bill.add_argument(
        "--compare", action="append", choices=(*STRATEGIES, "zygote"), metavar="HOW",
        help="measure with this --spawn as well; repeatable",
    )  # fmt: skip
    bill.add_argument("--json", action="store_true", help="all samples, as JSON, in place of the table")
    bill.add_argument("--chart", type=_picture, metavar="FILE", help="draw them too: FILE.svg or FILE.png")


def _picture(text: str) -> Path:
    file = Path(text)
    if file.suffix not in _ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} ends neither in .svg nor in .png")
    return file


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    from .bill_measure import compare
    from .bill_table import style_for, table
    from .bill_target import MeasureError

    if arguments.chart:  # before there is something to lose
        if not arguments.chart.parent.is_dir():
            return _say(f"{arguments.chart.parent} is not a directory", EXIT_CANNOT_START)
        if find_spec("matplotlib") is None:
            return _say(_NEEDS_MATPLOTLIB, EXIT_CANNOT_START)
    try:
        measured = compare(_targets(arguments), arguments.requests, _note)
    except MeasureError as error:
        return _say(str(error), EXIT_NO_BILL)
    except (StartupError, ValueError) as error:
        return _say(str(error), EXIT_CANNOT_START)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if arguments.json:
        shown = json.dumps(document(measured), indent=2) + "\n"
    else:
        shown = "\n".join(table(one, style_for(sys.stdout)) for one in measured)
    return _print(shown) or _draw(measured, arguments.chart)


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python complains when it ends
        return EXIT_NO_BILL
    return 0


def _draw(measured: Sequence[Measured], file: Path | None) -> int:
    if file is None:
        return 0
    from .bill_chart import save

    try:
        save(measured, file)
    except OSError as error:
        return _say(f"{file}: {error.strerror}", EXIT_NO_BILL)
    return 0


def document(measured: Sequence[Measured]) -> dict[str, object]:
    """Return what `--json` prints."""
    from .bill_measure import machine

    return {"format": FORMAT, "machine": machine(), "measurements": [one.as_json() for one in measured]}


def _targets(arguments: argparse.Namespace) -> list[Target]:
    """Return what is to be measured: every path, each by every strategy."""
    from .bill_target import Target

    hows = dict.fromkeys([arguments.spawn, *(arguments.compare or ())])
    return [
        Target(
            app=arguments.app,
            directory=arguments.directory,
            path=path,
            spawn=how,
            world=World(arguments.umask, tuple(dict(arguments.limit).items())),
            environment=tuple(arguments.env),
            interpreters=dict(arguments.interpreter),
        )
        for path in arguments.path or ["/"]
        for how in hows
    ]


def _note(sentence: str) -> None:
    print(f"cgi_runner: {sentence}", file=sys.stderr)


def _say(sentence: str, status: int) -> int:
    _note(sentence)
    return status
