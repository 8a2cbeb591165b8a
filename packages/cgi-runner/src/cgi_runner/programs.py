"""A directory of programs: which file a URL runs (RFC 3875 section 3.3), and everything it must not reach.

::

    /reports/sales.cgi/2026/q3?x=1
    |------ script ---|- extra -|
      SCRIPT_NAME       PATH_INFO    (decoded once)

The path is walked from the left; each segment is a directory, until one is a program. Since a file holds no files, the
first that is found is also the longest. What follows is the program's own: its letters are kept as sent, and so are
empty segments.

The order of the steps is the safety (CVE-2021-41773: decoded after the check; 42013: decoded twice):

1. refuse escapes that no honest client sends: malformed ones, NUL, and an encoded slash or backslash
2. decode, once
3. resolve `.` and `..`, on the whole path, before anything is looked up
4. walk; names that begin with a dot do not exist
5. the real path, with links followed, must still lie inside the directory

A file that is found is either run or refused. It is never sent: its source may hold passwords (CVE-2011-1015).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .refused import Refused

__all__ = ["Program", "Programs"]

INDEX = "index"
"""What the last segment is when the path ends with a directory: a program of this name, with any ending."""

NPH = "nph-"
"""RFC 3875 section 5.1 leaves the mark to the server; since NCSA httpd it is this beginning of the file's name."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUL = re.compile(r"%00")
_SLASH = re.compile(r"%(?:2[Ff]|5[Cc])")


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: `file` is the real path. The rest are meta-variables, latin-1 text as in a WSGI environ."""

    file: str
    script_name: str
    path_info: str
    path_translated: str
    document_root: str


class Programs:
    """The programs below `directory`. `find` looks at the disk each time: a new program is there at once."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.root = Path(directory).resolve()

    def find(self, environ: Mapping[str, Any]) -> Program:
        """Return the program that the request names. Raises Refused (400, 403, 404, 501)."""
        _check_escapes(environ.get("REQUEST_URI", "").partition("?")[0])
        path = environ.get("PATH_INFO", "")
        if "\0" in path:
            raise Refused("400 Bad Request", "A path cannot have a NUL character.")
        try:
            file, script, extra = self._walk(_without_dots(path or "/"))
            self._check(file)
        except (OSError, RuntimeError):  # no permission, a name too long, a loop of links (RuntimeError until 3.12)
            raise _not_found() from None
        root = _text(self.root)
        path_info = "".join("/" + segment for segment in extra)
        return Program(
            file=str(file),
            script_name=environ.get("SCRIPT_NAME", "") + "".join("/" + segment for segment in script),
            path_info=path_info,
            path_translated=root + path_info if path_info else "",
            document_root=root,
        )

    def _walk(self, segments: list[str]) -> tuple[Path, list[str], list[str]]:
        """Return the file, the segments that name it, and the rest."""
        here, used = self.root, 0
        while here.is_dir() and used < len(segments) and segments[used]:
            here = self._inside(here, os.fsdecode(segments[used].encode("latin-1")))
            used += 1
        if not here.is_dir():
            return here, segments[:used], segments[used:]
        if segments[used:] != [""]:  # an empty segment at the very end: the directory itself
            raise _not_found()
        file = self._index(here)
        return file, [*segments[:used], os.fsencode(file.name).decode("latin-1")], []

    def _inside(self, directory: Path, name: str) -> Path:
        """Return the real path of `name` in `directory`, if there is such a thing inside the root."""
        real = (directory / name).resolve()
        if name.startswith(".") or not real.exists():
            raise _not_found()
        if not real.is_relative_to(self.root):
            raise Refused("403 Forbidden", "This name leads out of the directory of programs.")
        return real

    def _index(self, directory: Path) -> Path:
        """Return the index program of a directory. Its name is found, not guessed: index.cgi, index.py, index."""
        for file in sorted(directory.iterdir()):
            if file.name.partition(".")[0] == INDEX and os.access(file, os.X_OK):
                return self._inside(directory, file.name)
        hint = f"Put an executable file named {INDEX}.cgi, {INDEX}.py or {INDEX}.sh in it"
        raise Refused("404 Not Found", f"This directory has no index program. {hint}, and it runs for this address.")

    def _check(self, file: Path) -> None:
        """Raise Refused unless the file may be run."""
        if not stat.S_ISREG(file.stat().st_mode):
            raise Refused("403 Forbidden", "This is not a regular file, so it cannot be run.")
        if not os.access(file, os.X_OK):
            raise Refused("403 Forbidden", "This file is not executable (chmod +x), and files are never shown here.")
        if file.name.startswith(NPH):
            raise Refused("501 Not Implemented", "Programs that write the whole response (nph-) are not supported.")


def _text(path: Path) -> str:
    """Return a path as text with one character a byte, as WSGI and CGI variables are."""
    return os.fsencode(path).decode("latin-1")


def _not_found() -> Refused:
    return Refused("404 Not Found", "There is no program of this name.")


def _check_escapes(raw: str) -> None:
    """Refuse a raw path whose decoded form would not mean what it says. "" is no path, and fine."""
    if _BAD_ESCAPE.search(raw):
        raise Refused("400 Bad Request", "A percent sign in the path must be followed by two hexadecimal digits.")
    if _NUL.search(raw):
        raise Refused("400 Bad Request", "A path cannot have a NUL character.")
    if _SLASH.search(raw):
        raise Refused("404 Not Found", "An encoded slash or backslash is not accepted in a path.")


def _without_dots(path: str) -> list[str]:
    """Split an absolute path, resolving `.` and `..` (RFC 3986 section 5.2.4). Raises Refused when it climbs out."""
    if not path.startswith("/"):
        raise Refused("400 Bad Request", "The path must begin with a slash.")
    segments: list[str] = []
    parts = path[1:].split("/")
    for part in parts:
        if part == "..":
            if not segments:
                raise Refused("400 Bad Request", "The path climbs out of the directory of programs.")
            segments.pop()
        elif part != ".":
            segments.append(part)
    if parts[-1] in (".", ".."):
        segments.append("")  # "/a/." means the directory "/a/"
    return segments or [""]
