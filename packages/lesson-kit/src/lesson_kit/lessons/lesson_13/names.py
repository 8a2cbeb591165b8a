"""The fourteen names once more: what was right at the beginning, what is now, and where to look for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lesson_kit.errors import KitError
from lesson_kit.gain import LESSON_OF
from lesson_kit.lesson import load_lesson
from lesson_kit.lessons.lesson_00.names import BETWEEN, BOXES, NAMES, PROGRAM, RIGHT
from lesson_kit.record import Record
from lesson_kit.texts import lesson_file

__all__ = ["AGAIN", "BOXES", "NAMES", "RIGHT", "TYPICAL", "at_first", "hits", "where_to_look"]

AGAIN: Final = "boxes_again"
RIGHT_BOX: Final = dict(zip(NAMES, RIGHT, strict=True))
WRONG_STILL: Final = {"mod_wsgi": PROGRAM, "ASGI": BETWEEN}
TYPICAL: Final = tuple(WRONG_STILL.get(name, box) for name, box in RIGHT_BOX.items())
"""What somebody answers who has done the lessons, and still takes a name for what it sounds like."""


def at_first(record: Record) -> dict[str, str]:
    """Return the box of each name in the first sorting, that of lesson 0; {} if there was none."""
    entries = record.entries("prediction", 0, "boxes")
    return dict(entries[0]["value"]) if entries else {}


def hits(boxes: Mapping[str, str]) -> int:
    """Return how many names are in their box."""
    return sum(boxes.get(name) == box for name, box in RIGHT_BOX.items())


def where_to_look(record: Record) -> str:
    """Return a list in Markdown: each name that is not in its box, and the lesson that shows what it is."""
    last = record.last("prediction", 13, AGAIN)
    if last is None:
        return f"Sort the names first: `desk.predict({AGAIN!r}, ...)` above."
    missed = [name for name, box in RIGHT_BOX.items() if last["value"][name] != box]
    if not missed:
        return "All fourteen are in their box."
    return "\n".join(f"- **{name}**: {_lesson(LESSON_OF[name])}" for name in missed)


def _lesson(number: int) -> str:
    try:
        title = load_lesson(number).title
        return f"look again at [lesson {number}, “{title}”]({lesson_file(number).stem}.ipynb)"
    except KitError:  # a teacher may have taken it out
        return f"lesson {number} shows what it is"
