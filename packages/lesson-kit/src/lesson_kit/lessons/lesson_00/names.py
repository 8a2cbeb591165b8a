"""The fourteen names, the four boxes, and what a run shows of them.

============================  ==================================  ===================================
..                            a rule                              a program
============================  ==================================  ===================================
**crosses a process boundary**  bytes between processes            has processes, each with a pid
**inside one process**          a call: no bytes                   code that another program has loaded
============================  ==================================  ===================================

A run shows three of the four kinds apart: bytes, pids, and what has neither. That WSGI is a rule and Flask is code
cannot be seen from outside: both show as a call within somebody's worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway_lab.who import Who

__all__ = ["BOXES", "NAMES", "RIGHT", "SHOWS", "TYPICAL", "Seen", "seen_in"]

BETWEEN, PROGRAM, WITHIN, CODE = BOXES = (
    "a rule between processes",
    "a program with processes of its own",
    "a rule within one process",
    "code within another program's process",
)
RIGHT_BY_NAME: Final[Mapping[str, str]] = {
    "CGI": BETWEEN,
    "nginx": PROGRAM,
    "FastCGI": BETWEEN,
    "php-fpm": PROGRAM,
    "WSGI": WITHIN,
    "mod_wsgi": CODE,
    "uwsgi": BETWEEN,
    "uWSGI": PROGRAM,
    "gunicorn": PROGRAM,
    "HTTP": BETWEEN,
    "Flask": CODE,
    "ASGI": WITHIN,
    "SCGI": BETWEEN,
    "Apache httpd": PROGRAM,
}
NAMES: Final = tuple(RIGHT_BY_NAME)
RIGHT: Final = tuple(RIGHT_BY_NAME.values())
TYPICAL: Final = (
    PROGRAM, PROGRAM, PROGRAM, PROGRAM, BETWEEN, PROGRAM, PROGRAM, PROGRAM, PROGRAM, BETWEEN, PROGRAM, BETWEEN, BETWEEN,
    PROGRAM,
)  # fmt: skip
"""What somebody answers who takes CGI for a program, uwsgi for uWSGI, and WSGI for what nginx speaks."""

BYTES, PIDS, CALL = SHOWS = ("bytes between processes", "processes with a pid", "neither: a call")
"""What a run can show of a name."""
SHOWN_OF: Final = {BETWEEN: BYTES, PROGRAM: PIDS, WITHIN: CALL, CODE: CALL}
"""What it would show if the name were in that box."""

Seen = Mapping[str, tuple[str, str]]
"""For each name that was seen: one of `SHOWS`, and where."""


def seen_in(run: Who) -> Seen:
    """Return what a run has shown of the names; a name of which it has shown nothing is left out."""
    found: dict[str, tuple[str, str]] = {}
    for hop in run.hops:
        if hop.rule in NAMES and hop.rule not in found:
            found[hop.rule] = BYTES, f"from {hop.sender.partition(',')[0]} to {hop.receiver}"
    for process in run.processes:
        part = process.part.partition(" with ")[0]
        if part in NAMES and process.pids:
            found[part] = PIDS, f"by {process.name}, which does its work here"
    mentioned = sum(hop.mentions for hop in run.hops)
    called = [call for call in run.calls if not call.own and call.keys]
    if called and not mentioned:
        found["WSGI"] = CALL, f"in pid {called[-1].pid}, a worker of {called[-1].gateway}"
        found["Flask"] = CALL, "by whoami.py, which stands for its applications here"
    return found
