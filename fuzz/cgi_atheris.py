"""Fuzz what a CGI host takes from both sides by coverage: what programs answer, and which paths visitors ask for.

::

    pip install atheris                                        # Linux, CPython; it brings libFuzzer
    python fuzz/cgi_atheris.py -max_total_time=60 /tmp/corpus

`reading` says how an input is laid out: here bit 0 of its first byte chooses between a response and a path, bit 2 a
response to HEAD, bit 3 one that may begin as in HTTP. No bit is for an end of file: every program ends.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

FOLDERS = ("fuzz", "packages/cgi-runner/tests", "packages/gateway-core/tests")
sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in FOLDERS]

with atheris.instrument_imports(include=["gateway_core", "cgi_runner"]):
    from reading import HEADER, captured, run, thrice

    from test_cgi_fuzz import is_right, is_sane, outcome, plant
    from test_cgi_hostile_requests import REFUSED, RUN
    from test_cgi_response import BAD, GOOD


def checker(folder: Path) -> Callable[[bytes], None]:
    """Return the check of an input, with programs in `folder` that paths may name."""
    programs = plant(folder)

    def check(data: bytes) -> None:
        """Raises AssertionError."""
        if not data[0] & 1:
            head, status_line = bool(data[0] & 4), bool(data[0] & 8)
            whole = thrice(data, lambda pieces: outcome(pieces, head=head, status_line=status_line))
            is_sane(whole, answers_head=head)
            return
        target = "/" + data[HEADER:].decode("latin-1")
        if target.isascii() and target.isprintable() and " " not in target:  # HTTP lets nothing else through
            is_right(programs, target, "/cgi-bin" if data[0] & 2 else "")

    return check


def seeds() -> Iterable[bytes]:
    """Begin with the tables of the tests, and with what programs have said in other protocols."""
    for answer in (*(row[0] for row in (*GOOD, *BAD)), *captured("SCGI", "backend")):
        yield b"\0\0\0" + answer
        yield b"\x0c\0\0" + answer
    for row in (*RUN, *REFUSED):
        yield b"\1\0\0" + row[0].removeprefix(b"/").replace(b"show", b"a")


def main() -> None:
    """Run libFuzzer, which never comes back: so the programs lie where the next run finds and replaces them."""
    folder = Path(tempfile.gettempdir(), "gatelab-fuzz-cgi")
    shutil.rmtree(folder, ignore_errors=True)
    run(checker(folder), seeds())


if __name__ == "__main__":
    main()
