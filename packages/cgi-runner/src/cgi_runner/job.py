"""What is to be run for a request, and who says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Choose", "Job", "each_request_runs"]


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: `argv`, where it starts, its name in the log, and meta-variables of its own, as bytes.

    `raw`: it writes the whole response, status line and all (see `nph`).
    """

    argv: tuple[str, ...]
    directory: str
    name: str
    variables: Mapping[bytes, bytes] = field(default_factory=dict)
    raw: bool = False


Choose = Callable[[Mapping[str, Any]], Job]
"""From a WSGI environ to a job. Raises Refused when the request names no program."""


def each_request_runs(argv: Iterable[str], name: str, directory: str | None = None) -> Choose:
    """Choose the same program for every request. `directory`: where it starts (default: the working directory)."""
    job = Job(tuple(argv), directory or os.getcwd(), name)  # noqa: PTH109 - the plain string is what is wanted
    return lambda _environ: job
