"""Forms below a cell, where ipywidgets can be had; a learner without them types the answer into the cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lesson_kit import display
from lesson_kit.checking import LEVELS, Exercise
from lesson_kit.questions import Question
from lesson_kit.record import Entry

__all__ = ["offer", "scaffolds"]


def offer(question: Question, kept: Entry | None, store: Callable[[Any, Any], None], *, sure: bool) -> bool:
    """Show a form whose button calls `store(answer, confidence)`; False where there are no widgets."""
    return False


def scaffolds(exercise: Exercise, level: str) -> None:
    """Show an exercise at one of its three levels, and say that there are others."""
    source = exercise.scaffold(level)
    others = " and ".join(f"`{other}`" for other in LEVELS if other != level)
    display.show_source(source, f"{exercise.task} Here it is **{level}**; there are also {others}:")
