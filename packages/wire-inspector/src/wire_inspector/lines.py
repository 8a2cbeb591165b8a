r"""Lines of a head: those of CGI (RFC 3875 section 6), which end with LF or CRLF, and those of HTTP/1.1.

::

    Content-Type: text/plain CRLF       name ":" value line end
    HTTP/1.1 200 OK CRLF                version SP status SP reason CRLF
    CRLF                                the head ends

Spans only: whether a line is right, the codecs say.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from . import meanings
from .message import Field

__all__ = ["blank_line", "field_line", "is_blank", "status_line", "status_meaning", "words"]

_FIELD_LINE = re.compile(rb"([^:\r\n]*)(:[ \t]*)([^\r\n]*?)([ \t]*\r?\n?)")
_BLANK = re.compile(rb"\r?\n")
_LINE_ENDS = {b"\r\n": "CRLF", b"\n": "LF"}


def is_blank(line: bytes) -> bool:
    """Is this the line that ends a head?"""
    return _BLANK.fullmatch(line) is not None


def blank_line(line: bytes, start: int) -> Field:
    """Return the field of an empty line."""
    return Field("end of head", start, start + len(line), _LINE_ENDS[line], "an empty line: the head ends")


def words(names: tuple[str, ...], line: bytes, start: int, meant: tuple[str, ...]) -> tuple[Field, ...]:
    """Return the words of a line, one blank between them, and its end. The last word may hold blanks."""
    text = line.rstrip(b"\r\n")
    found: list[Field] = []
    at = start
    for name, meaning, word in zip(names, meant, text.split(b" ", len(names) - 1), strict=False):
        if found:
            found.append(Field("SP", at, at + 1, ""))
            at += 1
        found.append(Field(name, at, at + len(word), word.decode("latin-1"), meaning))
        at += len(word)
    return (*found, *_line_end(line, len(text), start))


def status_meaning(digits: str) -> str:
    """Return what a status code is called."""
    try:
        return HTTPStatus(int(digits[:3])).phrase
    except ValueError:
        return ""


def status_line(line: bytes, start: int) -> Field:
    """Return the field of `HTTP/1.1 200 OK` (RFC 9112 section 4)."""
    text = line.rstrip(b"\r\n").decode("latin-1")
    status = text.split(" ")[1] if " " in text else ""
    meant = ("the highest that the sender speaks", status_meaning(status), "for people")
    children = words(("version", "status", "reason"), line, start, meant)
    return Field("status line", start, start + len(line), text, status_meaning(status), children)


def field_line(line: bytes, start: int, *, meaning: str | None = None) -> Field:
    """Return the field of `name: value`, called by its name; a line without a colon is one undecoded field."""
    match = _FIELD_LINE.fullmatch(line)
    if match is None:
        return Field("undecoded", start, start + len(line), line.rstrip(b"\r\n").decode("latin-1"))
    name, value = match[1].decode("latin-1"), match[3].decode("latin-1")
    if meaning is None:
        meaning = _meaning(name, value)
    children = [
        Field("name", start, start + match.end(1), name),
        Field(":", start + match.start(2), start + match.end(2), ""),
        Field("value", start + match.start(3), start + match.end(3), value),
        *_line_end(line, match.end(3), start),
    ]
    return Field(name or "(no name)", start, start + len(line), value, meaning, tuple(children))


def _meaning(name: str, value: str) -> str:
    if name.lower() == "status":
        return f"{status_meaning(value) or 'the status'} (RFC 3875, 6.3.3)"
    return meanings.of_field(name)


def _line_end(line: bytes, at: int, start: int) -> list[Field]:
    """Return what stands behind the last word: perhaps blanks, then CRLF or LF."""
    rest = line[at:]
    end = rest.lstrip(b" \t")
    blanks = len(rest) - len(end)
    found = [Field("blanks", start + at, start + at + blanks, "")] if blanks else []
    if end:
        found.append(Field(_LINE_ENDS.get(end, "line end"), start + at + blanks, start + len(line), ""))
    return found
