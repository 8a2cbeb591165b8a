r"""AJP13 (the Apache Tomcat Connectors' protocol reference), which mod_proxy_ajp speaks to Tomcat.

::

    front    12 34 [size] 02 02 [protocol] [target] ... [n] [headers] [attributes] ff     forward request
             12 34 [size] [size] content                                                  content, without a type
    backend  41 42 [size] 04 00 c8 [reason] [n] [headers]                                 send headers
             41 42 [size] 03 [size] content 00                                            send body chunk
             41 42 [size] 05 01                                                           end response

Numbers are big-endian. A string is its size, its bytes and NUL; the size ffff means that there is none. What is usual,
methods, header names and attributes, is a number too: AJP13 is FastCGI's idea with a dictionary.

There is no codec of it here, so this one reads by itself. Only the front's first content comes unasked; a packet is
content if the last head promised some, or if the backend has asked for it.
"""

from __future__ import annotations

from gateway_core.errors import RemoteProtocolError

from . import meanings
from .ajp13_names import ATTRIBUTES, METHODS, REQUEST_HEADERS, RESPONSE_HEADERS, TYPES
from .message import FRONT, Field, size_of
from .stream import Steps, Stream

__all__ = ["AJP13"]

HEADER_SIZE = 4
MAGIC = {"front": b"\x124", "backend": b"AB"}
ABSENT = 0xFFFF
"""The size of a string that is not there."""

FORWARD_REQUEST, SEND_BODY_CHUNK, SEND_HEADERS, END_RESPONSE, GET_BODY_CHUNK = 2, 3, 4, 5, 6
_CODED_NAME = 0xA0
_END_OF_ATTRIBUTES = 0xFF
_NAMED_ATTRIBUTE = "req_attribute"
_SSL_KEY_SIZE = "ssl_key_size"


