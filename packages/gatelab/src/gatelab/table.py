"""The table of workers as a widget.

A row of the widget is a place, not a worker: from report to report the cells are filled anew and only what differs is
drawn. So the cursor stays where it is on the screen while workers come, go and change order, and the first line of a
table sorted by FOR is always the slowest request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from .columns import COLUMNS, Row, cells

__all__ = ["WorkerTable"]

DESCENDING, ASCENDING = "▼", "▲"

THREADS = Binding.Group("threads", compact=True)

LEAST_WIDTH = 12
"""Columns for what a worker does, however narrow the terminal: under that the table scrolls sideways."""


class WorkerTable(DataTable[Text]):
    """A DataTable that is given all its rows each time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "of this worker", group=THREADS),
        Binding("a", "app.unfold_all", "of all workers", group=THREADS),
    ]

    def __init__(self) -> None:
        super().__init__(cell_padding=0, cursor_type="row")
        self._shown: Sequence[Row] = ()
        self._sorting = (0, False)
        self._rest = 0

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        return self._shown[self.cursor_row] if self.cursor_row < len(self._shown) else None

    def present(self, rows: Sequence[Row], sorted_by: int, descending: bool) -> None:
        """Show these rows, with a mark at the column that they are sorted by."""
        self._lay_out((sorted_by, descending))
        while self.row_count > len(rows):
            self.remove_row(str(self.row_count - 1))
        for place, row in enumerate(rows):
            if place == self.row_count:
                self.add_row(*cells(row), key=str(place))
            else:
                self._update(place, cells(row))
        self._shown = rows

    def on_resize(self) -> None:
        """Give the last column what is there now."""
        self.present(self._shown, *self._sorting)

    def _lay_out(self, sorting: tuple[int, bool]) -> None:
        """Make the columns, unless they are there; another order is looked at from its first row."""
        fixed = sum(column.width + 1 for column in COLUMNS[:-1])
        rest = max(LEAST_WIDTH, self.scrollable_content_region.width - fixed)
        if self.columns and (sorting, rest) == (self._sorting, self._rest):
            return
        self._sorting, self._rest = sorting, rest
        self.clear(columns=True)
        for index, column in enumerate(COLUMNS):
            # The blank before a column is a part of it, and the place of the mark.
            mark = " " if index != sorting[0] else DESCENDING if sorting[1] else ASCENDING
            width = column.width + 1 if column.width else rest
            self.add_column(column.fit(column.name, mark=mark), width=width, key=column.name)

    def _update(self, place: int, texts: list[Text]) -> None:
        for index, text in enumerate(texts):
            at = Coordinate(place, index)
            if self.get_cell_at(at) != text:
                self.update_cell_at(at, text)
