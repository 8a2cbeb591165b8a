"""How much of a file a request is to get: preconditions and ranges (RFC 9110 sections 13 and 14).

What decides, in the order of section 13.2.2::

    If-Match, else If-Unmodified-Since       not so: 412
    If-None-Match, else If-Modified-Since    it has it: 304
    Range, if If-Range agrees                206 with a part, or 416
    otherwise                                200 with all

The tag is made of size and time of change, so it changes with the file and needs no reading. Several ranges in one
request are answered with the whole file, as section 14.2 allows: nobody but download managers asks so.
"""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, NamedTuple

from .events import Fields

__all__ = ["OF_304", "Selection", "select", "validators"]

OF_304 = frozenset(("cache-control", "etag", "expires", "last-modified", "set-cookie", "vary"))
"""What a 304 says again (RFC 9110 section 15.4.5), in lower case."""

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Selection(NamedTuple):
    """A status, and for 200 and 206 the first byte and the number of bytes."""

    status: str
    start: int
    length: int


def validators(size: int, changed_ns: int) -> Fields:
    """Return the fields with which a client may later ask for a part of a file, or whether it has changed."""
    return [
        ("Last-Modified", formatdate(changed_ns // 1_000_000_000, usegmt=True)),
        ("ETag", f'"{changed_ns:x}-{size:x}"'),
        ("Accept-Ranges", "bytes"),
    ]


def select(environ: dict[str, Any], size: int, tag: str, changed: str) -> Selection:
    """Select from a file of `size` bytes. `tag` and `changed` are its ETag and Last-Modified, "" for none."""
    get = environ.get
    if "HTTP_IF_MATCH" in environ:
        if not _matches(get("HTTP_IF_MATCH", ""), tag, weak=False):
            return Selection("412 Precondition Failed", 0, 0)
    elif _older(get("HTTP_IF_UNMODIFIED_SINCE", ""), changed):
        return Selection("412 Precondition Failed", 0, 0)
    if "HTTP_IF_NONE_MATCH" in environ:
        if _matches(get("HTTP_IF_NONE_MATCH", ""), tag, weak=True):
            return Selection("304 Not Modified", 0, 0)
    elif _older(get("HTTP_IF_MODIFIED_SINCE", ""), changed) is False:
        return Selection("304 Not Modified", 0, 0)
    if environ["REQUEST_METHOD"] == "GET" and _same(get("HTTP_IF_RANGE"), tag, changed):
        return _part(get("HTTP_RANGE", ""), size)
    return Selection("200 OK", 0, size)


def _same(wanted: str | None, tag: str, changed: str) -> bool:
    """Is the file the one of which the client has a part (section 13.1.5)? A weak tag does not promise that."""
    return wanted is None or (bool(wanted) and wanted in (tag, changed) and not wanted.startswith("W/"))


def _matches(wanted: str, tag: str, *, weak: bool) -> bool:
    """Does the list of tags hold ours (RFC 9110 section 8.8.3.2)? `weak`: a weak one of the same text will do."""
    if wanted.strip() == "*":
        return True
    text = tag.removeprefix("W/") if weak else tag
    return any(match[1] == text and (weak or not match[0].startswith("W/")) for match in _TAG.finditer(wanted))


def _older(than: str, changed: str) -> bool | None:
    """Was the file changed after this time? None if that is no time."""
    try:
        return parsedate_to_datetime(changed) > parsedate_to_datetime(than)
    except (ValueError, TypeError, OverflowError):  # no date, or one without a zone, or of no calendar
        return None


def _part(wanted: str, size: int) -> Selection:
    """Return what a Range field gets: a part if it asks for one (section 14.1.2)."""
    match = _RANGE.fullmatch(wanted)
    if match is None or not (match[1] or match[2]):
        return Selection("200 OK", 0, size)
    if match[1]:
        start = int(match[1])
        last = min(int(match[2]) if match[2] else size - 1, size - 1)
        if match[2] and int(match[2]) < start:
            return Selection("200 OK", 0, size)  # not a range at all
    else:
        start, last = max(0, size - int(match[2])), size - 1
    if start > last:
        return Selection("416 Range Not Satisfiable", 0, 0)
    return Selection("206 Partial Content", start, last - start + 1)
