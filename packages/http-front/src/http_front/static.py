"""Files as responses: types, dates and tags, ranges, and the kernel to send them (`wsgi.file_wrapper`).

What decides over a request, in the order of RFC 9110 section 13.2.2::

    If-Match, else If-Unmodified-Since       not so: 412
    If-None-Match, else If-Modified-Since    it has it: 304
    Range, if If-Range agrees                206 with a part, or 416
    otherwise                                200 with all

The tag is made of size and time of change, so it changes with the file and needs no reading. Several ranges in one
request are answered with the whole file, as section 14.2 allows: nobody but download managers asks so.
"""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate, parsedate_to_datetime
from io import FileIO
from typing import Any
from urllib.parse import quote_from_bytes

from gateway_core.environ import Environ
from gateway_core.events import Fields

from .paths import below, split

__all__ = ["INDEX", "StaticFiles", "plain", "send_file"]

INDEX = b"index.html"
"""The file that stands for its folder."""

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')

_OF_304 = frozenset(("cache-control", "etag", "expires", "last-modified", "set-cookie", "vary"))
"""What a 304 says again (RFC 9110 section 15.4.5)."""

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
    status, start, count = _decide(environ, size, get("etag", ""), get("last-modified", ""))
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
        start_response(status, [field for field in fields if field[0].lower() in _OF_304])
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
    return status.st_size, [
        ("Content-Type", kind),
        ("Last-Modified", formatdate(int(status.st_mtime), usegmt=True)),
        ("ETag", f'"{status.st_mtime_ns:x}-{status.st_size:x}"'),
        ("Accept-Ranges", "bytes"),
    ]


def _decide(environ: Environ, size: int, tag: str, changed: str) -> tuple[str, int, int]:
    """Return status, first byte and number of bytes."""
    get = environ.get
    if "HTTP_IF_MATCH" in environ:
        if not _matches(get("HTTP_IF_MATCH", ""), tag, weak=False):
            return "412 Precondition Failed", 0, 0
    elif _older(get("HTTP_IF_UNMODIFIED_SINCE", ""), changed):
        return "412 Precondition Failed", 0, 0
    if "HTTP_IF_NONE_MATCH" in environ:
        if _matches(get("HTTP_IF_NONE_MATCH", ""), tag, weak=True):
            return "304 Not Modified", 0, 0
    elif _older(get("HTTP_IF_MODIFIED_SINCE", ""), changed) is False:
        return "304 Not Modified", 0, 0
    if environ["REQUEST_METHOD"] == "GET" and get("HTTP_IF_RANGE", tag) in (tag, changed):
        return _part(get("HTTP_RANGE", ""), size)
    return "200 OK", 0, size


def _matches(wanted: str, tag: str, *, weak: bool) -> bool:
    """Does the list of tags hold ours (RFC 9110 section 8.8.3.2)? `weak`: a weak one of the same text will do."""
    if wanted.strip() == "*":
        return True
    return any(match[1] == tag and (weak or not match[0].startswith("W/")) for match in _TAG.finditer(wanted))


def _older(than: str, changed: str) -> bool | None:
    """Was the file changed after this time? None if that is no time."""
    try:
        return parsedate_to_datetime(changed) > parsedate_to_datetime(than)
    except (ValueError, TypeError, OverflowError):  # no date, or one without a zone, or of no calendar
        return None


def _part(wanted: str, size: int) -> tuple[str, int, int]:
    """Return what a Range field gets: a part if it asks for one (section 14.1.2)."""
    match = _RANGE.fullmatch(wanted)
    if match is None or not (match[1] or match[2]):
        return "200 OK", 0, size
    if match[1]:
        start = int(match[1])
        last = min(int(match[2]) if match[2] else size - 1, size - 1)
        if match[2] and int(match[2]) < start:
            return "200 OK", 0, size  # not a range at all
    else:
        start, last = max(0, size - int(match[2])), size - 1
    if start > last:
        return "416 Range Not Satisfiable", 0, 0
    return "206 Partial Content", start, last - start + 1
