"""The lines above the table: the whole server in six lines of text.

::

    wsgi_server 0.1.0   pid 4200   up 5 h 2 min   dynamic   generation 3      unix:/run/app.status
    requests  12.3k/s  ▁▂▃▅▇█▇▅▃▂▁▁▂▃▅▇█▇▅▃▂▁▁▂▃▅▇                        1,234,567 in all
    workers   4 (2 to 8)   3 idle   1 busy   0 starting   0 retiring   8 threads
    queue     0 of 1024  http://127.0.0.1:8000   2 of 128  unix:/run/app.sock
    waited    100µs recently   3.2ms at most
    trouble   1 died   0 slow   0 timed out          5 spawned   2 reloads
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from . import figures
from .report import Report
from .watch import Watch

__all__ = ["header"]

LABEL = 10
"""Columns of the words on the left."""

GAP = "   "

FILLING = 0.5
"""Share of a listen queue from which it is marked: the kernel turns connections away when it is full."""


def header(watch: Watch, width: int) -> Text:
    """Return what is known of a server in lines of `width` columns; none if it has never answered."""
    report = watch.report
    if report is None:
        return Text()
    lines = [
        _title(report, str(watch.target), width),
        _requests(watch, report, width),
        _workers(report),
        _queues(report),
        _waits(report),
        _trouble(report),
    ]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _title(report: Report, address: str, width: int) -> Text:
    line = Text.assemble(
        (f"{figures.printable(report.program)} {figures.printable(report.version)}", "bold"),
        f"{GAP}pid {report.pid}{GAP}up {figures.uptime(report.uptime_s)}",
        f"{GAP}{figures.printable(report.manager)}{GAP}generation {report.generation}",
    )
    room = width - line.cell_len - len(GAP)
    if len(address) <= room:  # it was typed a moment ago: the first to go
        line.append(f"{GAP}{address:>{room}}", "dim")
    return line


def _requests(watch: Watch, report: Report, width: int) -> Text:
    if watch.rate is None:
        return _labelled("requests", f"{report.requests:,} in all")
    line = _labelled("requests", f"{figures.rate(watch.rate)}/s".ljust(8), GAP)
    total = f"{GAP}{report.requests:,} in all"
    room = max(0, width - line.cell_len - len(total))
    curve = figures.sparkline(watch.curve, room)
    line.append(curve.ljust(room), "cyan")
    line.append(total)
    return line


def _workers(report: Report) -> Text:
    workers = report.workers
    wanted = f" ({workers.least} to {workers.most})"
    if workers.least == workers.most:
        wanted = f" of {workers.most}" if workers.alive < workers.most else ""
    line = _labelled("workers")
    line.append(f"{workers.alive}{wanted}", "yellow" if workers.alive < workers.least else "")
    for number, state, style in (
        (workers.idle, "idle", ""),
        (workers.busy, "busy", "green"),
        (workers.starting, "starting", "cyan"),
        (workers.retiring, "retiring", "yellow"),
    ):
        line.append(f"{GAP}{number} {state}", style if number else "dim")
    line.append(f"{GAP}{report.threads} thread{'s' if report.threads != 1 else ''}")
    return line


def _queues(report: Report) -> Text:
    line = _labelled("queue")
    for listener in report.listeners:
        if listener.queue is None:
            text, style = figures.UNKNOWN, "dim"
        elif listener.queue_max is None:
            text, style = str(listener.queue), ""
        else:
            full = listener.queue >= FILLING * listener.queue_max
            text, style = f"{listener.queue} of {listener.queue_max}", "bold red" if full else ""
        line.append(text, style)
        line.append(f"  {figures.printable(listener.url)}{GAP}")
    return line


def _waits(report: Report) -> Text:
    waits = [worker.queue_wait_ms for worker in report.worker]
    recent = max((wait.recent for wait in waits), default=0.0)
    most = max((wait.max for wait in waits), default=0.0)
    return _labelled("waited", f"{figures.seconds(recent / 1e3)} recently{GAP}{figures.seconds(most / 1e3)} at most")


def _trouble(report: Report) -> Text:
    line = _labelled("trouble")
    for number, what, style in _counts(report):
        line.append(f"{number:,} {what}", style if number else "dim")
        line.append(GAP)
    line.append(f"{report.spawned:,} spawned{GAP}{report.reloads:,} reload{'s' if report.reloads != 1 else ''}")
    return line


def _counts(report: Report) -> Iterator[tuple[int, str, str]]:
    yield report.died, "died", "bold red"
    yield report.slow_requests, "slow", "yellow"
    yield report.timed_out, "timed out", "bold red"


def _labelled(label: str, *texts: str) -> Text:
    return Text.assemble((label.ljust(LABEL), "dim"), *texts)
