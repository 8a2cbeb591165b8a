"""Questions: what a learner is asked before a run, and how an answer is read.

Each kind takes what somebody would type into a cell, says in one sentence what is wrong with it, and gives back plain
JSON::

    Number      40, "40"                          a number within limits
    Choice      "b", or the words                 one of several
    Ranking     "bca", or a list                  all of them, the first first
    Shares      [50, 30, 20], or a dict           percent of a whole, one for each part
    Curve       [1, 2, 3.5, 4]                    a value at each of these places
    Sorting     "abba", or a dict                 a box for each thing
    Words       "what I saw"                      a sentence of one's own

`typical` is an answer that people really give, right or wrong. It stands in for a learner when a notebook is tried by
itself, and in charts for readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any, ClassVar, Protocol

from lesson_kit.errors import Unfit
from lesson_kit.typed import lettered, number_of, numbers_of, option_of, sequence_of, singular, told

__all__ = ["Choice", "Curve", "Number", "Question", "Ranking", "Shares", "Sorting", "Words", "lettered"]

WHOLE = 100.0
SLACK = 1.0
"""Percent by which shares may miss the whole: three thirds are 99."""
LEAST_WORDS = 2
"""Words of an observation: "yes" is none."""


class Question(Protocol):
    """What every kind of question has."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """What the lesson calls it; unique in the lesson."""

    @property
    def asks(self) -> str:
        """The question, as a sentence in Markdown."""

    @property
    def typical(self) -> Any:
        """An answer that people give."""

    def read(self, raw: Any) -> Any:
        """Return the answer as JSON. Raises Unfit, with a sentence that says what would fit."""

    def shown(self, answer: Any) -> str:
        """Return an answer in words."""

    def how(self) -> str:
        """Return what may be typed, as a sentence in Markdown."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`, in `unit` (a word in the plural, or "")."""

    kind: ClassVar[str] = "number"
    name: str
    asks: str
    low: float
    high: float
    typical: float
    unit: str = ""
    whole: bool = True
    right: float | None = None
    because: str = ""

    def read(self, raw: Any) -> float:
        """Return a number, an int if only whole ones are asked for."""
        value = number_of(raw)
        if self.whole and value != int(value):
            raise Unfit(f"{told(raw)} is not a whole number. {self.how()}")
        if not self.low <= value <= self.high:
            raise Unfit(f"{told(raw)} is not between {self.low:g} and {self.high:g}. {self.how()}")
        return int(value) if self.whole else value

    def shown(self, answer: Any) -> str:
        """Return the number with its unit."""
        unit = singular(self.unit) if answer == 1 else self.unit
        return f"{answer:.10g} {unit}".strip()

    def how(self) -> str:
        """Say the limits."""
        whole = "whole number" if self.whole else "number"
        return f"Type a {whole} from {self.low:g} to {self.high:g}."


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options`. For a question of recall, `right` is the right one and `because` the reason, in Markdown."""

    kind: ClassVar[str] = "choice"
    name: str
    asks: str
    options: tuple[str, ...]
    typical: str
    right: str | None = None
    because: str = ""

    def read(self, raw: Any) -> str:
        """Return the option that a letter, or its words, stand for."""
        return option_of(raw, self.options, self.how())

    def shown(self, answer: Any) -> str:
        """Return the option."""
        return f"“{answer}”"

    def how(self) -> str:
        """Say the letters."""
        return f"Type a letter in quotes, such as {ascii_lowercase[len(self.options) - 1]!r}: {lettered(self.options)}."


@dataclass(frozen=True, slots=True)
class Ranking:
    """`items` in an order: `first` says what the first place means ("the dearest")."""

    kind: ClassVar[str] = "ranking"
    name: str
    asks: str
    items: tuple[str, ...]
    typical: tuple[str, ...]
    first: str = "the most"

    def read(self, raw: Any) -> list[str]:
        """Return all items, the first first."""
        found = [option_of(one, self.items, self.how()) for one in sequence_of(raw, self.how())]
        if sorted(found) != sorted(self.items):
            raise Unfit(f"Each must be named once: {len(set(found))} of {len(self.items)} are. {self.how()}")
        return found

    def shown(self, answer: Any) -> str:
        """Return the items in their order."""
        return " > ".join(answer)

    def how(self) -> str:
        """Say the letters, and which end is the first."""
        letters = ascii_lowercase[: len(self.items)]
        return f"Type the letters in your order, {self.first} first, such as {letters[::-1]!r}: {lettered(self.items)}."


@dataclass(frozen=True, slots=True)
class Shares:
    """Percent of a whole for each of `parts`; together 100."""

    kind: ClassVar[str] = "shares"
    name: str
    asks: str
    parts: tuple[str, ...]
    typical: tuple[float, ...]

    def read(self, raw: Any) -> dict[str, float]:
        """Return the percent of each part."""
        if isinstance(raw, Mapping):
            if set(raw) != set(self.parts):
                raise Unfit(f"The parts are {', '.join(self.parts)}, each once. {self.how()}")
            raw = [raw[part] for part in self.parts]
        found = numbers_of(raw, self.how())
        if len(found) != len(self.parts):
            raise Unfit(f"{len(found)} numbers for {len(self.parts)} parts. {self.how()}")
        if min(found) < 0 or abs(sum(found) - WHOLE) > SLACK:
            raise Unfit(f"Shares are not negative, and make 100 together: these make {sum(found):g}. {self.how()}")
        return dict(zip(self.parts, found, strict=True))

    def shown(self, answer: Any) -> str:
        """Return each part with its percent."""
        return ", ".join(f"{part} {percent:g} %" for part, percent in answer.items())

    def how(self) -> str:
        """Say the order of the parts."""
        return f"Type a list of percent that make 100, for {', '.join(self.parts)}: such as {list(self.typical)}."


@dataclass(frozen=True, slots=True)
class Curve:
    """A value in `unit` at each of the places `at`; `across` says what these are ("workers")."""

    kind: ClassVar[str] = "curve"
    name: str
    asks: str
    at: tuple[float, ...]
    typical: tuple[float, ...]
    across: str = ""
    unit: str = ""
    low: float = 0.0

    def read(self, raw: Any) -> list[float]:
        """Return the values."""
        found = numbers_of(raw, self.how())
        if len(found) != len(self.at):
            raise Unfit(f"{len(found)} numbers for {len(self.at)} places. {self.how()}")
        if min(found) < self.low:
            raise Unfit(f"{min(found):g} is below {self.low:g}. {self.how()}")
        return found

    def shown(self, answer: Any) -> str:
        """Return each value with its place."""
        return ", ".join(f"{place:g} → {value:g}" for place, value in zip(self.at, answer, strict=True))

    def how(self) -> str:
        """Say the places."""
        places = ", ".join(f"{place:g}" for place in self.at)
        unit = f" in {self.unit}" if self.unit else ""
        return f"Type a list of {len(self.at)} numbers{unit}, for {places} {self.across}."


@dataclass(frozen=True, slots=True)
class Sorting:
    """A box of `boxes` for each of `items`. `right`, if there is one, is a box for each item in the same order."""

    kind: ClassVar[str] = "sorting"
    name: str
    asks: str
    items: tuple[str, ...]
    boxes: tuple[str, ...]
    typical: tuple[str, ...]
    right: tuple[str, ...] | None = None
    because: str = ""

    def read(self, raw: Any) -> dict[str, str]:
        """Return the box of each item."""
        if isinstance(raw, Mapping):
            if set(raw) != set(self.items):
                raise Unfit(f"Each of {', '.join(self.items)} needs a box. {self.how()}")
            raw = [raw[item] for item in self.items]
        found = [option_of(one, self.boxes, self.how()) for one in sequence_of(raw, self.how())]
        if len(found) != len(self.items):
            raise Unfit(f"{len(found)} boxes for {len(self.items)} things. {self.how()}")
        return dict(zip(self.items, found, strict=True))

    def shown(self, answer: Any) -> str:
        """Return the things of each box."""
        held = {box: [item for item, where in answer.items() if where == box] for box in self.boxes}
        return "; ".join(f"{box}: {', '.join(items)}" for box, items in held.items() if items)

    def how(self) -> str:
        """Say the letters of the boxes, and the order of the things."""
        return f"Type a letter for each of {', '.join(self.items)}, in this order. The boxes: {lettered(self.boxes)}."


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in the learner's own words."""

    kind: ClassVar[str] = "words"
    name: str
    asks: str
    typical: str

    def read(self, raw: Any) -> str:
        """Return the words."""
        if not isinstance(raw, str) or len(raw.split()) < LEAST_WORDS:
            raise Unfit(f"{told(raw)} is no sentence. {self.how()}")
        return raw.strip()

    def shown(self, answer: Any) -> str:
        """Return the words in quotes."""
        return f"“{answer}”"

    def how(self) -> str:
        """Say that a sentence is wanted."""
        return "Type a sentence in quotes, in your own words."
