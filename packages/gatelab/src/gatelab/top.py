"""`gatelab top`: running gateways, live in a terminal.

::

    ask ──▶ read_report ──▶ Watch.take        one task and one Watch for each server, a report every `interval`
                               │
                               ▼
                   header ──▶ Static         of the server that is chosen: the whole view is drawn anew
                   rows_of ──▶ WorkerTable   from the latest report, and the table finds what has changed

Colours are names of the terminal's own palette on the terminal's own background, so they suit a light one and a dark
one; with NO_COLOR textual leaves them away. Nothing is said by colour alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static, Tab, Tabs

from . import figures
from .columns import COLUMNS, rows_of
from .errors import Unreachable
from .header import header
from .report import Report
from .table import WorkerTable
from .target import Target
from .watch import Watch

__all__ = ["INTERVALS", "Source", "Top"]

INTERVALS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds from report to report that a key goes through."""

Source = Callable[[Target], Awaitable[Report]]
"""Where a report comes from. Raises Unreachable."""

SORT = Binding.Group("sort", compact=True)


class Top(App[None]):
    """The view of one server or several; `source` gives their reports."""

    CSS_PATH = "top.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("p", "pause", "pause"),
        Binding("i", "interval", "interval"),
        Binding("less_than_sign", "sort(-1)", "sort to the left", key_display="<", group=SORT),
        Binding("greater_than_sign", "sort(1)", "sort to the right", key_display=">", group=SORT),
        Binding("o", "turn", "order"),
        Binding("a", "unfold_all", "all"),
        Binding("tab", "next_server", "server", priority=True),
    ]

    def __init__(self, targets: Sequence[Target], source: Source, interval: float = 1.0) -> None:
        super().__init__(ansi_color=True)
        self.watches = [Watch(target) for target in targets]
        self._chosen = 0
        self.interval = interval
        self.paused = False
        self.sorted_by = 0
        self.turned = False
        self.unfolded: set[int] = set()
        self._source = source

    # -- what is on the screen -----------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay it out."""
        if len(self.watches) > 1:
            tabs = Tabs(*(Tab(Text(str(watch.target)), id=f"server-{at}") for at, watch in enumerate(self.watches)))
            tabs.can_focus = False  # the keys belong to the table
            yield tabs
        yield Static(id="header")
        yield Static(id="notice")
        yield WorkerTable()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to ask."""
        self.theme = "ansi-dark"
        self.query_one(WorkerTable).focus()
        for watch in self.watches:
            self.run_worker(self._follow(watch))

    async def _follow(self, watch: Watch) -> None:
        """Ask for report after report, for as long as the program runs."""
        while True:
            if not self.paused:
                try:
                    if watch.take(await self._source(watch.target)):
                        self.notify(f"{watch.target}: another process answers now: the server was started anew")
                except Unreachable as why:
                    watch.miss(why)
                self.draw()
            await asyncio.sleep(self.interval)

    @property
    def chosen(self) -> Watch:
        """The server in view."""
        return self.watches[self._chosen]

    def draw(self) -> None:
        """Show all that is known."""
        watch = self.chosen
        top, notice, table = self.query_one("#header", Static), self.query_one("#notice", Static), self._table
        top.update(header(watch, self.size.width))
        top.display = watch.report is not None
        said = self._notice()
        notice.update(Text(said))
        notice.display = bool(said)
        for widget in (top, table):
            widget.set_class(bool(watch.trouble), "stale")
        column = COLUMNS[self.sorted_by]
        if watch.report is not None:
            rows = rows_of(watch.report, watch.rates, column, self.turned, self.unfolded)
            table.present(rows, self.sorted_by, column.largest_first is not self.turned)
        self._draw_tabs()

    def _notice(self) -> str:
        if self.paused:
            return "Paused. Press p to go on."
        if self.chosen.trouble:
            again = f"asking again every {self.interval:g} s"
            return f"No report from {self.chosen.target}: {self.chosen.trouble}; {again}."
        return "" if self.chosen.report else f"Asking {self.chosen.target} ..."

    def _draw_tabs(self) -> None:
        if len(self.watches) == 1:
            return
        for at, watch in enumerate(self.watches):
            if watch.report is not None:
                rate = "silent" if watch.trouble else f"{figures.rate(watch.rate)}/s"
                self.query_one(f"#server-{at}", Tab).label = f"{figures.printable(watch.report.program)} {rate}"

    @property
    def _table(self) -> WorkerTable:
        return self.query_one(WorkerTable)

    # -- keys and mouse ------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what cannot be done."""
        return len(self.watches) > 1 if action == "next_server" else True

    def action_pause(self) -> None:
        """Keep what is shown, or go on."""
        self.paused = not self.paused
        self.draw()

    def action_interval(self) -> None:
        """Ask less often, and after the longest interval most often again."""
        self.interval = next((one for one in INTERVALS if one > self.interval), INTERVALS[0])
        self.notify(f"a report every {self.interval:g} s")

    def action_sort(self, step: int) -> None:
        """Sort by the column beside the present one."""
        self.sort_by((self.sorted_by + step) % len(COLUMNS))

    def action_turn(self) -> None:
        """Put the last row first."""
        self.turned = not self.turned
        self.draw()

    def sort_by(self, column: int) -> None:
        """Sort by a column, its more interesting end first."""
        self.sorted_by, self.turned = column, False
        self.draw()

    def action_unfold_all(self) -> None:
        """Show the threads of all workers, or of none."""
        report = self.chosen.report
        self.unfolded = {worker.pid for worker in report.worker} if report and not self.unfolded else set()
        self.draw()

    def action_next_server(self) -> None:
        """Look at the next one."""
        self.query_one(Tabs).action_next_tab()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Show the threads of this worker, or no longer."""
        if row := self._table.selected:
            self.unfolded ^= {row.worker.pid}
            self.draw()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the column that was clicked; a second click turns the order."""
        if event.column_index == self.sorted_by:
            self.action_turn()
        else:
            self.sort_by(event.column_index)

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        """Look at the server of this tab."""
        self._chosen = int(str(event.tab.id).rpartition("-")[2])
        self.draw()

    def on_resize(self) -> None:
        """Fit the new width."""
        self.draw()
