"""Requests a second, from two reports of one server: counters differ, clocks differ, divide.

::

    earlier report     later report        rate of it
    1200 requests      1450 requests       250 in the seconds between
    no such worker     40 requests         40 in the seconds between: it was started within them
    1200 requests      90 requests         unknown: a counter that fell was begun anew, nobody knows when
    another server     any                 unknown, all of it
    any                the same moment     unknown, all of it

The seconds are those of the server's own clock (`uptime_s`), so it does not matter how long an answer was on its way.
"""

from __future__ import annotations

from collections.abc import Mapping

from .report import Report

__all__ = ["SERVER", "Key", "Rates", "rates_between", "same_server"]

Key = tuple[int, ...]
"""Whose counter: `()` the server's, `(pid,)` a worker's, `(pid, index)` a thread's."""

Rates = Mapping[Key, float]
"""Requests a second; what is unknown is not in it."""

SERVER: Key = ()


def same_server(before: Report, after: Report) -> bool:
    """Is it the same process? A pid alone may have been given to another."""
    return before.pid == after.pid and before.uptime_s <= after.uptime_s


def rates_between(before: Report, after: Report) -> Rates:
    """Return what happened between two reports, for each second."""
    seconds = after.uptime_s - before.uptime_s
    if seconds <= 0 or not same_server(before, after):
        return {}
    ages = {worker.pid: worker.age_s for worker in after.worker}
    replaced = {worker.pid for worker in before.worker if ages.get(worker.pid, 0.0) < worker.age_s}
    then = {key: count for key, count in _counters(before).items() if not replaced.intersection(key[:1])}
    counts = ((key, now, then.get(key, 0)) for key, now in _counters(after).items())
    return {key: (now - earlier) / seconds for key, now, earlier in counts if now >= earlier}


def _counters(report: Report) -> dict[Key, int]:
    counters = {SERVER: report.requests}
    for worker in report.worker:
        counters[(worker.pid,)] = worker.requests
        counters |= {(worker.pid, index): thread.requests for index, thread in enumerate(worker.threads)}
    return counters
