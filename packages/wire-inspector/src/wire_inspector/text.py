"""Messages as text for a terminal: every byte once, in hexadecimal and as a character, beside what it means.

::

    > 1: PARAMS, 312 bytes                                                   FastCGI at 16
      01                       .         version         1
                                           FastCGI 1.0
      0e 03 52 45 51 55 45 53  ..REQUES  REQUEST_METHOD  GET
      54 5f 4d 45 54 48 4f 44  T_METHOD    the method (RFC 3875, 4.1.12)
      47 45 54                 GET

">" is what the front sends, "<" what the backend sends. A field with a header or content in it is shown by those. The
meaning stands behind the value if there is room, else in the next line. Colours tell lengths, names and values apart in
the bytes; nothing depends on them. Control characters of the wire never reach the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from textwrap import wrap

from rich.text import Text

from .message import FRONT, Field, Message, is_group, is_named

__all__ = ["kind", "lines", "printable"]

NARROW, WIDE = 8, 16
"""Bytes in a line."""

WIDE_FROM = 130
"""Columns from which WIDE bytes leave enough for names, values and meanings."""

ROWS = 6
"""Lines of bytes that a field gets: enough for nearly every variable. What is left out is counted."""

PREVIEW = 64
"""Characters of content that are shown where its bytes are not."""

NAME_WIDTH = 22
"""Columns for names; a longer one pushes its value to the right."""

VALUE_ROWS = 3
"""Lines that a value gets."""

STYLES = {
    "name": "cyan",
    "value": "green",
    "length": "magenta",
    "mark": "dim",
    "nothing": "dim",
    "content": "",
}
"""Colours by the kind of field, in the terminal's own palette."""

_KINDS = {
    "name": "name",
    "value": "value",
    "padding": "nothing",
    "reserved": "nothing",
    "content": "content",
    "undecoded": "content",
    **dict.fromkeys(("nameLength", "valueLength", "name size", "value size", "length", "datasize"), "length"),
    **dict.fromkeys(("contentLength", "paddingLength", "size"), "length"),
    **dict.fromkeys((":", ",", "=", "NUL", "CRLF", "LF", "SP", "blanks", "line end", "end of head"), "mark"),
}


def kind(field: Field) -> str:
    """Return which kind of thing a field is, for its colour."""
    return "value" if is_named(field) else _KINDS.get(field.name, "value")


def printable(text: str) -> str:
    """Return text with everything escaped that a terminal might obey."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def lines(message: Message, *, hex: bool = True, width: int = 100) -> list[Text]:  # noqa: A002
    """Return a message as lines of at most `width` columns. `hex`: with its bytes; else without what only frames it."""
    found = [_title(message, width)]
    if message.fault:
        fault = wrap(f"! {printable(message.fault)}", width, initial_indent="  ", subsequent_indent="    ")
        found += [Text(line, "bold red") for line in fault]
    rows = list(_rows(message.fields, hex))
    names = min(NAME_WIDTH, max((len(printable(field.name)) for field in rows), default=0))
    for field in rows:
        found += _field(message, field, names, hex, width)
    for line in found:
        line.truncate(width, overflow="ellipsis")  # only a very narrow terminal needs it
    return found


def _title(message: Message, width: int) -> Text:
    arrow = ">" if message.sender == FRONT else "<"
    style = "bold blue" if message.sender == FRONT else "bold yellow"
    title = Text().append(f"{arrow} {printable(message.title)}", style)
    where = f"{message.protocol} at {message.offset:,}"
    title.truncate(width, overflow="ellipsis")
    room = width - title.cell_len - len(where)
    if room >= 2:
        title.append(" " * room + where, "dim")
    return title


def _rows(fields: tuple[Field, ...], with_hex: bool) -> Iterator[Field]:
    """Yield the fields that get a row: a group is shown by its members."""
    for field in fields:
        if is_group(field):
            if with_hex or field.name == "content":
                yield from _rows(field.children, with_hex)
        elif field.end > field.start and (with_hex or kind(field) not in ("mark", "nothing")):
            yield field


def _field(message: Message, field: Field, names: int, with_hex: bool, width: int) -> Iterator[Text]:
    """Yield the lines of a field: bytes on the left, words on the right."""
    if not with_hex:
        yield from (_indented(words) for words in _words(message, field, names, width - 2, preview=True))
        return
    step = WIDE if width >= WIDE_FROM else NARROW
    left = step * 4 + 1
    words = _words(message, field, names, width - left - 4, preview=False)
    for pair in zip_longest(_bytes(message, field, step), words):
        line = _indented(pair[0] or Text(" " * left))
        if pair[1]:
            line.append("  ").append(pair[1])
        line.rstrip()
        yield line


def _indented(text: Text) -> Text:
    return Text("  ").append(text)


def _bytes(message: Message, field: Field, step: int) -> Iterator[Text]:
    """Yield the bytes of a field, `step` in a line, coloured by its parts."""
    styles = [STYLES[kind(field)]] * (field.end - field.start)
    for part in field.children:
        styles[part.start - field.start : part.end - field.start] = [STYLES[kind(part)]] * (part.end - part.start)
    stop = min(field.end, field.start + step * ROWS)
    for at in range(field.start, stop, step):
        piece = message.data[at : min(at + step, stop)]
        line, characters = Text(), Text()
        for byte, style in zip(piece, styles[at - field.start :], strict=False):
            line.append(f"{byte:02x} ", style)
            characters.append(chr(byte) if 0x20 <= byte < 0x7F else ".", style)
        line.append(" " * (step * 3 + 1 - line.cell_len)).append(characters)
        line.append(" " * (step * 4 + 1 - line.cell_len))
        yield line
    if stop < field.end:
        yield Text(f"{f'... {field.end - stop:,} more':<{step * 4 + 1}}", "dim")


def _words(message: Message, field: Field, names: int, width: int, *, preview: bool) -> list[Text]:
    """Return name, value and meaning in lines of at most `width` columns."""
    name, value = printable(field.name), printable(field.value)
    head = Text().append(f"{name:<{names}}", STYLES["name"] if field.children else "bold")
    head.truncate(max(8, width // 2), overflow="ellipsis")
    indent = head.cell_len + 2
    room = max(8, width - indent)
    if preview and kind(field) == "content":
        piece = message.data[field.start : min(field.end, field.start + PREVIEW)].decode("latin-1")
        value += f'  "{printable(piece)}"' + "..." * (field.end > field.start + PREVIEW)
    values = [value[at : at + room] for at in range(0, len(value), room)] or [""]
    if len(values) > VALUE_ROWS:
        values[VALUE_ROWS - 1 :] = [values[VALUE_ROWS - 1][: room - 3] + "..."]
    found = [head.append("  ").append(values[0], STYLES[kind(field)])]
    found += [Text(" " * indent).append(line, STYLES[kind(field)]) for line in values[1:]]
    if field.meaning:
        if found[-1].cell_len + 2 + len(field.meaning) <= width:
            found[-1].append(f"  {field.meaning}", "dim")
        else:
            found += [Text(f"  {line}", "dim") for line in wrap(field.meaning, max(8, width - 2))]
    return found
