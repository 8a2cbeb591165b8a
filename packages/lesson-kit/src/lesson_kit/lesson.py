"""What a lesson is made of: its questions, figures, outcomes and exercises, as values.

The text of a lesson is `lessons/NN-title.md`. What it asks, draws and checks lies in `lesson_kit.lessons.lesson_NN`,
whose `LESSON` is one of these. The two meet by name: `desk.predict("births")` in the text is the question "births"
here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from matplotlib.figure import Figure

from lesson_kit.checking import Exercise
from lesson_kit.errors import Missing
from lesson_kit.questions import Choice, Number, Question, Sorting, Words

__all__ = ["COUNT", "Drawing", "Expected", "Lesson", "load_lesson"]

COUNT = 14
"""Lessons 0 to 13."""

Guesses = Mapping[str, Any]
"""Predictions by the names of their questions."""
_Named = TypeVar("_Named")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure: `draw(data, guesses)` draws what was measured, and over it what was predicted.

    `needs` are the questions without whose answers it is not drawn. `seen` is the question that comes after it: what do
    you see? `alt` says what there is to see, for whoever cannot.
    """

    name: str
    draw: Callable[[Any, Guesses], Figure]
    needs: tuple[str, ...]
    alt: str
    seen: Words


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run is expected to show, as a sentence, and a test of the learner's own numbers.

    `holds` gets the measurements of the lesson. `otherwise` says what it can mean if it does not hold. `firm` ones are
    counts that chance does not change: those are held to in CI.
    """

    says: str
    holds: Callable[[Mapping[str, Any]], bool]
    otherwise: str
    firm: bool = False

    def told(self, numbers: Mapping[str, Any]) -> str:
        """Return in Markdown whether it holds for these measurements."""
        try:
            held = self.holds(numbers)
        except (KeyError, TypeError) as absent:  # or measured by an older lesson, in another form
            return f"❔ {self.says} *(not measured yet: {absent})*"
        return f"✅ {self.says} So it is here." if held else f"🔸 {self.says} **Not here.** {self.otherwise}"


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson. `soon` is asked in the next lesson, `later` in the third one after it; both have a right answer."""

    number: int
    title: str
    minutes: int
    questions: tuple[Question, ...]
    drawings: tuple[Drawing, ...]
    expected: tuple[Expected, ...]
    exercises: tuple[Exercise, ...]
    soon: Choice | Number | Sorting
    later: Choice | Number | Sorting
    keep: Words
    tools: Mapping[str, str] = field(default_factory=dict)
    """Real programs that some cells can use, and what for; each cell says what it does without."""
    truths: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    """For questions with a measured answer: the name, and how the answer follows from the lesson's measurements."""

    def question(self, name: str) -> Question:
        """Return a question by its name. Raises Missing."""
        return _named(name, self.questions, "question")

    def drawing(self, name: str) -> Drawing:
        """Return a figure by its name. Raises Missing."""
        return _named(name, self.drawings, "figure")

    def exercise(self, name: str) -> Exercise:
        """Return an exercise by its name. Raises Missing."""
        return _named(name, self.exercises, "exercise")


def load_lesson(number: int) -> Lesson:
    """Return a lesson by its number. Raises Missing."""
    if number not in range(COUNT):
        raise Missing(f"There is no lesson {number!r}: they are 0 to {COUNT - 1}.")
    name = f"lesson_kit.lessons.lesson_{number:02}"
    try:
        found = getattr(importlib.import_module(name), "LESSON", None)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        found = None
    if found is None:
        raise Missing(f"Lesson {number} is not part of this lesson kit.")
    assert isinstance(found, Lesson)
    return found


def _named(name: str, among: tuple[_Named, ...], what: str) -> _Named:
    for one in among:
        if getattr(one, "name", None) == name:
            return one
    names = ", ".join(sorted(getattr(one, "name", "") for one in among)) or "none"
    raise Missing(f"The lesson has no {what} {name!r}; it has: {names}.")
