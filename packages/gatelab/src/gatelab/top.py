"""`gatelab top`: running gateways, live in a terminal.

::

    ask ──▶ read_report ──▶ Watch.take        one task and one Watch for each server, a report every `interval`
                               │
                               ▼
                   header ──▶ Static         of the server that is chosen: the whole view is drawn anew
                   rows_of ──▶ WorkerTable   from the latest report, and the table finds what has changed

    key ──▶ Question ──▶ command             what is done to a server, where its control socket is known

Colours are names of the terminal's own palette on the terminal's own background, so they suit a light one and a dark
one; with NO_COLOR textual leaves them away. Nothing is said by colour alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable, Footer, Static, Tab, Tabs

from . import figures
from .ask import command
from .columns import COLUMNS, rows_of
from .dialogs import Question
from .errors import GatelabError, Unreachable
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
RESIZE = Binding.Group("resize", compact=True)

CONTROLS = {"resize", "reload", "traceback", "upgrade"}
"""Actions that need a control socket."""


class Top(App[None]):
    """The view of one server or several; `source` gives their reports."""

    CSS_PATH = "top.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("p", "pause", "pause"),
        Binding("i", "interval", "speed"),
        Binding("less_than_sign", "sort(-1)", "sort to the left", key_display="<", group=SORT),
        Binding("greater_than_sign", "sort(1)", "sort to the right", key_display=">", group=SORT),
        Binding("o", "turn", "turn the order", group=SORT),
        Binding("tab", "next_server", "next server", show=False, priority=True),
        Binding("plus", "resize(1)", "one more", key_display="+", group=RESIZE),
        Binding("minus", "resize(-1)", "one less", key_display="-", group=RESIZE),
        Binding("r", "reload", "reload"),
        Binding("t", "traceback", "trace"),
        Binding("u", "upgrade", "upgrade"),
    ]

    def __init__(self, watches: Sequence[Watch], source: Source, interval: float = 1.0) -> None:
        super().__init__(ansi_color=True)
        self.watches = watches
        self.interval = interval
        self.paused = False
        self.sorted_by = 0
        self.turned = False
        self.unfolded: set[int] = set()
        self._source = source
        self._chosen = 0
        self._tab = [Tab(_name(watch), id=f"server-{at}") for at, watch in enumerate(watches)]
        self._tabs = Tabs(*self._tab)
        self._header = Static(id="header")
        self._notice = Static(id="notice")
        self._table = WorkerTable()

    @property
    def chosen(self) -> Watch:
        """The server in view."""
        return self.watches[self._chosen]

    # -- what is on the screen -----------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay it out."""
        self._tabs.can_focus = False  # the keys belong to the table
        self._tabs.display = len(self.watches) > 1
        yield from (self._tabs, self._header, self._notice, self._table)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to ask."""
        self.theme = "ansi-dark"
        self._table.focus()
        for watch in self.watches:
            self.run_worker(self._follow(watch))

    async def _follow(self, watch: Watch) -> None:
        """Ask for report after report, for as long as the program runs."""
        while True:
            if not self.paused:
                try:
                    if watch.take(await self._source(watch.target)):
                        self.notify(f"{watch.target} was started anew: another process answers.", markup=False)
                except Unreachable as why:
                    watch.miss(why)
                self.draw()
            await asyncio.sleep(self.interval)

    def draw(self) -> None:
        """Show all that is known."""
        watch, column = self.chosen, COLUMNS[self.sorted_by]
        self._header.update(header(watch, self.size.width))
        self._header.display = watch.report is not None
        notice = self._what_to_say()
        self._notice.update(Text(notice))
        self._notice.display = bool(notice)
        self._table.set_class(bool(watch.trouble), "stale")
        if watch.report is not None:
            rows = rows_of(watch.report, watch.rates, column, self.turned, self.unfolded)
            self._table.present(rows, self.sorted_by, column.largest_first is not self.turned)
        for tab, one in zip(self._tab, self.watches, strict=True):
            tab.label = _name(one)

    def _what_to_say(self) -> str:
        watch = self.chosen
        if self.paused:
            return "Paused. Press p to go on."
        if watch.trouble:
            return f"No report from {watch.target}: {watch.trouble}; asking again every {self.interval:g} s."
        return "" if watch.report else f"Asking {watch.target} ..."

    def on_resize(self) -> None:
        """Fit the new width."""
        self.draw()

    # -- what to look at -----------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        """Keep what is shown, or go on."""
        self.paused = not self.paused
        self.draw()

    def action_interval(self) -> None:
        """Ask less often, and after the longest interval most often again."""
        self.interval = next((one for one in INTERVALS if one > self.interval), INTERVALS[0])
        self.notify(f"A report every {self.interval:g} s.")

    def action_sort(self, step: int) -> None:
        """Sort by the column beside the present one."""
        self._sort_by((self.sorted_by + step) % len(COLUMNS))

    def action_turn(self) -> None:
        """Put the last row first."""
        self.turned = not self.turned
        self.draw()

    def _sort_by(self, column: int) -> None:
        self.sorted_by, self.turned = column, False
        self.draw()

    def action_unfold_all(self) -> None:
        """Show the threads of all workers, or of none."""
        report = self.chosen.report
        self.unfolded = {worker.pid for worker in report.worker} if report and not self.unfolded else set()
        self.draw()

    def action_next_server(self) -> None:
        """Look at the next one."""
        self._tabs.action_next_tab()

    def on_data_table_row_selected(self) -> None:
        """Show the threads of this worker, or no longer."""
        if row := self._table.selected:
            self.unfolded ^= {row.worker.pid}
            self.draw()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the column that was clicked; a second click turns the order."""
        if event.column_index == self.sorted_by:
            self.action_turn()
        else:
            self._sort_by(event.column_index)

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        """Look at the server of this tab."""
        self._chosen = int(str(event.tab.id).rpartition("-")[2])
        self.refresh_bindings()
        self.draw()

    # -- what to do to a server ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what cannot be done."""
        if action == "next_server":
            return len(self.watches) > 1
        return self.chosen.control is not None if action in CONTROLS else True

    def action_resize(self, step: int) -> None:
        """Run one worker more, or one less."""
        if report := self.chosen.report:
            least, most = report.workers.least, report.workers.most
            number = most + step
            at_most = "at most " if least < most else ""
            self._do(f"/workers?n={number}", f"Run {at_most}{number} workers instead of {most}?")

    def action_reload(self) -> None:
        """Load the application anew."""
        self._do("/reload", "Load the application anew in new workers, and end the old ones?")

    def action_upgrade(self) -> None:
        """Start the program anew."""
        self._do("/upgrade", "Start the program anew, and let the new one take over?")

    def action_traceback(self) -> None:
        """Have the worker under the cursor log what its threads do."""
        if row := self._table.selected:
            self._do(f"/traceback?pid={row.worker.pid}")

    @work
    async def _do(self, what: str, question: str = "") -> None:
        """Ask first, if there is a question, then the server; show what it says."""
        control = self.chosen.control
        if control is None or (question and not await self.push_screen_wait(Question(question))):
            return
        try:
            self.notify(await command(control, what), markup=False)
        except GatelabError as error:
            self.notify(f"{control}: {error}", severity="error", markup=False)


def _name(watch: Watch) -> Content:
    """Return what stands on the tab of a server."""
    if watch.report is None:
        return Content(str(watch.target))
    rate = "silent" if watch.trouble else f"{figures.rate(watch.rate)}/s"
    return Content(f"{figures.printable(watch.report.program)} {rate}")
