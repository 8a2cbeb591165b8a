"""What the lessons have changed, from the learner's own file: names sorted before and after; how sure was how right.

=============  =====================================================================================================
names          lesson 0 has the learner sort fourteen names, lesson 13 has them sorted again
predictions    each question with a measured answer (`Lesson.truths`) was predicted right or not, and so sure
lessons        what was made and passed, how many predictions were right
=============  =====================================================================================================

Whatever is missing is left out, and said: a learner may have skipped a lesson, or begun in the middle.

A prediction is right by its kind: a choice and a count are right or not; a measured number is right within a quarter, a
ranking if no more than two neighbours are the other way round, shares if the largest is the largest and none is far
off, a curve if most of its places are within a quarter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import combinations
from typing import Any, Final

from lesson_kit.checking import MARKS, Outcome
from lesson_kit.errors import Missing
from lesson_kit.lesson import COUNT, Lesson, load_lesson
from lesson_kit.questions import Curve, Number, Question, Ranking, Shares, Sorting
from lesson_kit.record import Record
from lesson_kit.texts import lesson_file

__all__ = ["LESSON_OF", "Gain", "Progress", "Sorted", "Sure", "gain_of", "is_right", "told_gain"]

FIRST, LAST = 0, COUNT - 1
BEFORE, AFTER = "boxes", "boxes_again"
"""The two questions, of the first lesson and of the last one."""
LESSON_OF: Final[Mapping[str, int]] = {
    "HTTP": 1, "SCGI": 1, "CGI": 2, "FastCGI": 4, "php-fpm": 4, "WSGI": 7, "mod_wsgi": 7, "Flask": 7, "uwsgi": 8,
    "uWSGI": 8, "gunicorn": 9, "nginx": 10, "Apache httpd": 10, "ASGI": 13,
}  # fmt: skip
"""The lesson to look at again for a name that is still in another box."""
NEAR: Final = 0.25
"""Of a measured value: what somebody may be off who has understood it. Machines differ by more."""
FAR: Final = 15.0
"""Percent of the whole that a share may be off."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """For each name whether it was in its box; `before` or `after` is None if it was not sorted then."""

    names: tuple[str, ...]
    before: Mapping[str, bool] | None
    after: Mapping[str, bool] | None

    @property
    def missed(self) -> list[str]:
        """The names that are not in their box yet."""
        now = self.after if self.after is not None else self.before or {}
        return [name for name in self.names if not now.get(name, True)]


@dataclass(frozen=True, slots=True)
class Sure:
    """A prediction with a measured answer: how sure it was, in percent, and whether it was right."""

    lesson: int
    question: str
    percent: float
    right: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What came of a lesson. `made`: PASS for what ever passed, else the last verdict, None for what was not tried."""

    lesson: Lesson
    made: Mapping[str, Outcome | None]
    sure: tuple[Sure, ...]

    @property
    def right(self) -> int:
        """How many predictions were right, of those with a measured answer."""
        return sum(one.right for one in self.sure)


@dataclass(frozen=True, slots=True)
class Gain:
    """All that there is to say."""

    names: Sorted | None
    lessons: tuple[Progress, ...]

    @property
    def sure(self) -> list[Sure]:
        """The predictions of all lessons."""
        return [one for progress in self.lessons for one in progress.sure]


def gain_of(record: Record, load: Callable[[int], Lesson] = load_lesson) -> Gain:
    """Return what a record shows. Lessons that are not installed are left out."""
    lessons = []
    for number in range(COUNT):
        try:
            lessons.append(load(number))
        except Missing:
            continue
    return Gain(_names(record, lessons), tuple(_progress(record, lesson) for lesson in lessons))


def _names(record: Record, lessons: Sequence[Lesson]) -> Sorted | None:
    """Compare the two sortings with what is right, which the first lesson knows, else the last one."""
    asked = [
        question
        for lesson in lessons
        for question in lesson.questions
        if isinstance(question, Sorting) and (lesson.number, question.name) in ((FIRST, BEFORE), (LAST, AFTER))
    ]
    if not asked or asked[0].right is None:
        return None
    right = dict(zip(asked[0].items, asked[0].right, strict=True))
    before, after = (_sorted(record, right, lesson, name) for lesson, name in ((FIRST, BEFORE), (LAST, AFTER)))
    return Sorted(asked[0].items, before, after) if before is not None or after is not None else None


