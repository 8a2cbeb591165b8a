"""What people type into a cell: numbers as text, letters for options, several of either in a row.

What reads something returns the value, or raises Unfit with a sentence that shows what was typed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from numbers import Real
from reprlib import Repr
from string import ascii_lowercase
from typing import Any

from lesson_kit.errors import Unfit

__all__ = ["lettered", "number_of", "numbers_of", "option_of", "sequence_of", "singular", "told"]

LONGEST_SYMBOL = 3
"""Letters of a unit that is a symbol, as "ms" is: it has no plural."""
_REPR = Repr()  # no more than fits into a sentence
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 60


def lettered(options: Sequence[str]) -> str:
    """Return the options with their letters."""
    return ", ".join(f"**{letter}** {option}" for letter, option in zip(ascii_lowercase, options, strict=False))


def singular(unit: str) -> str:
    """Return the singular of a word in the plural; of what is no such word, itself."""
    if len(unit) <= LONGEST_SYMBOL or not unit.endswith("s") or " " in unit:
        return unit
    return unit[: -2 if unit.endswith("sses") else -1]


def number_of(raw: Any) -> float:
    """Return a number that can be reached: finite, and no truth value."""
    if isinstance(raw, bool) or not isinstance(raw, Real | str):
        raise Unfit(f"{told(raw)} is not a number.")
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        raise Unfit(f"{told(raw)} is not a number.") from None
    if not math.isfinite(value):
        raise Unfit(f"{told(raw)} is not a number that can be reached.")
    return value


def numbers_of(raw: Any, how: str) -> list[float]:
    """Return the numbers of a list, or of a text that has commas or blanks between them."""
    parts = re.split(r"[,;\s]+", raw.strip()) if isinstance(raw, str) else sequence_of(raw, how)
    return [number_of(part) for part in parts]


def sequence_of(raw: Any, how: str) -> Sequence[Any]:
    """Return the things of a list, or the letters of a text. `how` says what may be typed."""
    if not isinstance(raw, str | list | tuple) or not raw:
        raise Unfit(f"{told(raw)} does not say it all. {how}")
    return raw.replace(" ", "").replace(",", "") if isinstance(raw, str) else raw


def told(raw: Any) -> str:
    """Return what was typed, for a sentence."""
    return _REPR.repr(raw)


def option_of(raw: Any, options: Sequence[str], how: str) -> str:
    """Return the option that is named by its words or by its letter. `how` says what may be typed."""
    if isinstance(raw, str):
        if raw in options:
            return raw
        place = ascii_lowercase.find(raw.strip().lower()) if len(raw.strip()) == 1 else -1
        if 0 <= place < len(options):
            return options[place]
    raise Unfit(f"{told(raw)} is none of them. {how}")
