"""The application of this lesson, its fingerprint, and the processes that its server told the birth of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway_lab.errors import LabError
from gateway_lab.servers import Server

__all__ = ["PROGRAM", "REQUESTS", "Row", "born", "fingerprint", "read_rows"]

PROGRAM: Final = Path(__file__).parent / "programs" / "visits.py"
"""A file that imports nothing of ours, so that a process for each request is not slow for our sake."""
REQUESTS: Final = 40

Row = tuple[int, int]
"""What an answer said: the id of the process, and its count."""


def fingerprint(file: Path = PROGRAM) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_rows(answers: Sequence[str]) -> list[Row]:
    """Return the two numbers of each answer. Raises LabError for an answer of another file."""
    rows = []
    for text in answers:
        try:
            pid, count = map(int, text.split())
        except ValueError:
            raise LabError(f"visits.py answers with two numbers, not {text[:80]!r}: is it another file?") from None
        rows.append((pid, count))
    return rows


def born(server: Server, rows: Sequence[Row]) -> list[int]:
    """Return the processes that run the application, as the server told their births; waits for those of `rows`.

    A CGI runner has workers too, which start programs and run no application: its "cgi" processes are meant.
    """
    role = "cgi" if server.url.startswith("http") else "worker"
    answered = {pid for pid, _ in rows}
    server.heard("spawn", len(answered) + (role == "cgi"))
    return [one.pid for one in server.heard("spawn") if one.more.get("role") == role]
