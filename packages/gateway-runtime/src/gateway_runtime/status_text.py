"""The status report for a terminal, and as metrics for a collector.

::

    wsgi_server 0.1.0, pid 4200, up 2 d 03:04:05, static, generation 1
    requests  1234 served, 0 slow, 0 timed out
    ...

      PID  STATE  GEN   AGE  REQUESTS  CONNS    RSS  WAIT ms  MAX ms  SERVES
     4201  busy     1  12 s       300     12  21.9M     0.10    3.20  1.2 s GET /report
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["STATES", "busy", "duration", "facts", "metrics", "printable", "size", "text", "waiting"]

_HEADINGS = ("PID", "STATE", "GEN", "AGE", "REQUESTS", "CONNS", "RSS", "WAIT ms", "MAX ms", "SERVES")
STATES = ("idle", "busy", "starting", "retiring")
"""What a worker can be."""

_LEFT = frozenset(("STATE", "SERVES"))  # columns of words; numbers stand to the right


def text(report: dict[str, Any]) -> str:
    """Return the report as lines for people."""
    workers = report["workers"]
    states = ", ".join(f"{workers[state]} {state}" for state in STATES)
    bounds = f"least {workers['least']}, most {workers['most']}, threads {report['threads']}"
    lines = [
        f"{report['program']} {report['version']}, {facts(report)}",
        f"requests  {report['requests']} served, {report['slow_requests']} slow, {report['timed_out']} timed out",
        f"workers   {workers['alive']} of {workers['configured']} ({bounds}): {states}",
        f"          {report['spawned']} spawned, {report['died']} died, {report['reloads']} reloads",
        *(f"listens   {printable(one['url'])}, {waiting(one)} waiting" for one in report["listeners"]),
        "",
    ]
    rows = [_HEADINGS, *(row for worker in report["worker"] for row in _rows(worker))]
    return "\n".join([*lines, *_table(rows)]) + "\n"


def facts(report: dict[str, Any]) -> str:
    """Return who and how old it is."""
    up = duration(report["uptime_s"])
    return f"pid {report['pid']}, up {up}, {report['manager']}, generation {report['generation']}"


def _rows(worker: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a worker's row, and below it one for every other request that it is busy with."""
    serves = [f"{duration(seconds)} {request}" for seconds, request in busy(worker)] or [""]
    wait = worker["queue_wait_ms"]
    yield (
        str(worker["pid"]), worker["state"], str(worker["generation"]), duration(worker["age_s"]),
        str(worker["requests"]), str(worker["connections"]), size(worker["rss_bytes"]), f"{wait['recent']:.2f}",
        f"{wait['max']:.2f}", serves[0],
    )  # fmt: skip
    for more in serves[1:]:
        yield ("",) * (len(_HEADINGS) - 1) + (more,)


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if heading in _LEFT else cell.rjust(width)
            for heading, cell, width in zip(_HEADINGS, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def busy(worker: dict[str, Any]) -> list[tuple[float, str]]:
    """Return what a worker serves now, the longest first: for how many seconds, and what."""
    threads = [thread for thread in worker["threads"] if thread["state"] == "busy"]
    return sorted(((one["busy_s"], printable(one["request"])) for one in threads), reverse=True)


def printable(said: str) -> str:
    """Escape what could drive a terminal or turn a line around. A peer chose the text."""
    if said.isprintable():
        return said
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in said)


def waiting(listener: dict[str, Any]) -> str:
    """Return how many connections wait, of how many."""
    return "?" if listener["queue"] is None else f"{listener['queue']} of {listener['queue_max']}"


def duration(seconds: float) -> str:
    """Return a time in at most three figures, or as a clock shows it."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour:02}:{minute:02}:{second:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def size(number: int | None) -> str:
    """Return a number of bytes in MiB."""
    return "?" if number is None else f"{number / (1 << 20):.1f}M"


def metrics(report: dict[str, Any]) -> str:
    """Return the report in the text format of Prometheus."""
    lines = []

    def add(name: str, kind: str, *samples: tuple[str, float]) -> None:
        lines.append(f"# TYPE gateway_{name} {kind}")
        lines.extend(f"gateway_{name}{labels} {value}" for labels, value in samples)

    for name in ("requests", "slow_requests", "timed_out", "spawned", "died", "reloads"):
        add(f"{name}_total", "counter", ("", report[name]))
    add("workers", "gauge", *((f'{{state="{state}"}}', report["workers"][state]) for state in STATES))
    add("connections", "gauge", ("", sum(worker["connections"] for worker in report["worker"])))
    add("resident_bytes", "gauge", ("", sum(worker["rss_bytes"] or 0 for worker in report["worker"])))
    waits = (worker["queue_wait_ms"]["recent"] for worker in report["worker"])
    add("queue_wait_seconds", "gauge", ("", max(waits, default=0.0) / 1000))
    known = ((json.dumps(one["url"]), one["queue"]) for one in report["listeners"] if one["queue"] is not None)
    add("listen_queue", "gauge", *((f"{{url={url}}}", queue) for url, queue in known))
    return "\n".join(lines) + "\n"
