"""What has passed between a front and a backend, as it came: a value, and the JSON file that holds it.

::

    {"format": 1, "made": "2026-11-26T00:30:00Z", "protocol": "FastCGI",
     "front": "nginx 1.22.1", "backend": "fastcgi_server 0.1.0", "note": "...",
     "listen": "unix:/tmp/tap", "to": "127.0.0.1:9000",
     "connections": [{"at": 0.5, "client": "127.0.0.1:40312", "segments": [
         {"t": 0.0012, "from": "front", "data": "AQEAAQ..."},            base64
         {"t": 0.0019, "from": "backend", "data": ""},                   end of file: this side sends no more
         {"t": 0.0020, "from": "front", "data": "", "reset": true}]}]}   its connection broke

* `t` is in seconds since the connection was accepted, `at` in seconds since `made`.
* A segment is what one `recv` has given. How the bytes were cut means nothing; their order within a direction does.
* `cut` says how many bytes of each side passed after the recording had had enough, and are not in it; `more` says how
  many connections came after the last one that is.
* CGI has no wire. There the first segment is the program's environment, NAME=VALUE NUL ..., from the front; what
  follows is its standard input and its standard output.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

from gateway_core.mismatch import ENOUGH
from wire_inspector import PROTOCOLS, Conversation, Message, environment

from .errors import GatelabError

__all__ = ["FORMAT", "BadRecording", "Connection", "Cut", "Recording", "Segment", "Sender", "now"]

FORMAT = 1

Sender = Literal["front", "backend"]
Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class BadRecording(GatelabError):
    """That file is no recording, or cannot be read or written."""


class Segment(Struct, frozen=True, omit_defaults=True):
    """Some bytes of one side; none are its end, which is a `reset` if the connection broke."""

    t: Seconds
    sender: Sender = msgspec.field(name="from")
    data: bytes
    reset: bool = False


class Cut(Struct):
    """Bytes of each side that were not kept."""

    front: Count = 0
    backend: Count = 0


class Connection(Struct, omit_defaults=True):
    """One connection: `client` is the address of whoever has opened it."""

    segments: list[Segment]
    at: Seconds | None = None
    client: str = ""
    cut: Cut | None = None

    @property
    def ended(self) -> float:
        """The time of the last segment."""
        return max((segment.t for segment in self.segments), default=0.0)

    def bytes_from(self, sender: Sender) -> bytes:
        """Return all that was kept of what one side sent."""
        return b"".join(segment.data for segment in self.segments if segment.sender == sender)

    def replay(self, protocol: str | None = None) -> Iterator[tuple[Segment, list[Message]]]:
        """Yield each segment, with the messages that can be told from then on. None: recognise the protocol."""
        conversation = Conversation(protocol)
        segments = list(self.segments)
        if protocol == "CGI" and segments and segments[0].sender == "front" and segments[0].data:
            yield segments[0], [environment(_variables(segments.pop(0).data))]
        ended: set[Sender] = set()
        for segment in segments:
            if segment.data:
                yield segment, conversation.receive(segment.sender, segment.data)
            elif (
                self.cut is not None or segment.sender in ended
            ):  # the end of what is not all here would look like a fault
                yield segment, []
            else:
                ended.add(segment.sender)
                yield segment, conversation.receive(segment.sender, b"")

    def messages(self, protocol: str | None = None) -> list[Message]:
        """Return all messages of the connection."""
        return [message for _, messages in self.replay(protocol) for message in messages]


class Recording(Struct, omit_defaults=True, kw_only=True):
    """All connections in the order in which they were accepted, and what is known of who spoke."""

    format: int = FORMAT
    made: str
    protocol: str | None = None
    front: str = ""
    backend: str = ""
    note: str = ""
    listen: str = ""
    to: str = ""
    connections: list[Connection]
    more: Count = 0

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file. Raises BadRecording."""
        try:
            return cls.parse(Path(path).read_bytes())
        except OSError as error:
            raise BadRecording(f"{path}: {(error.strerror or str(error)).lower()}") from None
        except BadRecording as error:
            raise BadRecording(f"{path} is no recording: {error}") from None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the content of a file. Raises BadRecording."""
        try:
            found = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRecording(str(error)) from None
        found.check()
        return found

    def check(self) -> None:
        """Raise BadRecording for what the types cannot say."""
        if self.format != FORMAT:
            raise BadRecording(f"it has format {self.format}, and this version reads {FORMAT}")
        if self.protocol is not None and self.protocol not in PROTOCOLS:
            raise BadRecording(f"its protocol is {self.protocol!r}, which is not one of {', '.join(PROTOCOLS)}")
        _moment(self.made)
        for number, connection in enumerate(self.connections, 1):
            ended: set[Sender] = set()
            for segment in connection.segments:
                if segment.data and (segment.reset or segment.sender in ended):
                    raise BadRecording(f"connection {number} has bytes of the {segment.sender} behind its end")
                if not segment.data:
                    ended.add(segment.sender)

    def dump(self) -> bytes:
        """Return the content of a file."""
        document = {"format": self.format, **msgspec.to_builtins(self)}
        return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"

    def save(self, path: str | Path) -> None:
        """Write a file. Raises BadRecording."""
        try:
            Path(path).write_bytes(self.dump())
        except OSError as error:
            raise BadRecording(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None

    def messages(self) -> list[list[Message]]:
        """Return the messages of each connection."""
        return [connection.messages(self.protocol) for connection in self.connections]

    @property
    def spoken(self) -> str | None:
        """The protocol: what the file says, or else what the first bytes tell."""
        if self.protocol is None:
            for connection in self.connections:
                conversation = Conversation()
                conversation.receive("front", connection.bytes_from("front")[:ENOUGH])
                if conversation.protocol is not None:
                    return conversation.protocol
        return self.protocol

    @property
    def began(self) -> float:
        """When it was made, in seconds since 1970."""
        return _moment(self.made).timestamp()

    def beginnings(self) -> Sequence[float]:
        """Return when each connection began, in seconds since `made`; where that is not known, behind the last one."""
        found: list[float] = []
        free = 0.0
        for connection in self.connections:
            found.append(free if connection.at is None else connection.at)
            free = max(free, found[-1] + connection.ended)
        return found


def now() -> str:
    """Return the present moment as `made` has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRecording(f"it was made {text!r}, which is not a time such as 2026-11-26T00:30:00Z")
    return moment


def _variables(block: bytes) -> list[tuple[str, str]]:
    """Take an environment apart, as execve was given it."""
    pairs = [entry.partition("=") for entry in block.decode("latin-1").split("\0") if entry]
    return [(name, value) for name, _, value in pairs]
