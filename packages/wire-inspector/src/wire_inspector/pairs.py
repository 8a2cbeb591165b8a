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
from .stream import MAX_FIELDS, MAX_HEAD

__all__ = ["PairReader"]

LABEL = 200
"""Characters of a name that a field is called by; every part of its value is, so a long name would cost memory."""


_LENGTHS = ("nameLength", "valueLength")
_PARTS = (*_LENGTHS, "name", "value")
_UNKNOWN = -1


class PairReader:
    """Reads the pairs of one stream, record by record."""

    def __init__(self) -> None:
        self._stream = bytearray()  # all of it, for the codec
        self._pieces = 0  # pairs, or parts of them
        self._overflown = False
        self._begin()

    def _begin(self) -> None:
        """Be ready for the next pair."""
        self._part = 0  # which of its parts comes now
        self._left = _UNKNOWN  # bytes of that part still to come; the first byte of a length tells
        self._seen = b""  # what earlier bytes of that part were, as far as they matter
        self._sizes: list[int] = []
        self._name = ""
        self._begun_before = False

    def fields(self, content: bytes, start: int) -> list[Field]:
        """Return the pairs in `content`, which stands at `start` in its message."""
        found: list[Field] = []
        at = 0
        self._overflown |= len(self._stream) + len(content) > MAX_HEAD
        while at < len(content) and not self._overflown:
            found.append(self._pair(content, at, start))
            at = found[-1].end - start
            self._pieces += 1
            self._overflown = self._pieces > MAX_FIELDS
        if at < len(content):
            found.append(Field("undecoded", start + at, start + len(content), "", "too much to show"))
        if not self._overflown:
            self._stream += content
        return found

    def fault(self) -> str:
        """Return what is wrong with the stream, which has ended; "" if nothing is."""
        if self._overflown:
            return (
                f"there are more than {MAX_HEAD:,} bytes or {MAX_FIELDS:,} pieces of variables: the rest was not read"
            )
        try:
            decode_pairs(bytes(self._stream))
        except RemoteProtocolError as error:
            return str(error)
        return ""

    def _pair(self, content: bytes, at: int, start: int) -> Field:
        """Return the pair that `at` stands in, as far as it is here."""
        begin = at
        parts = []
        while self._part < len(_PARTS) and (at < len(content) or not self._left):
            part = self._next(content, at, start)
            at = part.end - start
            if part.end > part.start:
                parts.append(part)
        complete = self._part == len(_PARTS)
        notes = [BEGUN_BEFORE] * self._begun_before + [GOES_ON] * (not complete)
        meaning = "; ".join(notes) or meanings.of_variable(self._name)
        value = parts[-1].value if parts[-1].name == "value" else ""
        field = Field(self._label(), start + begin, start + at, value, meaning, tuple(parts))
        self._begun_before = True
        if complete:
            self._begin()
        return field

    def _next(self, content: bytes, at: int, start: int) -> Field:
        """Read the part that comes now, as far as it is here."""
        name = _PARTS[self._part]
        if self._left == _UNKNOWN:
            self._left = 4 if content[at] & 0x80 else 1
        piece = content[at : at + self._left]
        self._left -= len(piece)
        self._seen = (self._seen + piece)[: LABEL + 1]
        text, meaning = piece.decode("latin-1"), ""
        if name in _LENGTHS:
            text, meaning = "", "goes on"
            if not self._left:
                self._sizes.append(int.from_bytes(self._seen, "big") & 0x7FFF_FFFF)
                text, meaning = f"{self._sizes[-1]:,}", "four bytes: the first bit says so" * (len(self._seen) == 4)
        elif name == "name":
            self._name = self._seen.decode("latin-1")
        if not self._left:
            self._part += 1
            self._left = self._sizes[self._part - 2] if 2 <= self._part < len(_PARTS) else _UNKNOWN
            self._seen = b""
        return Field(name, start + at, start + at + len(piece), text, meaning)

    def _label(self) -> str:
        """Return what the pair is called: its name, if that is known to its end and not too long."""
        whole = self._part > _PARTS.index("name") and len(self._name) <= LABEL
        return (self._name or "(no name)") if whole else f"{self._name[:LABEL]}..."
