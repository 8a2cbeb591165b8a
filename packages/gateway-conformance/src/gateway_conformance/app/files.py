"""Routes that give a file, through wsgi.file_wrapper where there is one (PEP 3333, "File Handling")."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

from .tools import Environ, Route, StartResponse, note, query

__all__ = ["CONTENT", "POSITION", "ROUTES"]

CONTENT = bytes(range(256)) * 1024
"""What every file holds: 256 KiB."""

POSITION = 5
"""Where every file stands: it was read so far before it is given."""

_BLOCK = 4096


def _memory() -> Any:
    return io.BytesIO(CONTENT)


def _disk() -> Any:
    import tempfile  # here, since it is slow to import

    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(CONTENT)
    file.seek(0)
    return file


def _compressed() -> Any:
    """A file whose fileno() leads to other bytes than its read()."""
    import gzip
    import tempfile

    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    with gzip.GzipFile(fileobj=file, mode="wb") as packed:
        packed.write(CONTENT)
    file.seek(0)
    return gzip.GzipFile(fileobj=file)


def _pipe() -> Any:
    """A file without positions. What is in it must fit into the pipe's buffer."""
    read, write = os.pipe()
    os.write(write, CONTENT[:_BLOCK])
    os.close(write)
    return os.fdopen(read, "rb")


def _text() -> Any:
    return io.StringIO("text is no bytes")


class _OnlyRead:
    """Not a file; what it gives is less than what it is asked for."""

    def __init__(self) -> None:
        self._source = io.BytesIO(CONTENT)

    def read(self, size: int) -> bytes:
        return self._source.read(min(size, 1000))


_KINDS: dict[str, Callable[[], Any]] = {
    "memory": _memory,
    "disk": _disk,
    "compressed": _compressed,
    "pipe": _pipe,
    "text": _text,
    "only-read": _OnlyRead,
}


class _Noting:
    """A file that notes when it is closed."""

    def __init__(self, environ: Environ, file: Any) -> None:
        self._environ = environ
        self._file = file

    def read(self, size: int) -> bytes:
        return bytes(self._file.read(size))

    def close(self) -> None:
        note(self._environ, "closed")
        self._file.close()


def _wrap(environ: Environ, file: Any) -> Any:
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper(file, _BLOCK) if wrapper else iter(lambda: file.read(_BLOCK), b"")


def _file(environ: Environ, start_response: StartResponse) -> object:
    """Give a file of the kind that the query names, from its position on; `length`: as much as this declares.

    `unused`: give something else, after all. `written`: bytes that write() gets before.
    """
    fields = [("Content-Type", "application/octet-stream")]
    if query(environ, "length"):
        fields.append(("Content-Length", query(environ, "length")))
    write = start_response("200 OK", fields)
    file = _KINDS[query(environ, "of")]()
    file.read(POSITION)
    if query(environ, "record"):
        file = _Noting(environ, file)
    wrapped = _wrap(environ, file)
    if query(environ, "unused"):
        return [b"something else"]
    if query(environ, "written"):
        write(query(environ, "written").encode("latin-1"))
    return wrapped


ROUTES: dict[str, Route] = {"file": _file}
