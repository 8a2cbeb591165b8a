"""One report as plain text: for pipes, logs, and terminals that can do no more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
from rich.console import Console
from rich.text import Text

from .ask import ask, report_of
from .columns import COLUMNS, cells, rows_of
from .errors import Unreachable
from .header import header
from .report import read_report
from .target import Target
from .watch import Watch

__all__ = ["documents", "look", "print_watch"]

PLAIN_WIDTH = 100
"""Columns of the header where there is no terminal. The table's lines are as long as they are."""


async def look(targets: Sequence[Target], apart: float | None = None) -> list[Watch]:
    """Ask each server for a report, and `apart` seconds later for another one, for the rates."""
    watches = [Watch(target) for target in targets]
    await asyncio.gather(*map(_ask, watches))
    if apart is not None and any(watch.report for watch in watches):
        await asyncio.sleep(apart)
        await asyncio.gather(*map(_ask, watches))
    return watches


async def documents(targets: Sequence[Target]) -> list[str | Unreachable]:
    """Return each server's own JSON on one line, or why there is none."""
    return await asyncio.gather(*map(_document, targets))


async def _document(target: Target) -> str | Unreachable:
    try:
        document = await ask(target)
        read_report(document)  # whatever else is JSON is refused
        return msgspec.json.format(document, indent=-1).decode()
    except Unreachable as why:
        return why


async def _ask(watch: Watch) -> None:
    try:
        watch.take(await report_of(watch.target))
    except Unreachable as why:
        watch.miss(why)


def print_watch(watch: Watch, console: Console) -> None:
    """Print header and table; on a terminal no line is longer than that."""
    for line in _lines(watch, console.width if console.is_terminal else PLAIN_WIDTH):
        line.rstrip()
        if console.is_terminal:
            line.truncate(console.width, overflow="ellipsis")
        console.print(line, soft_wrap=True, highlight=False)


def _lines(watch: Watch, width: int) -> Iterator[Text]:
    if watch.report is None:
        return
    yield from header(watch, width).split("\n")
    yield Text()
    yield Text("").join(column.fit(column.name, "bold") for column in COLUMNS)
    for row in rows_of(watch.report, watch.rates, COLUMNS[0], False, set()):
        yield Text("").join(cells(row))
