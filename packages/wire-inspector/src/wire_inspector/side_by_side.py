"""One request over several protocols, side by side: the five columns, as a table for a terminal and as HTML.

A row is what is carried, a column is a protocol, a cell is how many bytes that takes and which they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from .carried import Cell, Piece, gather, order
from .html import style
from .message import BACKEND, FRONT, Message, size_of
from .text import STYLES, printable

__all__ = ["Columns", "columns"]

CELL = 48
"""Bytes of a cell that are shown: nearly every variable whole. What is left out is counted."""


class Columns:
    """The table: `print` it with rich, or let it be the last expression of a notebook's cell."""

    def __init__(self, conversations: Sequence[Sequence[Message]]) -> None:
        self.cells = [gather(messages) for messages in conversations]
        self.names = [messages[0].protocol if messages else "(nothing)" for messages in conversations]
        self.rows = order(self.cells)

    def size(self, column: int, sender: str) -> int:
        """Return how many bytes one side sent in one conversation."""
        return sum(cell.size for key, cell in self.cells[column].items() if key.sender == sender)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("", style="bold", no_wrap=True, max_width=22)
        for name in self.names:
            table.add_column("", style="dim", justify="right", no_wrap=True)
            table.add_column(name, overflow="fold")
        sender = ""
        for key in self.rows:
            if key.sender != sender:
                sender = key.sender
                table.add_section()
                sums = [Text(size_of(self.size(column, sender)), "bold") for column in range(len(self.names))]
                title = Text("request", "bold blue") if sender == FRONT else Text("response", "bold yellow")
                table.add_row(title, *[text for total in sums for text in ("", total)])
            cells = [column.get(key) for column in self.cells]
            table.add_row(Text(printable(key.name)), *[text for cell in cells for text in _text(cell)])
        yield table

    def _repr_html_(self) -> str:
        heads = "".join(f'<td></td><th scope="col">{escape(name)}</th>' for name in self.names)
        bodies = self._body(FRONT, "request") + self._body(BACKEND, "response")
        table = f"<table><thead><tr><td></td>{heads}</tr></thead>{bodies}</table>"
        return f'<div class="wire"><style>{style()}</style><div class="scroll">{table}</div></div>'

    def _body(self, sender: str, title: str) -> str:
        """Return the rows of one side as HTML."""
        sizes = "".join(
            f"<td></td><td><b>{size_of(self.size(column, sender))}</b></td>" for column in range(len(self.names))
        )
        rows = [f'<tr><th scope="rowgroup">{title}</th>{sizes}</tr>']
        for key in self.rows:
            if key.sender == sender:
                cells = "".join(_html(column.get(key)) for column in self.cells)
                rows.append(f'<tr><th scope="row">{escape(printable(key.name))}</th>{cells}</tr>')
        return f'<tbody class="{sender}">{"".join(rows)}</tbody>'


def columns(conversations: Sequence[Sequence[Message]]) -> Columns:
    """Return conversations, each as its messages, side by side. They are to be of the same one request."""
    return Columns(conversations)


def _shown(cell: Cell) -> Iterator[Piece]:
    """Yield the first CELL bytes of a cell."""
    left = CELL
    for name, data in cell.pieces:
        if left > 0:
            yield name, data[:left]
        left -= len(data)


def _characters(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)


def _text(cell: Cell | None) -> tuple[str, Text]:
    """Return a cell as its size and its bytes."""
    found = Text()
    if cell is None:
        return "", found
    for name, data in _shown(cell):
        found.append(_characters(data), STYLES[name])
    return f"{cell.size:,}", found.append("..." * (cell.size > CELL), "dim")


def _html(cell: Cell | None) -> str:
    if cell is None:
        return "<td></td><td></td>"
    spans = [f'<span class="{name}">{escape(_characters(data))}</span>' for name, data in _shown(cell)]
    more = "..." * (cell.size > CELL)
    whole = b"".join(data for _, data in _shown(cell)).hex(" ")
    return f'<td class="size">{cell.size:,}</td><td title="{whole}{more}">{"".join(spans)}{more}</td>'
