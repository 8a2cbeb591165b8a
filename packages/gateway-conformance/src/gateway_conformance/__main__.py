"""`python -m gateway_conformance --command '...' --scheme http`: run the suite, print a table of verdicts."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Sequence

from .case import SCHEMES
from .cases import CASES
from .outcome import Outcome, Verdict
from .runner import run
from .target import Target, TargetError

__all__ = ["main"]

EXIT_FAILED = 1
"""Some case failed."""

EXIT_CANNOT_RUN = 2
"""The command line is wrong, or the gateway did not start."""

_EPILOG = """\
The gateway must serve the application gateway_conformance.app:app (asgi: gateway_conformance.asgi_app:app), such as:

  python -m gateway_conformance --scheme http --command 'python -m wsgi_server gateway_conformance.app:app'
  python -m gateway_conformance --scheme http --command 'gunicorn gateway_conformance.app:app' --address 127.0.0.1:8000
  python -m gateway_conformance --scheme asgi --command 'python -m asgi_server gateway_conformance.asgi_app:app'

Exit codes: 0 all cases passed or were left out, 1 some failed, 2 the suite could not run."""

_SIGNS = {Verdict.PASS: "pass", Verdict.FAIL: "FAIL", Verdict.LEFT_OUT: "-"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway_conformance",
        description="Run one black-box suite against any gateway between the web and WSGI or ASGI.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scheme", choices=SCHEMES, help="how the gateway is reached; cgi, asgi: HTTP in")
    parser.add_argument("--command", default="", help="starts the gateway; without it one must run at --address")
    parser.add_argument("--address", default="", help="HOST:PORT or unix:PATH, if no line `ready URL` tells it")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the cases with this in their name or ids")
    parser.add_argument("--failed", action="store_true", help="print failed cases only")
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    return parser


def _print(outcomes: Sequence[Outcome], failed_only: bool) -> None:
    width = max((len(outcome.case.name) for outcome in outcomes), default=0)
    for outcome in outcomes:
        if outcome.verdict is Verdict.FAIL or not failed_only:
            ids = " ".join(outcome.case.proves)
            print(f"{_SIGNS[outcome.verdict]:<4}  {outcome.case.name:<{width}}  {ids}")
            if outcome.why:
                print(f"      {outcome.why}")
    counts = Counter(outcome.verdict for outcome in outcomes)
    print(f"{counts[Verdict.PASS]} passed, {counts[Verdict.FAIL]} failed, {counts[Verdict.LEFT_OUT]} left out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite as the command line says. Return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    cases = [case for case in CASES if given.only in case.name or given.only in case.proves]
    if given.list:
        for case in cases:
            print(f"{case.name}  [{' '.join(case.proves)}]")
        return 0
    if given.scheme is None or not cases:
        parser.error("--scheme is needed" if cases else f"no case has {given.only!r} in its name")
    try:
        outcomes = run(Target(shlex.split(given.command), given.scheme, given.address), cases)
    except (TargetError, ValueError) as error:  # ValueError: quotes that do not match
        print(f"gateway_conformance: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    _print(outcomes, given.failed)
    return EXIT_FAILED if any(outcome.verdict is Verdict.FAIL for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
