"""What the decoders give: messages, and in them fields, each of which knows which bytes it is.

::

    data      01 04 00 01 00 12 06 00 0e 03 52 45 51 ...
    fields    [------- header ------] [----- content ...     top level: every byte lies in exactly one field
    children  ver typ [-id] [len] pad  [REQUEST_METHOD ..     in order, inside their parent, perhaps with gaps

A message is what the protocol itself puts a frame around: a record, a packet, a netstring, a head, a chunk. Content
that has no frame comes in pieces as it was received; how it was cut means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "BACKEND",
    "BEGUN_BEFORE",
    "FRONT",
    "GOES_ON",
    "Field",
    "Message",
    "as_json",
    "is_group",
    "is_named",
    "size_of",
]

FRONT = "front"
"""The side that asks: a web server, or a client of HTTP."""

BACKEND = "backend"
"""The side that answers."""

GOES_ON = "goes on in the next record"
BEGUN_BEFORE = "begun in the record before"
"""What a part of a field means that records have cut."""


@dataclass(frozen=True, slots=True)
class Field:
    """Bytes `start` to `end` of a message: their name, what they say, and what that means."""

    name: str
    start: int
    end: int
    value: str
    meaning: str = ""
    children: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One frame, or a piece of content. `offset`: where it stands in what its sender sent on this connection.

    `fault` is a sentence if the bytes break the protocol; fields then show as much as could be read.
    """

    protocol: str
    sender: str
    offset: int
    data: bytes
    title: str
    fields: tuple[Field, ...]
    fault: str = ""


_OF_A_PAIR = frozenset(("name", "nameLength", "name size", "value", "valueLength", "value size"))


def is_named(field: Field) -> bool:
    """Does the name of a field come from the wire? Then it says nothing of what kind of field this is."""
    parts = any(part.name in _OF_A_PAIR and not part.children for part in field.children)
    return parts or field.meaning in (GOES_ON, BEGUN_BEFORE)


def is_group(field: Field) -> bool:
    """Does a field only hold others? A pair or a line is more than its parts."""
    return bool(field.children) and field.name in ("header", "content") and not is_named(field)


def size_of(count: int) -> str:
    """Return a number of bytes in words."""
    return "1 byte" if count == 1 else f"{count:,} bytes"


def as_json(message: Message) -> dict[str, Any]:
    """Return a message as what `json.dumps` takes; its bytes in hexadecimal."""
    return {
        "protocol": message.protocol,
        "sender": message.sender,
        "offset": message.offset,
        "title": message.title,
        "fault": message.fault,
        "data": message.data.hex(),
        "fields": [_field_as_json(field) for field in message.fields],
    }


def _field_as_json(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "start": field.start,
        "end": field.end,
        "value": field.value,
        "meaning": field.meaning,
        "fields": [_field_as_json(child) for child in field.children],
    }
