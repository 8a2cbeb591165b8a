"""A bill as text: a row and a bar for each part.

::

    demo_app:app /hello                  posix-spawn, 10 requests, the median

      spawn               0.51 ms    0.9 %  ▌
      imports            30.20 ms   55.0 %  ██████████████████████
      ...
      whole              54.91 ms            the parts: 54.87 ms, 99.9 %

Bars are of full and partial blocks where the output can show them, and of # elsewhere. Colours only in a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TextIO

from .bill_measure import Measured
from .bill_parts import COARSE, FORKED

__all__ = ["Style", "style_for", "table"]

BAR = 32
"""Columns of the longest bar: with everything else, a row fits in 80 columns."""

IMPORTS_SHOWN = 8
"""Packages that are shown one by one."""

IMPORT_SHARE = 0.01
"""Of the whole: a cheaper import is not shown by itself."""

_EIGHTHS = " ▏▎▍▌▋▊▉"

_COLOURS = {
    "wait": 90, "spawn": 31, "interpreter start": 33, "site": 93, "bill": 37, "imports": 34, "app start": 36,
    "program": 34, "handler": 32, "output": 92, "exit": 35, "reap": 90,
}  # fmt: skip
"""SGR numbers, of the sixteen that every terminal has and that its user can choose."""


class Style:
    """How the output can show things."""

    def __init__(self, *, blocks: bool, colour: bool) -> None:
        self._blocks = blocks
        self._colour = colour

    def bar(self, share: float, colour: int) -> str:
        """Draw a share of the longest bar; never nothing for something."""
        eighths = max(round(share * BAR * 8), 1 if share > 0 else 0)
        blocks = ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()
        return self.paint(blocks if self._blocks else "#" * ((eighths + 7) // 8), colour)

    def paint(self, words: str, code: int) -> str:
        """Set words in a colour, if there are colours."""
        return f"\x1b[{code}m{words}\x1b[0m" if self._colour and words else words


def style_for(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Style:
    """Find out what a stream can show. NO_COLOR: https://no-color.org."""
    terminal = stream.isatty() and environment.get("TERM") != "dumb"
    try:
        f"█{_EIGHTHS}".encode(stream.encoding or "ascii")
        blocks = True
    except (UnicodeEncodeError, LookupError):
        blocks = False
    return Style(blocks=blocks, colour=terminal and not environment.get("NO_COLOR"))


def table(measured: Measured, style: Style) -> str:
    """Return the table of one measurement."""
    whole = measured.whole
    count = len(measured.samples)
    number = "1 request" if count == 1 else f"{count} requests, the median and from least to most"
    lines = [style.paint(measured.target.name, 1), f"{measured.target.spawn}, {number}", ""]
    medians = {part: measured.median(part) for part in measured.parts}
    most = max(medians.values())
    for part, cost in medians.items():
        bar = style.bar(cost / most if most else 0, _COLOURS[part])
        lines.append(f"  {part:<17} {_ms(cost)} {_spread(measured.costs(part))} {cost / whole:6.1%}  {bar}".rstrip())
        if part == "imports":
            lines += _imports(measured.imports(), cost, whole)
    wholes = [bill.whole for bill in measured.samples]
    explained = 1 - measured.unaccounted / whole
    lines.append(f"  {'whole':<17} {_ms(whole)} {_spread(wholes)}         the parts explain {explained:.1%} of it")
    return "\n".join([*lines, *_remark(measured.kind)]) + "\n"


def _imports(costs: Sequence[tuple[str, float]], imports: float, whole: float) -> list[str]:
    """Say what is to blame for the imports."""
    shown = [(name, cost) for name, cost in costs[:IMPORTS_SHOWN] if cost >= IMPORT_SHARE * whole]
    rows = [f"    {name[:15]:<15} {_ms(cost)}" for name, cost in shown]
    rest = imports - sum(cost for _, cost in shown)
    if shown and len(shown) < len(costs) and rest > 0:
        others = len(costs) - len(shown)
        words = "1 other" if others == 1 else f"{others} others"
        rows.append(f"    {words:<15} {_ms(rest)}")
    return rows


def _remark(kind: str) -> list[str]:
    if kind == COARSE:
        return [
            "",
            "  This program does not tell its part: `program` is all that it does until its head has come, or",
            "  until its end if that comes at once.",
        ]
    if kind == FORKED:
        return ["", "  This is a copy of an interpreter that stood ready: what that saves is zero here."]
    return []


def _ms(cost: float) -> str:
    return f"{cost / 1e6:9.3f} ms"


def _spread(costs: Sequence[int]) -> str:
    return f"{min(costs) / 1e6:8.2f} -{max(costs) / 1e6:8.2f}"
