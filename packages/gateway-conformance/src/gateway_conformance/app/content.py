"""Routes that read the request's content (PEP 3333, "Input and Error Streams")."""

from __future__ import annotations

from typing import Any

from .tools import Environ, Route, StartResponse, note, query, text

__all__ = ["ROUTES"]

_BLOCK = 64 * 1024


def _echo(environ: Environ, start_response: StartResponse) -> object:
    """Give the content back. Read by CONTENT_LENGTH, or to the end where the server says that there is one."""
    source = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        data = source.read()
    else:
        left = int(environ.get("CONTENT_LENGTH") or 0)
        pieces = []
        while left > 0 and (piece := source.read(min(left, _BLOCK))):
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(data)))])
    return [data]


def _step(source: Any, step: str) -> object:
    """Do one step of a plan: a method of wsgi.input, perhaps with a number."""
    name, _, argument = step.partition(":")
    if name == "iter":
        return list(source)
    if name == "next":
        return next(iter(source))
    if not argument:
        return getattr(source, name)()
    return getattr(source, name)(None if argument == "None" else int(argument))


def _input(environ: Environ, start_response: StartResponse) -> object:
    """Do what the plan in the query says ("read:2,readline"), and give the results, one a line."""
    steps = query(environ, "plan").split(",")
    return text(start_response, "\n".join(repr(_step(environ["wsgi.input"], step)) for step in steps))


def _unread(environ: Environ, start_response: StartResponse) -> object:
    """Leave the content alone."""
    note(environ, "called")
    return text(start_response, "unread")


def _errors(environ: Environ, start_response: StartResponse) -> object:
    """Write what is hard to write to wsgi.errors."""
    errors = environ["wsgi.errors"]
    errors.write("plain, \xe9, \u20ac, \U0001f40d, \udcff, \x1b[31m\n")
    errors.writelines(["one\n", "two\n"])
    errors.flush()
    return text(start_response, "written")


ROUTES: dict[str, Route] = {"echo": _echo, "errors": _errors, "input": _input, "unread": _unread}
