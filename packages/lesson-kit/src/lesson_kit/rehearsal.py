"""A notebook that runs without a learner: typical answers stand in, and what came of it is noted for comparison.

`LESSON_KIT_REHEARSAL` names a folder. There the run leaves what its cells measured, drew and judged: one JSON line a
happening in `NN.jsonl`, one SVG a figure. CI reads that; a reference run keeps it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from lesson_kit import display
from lesson_kit.checking import Verdict

__all__ = ["CONFIDENCE", "REHEARSAL", "SHORT", "note_drawn", "note_measured", "note_verdict", "on", "short"]

REHEARSAL: Final = "LESSON_KIT_REHEARSAL"
SHORT: Final = "LESSON_KIT_SHORT"
"""Set beside it: measure for as short as makes sense."""
CONFIDENCE = 60.0
"""Percent that the stand-in is sure."""


def on() -> bool:
    """Tell whether this is a rehearsal."""
    return bool(os.environ.get(REHEARSAL))


def short() -> bool:
    """Tell whether this is a rehearsal in which things are only to work, so that a second is enough of each."""
    return on() and bool(os.environ.get(SHORT))


def note_measured(lesson: int, numbers: dict[str, Any]) -> None:
    """Note what a cell measured."""
    _note(lesson, {"measured": numbers})


def note_drawn(lesson: int, figure: str, picture: Figure, alt: str) -> None:
    """Note that a figure was drawn, and keep it."""
    if on():
        name = f"{lesson:02}-{figure}.svg"
        (_folder() / name).write_text(display.svg_of(picture, alt), "utf-8")
        _note(lesson, {"drawn": figure, "file": name})


def note_verdict(lesson: int, exercise: str, verdict: Verdict) -> None:
    """Note what a check said."""
    _note(lesson, {"checked": exercise, "outcome": verdict.outcome.value, "idea": verdict.idea})


def _note(lesson: int, happening: dict[str, Any]) -> None:
    if on():
        with (_folder() / f"{lesson:02}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(happening, ensure_ascii=False) + "\n")


def _folder() -> Path:
    folder = Path(os.environ[REHEARSAL])
    folder.mkdir(parents=True, exist_ok=True)
    return folder
