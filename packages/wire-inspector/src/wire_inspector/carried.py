r"""What one request and its answer carry, whatever the protocol: the same rows for all of them.

::

    row       HTTP      FastCGI                   SCGI                      uwsgi
    method    GET       0e 03 REQUEST_METHOD GET  REQUEST_METHOD \0 GET \0  0e 00 REQUEST_METHOD 03 00 GET
    host      Host: a   09 01 HTTP_HOST a         HTTP_HOST \0 a \0         09 00 HTTP_HOST 01 00 a
    ...
    frame     SP CRLF   record headers, padding   70: ,                     00 b2 01 00

Every byte of a conversation lies in exactly one row: what carries nothing by itself is frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute

from .message import FRONT, GOES_ON, Field, Message, is_group, is_named
from .text import kind

__all__ = ["CONTENT", "FRAME", "Cell", "Key", "gather", "order"]

CONTENT = "content"
FRAME = "frame"

_SPECIAL = {"REQUEST_METHOD": "method", "REQUEST_URI": "target", "SERVER_PROTOCOL": "version"}
_FIELDS = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}
_FIRST = ("method", "target", "version", "status")


@dataclass(frozen=True, slots=True)
class Key:
    """A row: on which side, and what it carries. `variable`: HTTP has no such thing on its wire."""

    sender: str
    name: str
    variable: bool = False


Piece = tuple[str, bytes]
"""A kind and bytes of it."""


@dataclass(slots=True)
class Cell:
    """What one conversation has in one row: its bytes, in pieces of one kind."""

    pieces: list[Piece] = attribute(default_factory=list)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return sum(len(data) for _, data in self.pieces)


def gather(messages: Sequence[Message]) -> dict[Key, Cell]:
    """Return what the messages of one conversation carry, by row."""
    cells: dict[Key, Cell] = {}
    begun: list[Piece] = []  # of a pair or a line that records have cut
    for message in messages:
        for found, field, pieces in _parts(message, message.fields):
            if found is None:
                pieces = begun = [*begun, *pieces]
                if field.meaning.endswith(GOES_ON):
                    continue
                begun = []
            cells.setdefault(found or _key(message, field), Cell()).pieces += pieces
    return cells


def order(columns: Sequence[dict[Key, Cell]]) -> list[Key]:
    """Return the rows of several conversations: requests first, and what all protocols have before what few have."""
    found = list(dict.fromkeys(key for column in columns for key in column))

    def place(key: Key) -> tuple[bool, int]:
        if key.name in _FIRST:
            return key.sender != FRONT, _FIRST.index(key.name)
        last = (CONTENT, FRAME)
        return key.sender != FRONT, 1000 + last.index(key.name) if key.name in last else 100 + key.variable

    return sorted(found, key=place)


def _parts(message: Message, fields: tuple[Field, ...]) -> Iterator[tuple[Key | None, Field, list[Piece]]]:
    """Yield every byte once: the row if it is clear without a name, the field, and the bytes in pieces."""
    for field in fields:
        if is_named(field):
            yield None, field, _pieces(message, field)
        elif field.name in ("header", "chunk size"):
            yield Key(message.sender, FRAME), field, _pieces(message, field)
        elif is_group(field):
            yield from _parts(message, field.children)
        elif field.name == "request line":
            yield from _words(message, field)
        elif field.name == "status line":
            yield Key(message.sender, "status"), field, _pieces(message, field)
        else:
            name = CONTENT if field.name == "undecoded" else field.name
            name = name if name in (*_FIRST, CONTENT) else FRAME
            yield Key(message.sender, name), field, _pieces(message, field)


def _words(message: Message, line: Field) -> Iterator[tuple[Key | None, Field, list[Piece]]]:
    for word in line.children:
        name = word.name if word.name in _FIRST else FRAME
        yield Key(message.sender, name), word, _pieces(message, word)


def _pieces(message: Message, field: Field) -> list[Piece]:
    return [(kind(part), message.data[part.start : part.end]) for part in field.children or (field,)]


def _key(message: Message, field: Field) -> Key:
    """Return the row of a variable or a header field."""
    name = field.name
    if name == "end of head" and not field.children:  # the empty line, which records have cut
        return Key(message.sender, FRAME)
    if message.sender != FRONT or message.protocol in ("HTTP", "AJP13"):
        return Key(message.sender, name.lower())
    if name in _SPECIAL:
        return Key(message.sender, _SPECIAL[name])
    if name in _FIELDS:
        return Key(message.sender, _FIELDS[name])
    if name.startswith("HTTP_"):
        return Key(message.sender, name.removeprefix("HTTP_").lower().replace("_", "-"))
    return Key(message.sender, name, variable=True)
