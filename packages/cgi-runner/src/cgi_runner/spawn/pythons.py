"""Which programs this very Python would run: those need not be executed, since a copy of it can run them.

::

    #!/usr/bin/python3           yes, if that is this one: the same file, in the same directory
    #!/usr/bin/env python3       yes, if this is the first one on the PATH that programs get
    python3 FILE                 yes, likewise (an interpreter that was named for the ending of FILE)
    #!/usr/bin/python3 -I        no: an option changes what an interpreter is from its start
    #!/opt/other/bin/python3     no: another Python has other libraries, even if it is a link to the same file
    anything else                no

A `#!` line is read once, and again when the file has changed.
"""

# ruff: noqa: PTH116, PTH119, PTH120, PTH121, PTH123 - this runs for each request, and pathlib takes longer than the work

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

__all__ = ["PythonPrograms", "first_line"]

_LINE_MAX = 256
"""Bytes of a `#!` line that Linux looks at (BINPRM_BUF_SIZE)."""

_FILES_MAX = 1000
"""Files whose `#!` line is remembered: more than any directory has that a person looks after."""


class PythonPrograms:
    """Knows which programs this Python would run. `path`: where `env` looks for it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: dict[str, tuple[tuple[int, int, int], bool]] = {}

    def argv(self, argv: Sequence[str]) -> list[str] | None:
        """Return the arguments with the file first; None if this is no Python program, or one of another Python."""
        if len(argv) > 1 and not argv[1].startswith("-") and _is_this_python(argv[0]):
            return [*argv[1:]]
        return [*argv] if self._begins_with_this_python(argv[0]) else None

    def _begins_with_this_python(self, file: str) -> bool:
        try:
            found = os.stat(file)
        except OSError:
            return False  # who executes it will see
        stamp = (found.st_dev, found.st_ino, found.st_ctime_ns)  # the last changes with the content and the rights
        known, ours = self._known.get(file, (None, False))
        if known != stamp:
            ours = os.access(file, os.X_OK) and self._is_this_python_named(first_line(file))
            if len(self._known) >= _FILES_MAX:
                self._known.clear()
            self._known[file] = stamp, ours
        return ours

    def _is_this_python_named(self, line: bytes) -> bool:
        words = os.fsdecode(line[2:]).replace("\t", " ").split(" ") if line.startswith(b"#!") else []
        match [word for word in words if word]:
            case [interpreter]:
                return _is_this_python(interpreter)
            case [env, name] if os.path.basename(env) == "env" and "=" not in name:
                found = shutil.which(name, path=self._path)
                return found is not None and _is_this_python(found)
        return False


def first_line(file: str) -> bytes:
    """Return as much of the first line of a file as Linux looks at; b"" if it cannot be read."""
    try:
        with open(file, "rb", buffering=0) as opened:
            return opened.read(_LINE_MAX).partition(b"\n")[0]
    except OSError:
        return b""


def _is_this_python(interpreter: str) -> bool:
    """Is this the same program in the same directory? A virtual environment's is a link from another directory."""
    places = [(path, os.path.dirname(path)) for path in (interpreter, sys.executable)]
    try:
        return all(os.path.samefile(one, other) for one, other in zip(*places, strict=True))
    except OSError:
        return False
