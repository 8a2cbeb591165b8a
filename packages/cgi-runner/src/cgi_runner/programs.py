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
from typing import Any

from .job import Job
from .refused import Refused

__all__ = ["NPH", "Programs"]

INDEX = "index"
"""What the last segment is when the path ends with a directory: a program of this name, with any ending."""

NPH = "nph-"
"""RFC 3875 section 5.1 leaves the mark to the server; since NCSA httpd it is this beginning of the file's name."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUL = re.compile(r"%00")
_SLASH = re.compile(r"%(?:2[Ff]|5[Cc])")


_REMEMBERED = 1000
"""Paths whose programs are remembered. Clients invent paths, and shall not fill our memory with them."""


class Programs:
    """The programs below `directory`: a `Choose`. It looks at the disk each time: a new program is there at once.

    `interpreters`: by the ending of a file's name, such as ".php", the path of what runs it. Such a file need not be
    executable.
    """

    def __init__(self, directory: str | os.PathLike[str], interpreters: Mapping[str, str] | None = None) -> None:
        self.root = os.path.realpath(directory)
        self._below = self.root.rstrip("/") + "/"
        self._interpreters = interpreters or {}
        self._known: dict[tuple[str, str, str], tuple[str, _Seen, Job]] = {}

    def __call__(self, environ: Mapping[str, Any]) -> Job:
        """Return the program that the request names. Raises Refused (400, 403, 404)."""
        raw = environ.get("REQUEST_URI", "").partition("?")[0]
        mount, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        known = self._known.get((mount, path, raw))
        if known is not None:
            file, seen, job = known
            if _look(file) == seen:
                return job
        file, script, extra = self._find(raw, path)
        job = self._job(file, mount + _joined(script), _joined(extra))
        if self._steady(file, script):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[mount, path, raw] = file, _look(file), job
        return job

    def _steady(self, file: str, script: list[str]) -> bool:
        """Will the path mean this file for as long as the file is the same?

        Not if a link leads there, which may lead elsewhere tomorrow; nor as an index program: another may come first.
        """
        direct = self.root + os.fsdecode(_joined(script).encode("latin-1"))
        return file == direct and os.path.basename(file).partition(".")[0] != INDEX

    def _job(self, file: str, script_name: str, path_info: str) -> Job:
        root = os.fsencode(self.root)
        variables = {
            b"PATH_INFO": path_info.encode("latin-1"),
            b"PATH_TRANSLATED": root + path_info.encode("latin-1") if path_info else b"",
            b"SCRIPT_NAME": script_name.encode("latin-1"),
            b"SCRIPT_FILENAME": os.fsencode(file),
            b"DOCUMENT_ROOT": root,
        }
        interpreter = self._interpreter(file)
        # Section 7.2: the current directory is that of the program. Actually section 4.4 would pass a query without "="
        # as arguments; that made options of PHP out of it (CVE-2012-1823), so the path is the only argument.
        argv = (file,) if interpreter is None else (interpreter, file)
        directory, name = os.path.split(file)
        return Job(argv, directory, script_name, variables, raw=name.startswith(NPH))

    def _find(self, raw: str, path: str) -> tuple[str, list[str], list[str]]:
        _check_escapes(raw)
        if "\0" in path:
            raise Refused("400 Bad Request", "A path cannot have a NUL character.")
        try:
            return self._walk(_without_dots(path or "/"))
        except OSError:  # there is none, no permission, a name too long, a loop of links
            raise _not_found() from None

    def _walk(self, segments: list[str]) -> tuple[str, list[str], list[str]]:
        """Return the file, which may be run, the segments that name it, and the rest. Raises Refused, OSError."""
        here, mode, used = self.root, stat.S_IFDIR, 0
        while stat.S_ISDIR(mode) and used < len(segments) and segments[used]:
            here, mode = self._inside(here, os.fsdecode(segments[used].encode("latin-1")))
            used += 1
        script, extra = segments[:used], segments[used:]
        if stat.S_ISDIR(mode):
            if extra != [""]:  # an empty segment at the very end: the directory itself
                raise _not_found()
            name = self._index(here)
            here, mode = self._inside(here, name)
            script.append(os.fsencode(name).decode("latin-1"))
            extra = []
        self._check(here, mode)
        return here, script, extra

    def _inside(self, directory: str, name: str) -> tuple[str, int]:
        """Return the real path of `name` in `directory`, and its mode. Raises Refused, OSError."""
        if name.startswith("."):
            raise _not_found()
        path = f"{directory}/{name}"
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            path = os.path.realpath(path, strict=True)
            if not path.startswith(self._below):
                raise Refused("403 Forbidden", "This name leads out of the directory of programs.")
            mode = os.stat(path).st_mode
        return path, mode

    def _index(self, directory: str) -> str:
        """Return the name of a directory's index program. It is found, not guessed: index.cgi, index.py, index."""
        for name in sorted(os.listdir(directory)):
            if name.partition(".")[0] == INDEX and self._runs(f"{directory}/{name}"):
                return name
        hint = f"Put an executable file named {INDEX}.cgi, {INDEX}.py or {INDEX}.sh in it"
        raise Refused("404 Not Found", f"This directory has no index program. {hint}, and it runs for this address.")

    def _runs(self, file: str) -> bool:
        return self._interpreter(file) is not None or os.access(file, os.X_OK)

    def _interpreter(self, file: str) -> str | None:
        """Return what runs files of this ending; None if they run by themselves."""
        return self._interpreters.get(os.path.splitext(file)[1]) if self._interpreters else None

    def _check(self, file: str, mode: int) -> None:
        """Raise Refused unless the file may be run."""
        if not stat.S_ISREG(mode):
            raise Refused("403 Forbidden", "This is not a regular file, so it cannot be run.")
        if not self._runs(file):
            raise Refused("403 Forbidden", "This file is not executable (chmod +x), and files are never shown here.")


_Seen = tuple[int, int, int, int] | None


def _look(file: str) -> _Seen:
    """Return what changes when a file is another one, or may be run by others; None if it is gone."""
    try:
        found = os.lstat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mode, found.st_ctime_ns


def _joined(segments: list[str]) -> str:
    return "".join(["/" + segment for segment in segments])


def _not_found() -> Refused:
    return Refused("404 Not Found", "There is no program of this name.")


def _check_escapes(raw: str) -> None:
    """Refuse a raw path whose decoded form would not mean what it says. "" is no path, and fine."""
    if "%" not in raw:
        return
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