def _sorted(record: Record, right: Mapping[str, str], lesson: int, name: str) -> dict[str, bool] | None:
    entry = record.last("prediction", lesson, name)
    if entry is None or not isinstance(entry["value"], dict):
        return None
    return {item: entry["value"].get(item) == box for item, box in right.items()}


def _progress(record: Record, lesson: Lesson) -> Progress:
    made = {exercise.name: _made(record, lesson.number, exercise.name) for exercise in lesson.exercises}
    measured = record.measurements(lesson.number)
    sure = (_sure(record, lesson, name, measured) for name in lesson.truths)
    return Progress(lesson, made, tuple(one for one in sure if one))


def _sure(record: Record, lesson: Lesson, name: str, measured: Mapping[str, Any]) -> Sure | None:
    entry = record.last("prediction", lesson.number, name)
    if entry is None or "confidence" not in entry:
        return None
    try:
        right = is_right(lesson.question(name), entry["value"], lesson.truths[name](measured))
    except Exception:  # not measured yet, or answered when the lesson was another one
        return None
    return Sure(lesson.number, name, entry["confidence"], right)


def _made(record: Record, lesson: int, exercise: str) -> Outcome | None:
    verdicts = [entry["value"] for entry in record.entries("verdict", lesson, exercise)]
    if not verdicts:
        return None
    return Outcome.PASS if Outcome.PASS.value in verdicts else Outcome(verdicts[-1])


def told_gain(gain: Gain, *, names: bool = True) -> str:
    """Return in Markdown what is missing, which names to look at again, and a table of the lessons."""
    rows = [_row(progress) for progress in gain.lessons]
    missing = [*(_missing_names(gain) if names else ()), *_missing_predictions(gain)]
    return "\n\n".join([*missing, "\n".join(["| lesson | made | predicted |", "|---|---|---|", *rows])])


def _missing_names(gain: Gain) -> Iterator[str]:
    if gain.names is None or gain.names.before is None:
        yield f"There is no sorting from before: {link(FIRST)} asks for it, best before anything else."
    if gain.names is None or gain.names.after is None:
        yield f'There is no sorting from after: `desk.predict("{AFTER}", ...)` in {link(LAST)} asks for it.'
    elif gain.names.missed:
        yield f"To look at again: {'; '.join(f'{name} in {_where(name)}' for name in gain.names.missed)}."


def _missing_predictions(gain: Gain) -> Iterator[str]:
    if not gain.sure:
        yield "There is no prediction yet that a measurement could have borne out."


def _row(progress: Progress) -> str:
    made = ", ".join(
        f"{MARKS[outcome]} {name}" if outcome else f"{name} not tried" for name, outcome in progress.made.items()
    )
    predicted = f"{progress.right} of {len(progress.sure)} right" if progress.sure else ""
    return f"| {link(progress.lesson.number)} | {made} | {predicted} |"


def _where(name: str) -> str:
    return link(LESSON_OF.get(name, FIRST))


def link(number: int) -> str:
    """Return a link to a lesson's notebook, which lies beside this one; words alone if there is none."""
    try:
        name = load_lesson(number).title
        return f"[{number} {name}]({lesson_file(number).stem}.ipynb)"
    except Missing:
        return f"lesson {number}"


@singledispatch
def is_right(question: Question, guess: Any, truth: Any) -> bool:
    """Tell whether a prediction was right, as an answer to a question of its kind."""
    return bool(guess == truth)


@is_right.register
def _(question: Number, guess: Any, truth: Any) -> bool:
    return bool(guess == truth) if isinstance(truth, int) else _near(guess, truth)


@is_right.register
def _(question: Ranking, guess: Any, truth: Any) -> bool:
    place = {item: number for number, item in enumerate(truth)}
    return sum(place[above] > place[below] for above, below in combinations(guess, 2)) <= 1


@is_right.register
def _(question: Shares, guess: Any, truth: Any) -> bool:
    parts = dict(zip(question.parts, truth.values() if isinstance(truth, Mapping) else truth, strict=True))
    largest = max(parts, key=lambda part: parts[part])
    most = bool(guess[largest] == max(guess.values()))
    return most and all(abs(guess[part] - parts[part]) <= FAR for part in parts)


@is_right.register
def _(question: Curve, guess: Any, truth: Any) -> bool:
    near = [_near(one, other) for one, other in zip(guess, truth, strict=True)]
    return sum(near) * 2 > len(near)


def _near(guess: float, truth: float) -> bool:
    return abs(guess - truth) <= NEAR * abs(truth)
