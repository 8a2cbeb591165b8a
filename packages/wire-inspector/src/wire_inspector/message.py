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

__all__ = ["BACKEND", "BEGUN_BEFORE", "FRONT", "GOES_ON", "Field", "Message", "as_json", "size_of"]

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
