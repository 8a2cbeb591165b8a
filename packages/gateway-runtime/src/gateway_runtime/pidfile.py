"""A file that names the first process, for scripts that want to send it signals."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import StartupError

__all__ = ["PidFile"]


class PidFile:
    """Written when all serve, removed at the end by the process that it names. "" as path: there is none."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute() if path else None

    def check(self) -> None:
        """See that the file can be written later. Raises StartupError."""
        path = self._path
        if path is None:
            return
        if path.exists() and not self._holds_a_pid():
            raise StartupError(f"--pid-file {path}: a file that names no process is there, and is left alone")
        if not os.access(path.parent, os.W_OK):
            raise StartupError(f"--pid-file {path}: cannot write in {path.parent}")

    def write(self) -> None:
        """Name this process, in one step: nobody reads half of it. Raises OSError."""
        if self._path is not None:
            new = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            new.write_text(f"{os.getpid()}\n")
            new.replace(self._path)

    def remove(self) -> None:
        """Remove it, unless it names another process: one that has taken our place."""
        try:
            if self._path is not None and self._path.read_text() == f"{os.getpid()}\n":
                self._path.unlink()
        except (OSError, UnicodeDecodeError):  # it has gone, or become something else
            pass

    def _holds_a_pid(self) -> bool:
        assert self._path is not None
        try:
            text = self._path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return False
        return text.isdecimal() or not text
