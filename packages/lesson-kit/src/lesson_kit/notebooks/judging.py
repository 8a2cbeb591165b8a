"""What a trial must have come to: faults, which are the lesson's or the kit's, and notes, which are the machine's.

What chance can change is never a fault: an expectation that did not hold here, or a check of measured numbers that says
INCONCLUSIVE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lesson_kit.checking import Exercise, Outcome
from lesson_kit.lesson import Expected
from lesson_kit.notebooks.trial import Attempt

__all__ = ["Judgement", "held", "judge"]

PASS, NOT_YET, INCONCLUSIVE = (outcome.value for outcome in (Outcome.PASS, Outcome.NOT_YET, Outcome.INCONCLUSIVE))


@dataclass(frozen=True, slots=True)
class Judgement:
    """Sentences: `faults` make the run fail, `notes` are only said."""

    faults: list[str]
    notes: list[str]


def judge(found: Attempt, reference: Mapping[str, Any] | None) -> Judgement:
    """Judge a trial by its lesson, and by the reference run if there is one."""
    if found.faults:  # what did not come to its end has nothing to compare
        return Judgement(found.faults, [])
    faults: list[str] = list(_unanswered(found))
    notes: list[str] = []
    for exercise in found.lesson.exercises:
        _judge_checks(found, exercise, faults, notes)
    for expected in found.lesson.expected:
        _judge_expected(found, expected, faults, notes)
    faults += _differences(found, reference)
    return Judgement(faults, notes)


def held(expected: Expected, measured: Mapping[str, Any]) -> bool | None:
    """Tell whether an expectation held; None if it needs a number that was not measured."""
    try:
        return bool(expected.holds(measured))
    except KeyError:
        return None


def _unanswered(found: Attempt) -> Iterator[str]:
    lesson = found.lesson
    for question in lesson.questions:
        if ("prediction", question.name) not in found.answered:
            yield f"The question {question.name!r} was never asked."
    for drawing in lesson.drawings:
        if drawing.name not in found.figures:
            yield f"The figure {drawing.name!r} was not drawn."
        if ("observation", drawing.name) not in found.answered:
            yield f"What is seen in {drawing.name!r} was never asked."
    if ("keep", lesson.keep.name) not in found.answered:
        yield "The sentence to keep was never asked for."


def _judge_checks(found: Attempt, exercise: Exercise, faults: list[str], notes: list[str]) -> None:
    outcomes = {"worked": found.verdicts.get(exercise.name, "")}
    outcomes |= {level: outcome for (name, level), outcome in found.badly.items() if name == exercise.name}
    for level, outcome in outcomes.items():
        wanted = PASS if level == "worked" else NOT_YET
        if outcome == INCONCLUSIVE and exercise.example:  # it judges what was measured here
            notes.append(f"The check of `{exercise.name}` ({level}) was inconclusive.")
        elif outcome != wanted:
            said = f"said {outcome}" if outcome else "was never asked"
            faults.append(f"The check of `{exercise.name}` ({level}) {said}, and must say {wanted}.")


def _judge_expected(found: Attempt, expected: Expected, faults: list[str], notes: list[str]) -> None:
    outcome = held(expected, found.measured)
    if outcome is None:
        faults.append(f"“{expected.says}” needs a number that no cell has noted.")
    elif not outcome and expected.firm:
        faults.append(f"“{expected.says}” did not hold, and does not depend on chance.")
    elif not outcome:
        notes.append(f"“{expected.says}” did not hold here.")


def _differences(found: Attempt, reference: Mapping[str, Any] | None) -> Iterator[str]:
    save = f"`python -m lesson_kit lessons --save-reference {found.lesson.number}`"
    if reference is None:
        yield f"There is no reference run yet: {save} makes one."
        return
    if set(reference["measured"]) != set(found.measured):
        names = ", ".join(sorted(set(reference["measured"]) ^ set(found.measured)))
        yield f"This run and the reference did not measure the same: {names}; {save} makes a new one."
    if [one["cell"] for one in reference["exact"]] != [one["cell"] for one in found.exact]:
        yield f"The exact cells are others than in the reference run: {save} makes a new one."
        return
    for one, other in zip(reference["exact"], found.exact, strict=True):
        if one["output"] != other["output"]:
            yield f"An exact cell shows {other['output']!r}, and {one['output']!r} in the reference run."
