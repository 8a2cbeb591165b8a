"""What the routes share. Types are loose on purpose: half of the routes give what they must not."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from typing import Any

__all__ = ["RECORD_PREFIX", "Environ", "Route", "StartResponse", "note", "noted", "query", "text"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Route = Callable[[Environ, StartResponse], object]

RECORD_PREFIX = "gateway-conformance-"
"""How the name of a record begins. No other file is ever written to, whatever a query asks for."""


def query(environ: Environ, name: str, default: str = "") -> str:
    """Return a parameter of the query, its bytes as latin-1. By hand: urllib.parse takes long to import."""
    for pair in str(environ.get("QUERY_STRING", "")).split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            first, *others = value.replace("+", " ").split("%")
            return first + "".join(chr(int(other[:2], 16)) + other[2:] for other in others)
    return default


def text(start_response: StartResponse, body: str, status: str = "200 OK", *fields: tuple[str, str]) -> list[bytes]:
    """Answer with `body` as plain text, its characters as bytes (latin-1)."""
    data = body.encode("latin-1", "backslashreplace")
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(data))), *fields])
    return [data]


def _record(environ: Environ) -> str:
    path = query(environ, "record")
    return path if os.path.basename(path).startswith(RECORD_PREFIX) and os.path.isfile(path) else ""  # noqa: PTH113, PTH119


def note(environ: Environ, line: str) -> None:
    """Add a line to the record that the query names, if the suite has made one."""
    path = _record(environ)
    if path:
        with open(path, "a") as record:  # noqa: PTH123 - pathlib takes long to import
            record.write(f"{line}\n")


def noted(environ: Environ, line: str) -> bool:
    """Has the suite, or another route, noted this line?"""
    path = _record(environ)
    if not path:
        return False
    with open(path) as record:  # noqa: PTH123
        return line in record.read().splitlines()
