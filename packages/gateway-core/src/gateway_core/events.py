"""The events that all codecs share. Frozen values: what arrived, or what is to be sent.

A request that has arrived whole is ONE event, so the common case costs one call::

    Request(variables, body, complete=True)

and a larger one is a start, any number of pieces, and an end::

    Request(variables, b"first piece", complete=False)  Data(...)  Data(...)  EndOfMessage()

Text is `str` with one character a byte (latin-1), as PEP 3333 asks of the environ.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "ConnectionClosed",
    "Data",
    "EndOfMessage",
    "Fields",
    "NotNow",
    "Phase",
    "Request",
    "Response",
    "Variables",
]

Fields = list[tuple[str, str]]
"""Header fields: (name, value) in order, repeats kept."""

Variables = list[tuple[str, str]]
"""CGI meta-variables as they came: (NAME, value) in order, repeats kept."""


class NotNow(enum.Enum):
    """Why `next_event` has no event to give."""

    NEED_DATA = "feed more bytes with receive_data"
    PAUSED = "the response to the last request must end first"


NEED_DATA = NotNow.NEED_DATA
PAUSED = NotNow.PAUSED


class Phase(enum.Enum):
    """What a server is waiting for on a connection; each has its own time limit."""

    IDLE = "no byte of a request has come yet"
    HEAD = "a request has begun, its head is not complete"
    BODY = "the head is complete, the content is not"
    BUSY = "a response is under way"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as meta-variables, with the content that has come so far."""

    variables: Variables
    body: bytes = b""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of content, never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The content is complete."""


@dataclass(frozen=True, slots=True)
class Response:
    """The head of a response: status 100..599, reason without the number, fields as they came."""

    status: int
    reason: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The peer closed between two messages."""
