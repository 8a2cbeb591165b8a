"""The file of the access log: where its lines go. What stands in them, `gateway_core.access` says.

It is opened once, before the workers are forked, so that a path which cannot be written stops the start. All processes
then append to the same file, each line in one `write` system call, which for a file and for a pipe is atomic: lines are
never torn, and no process waits for another. Who moves the file away, to begin a new one, lets every process `reopen`
(USR1).
"""

from __future__ import annotations

import os
import time

from . import log
from .errors import StartupError

__all__ = ["FORMS", "STDOUT", "AccessLog"]

FORMS = ("common", "combined", "json")
"""The forms of a line, by their names in `gateway_core.access`."""

STDOUT = "-"
"""The path that stands for standard output."""

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class AccessLog:
    """Appends lines to the file at `path`, or to standard output. `form` is one of FORMS. Raises StartupError."""

    def __init__(self, path: str, form: str = "common") -> None:
        self.form = form
        self._path = "" if path == STDOUT else os.path.abspath(path)  # noqa: PTH100 - a string all along
        self._failed = False
        self._fd = 1
        if self._path:
            try:
                self._fd = os.open(self._path, _FLAGS, 0o640)
            except OSError as error:
                raise StartupError(f"cannot write the access log {self._path}: {error.strerror}") from None

    @property
    def pid(self) -> int:
        """The process that writes."""
        return os.getpid()

    def now(self) -> float:
        """Return the unix time in seconds."""
        return time.time()

    def ticks(self) -> float:
        """Return the time of a clock that nobody sets, in seconds."""
        return time.monotonic()

    def write(self, line: str) -> None:
        """Append a line. A full disk, or a reader that has gone, is said once and disturbs no request."""
        try:
            os.write(self._fd, f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:
            if not self._failed:
                self._failed = True
                log.line(f"cannot write the access log: {error.strerror}; requests are served without it")
        else:
            self._failed = False

    def reopen(self) -> None:
        """Open the file by its name again. The descriptor stays the same, so other threads can go on writing."""
        if not self._path:
            return
        try:
            fd = os.open(self._path, _FLAGS, 0o640)
        except OSError as error:
            log.line(f"cannot write the access log {self._path}: {error.strerror}; the old one is kept")
            return
        os.dup2(fd, self._fd, inheritable=False)
        os.close(fd)
