"""Files as responses: types, and the kernel to send them (`wsgi.file_wrapper`).

What a request may ask of a file (preconditions, ranges) is in `gateway_core.selection`; the CGI runner shares it.
"""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from io import FileIO
from typing import Any
from urllib.parse import quote_from_bytes

from gateway_core.environ import Environ
from gateway_core.events import Fields
from gateway_core.selection import OF_304, select, validators

from .paths import below, split

__all__ = ["INDEX", "StaticFiles", "plain", "send_file"]

INDEX = b"index.html"
"""The file that stands for its folder."""

StartResponse = Callable[[str, Fields], Any]


class StaticFiles:
    """A WSGI application: the files below `folder`, at the paths below `prefix` ("" or "/assets")."""

    def __init__(self, folder: str, prefix: str = "") -> None:
        self._folder = os.fsencode(folder)
        self._prefix = prefix

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with the file that the path names: 404 if there is none, 405 for what cannot be done with a file."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return plain(start_response, "405 Method Not Allowed", "Files are read only.", [("Allow", "GET, HEAD")])
        path = environ["PATH_INFO"]
        segments = split(path.removeprefix(self._prefix) or "/")
        found = below(self._folder, segments) if segments is not None else None
        if found is not None and os.path.isdir(found):  # noqa: PTH112 - bytes, here and below
            if path.endswith("/"):
                found = below(self._folder, [*(segments or [])[:-1], INDEX])
            else:  # so that the links of its index lead below it
                target = quote_from_bytes((environ["SCRIPT_NAME"] + path).encode("latin-1")) + "/"
                return plain(start_response, "301 Moved Permanently", "It is a folder.", [("Location", target)])
        elif path.endswith("/"):
            found = None
        return send_file(environ, start_response, found)


def plain(
    start_response: StartResponse, status: str, sentence: str, fields: Iterable[tuple[str, str]] = ()
) -> list[bytes]:
    """Answer with one sentence of text."""
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *fields])
    return [f"{sentence}\n".encode()]


def send_file(
    environ: Environ, start_response: StartResponse, path: bytes | None, extra: Sequence[tuple[str, str]] = ()
) -> Iterable[bytes]:
    """Answer with the file at `path`, 404 if that is none. `extra` fields replace those of the same name."""
    file = _open(path) if path is not None else None
    if file is None or path is None:
        return plain(start_response, "404 Not Found", "There is no such file.")
    size, fields = _describe(file, path)
    names = {name.lower() for name, _ in extra}
    fields = [*extra, *[field for field in fields if field[0].lower() not in names]]
    get = {name.lower(): value for name, value in fields}.get
    status, start, count = select(environ, size, get("etag", ""), get("last-modified", ""))
    if status[:3] not in ("200", "206"):
        file.close()
        return _without_content(start_response, status, fields, size)
    if status.startswith("206"):
        fields.append(("Content-Range", f"bytes {start}-{start + count - 1}/{size}"))
        file.seek(start)
    fields.append(("Content-Length", str(count)))
    start_response(status, fields)
    content: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return content


def _without_content(start_response: StartResponse, status: str, fields: Fields, size: int) -> list[bytes]:
    """Answer 304, 412 or 416."""
    if status.startswith("304"):
        start_response(status, [field for field in fields if field[0].lower() in OF_304])
        return []
    more = [("Content-Range", f"bytes */{size}")] if status.startswith("416") else []
    return plain(start_response, status, "That part of the file, or that state of it, is not to be had.", more)


def _open(path: bytes) -> FileIO | None:
    """Open a regular file; None for anything else. Never waits: a pipe that nobody writes to would be for ever."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return FileIO(fd)


def _describe(file: FileIO, path: bytes) -> tuple[int, Fields]:
    """Return the size, and the fields that every response to a request for it has."""
    status = os.fstat(file.fileno())
    kind, packed = mimetypes.guess_type(os.fsdecode(path))
    if packed:  # a .tar.gz is sent as what it is, not as a tar file that was packed for the way
        kind = {"gzip": "application/gzip"}.get(packed, "application/octet-stream")
    kind = kind or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    return status.st_size, [("Content-Type", kind), *validators(status.st_size, status.st_mtime_ns)]
