"""Routes whose iterables have close(), which must be called exactly once, whatever happens (PEP 3333, WSGI-62)."""

from __future__ import annotations

from collections.abc import Iterator

from .tools import Environ, Route, StartResponse, note, query

__all__ = ["ROUTES"]

_BLOCK = b"x" * (64 * 1024)
_ENDLESS = 2000
"""Blocks of a response that nobody takes: 125 MiB, more than any socket and server hold."""


class _Closing:
    """Blocks, and a note at close()."""

    def __init__(self, environ: Environ, blocks: Iterator[bytes]) -> None:
        self._environ = environ
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        note(self._environ, "closed")
        if query(self._environ, "how") == "close-raises":
            raise RuntimeError("close() raises on purpose")


def _blocks(how: str) -> Iterator[bytes]:
    if how == "raises":
        raise RuntimeError("before the first block, on purpose")
    yield b"closing"
    if how == "raises-late":
        raise RuntimeError("after the first block, on purpose")
    if how == "endless":
        for _ in range(_ENDLESS):
            yield _BLOCK
    if how == "over":
        yield b" and more than was declared"


def _close(environ: Environ, start_response: StartResponse) -> object:
    """End in the way that the query names; note that close() was called."""
    how = query(environ, "how")
    fields = [("Content-Type", "text/plain")]
    if how in ("declared", "over", "close-raises"):
        fields.append(("Content-Length", "7"))
    status = "304 Not Modified" if how == "not-modified" else "200 OK"
    start_response("200 OK\r\nX: y" if how == "bad-status" else status, fields)
    return _Closing(environ, _blocks(how))


def _generator(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """A generator: its close() runs `finally`."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        yield b"closing"
        if query(environ, "how") == "endless":
            for _ in range(_ENDLESS):
                yield _BLOCK
    finally:
        note(environ, "closed")


ROUTES: dict[str, Route] = {"close": _close, "generator": _generator}
