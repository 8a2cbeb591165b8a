"""X-Sendfile: a program names a file, and the server sends it in its place.

::

    Content-Type: video/mp4                          HTTP/1.1 200 OK
    X-Sendfile: /srv/films/premiere.mp4    ------>   Content-Type: video/mp4
                                                     Content-Length: 734003200
    (the program has checked a password)             ... the file, by the kernel, without the program

The program decides who may have the file, and is gone while it is sent. Its own content, and what it says of its
length, count for nothing. If it answers 200, the client may have asked for a part of the file, or whether it has
changed: see `gateway_core.selection`. With any other status the file is sent whole.

The field is a custom of Apache's mod_xsendfile and lighttpd. It would be the way from any fault of a program to any
file of the machine, so it counts only for files below directories that the server's owner names. It never reaches the
client, whom paths do not concern; without such directories, the program's own content does, and the log says so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from typing import IO, Any

from gateway_core.events import Fields, Response
from gateway_core.file_wrapper import FileWrapper
from gateway_core.selection import OF_304, select, validators

__all__ = ["Files", "NotSent", "split"]

FIELD = "x-sendfile"

_OF_ITS_CONTENT = frozenset(("content-length", "content-range"))
"""Fields that tell of the program's own content."""

_TEXT = ("Content-Type", "text/plain; charset=utf-8")

_Response = tuple[str, Fields, Iterable[bytes]]


class NotSent(Exception):
    """The file is not there, or must not be sent. `str(error)` is a sentence for the log."""


def split(fields: Fields) -> tuple[Fields, list[str]]:
    """Return the fields of a response that are for the client, and the files that it names."""
    named = [value for name, value in fields if name.lower() == FIELD]
    return [field for field in fields if field[0].lower() != FIELD] if named else fields, named


class Files:
    """The files below `directories`. Links are followed as long as they lead to something below one of them."""

    def __init__(self, directories: Sequence[str]) -> None:
        self._roots = [os.path.realpath(directory).rstrip("/") + "/" for directory in directories]

    def __bool__(self) -> bool:
        return bool(self._roots)

    def respond(self, named: Sequence[str], head: Response, environ: dict[str, Any]) -> _Response:
        """Return status, fields and content of the response that the program with this `head` wants. Raises NotSent."""
        try:
            if len(named) > 1:
                raise ValueError("there is more than one")
            file = self._open(named[0])
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise NotSent(f"X-Sendfile {named[0][:200]!a} is not sent: {why}") from None
        found = os.fstat(file.fileno())
        fields = [field for field in head.fields if field[0].lower() not in _OF_ITS_CONTENT]
        if head.status == 200 and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return _selected(file, found, fields, environ)
        return f"{head.status} {head.reason}", [*fields, _length(found.st_size)], FileWrapper(file)

    def _open(self, name: str) -> IO[bytes]:
        """Open a file. Raises OSError, ValueError."""
        path = os.path.realpath(name.encode("latin-1"), strict=True)
        if not name.startswith("/") or not any(path.startswith(os.fsencode(root)) for root in self._roots):
            raise ValueError("it is in no directory that --sendfile names")
        # No waiting for the other end of a FIFO; and a link cannot be put in the place of what was looked at.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ValueError("it is not a regular file")
        return open(descriptor, "rb")  # noqa: PTH123 - the response closes it


def _selected(file: IO[bytes], found: os.stat_result, fields: Fields, environ: dict[str, Any]) -> _Response:
    """Return what the request is to get of a file."""
    size = found.st_size
    said = {name.lower() for name, _ in fields}
    fields += [field for field in validators(size, found.st_mtime_ns) if field[0].lower() not in said]
    get = {name.lower(): value for name, value in fields}.get
    status, start, count = select(environ, size, get("etag", ""), get("last-modified", ""))
    code = int(status[:3])
    if code == 206:
        file.seek(start)
        fields.append(("Content-Range", f"bytes {start}-{start + count - 1}/{size}"))
    if code in (200, 206):
        return status, [*fields, _length(count)], FileWrapper(file)
    file.close()
    if code == 304:
        return status, [field for field in fields if field[0].lower() in OF_304], []
    refusal = [_TEXT, ("Content-Range", f"bytes */{size}")] if code == 416 else [_TEXT]
    return status, refusal, [b"That part of the file, or that state of it, is not to be had.\n"]


def _length(size: int) -> tuple[str, str]:
    return "Content-Length", str(size)
