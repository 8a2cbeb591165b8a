"""The table: what a column shows of a worker or of one of its threads, how wide it is, and how it sorts.

::

        PID STATE    GEN   AGE  REQS REQ/S  CONN   RSS  WAIT   FOR DOING
       4201 busy       1   12m 18.2k   340    12 23.0M 1.2ms  3.4s GET /reports/2024
        ├ 0 busy               9120   170                     3.4s GET /reports/2024
        └ 1 idle               9110   170                          (this worker is unfolded)

All but the last column fit 63 characters, so that a terminal of 80 shows something of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rich.text import Text

from . import figures
from .rates import Rates
from .report import Report, Thread, Worker

__all__ = ["COLUMNS", "LONG", "VERY_LONG", "Column", "Row", "cells", "order", "rows_of"]

LONG = 1.0
"""Seconds from which a request stands out: a visitor's thought breaks (Nielsen, Usability Engineering, 1993)."""

VERY_LONG = 10.0
"""Seconds from which a request is alarming: a visitor's attention is lost (the same)."""

STYLES = {"busy": "green", "starting": "cyan", "retiring": "yellow"}
"""Colours of states, by name, so that the terminal's own palette decides what they look like; idle has none."""


@dataclass(frozen=True, slots=True)
class Row:
    """A worker, or one of its threads."""

    worker: Worker
    thread: Thread | None
    rate: float | None
    branch: str = ""

    @property
    def request(self) -> Thread | None:
        """The thread whose request the row shows: its own, or the one that has run longest in this worker."""
        if self.thread is None:
            return self.worker.longest
        return self.thread if self.thread.busy else None

    @property
    def state(self) -> str:
        """Of the worker or the thread."""
        return self.thread.state if self.thread else self.worker.state

    @property
    def requests(self) -> int:
        """Served so far by the worker or the thread."""
        return self.thread.requests if self.thread else self.worker.requests

    @property
    def busy_s(self) -> float:
        """For how long the request has run; idle comes before any."""
        return self.request.busy_s if self.request else -1.0


@dataclass(frozen=True, slots=True)
class Column:
    """`show` gives the text, `sort` what to sort by; a column whose largest are of interest begins with those."""

    name: str
    width: int
    show: Callable[[Row], str]
    sort: Callable[[Row], float | str]
    largest_first: bool = True
    of_worker: bool = False
    left: bool = False

    def fit(self, text: str, style: str = "", mark: str = " ") -> Text:
        """Return a cell of it: `width` columns, and a blank or a mark before them."""
        cell = Text(f"{mark}{text}", no_wrap=True, overflow="ellipsis")
        cell.stylize(style)  # not Text(style=...): that one is left out when two texts are compared
        if self.width:
            cell.align("left" if self.left else "right", self.width + 1)
        return cell


def _wait(row: Row) -> float:
    return row.worker.queue_wait_ms.recent


COLUMNS = (
    Column("PID", 7, lambda row: row.branch or str(row.worker.pid), lambda row: row.worker.pid, largest_first=False),
    Column("STATE", 8, lambda row: row.state, lambda row: row.worker.state, largest_first=False, left=True),
    Column("GEN", 3, lambda row: str(row.worker.generation), lambda row: row.worker.generation, of_worker=True),
    Column("AGE", 5, lambda row: figures.seconds(row.worker.age_s), lambda row: row.worker.age_s, of_worker=True),
    Column("REQS", 5, lambda row: figures.count(row.requests), lambda row: row.requests),
    Column("REQ/S", 5, lambda row: figures.rate(row.rate), lambda row: row.rate or 0.0),
    Column("CONN", 5, lambda row: figures.count(row.worker.connections), lambda row: row.worker.connections,
           of_worker=True),
    Column("RSS", 5, lambda row: figures.size(row.worker.rss_bytes), lambda row: row.worker.rss_bytes or 0,
           of_worker=True),
    Column("WAIT", 5, lambda row: figures.seconds(_wait(row) / 1e3), _wait, of_worker=True),
    Column("FOR", 5, lambda row: figures.seconds(row.busy_s) if row.request else "", lambda row: row.busy_s),
    Column("DOING", 0, lambda row: row.request.request if row.request else "",
           lambda row: row.request.request if row.request else "~", largest_first=False, left=True),
)  # fmt: skip
"""In the order in which they are shown; the last one takes the width that is left."""


def order(workers: Sequence[Worker], rates: Rates, column: Column, reverse: bool) -> list[Row]:
    """Return a row for each worker, sorted by a column; equal ones by pid, so that rows do not dance."""
    rows = [Row(one, None, rates.get((one.pid,))) for one in workers]
    rows.sort(key=lambda row: row.worker.pid)
    rows.sort(key=column.sort, reverse=column.largest_first is not reverse)
    return rows


def rows_of(report: Report, rates: Rates, column: Column, reverse: bool, unfolded: Collection[int]) -> list[Row]:
    """Return the rows of the table: every worker, and below those in `unfolded` their threads."""
    rows: list[Row] = []
    for row in order(report.worker, rates, column, reverse):
        rows.append(row)
        if row.worker.pid in unfolded:
            rows += _threads(row.worker, rates)
    return rows


def cells(row: Row) -> list[Text]:
    """Return what a row shows, one text a column."""
    return [_cell(column, row) for column in COLUMNS]


def _threads(worker: Worker, rates: Rates) -> list[Row]:
    last = len(worker.threads) - 1
    return [
        Row(
            worker, thread, rates.get((worker.pid, index)), f"{'└' if index == last else '├'} {index}",
        )
        for index, thread in enumerate(worker.threads)
    ]  # fmt: skip


def _cell(column: Column, row: Row) -> Text:
    if column.of_worker and row.thread:
        return column.fit("")
    style = STYLES.get(row.state, "") if column.name == "STATE" else ""
    if column.name in ("FOR", "DOING"):
        style = "bold red" if row.busy_s >= VERY_LONG else "yellow" if row.busy_s >= LONG else ""
    return column.fit(figures.printable(column.show(row)), style)
