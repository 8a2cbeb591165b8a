"""The events of FastCGI: those that need to say which request they belong to, and those of its management records.

The server's side gives and takes events with a `request_id`, since requests may alternate on a connection. The client's
side asks one thing at a time, so it uses the common events of `gateway_core.events` and adds `Stderr`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway_core.events import Fields, Variables

__all__ = [
    "Abort", "Data", "EndOfMessage", "FileData", "GetValues", "Request", "Response", "Stderr", "UnknownType", "Values",
]  # fmt: skip

STDERR_SHOWN = 1024
"""Characters of one error record that go into a log line."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as meta-variables, with the content that has come so far. `role` is 1, 2 or 3 (section 6).

    `file` is what a filter gets besides, its DATA stream, as far as that has come.
    """

    request_id: int
    role: int
    variables: Variables
    body: bytes = b""
    complete: bool = True
    file: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """The head of a response."""

    request_id: int
    status: int
    reason: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of content, never empty."""

    request_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FileData:
    """A piece of the file that a filter is to work on (section 6.4), never empty. It comes after the content."""

    request_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The content is complete, and a filter's file."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Abort:
    """The web server wants no answer any more (section 5.4), or has gone."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Stderr:
    """What the application wrote to its error stream, one record. `str()` makes one safe line of it."""

    data: bytes

    def __str__(self) -> str:
        text = self.data[:STDERR_SHOWN].decode("utf-8", "backslashreplace").rstrip()
        return "".join([char if char.isprintable() else f"\\x{ord(char):02x}" for char in text])


@dataclass(frozen=True, slots=True)
class GetValues:
    """Ask the application what it can do (section 4.1), by names such as FCGI_MPXS_CONNS."""

    names: list[str]


@dataclass(frozen=True, slots=True)
class Values:
    """The answer: those of the names that it knows."""

    values: Variables


@dataclass(frozen=True, slots=True)
class UnknownType:
    """The application does not know a management record that we sent (section 4.2)."""

    type: int
