"""Routes under `wsgiref.validate`, which raises AssertionError at any fault of the server that it sees."""

from __future__ import annotations

import io
from collections.abc import Iterator

from .tools import Environ, Route, StartResponse, note, query

__all__ = ["ROUTES"]

_PLAIN = [("Content-Type", "application/octet-stream")]
_BLOCK = b"x" * (64 * 1024)
_ENDLESS = 2000
"""Blocks of a response that nobody takes: 125 MiB, more than any socket and server hold."""


def _content(environ: Environ) -> bytes:
    """Read the content with all that the interface has; the validator allows no read without a size."""
    source = environ["wsgi.input"]
    left = int(environ.get("CONTENT_LENGTH") or 0)
    data = bytearray(source.readline(left)) if left else bytearray()
    while len(data) < left and (piece := source.read(left - len(data))):
        data += piece
    assert source.read(1) == b"", "there is no end of file"
    return bytes(data) or b"nothing"


def _generator(environ: Environ, data: bytes) -> Iterator[bytes]:
    try:
        yield b""
        yield data
        if query(environ, "how") == "endless":
            for _ in range(_ENDLESS):
                yield _BLOCK
    finally:
        note(environ, "closed")


def _inner(environ: Environ, start_response: StartResponse) -> object:
    """Give the content back in the way that the query names."""
    how = query(environ, "how")
    errors = environ["wsgi.errors"]
    errors.write("validated\n")
    errors.writelines(["one, ", "two\n"])
    errors.flush()
    data = _content(environ)
    note(environ, "validated")
    write = start_response(f"{query(environ, 'status', '200')} Validated", [] if query(environ, "status") else _PLAIN)
    if how == "write":
        write(data)
        return []
    if how in ("generator", "endless"):
        return _generator(environ, data)
    if how == "file" and "wsgi.file_wrapper" in environ:
        return environ["wsgi.file_wrapper"](io.BytesIO(data))
    return [] if how == "empty" else iter([data]) if how in ("iterator", "file") else [data]


def _validated(environ: Environ, start_response: StartResponse) -> object:
    from wsgiref.validate import validator  # here: only this route needs it

    return validator(_inner)(environ, start_response)  # type: ignore[arg-type]  # the routes' types are loose


ROUTES: dict[str, Route] = {"validated": _validated}
