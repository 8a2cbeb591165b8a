"""X-Sendfile: a program names a file, and the server sends it in its place.

::

    Content-Type: video/mp4                          HTTP/1.1 200 OK
    X-Sendfile: /srv/films/premiere.mp4    ------>   Content-Type: video/mp4
                                                     Content-Length: 734003200
    (the program has checked a password)             ... the file, by the kernel, without the program

The program decides who may have the file, and is gone while it is sent. The field is a custom of Apache's mod_xsendfile
and lighttpd. It would be the way from any fault of a program to any file of the machine, so it counts only for files
below directories that the server's owner names. It never reaches the client, whom paths do not concern; without such
directories, the program's own content does.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from gateway_core.file_wrapper import FileWrapper

__all__ = ["Files", "NotSent", "split"]

FIELD = "x-sendfile"

Fields = list[tuple[str, str]]


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

    def open(self, named: Sequence[str], fields: Fields) -> tuple[FileWrapper, Fields]:
        """Return the file, opened, and the fields of a response that has it as content. Raises NotSent."""
        try:
            if len(named) > 1:
                raise ValueError("there is more than one")
            file, size = self._open(named[0])
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise NotSent(f"X-Sendfile {named[0][:200]!a} is not sent: {why}") from None
        kept = [field for field in fields if field[0].lower() != "content-length"]
        return FileWrapper(file), [*kept, ("Content-Length", str(size))]

    def _open(self, name: str) -> tuple[object, int]:
        """Open a file and say how large it is. Raises OSError, ValueError."""
        path = os.path.realpath(name.encode("latin-1"), strict=True)
        if not name.startswith("/") or not any(path.startswith(os.fsencode(root)) for root in self._roots):
            raise ValueError("it is in no directory that --sendfile names")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # no waiting for the other end of a FIFO
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise ValueError("it is not a regular file")
        return open(descriptor, "rb"), status.st_size  # noqa: PTH123 - the response closes it
