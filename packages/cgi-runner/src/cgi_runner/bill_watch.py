"""Which programs can tell their part of the bill, and how they are started so that they do.

==============================================  ========================================================================
an application                                  can: `bill_start` in place of the usual start
a program whose `#!` names this very Python,    can: the same words, then `bill_start` and the file; so `env`, if it
without options; or `.py=python3`               finds the Python, still costs what it costs
a program of another Python, or with options    cannot: what it would find different is not ours to judge
any other program                               cannot: the server's own moments are all that there is
==============================================  ========================================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .job import Choose, Job, each_request_runs
from .plan import Plan
from .spawn.pythons import PythonPrograms, first_line

__all__ = ["START", "Tells", "application_command", "copies_tell", "started_to_tell", "telling", "watched"]

START = str(Path(__file__).with_name("bill_start.py"))
"""Who has this among its arguments can tell its part."""

Tells = Callable[[Sequence[str]], bool]
"""Can the program with these arguments tell its part?"""


def started_to_tell(argv: Sequence[str]) -> bool:
    """Is it started by `bill_start`?"""
    return START in argv


def copies_tell(app: str | None, path: str) -> Tells:
    """Return what can tell under a zygote, in which nothing is started: whatever is copied and not executed."""
    pythons = PythonPrograms(path)
    return lambda argv: app is not None or pythons.argv(argv) is not None


def application_command(app: str) -> tuple[str, ...]:
    """Return what runs an application, MODULE:APP, so that it tells its part."""
    return sys.executable, "-S", START, "app", app


def telling(plan: Plan) -> tuple[Choose, Tells]:
    """Return the choice of a plan, with programs started so that they tell their part, and which of them can."""
    path = os.fsdecode(plan.own[b"PATH"])
    if plan.spawn == "zygote":  # its copies tell without having been started in another way
        return plan.choose(), copies_tell(plan.app, path)
    if plan.app is not None:
        return each_request_runs(application_command(plan.app), plan.app), started_to_tell
    return watched(plan.choose(), path), started_to_tell


def watched(choose: Choose, path: str) -> Choose:
    """Return `choose`, with programs in this Python started so that they tell their part. `path`: their PATH."""
    pythons = PythonPrograms(path)

    def choose_watched(environ: Mapping[str, Any]) -> Job:
        job = choose(environ)
        files = pythons.argv(job.argv)
        if files is None or len(files) != 1:
            return job
        interpreter = job.argv[:-1] or _named_by(files[0])
        return replace(job, argv=(*interpreter, "-S", START, "program", files[0])) if interpreter else job

    return choose_watched


def _named_by(file: str) -> tuple[str, ...]:
    """Return the words of a `#!` line, with the interpreter as a path."""
    return tuple(os.fsdecode(first_line(file)[2:]).split())
