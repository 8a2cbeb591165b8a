"""Figures that fit a column: at most five characters and still three digits that count."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["count", "printable", "rate", "seconds", "size", "sparkline", "uptime"]

UNKNOWN = "-"
"""Where there is no figure."""

BARS = "▁▂▃▄▅▆▇█"


def count(value: float) -> str:
    """Return a number: 7, 9999, 12.3k, 123k, 4.56M."""
    if value < 9_999.5:
        return f"{value:.0f}"
    for factor, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if value < 999.5 * factor:
            return f"{_three(value / factor)}{unit}"
    return f"{value / 1e12:.3g}T"


def rate(value: float | None) -> str:
    """Return events a second: 0, 0.25, 7.10, 340, 12.3k."""
    if value is None:
        return UNKNOWN
    return "0" if value == 0 else _three(value) if value < 999.5 else count(value)


def seconds(value: float) -> str:
    """Return a time in one unit: 0, 120µs, 1.2ms, 450ms, 1.2s, 59s, 3m, 2h, 45d."""
    if value < 9.95:
        for limit, factor, unit, digits in ((0.9995e-3, 1e6, "µs", 0), (9.95e-3, 1e3, "ms", 1), (0.9995, 1e3, "ms", 0)):
            if value < limit:
                return f"{value * factor:.{digits}f}{unit}" if value else "0"
        return f"{value:.1f}s"
    for limit, length, unit in ((59.5, 1, "s"), (59.5 * 60, 60, "m"), (47.5 * 3600, 3600, "h")):
        if value < limit:
            return f"{value / length:.0f}{unit}"
    return f"{value / 86400:.0f}d"


def uptime(value: float) -> str:
    """Return a longer time in two units: 42 s, 3 min 20 s, 5 h 2 min, 12 d 3 h."""
    whole = int(value)
    for length, unit, smaller, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // smaller} {name}"
    return f"{whole} s"


def size(value: int | None) -> str:
    """Return an amount of memory in binary units: 512K, 23.0M, 1.50G."""
    if value is None:
        return UNKNOWN
    for factor, unit in ((2**10, "K"), (2**20, "M")):
        if value < 999.5 * factor:
            return f"{_three(value / factor)}{unit}"
    return f"{_three(value / 2**30)}G"


def sparkline(values: Iterable[float | None], width: int) -> str:
    """Draw the latest `width` values as bars from zero to the largest; a blank where one is unknown.

    A single value is no curve.
    """
    shown = list(values)[-width:] if width > 0 else []
    if len(shown) < 2:
        return ""
    top = max((value for value in shown if value is not None), default=0.0) or 1.0
    return "".join(" " if value is None else BARS[round(value / top * (len(BARS) - 1))] for value in shown)


def _three(value: float) -> str:
    """Return a number under 999.5 with three digits."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def printable(text: str) -> str:
    """Return a text that cannot command the terminal: whoever sends requests chooses what their paths say."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