class _Reader:
    """Reads a packet from its beginning to its end; raises RemoteProtocolError where it is too short."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.fields: list[Field] = []

    def number(self, name: str, size: int, names: dict[int, str] | None = None, meaning: str = "") -> int:
        """Read a number, which may stand for a word."""
        value = int.from_bytes(self._take(size), "big")
        said = names.get(value, "unknown") if names else meaning
        self.fields.append(Field(name, self.at - size, self.at, str(value), said))
        return value

    def string(self, name: str) -> str:
        """Read a string."""
        start = self.at
        size = int.from_bytes(self._take(2), "big")
        length = Field("size", start, self.at, str(size))
        if size == ABSENT:
            self.fields.append(Field(name, start, self.at, "", "absent", (length,)))
            return ""
        value = self._take(size + 1)[:-1].decode("latin-1")
        parts = (length, Field("value", start + 2, self.at - 1, value), Field("NUL", self.at - 1, self.at, ""))
        self.fields.append(Field(name, start, self.at, value, "", parts))
        return value

    def header(self, names: dict[int, str]) -> None:
        """Read a header field: a number or a string for its name, and a string."""
        start = self.at
        coded = self.data[start : start + 1] == bytes((_CODED_NAME,))
        inside = _Reader(self.data, start)
        name = names.get(inside.number("name", 2, names), "unknown") if coded else inside.string("name")
        value = inside.string("value")
        self._adopt(inside, name, value, meanings.of_field(name))

    def attribute(self) -> bool:
        """Read an attribute; False: that was the end of them."""
        start = self.at
        inside = _Reader(self.data, start)
        code = inside.number("code", 1, ATTRIBUTES)
        if code == _END_OF_ATTRIBUTES:
            self.number("end", 1, None, "no more attributes")
            return False
        name = ATTRIBUTES.get(code, "unknown")
        if name == _NAMED_ATTRIBUTE:
            name = inside.string("name")
        value = str(inside.number("value", 2)) if name == _SSL_KEY_SIZE else inside.string("value")
        self._adopt(inside, name, value, "an attribute")
        return True

    def content(self, size: int) -> None:
        """Read content."""
        start = self.at
        self._take(size)
        if size:
            self.fields.append(Field("content", start, self.at, size_of(size)))

    def rest(self, name: str, meaning: str = "") -> None:
        """Take what is left of the packet, if anything is."""
        start = self.fields[-1].end if self.fields else HEADER_SIZE
        self.at = len(self.data)
        if start < self.at:
            self.fields.append(Field(name, start, self.at, size_of(self.at - start), meaning))

    def _adopt(self, inside: _Reader, name: str, value: str, meaning: str) -> None:
        """Make what another reader has read from here on one field."""
        parts = tuple(part for field in inside.fields for part in _flat(field))
        self.fields.append(Field(name or "(no name)", self.at, inside.at, value, meaning, parts))
        self.at = inside.at

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise RemoteProtocolError("the packet ends inside a field")
        piece = self.data[self.at : end]
        self.at = end
        return piece


def _flat(field: Field) -> tuple[Field, ...]:
    """Return the parts of a string, the one with its text called as the string itself."""
    if not field.children:
        return (field,)
    return tuple(
        Field(field.name, part.start, part.end, part.value) if part.name == "value" else part for part in field.children
    )


class AJP13:
    """The decoder of one connection."""

    name = "AJP13"

    def __init__(self) -> None:
        self._left = 0  # content bytes that the last head promised
        self._asked = 0  # packets of content that the backend has asked for

    def front(self, stream: Stream) -> Steps[None]:
        """Decode what the web server sends."""
        return self._packets(stream)

    def backend(self, stream: Stream) -> Steps[None]:
        """Decode what the container sends."""
        return self._packets(stream)

    def _packets(self, stream: Stream) -> Steps[None]:
        while (yield from stream.more()):
            start = yield from stream.peek(HEADER_SIZE)
            if start[:2] != MAGIC[stream.sender][: len(start)]:
                raise RemoteProtocolError(
                    f"an AJP13 packet from the {stream.sender} does not begin with {start[:2].hex(' ')}"
                )
            data = yield from stream.peek(HEADER_SIZE + int.from_bytes(start[2:], "big"))
            if len(start) < HEADER_SIZE or len(data) < HEADER_SIZE + int.from_bytes(start[2:], "big"):
                raise RemoteProtocolError(f"the {stream.sender} closed in the middle of a packet")
            reader = _Reader(data, HEADER_SIZE)
            title, fault = "packet", ""
            try:
                title = self._packet(reader, stream.sender)
            except RemoteProtocolError as error:
                fault = str(error)
            reader.rest("undecoded")
            yield stream.cut(len(data), title, (_header(data), *reader.fields), fault)

    def _packet(self, reader: _Reader, sender: str) -> str:
        """Read a packet, and return its title."""
        if sender == FRONT and (self._left > 0 or self._asked):
            return self._read_content(reader)
        type_ = reader.number("type", 1, TYPES)
        name = TYPES.get(type_, f"type {type_}")
        if type_ == FORWARD_REQUEST:
            return f"{name}, {self._read_request(reader)}"
        if type_ == SEND_HEADERS:
            status = reader.number("status", 2)
            reader.string("reason")
            for _ in range(reader.number("headers", 2, None, "how many")):
                reader.header(RESPONSE_HEADERS)
            return f"{name}, {status}"
        if type_ == SEND_BODY_CHUNK:
            size = reader.number("length", 2, None, "bytes of content")
            reader.content(size)
            reader.rest("NUL", "behind every chunk")
            return f"{name}, {size_of(size)}"
        if type_ == END_RESPONSE:
            reader.number("reuse", 1, {0: "the connection closes", 1: "the connection stays open"})
            self._left = self._asked = 0
        elif type_ == GET_BODY_CHUNK:
            self._asked += 1
            return f"{name}, {size_of(reader.number('length', 2, None, 'at most so many bytes'))}"
        return name

    def _read_content(self, reader: _Reader) -> str:
        self._asked = max(0, self._asked - 1)
        if reader.at == len(reader.data):
            self._left = 0
            return "packet, empty: the content ends"
        size = reader.number("length", 2, None, "bytes of content")
        self._left = max(0, self._left - size)
        reader.content(size)
        return f"packet of content, {size_of(size)}"

    def _read_request(self, reader: _Reader) -> str:
        """Read the body of a forward request; return its method and target."""
        self._asked = 0
        method = METHODS.get(reader.number("method", 1, METHODS), "?")
        reader.string("version")
        target = reader.string("target")
        for name in ("remote_addr", "remote_host", "server_name"):
            reader.string(name)
        reader.number("server_port", 2)
        reader.number("is_ssl", 1, {0: "http", 1: "https"})
        for _ in range(reader.number("headers", 2, None, "how many")):
            reader.header(REQUEST_HEADERS)
        while reader.attribute():
            pass
        lengths = [field.value for field in reader.fields if field.name == "content-length"]
        self._left = int(lengths[0]) if lengths and lengths[0].isdecimal() and len(lengths[0]) < 19 else 0
        return f"{method} {target}"


def _header(data: bytes) -> Field:
    meaning = "from the web server" if data[:1] == b"\x12" else "from the container"
    children = (
        Field("magic", 0, 2, data[:2].hex(" "), meaning),
        Field("length", 2, 4, f"{len(data) - HEADER_SIZE:,}", "big-endian: bytes that follow"),
    )
    return Field("header", 0, HEADER_SIZE, "", "", children)
