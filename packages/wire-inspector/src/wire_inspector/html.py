"""Messages as HTML: the bytes on one side, the fields on the other; pointing at either lights up both.

There is no script. Every field has a number within its message, its bytes and its words have the class f<number>, and
one rule of style for each number does the rest::

    .wire details:has(.f7:is(:hover, :focus)) .f7 { background: ... }

A field inside a field is an element inside an element, so the outer one is lit too, and the inner one twice as much.
Everything that came from a wire is escaped, once for the eye (`printable`) and once for HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from .message import FRONT, Field, Message, is_group, size_of
from .text import kind, lines, printable

__all__ = ["View", "show", "style", "view"]

SHOWN = 192
"""Bytes of one field that are shown: twelve lines. What is left out is counted."""

VALUE_SHOWN = 240
"""Characters of one value that are shown."""


class View:
    """Messages that a notebook shows as HTML, and anything else as text."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = list(messages)

    def _repr_html_(self) -> str:
        return view(self.messages)

    def __repr__(self) -> str:
        return "\n".join(line.plain for message in self.messages for line in lines(message))


def show(messages: Sequence[Message]) -> View:
    """Return messages as a value that a notebook shows: let it be the last expression of a cell."""
    return View(messages)


def view(messages: Sequence[Message]) -> str:
    """Return messages as one <div> that needs nothing else."""
    bodies, most = [], 0
    for message in messages:
        numbers = _number(message.fields)
        most = max(most, len(numbers))
        bodies.append(_message(message, numbers))
    return f'<div class="wire"><style>{style()}{_lights(most)}</style>{"".join(bodies)}</div>'


@cache
def style() -> str:
    """Return the style that all views share, for elements of the class `wire`."""
    return (files(__package__) / "html.css").read_text("utf-8")


def _lights(count: int) -> str:
    """Return the rules that light up a field and its bytes together."""
    rule = ".wire details:has(.f{0}:is(:hover,:focus)) .f{0}{{background:var(--lit)}}"
    return "".join(rule.format(number) for number in range(count))


_Numbers = dict[int, int]
"""Fields by identity, and their numbers: two fields may well be equal."""


def _number(fields: tuple[Field, ...]) -> _Numbers:
    return {id(field): number for number, field in enumerate(_all(fields))}


def _all(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _all(field.children)


def _text(text: str) -> str:
    return escape(printable(text))


def _message(message: Message, numbers: _Numbers) -> str:
    arrow = "→" if message.sender == FRONT else "←"
    title = f"<b>{arrow} {_text(message.title)}</b><small>{_text(message.protocol)} at {message.offset:,}</small>"
    fault = f'<p class="fault">{_text(message.fault)}</p>' if message.fault else ""
    size = len(message.data)
    return (
        f'<details open class="{"front" if message.sender == FRONT else "backend"}"><summary>{title}</summary>{fault}'
        f'<div class="panes"><div class="hex">{_spans(message.data, message.fields, 0, size, numbers, _hex)}</div>'
        '<div class="text" aria-hidden="true">'
        f"{_spans(message.data, message.fields, 0, size, numbers, _characters)}</div>"
        f"<ul>{''.join(_row(field, numbers) for field in message.fields)}</ul></div></details>"
    )


# -- bytes -------------------------------------------------------------------------------------------------------

_Show = Callable[[bytes], str]


def _hex(data: bytes) -> str:
    return data.hex(" ") + " "


def _characters(data: bytes) -> str:
    return escape("".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)).replace(" ", "&nbsp;")


def _spans(data: bytes, fields: tuple[Field, ...], start: int, end: int, numbers: _Numbers, show: _Show) -> str:
    """Return `data[start:end]` with an element around the bytes of each field."""
    found = []
    at = start
    for field in fields:
        found.append(_plain(data, at, field.start, show))
        inside = _spans(data, field.children, field.start, field.end, numbers, show)
        says = _text(f"{field.name}  {_shortened(field.value)}  {field.meaning}".strip())
        found.append(f'<span class="f{numbers[id(field)]} {kind(field)}" title="{says}">{inside.rstrip(" ")}</span>')
        found.append(" " * inside.endswith(" "))
        at = field.end
    found.append(_plain(data, at, end, show))
    return "".join(found)


def _plain(data: bytes, start: int, end: int, show: _Show) -> str:
    if end - start <= SHOWN:
        return show(data[start:end]) if start < end else ""
    rest = f'<span class="cut">... {size_of(end - start - SHOWN)} more</span>'
    return show(data[start : start + SHOWN]) + rest


# -- words -------------------------------------------------------------------------------------------------------


def _row(field: Field, numbers: _Numbers) -> str:
    """Return the row of a field, and below it those of what it holds."""
    number = numbers[id(field)]
    if is_group(field):
        inside = "".join(_row(child, numbers) for child in field.children)
        return f'<li class="f{number}" tabindex="0">{_words(field, numbers)}<ul>{inside}</ul></li>'
    return f'<li class="f{number}" tabindex="0">{_words(field, numbers)}</li>'


def _words(field: Field, numbers: _Numbers) -> str:
    """Return name, value, the smaller parts, and the meaning. The name and the value of a pair are its parts."""
    name = f'<span class="label">{_text(field.name)}</span>'
    inside = () if is_group(field) else field.children
    value = "" if inside else f'<span class="{kind(field)}">{_text(_shortened(field.value))}</span>'
    parts = []
    for part in inside:
        number = numbers[id(part)]
        if part.name == "name":
            name = f'<span class="label name f{number}">{_text(field.name)}</span>'
        elif part.name == "value":
            value = f'<span class="value f{number}">{_text(_shortened(field.value))}</span>'
        else:
            says = f"{_text(part.name)} <span>{_text(part.value)}</span>" if part.value else _text(part.name)
            parts.append(f'<span class="part {kind(part)} f{number}">{says}</span>')
    meaning = f'<span class="meaning">{_text(field.meaning)}</span>' if field.meaning else ""
    return f'<div class="row">{name}<div class="says">{value}{meaning}{"".join(parts)}</div></div>'


def _shortened(value: str) -> str:
    return value if len(value) <= VALUE_SHOWN else f"{value[:VALUE_SHOWN]}..."
