"""The response of a CGI program (RFC 3875 section 6), as FastCGI and SCGI carry it too.

::

    Status: 404 Not Found LF        the head: lines, LF or CRLF
    Content-Type: text/plain LF
    LF
    content                         up to the end

In FastCGI the head may be cut anywhere by the records of STDOUT: `HeadReader` keeps the line that is under way.
"""

from __future__ import annotations

from gateway_core.cgi import ResponseParser
from gateway_core.errors import RemoteProtocolError

from .content import content
from .lines import blank_line, field_line, is_blank, status_line
from .message import BEGUN_BEFORE, GOES_ON, Field, size_of
from .stream import Lost, Steps, Stream

__all__ = ["HeadReader", "response"]


class HeadReader:
    """Reads one response. `status_line`: it may begin as HTTP does. `fault`: what is wrong with its head, or "".

    The codec's own parser reads along, and has the last word on what is right.
    """

    def __init__(self, *, status_line: bool = False) -> None:
        self.in_head = True
        self.fault = ""
        self._parser = ResponseParser(status_line=status_line)
        self._line = bytearray()  # what earlier pieces had of the line that is under way
        self._first = status_line

    def fields(self, data: bytes, start: int, end: int) -> list[Field]:
        """Return the fields of `data[start:end]`, the next piece of the response."""
        found = []
        at = start
        while self.in_head and at < end:
            stop = data.find(b"\n", at, end) + 1 or end
            found.append(self.line(data[at:stop], at))
            at = stop
        if at < end:
            found.append(Field("content", at, end, size_of(end - at)))
        return found

    def line(self, piece: bytes, at: int) -> Field:
        """Return the field of a line of the head, or of the piece of it that is here."""
        begun_before = bool(self._line)
        self._line += piece
        self._ask(piece)
        if not piece.endswith(b"\n"):
            return Field("a line...", at, at + len(piece), piece.decode("latin-1"), GOES_ON)
        line = bytes(self._line)
        self._line.clear()
        if is_blank(line):
            self.in_head = False
            field = blank_line(line, at)
        elif self._first and line.startswith(b"HTTP/"):
            field = status_line(line, at)
        else:
            field = field_line(line, at)
        self._first = False
        if begun_before:
            return Field(field.name, at, at + len(piece), field.value, BEGUN_BEFORE)
        return field

    def end(self) -> str:
        """Say that the output has ended. Returns what is wrong with that, "" if nothing is."""
        if self.in_head:
            self._ask(b"")
        return self.fault

    def _ask(self, piece: bytes) -> None:
        """Let the codec read along, until it has the head or refuses it."""
        self._parser.receive_data(piece)
        try:
            self._parser.next_event()
        except RemoteProtocolError as error:
            self.fault = str(error)
            self.in_head = False


def response(stream: Stream, *, status_line: bool = False) -> Steps[None]:
    """Decode a response that ends where its direction ends: the head is one message, content follows in pieces.

    Raises Lost after a head with a fault.
    """
    reader = HeadReader(status_line=status_line)
    fields = []
    at = 0
    while reader.in_head:
        end = yield from stream.line_end(at)
        if end < 0:
            reader.line(bytes(stream.buffer[at:]), at)
            raise RemoteProtocolError(reader.end())
        fields.append(reader.line(bytes(stream.buffer[at:end]), at))
        at = end
    statuses = [field.value for field in fields if field.name.lower() == "status"]
    if fields[0].name == "status line":
        statuses.insert(0, fields[0].value.partition(" ")[2])
    yield stream.cut(at, ", ".join(["response head", *statuses[:1]]), tuple(fields), reader.fault)
    if reader.fault:
        raise Lost
    yield from content(stream, None)
