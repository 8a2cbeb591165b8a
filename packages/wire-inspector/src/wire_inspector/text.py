"""Messages as text for a terminal: bytes in hexadecimal beside names, values and meanings.

::

    > 1: PARAMS, 312 bytes                                  ">" the front sends, "<" the backend
      01                        .         version        1
      0e 03 52 45 51 55 45 53   ..REQUES  REQUEST_METHOD GET   the method (RFC 3875, 4.1.12)
      54 5f 4d 45 ...

Colours only underline what is there without them. Control characters of the wire never reach the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from .message import FRONT, Field, Message

__all__ = ["lines", "printable"]


def printable(text: str) -> str:
    """Return text with everything escaped that a terminal might obey."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def lines(message: Message, *, hex: bool = True, width: int = 100) -> list[Text]:  # noqa: A002
    """Return a message as lines of at most `width` columns. `hex`: with its bytes."""
    arrow = ">" if message.sender == FRONT else "<"
    found = [Text(f"{arrow} {printable(message.title)}", style="bold")]
    if message.fault:
        found.append(Text(f"  ! {printable(message.fault)}", style="bold red"))
    found += [_row(message, field, depth, hex) for field, depth in _walk(message.fields, 0)]
    for line in found:
        line.truncate(width, overflow="ellipsis")
    return found


def _walk(fields: tuple[Field, ...], depth: int) -> Iterator[tuple[Field, int]]:
    for field in fields:
        yield field, depth
        if field.name in ("header", "content"):
            yield from _walk(field.children, depth + 1)


def _row(message: Message, field: Field, depth: int, with_hex: bool) -> Text:
    row = Text("  ")
    if with_hex:
        data = message.data[field.start : field.end]
        text = data[:8].hex(" ") + (" ..." if len(data) > 8 else "")
        row.append(f"{text:<28}", "dim")
    row.append("  " * depth + printable(field.name), "cyan")
    row.append(f"  {printable(field.value)}")
    if field.meaning:
        row.append(f"  {field.meaning}", "dim")
    return row
