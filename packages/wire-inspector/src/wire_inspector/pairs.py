"""FastCGI's name-value pairs (section 3.4) in place, also where a record ends inside of one.

::

    0e 03 REQUEST_METHOD GET                 nameLength, valueLength, name, value
    0f 80 00 01 00 SCRIPT_FILENAME /srv...   a length of 128 or more takes four bytes, the first bit says so

A stream is cut into records wherever it pleases its sender. `PairReader` keeps what it needs of the pair it is in, so
each record shows its own part. What a whole stream says, and what is wrong with it, is the codec's to tell.
"""

from __future__ import annotations

from fastcgi_server.records import decode_pairs
from gateway_core.errors import RemoteProtocolError

from . import meanings
from .message import BEGUN_BEFORE, GOES_ON, Field
from .stream import MAX_HEAD

__all__ = ["PairReader"]

LABEL = 200
"""Characters of a name that a field is called by; every part of its value is, so a long name would cost memory."""


class PairReader:
    """Reads the pairs of one stream."""

    def __init__(self) -> None:
        self._stream = bytearray()  # all of it, for the codec
        self._lengths = bytearray()  # of the pair that is under way
        self._name = b""
        self._left: list[int] | None = None  # bytes of name and value still to come, once both lengths are known
        self.broken = False

    def fields(self, content: bytes, start: int) -> list[Field]:
        """Return the pairs in `content`, which stands at `start` in its message."""
        if self.broken or len(self._stream) + len(content) > MAX_HEAD:
            self.broken = True
            return [Field("undecoded", start, start + len(content), "", f"beyond {MAX_HEAD:,} bytes of variables")]
        self._stream += content
        found = []
        at = 0
        while at < len(content):
            field, at = self._part(content, at, start)
            found.append(field)
        return found

    def fault(self) -> str:
        """Return what is wrong with the stream, which has ended; "" if nothing is."""
        if self.broken:
            return f"there are more than {MAX_HEAD:,} bytes of variables: they were not read"
        try:
            decode_pairs(bytes(self._stream))
        except RemoteProtocolError as error:
            return str(error)
        return ""

    def _part(self, content: bytes, at: int, start: int) -> tuple[Field, int]:
        """Return the pair at `at`, or the part of it that is here, and where it ends."""
        begin = at
        begun_before = bool(self._lengths)
        children: list[Field] = []
        value = b""
        if self._left is None:
            at = self._read_lengths(content, at, start, children)
        if self._left is not None:
            name, at = self._read("name", 0, content, at, start, children)
            self._name += name
            value, at = self._read("value", 1, content, at, start, children)
        name_is_known = self._left is not None and not self._left[0]
        ends_here = name_is_known and self._left is not None and not self._left[1]
        name_text = self._name[: LABEL + 1].decode("latin-1")
        notes = [BEGUN_BEFORE] * begun_before + [GOES_ON] * (not ends_here)
        meaning = "; ".join(notes) or meanings.of_variable(name_text)
        label = name_text[:LABEL] if name_is_known and len(name_text) <= LABEL else f"{name_text[:LABEL]}..."
        if ends_here:
            self._lengths.clear()
            self._name, self._left = b"", None
        return Field(
            label or "(no name)", start + begin, start + at, value.decode("latin-1"), meaning, tuple(children)
        ), at

    def _read_lengths(self, content: bytes, at: int, start: int, children: list[Field]) -> int:
        """Read one length or both, as far as they are here."""
        while at < len(content) and self._left is None:
            have = len(self._lengths)
            first = self._size(0)
            where = 0 if have < first else first  # where the length that comes now begins, among the bytes of both
            size = (4 if content[at] & 0x80 else 1) if have == where else self._size(where)
            piece = content[at : at + where + size - have]
            self._lengths += piece
            name = "nameLength" if where == 0 else "valueLength"
            complete = len(self._lengths) == where + size
            text = f"{self._number(where, size):,}" if complete else ""
            children.append(Field(name, start + at, start + at + len(piece), text, "" if complete else "goes on"))
            at += len(piece)
            if complete and where:
                self._left = [self._number(0, where), self._number(where, size)]
        return at

    def _size(self, where: int) -> int:
        """Return how many bytes the length that begins at `where` takes; 1 if it has not come."""
        return 4 if len(self._lengths) > where and self._lengths[where] & 0x80 else 1

    def _number(self, where: int, size: int) -> int:
        return int.from_bytes(self._lengths[where : where + size], "big") & (0x7FFF_FFFF if size == 4 else 0x7F)

    def _read(
        self, name: str, index: int, content: bytes, at: int, start: int, children: list[Field]
    ) -> tuple[bytes, int]:
        """Read as much of the name or the value as is here."""
        assert self._left is not None
        if self._left[0] and index:
            return b"", at
        piece = content[at : at + self._left[index]]
        end = at + len(piece)
        self._left[index] -= len(piece)
        if piece:
            children.append(Field(name, start + at, start + end, piece.decode("latin-1")))
        return piece, end
