"""Figures as people read them: three significant digits and a unit that keeps the number short."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import floor, log10

from gateway_bench.record.document import Estimate

__all__ = [
    "amount",
    "duration",
    "duration_tick",
    "figure",
    "interval",
    "per_request",
    "rate",
    "ratio",
    "shown",
    "size",
    "spread",
]

_UNIT = re.compile(r"(?<=\d) (?=(?:µs|ms|s|MiB|KiB|B|%)(?!\w))")


def figure(value: float) -> str:
    """Return a number to three significant digits, thousands marked: 0.0123, 4.57, 68.9, 12,300."""
    if value == 0:
        return "0"
    digits = 2 - floor(log10(abs(value)))
    rounded = round(value, digits)
    if rounded == 0:
        return "0"
    return f"{rounded:,.{max(0, 2 - floor(log10(abs(rounded))))}f}"


def duration(microseconds: float) -> str:
    """Return a time in µs, ms or s."""
    for limit, factor, unit in ((999.5, 1, "µs"), (999_500, 1e3, "ms")):
        if microseconds < limit:
            return f"{figure(microseconds / factor)} {unit}"
    return f"{figure(microseconds / 1e6)} s"


def duration_tick(microseconds: float) -> str:
    """Return a round time in its shortest form, for a scale: 1 ms, 0.5 s, 20 µs."""
    if microseconds == 0:
        return "0"
    for limit, factor, unit in ((1e3, 1, "µs"), (1e6, 1e3, "ms")):
        if microseconds < limit:
            return f"{microseconds / factor:g} {unit}"
    return f"{microseconds / 1e6:g} s"


def rate(per_second: float, lower_bound: bool = False) -> str:
    """Return requests a second; "≥" says that the generator, not the server, set the limit."""
    return f"{'≥ ' if lower_bound else ''}{figure(per_second)}"


def size(in_bytes: float) -> str:
    """Return an amount of memory in MiB."""
    return f"{figure(in_bytes / 2**20)} MiB"


def amount(in_bytes: float) -> str:
    """Return a number of bytes in the unit that keeps it short."""
    for limit, factor, unit in ((999.5, 1, "B"), (999.5 * 2**10, 2**10, "KiB")):
        if abs(in_bytes) < limit:
            return f"{figure(in_bytes / factor)} {unit}"
    return size(in_bytes)


def shown(value: float, unit: str) -> str:
    """Return a figure of a proof or a goal in its unit; whole numbers without one are counts, and shown whole."""
    if unit == "bytes":
        return amount(value)
    if unit == "us":
        return duration(value)
    if unit == "x":
        return ratio(value)
    if unit == "requests/s":
        return f"{figure(value)}/s"
    return f"{value:,.0f}" if value == round(value) else figure(value)


def per_request(value: float | None) -> str:
    """Return a count for each request: whole where it is whole, "?" where nobody counts."""
    if value is None:
        return "?"
    return str(round(value)) if value == round(value) else f"{value:.3f}"


def unbroken(sentence: str) -> str:
    """Return a sentence in which no line ends between a figure and its unit."""
    return _UNIT.sub("\N{NO-BREAK SPACE}", sentence)


def ratio(value: float) -> str:
    """Return a factor: 0.482x, 3.10x, 112x."""
    return f"{figure(value)}x"


def spread(range_: Estimate, show: Callable[[float], str] = duration) -> str:
    """Return "min..max" with its unit said once if it is one; "" when all repeats agree or there is one."""
    return _from_to(show(range_["min"]), show(range_["max"]))


def interval(found: Estimate, show: Callable[[float], str] = duration) -> str:
    """Return the interval of the median as "low..high"; "" where its ends are shown alike."""
    return _from_to(show(found["low"]), show(found["high"]))


def _from_to(low: str, high: str) -> str:
    if low == high:
        return ""
    number, _, unit = low.partition(" ")
    return f"{number if unit == high.partition(' ')[2] else low}..{high}"
