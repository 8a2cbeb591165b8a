"""Every check of every lesson is fair: it passes what is right, names what is wrong, and gives nothing away."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lesson_kit.checking import Exercise, NotYet
from lesson_kit.lesson import load_lesson
from lesson_kit.notebooks.convert import number_of
from lesson_kit.proofs import load_answer, prove, tells

LESSONS = Path(__file__).parents[3] / "lessons"


def exercises() -> list[Any]:
    lessons = [load_lesson(number_of(path)) for path in sorted(LESSONS.glob("[0-9][0-9]-*.md"))]
    return [
        pytest.param(exercise, id=f"{lesson.number}-{exercise.name}")
        for lesson in lessons
        for exercise in lesson.exercises
    ]


@pytest.mark.parametrize("exercise", exercises())
def test_a_check_is_fair(exercise: Exercise) -> None:
    assert prove(exercise).faults == []


# -- a proof finds what is wrong with a check -------------------------------------------------------------------------

WORKED = "def double(number):\n    return 2 * number + 0\n"
ANSWERS = {
    "worked": WORKED,
    "half": "def double(number):\n    return number\n",
    "blank": "def double(number):\n    ...\n",
    "mutants/square": "def double(number):\n    return number * number\n",
    "mutants/same": "def double(number):\n    return number\n",
    "mutants/more": "def double(number):\n    return number + 1\n",
}


def check_double(double: Callable[[int], Any], dice: random.Random) -> None:
    number = dice.randint(1000, 9999)
    answer = double(number)
    ideas = {None: "blank", number: "same", number + 1: "more", number**2: "square"}
    if answer != 2 * number:
        raise NotYet(ideas.get(answer, "wrong"), "Twice a number is the number and as much again.")


def gives_away(double: Callable[[int], Any], dice: random.Random) -> None:
    number = dice.randint(1000, 9999)
    if double(number) != 2 * number:
        raise NotYet("same", f"It should have been {2 * number}.")


def lets_pass(double: Callable[[int], Any], dice: random.Random) -> None:
    if double(dice.randint(0, 9)) is None:
        raise NotYet("blank", "It ends without a value.")


def exercise(folder: Path, check: Callable[..., None], **changed: str) -> Exercise:
    for name, source in (ANSWERS | {name.replace("_", "/"): text for name, text in changed.items()}).items():
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        if source:
            path.write_text(source)
    return Exercise("double", "Double it.", check, folder)


def test_a_fair_check_has_no_faults(tmp_path: Path) -> None:
    proof = prove(exercise(tmp_path, check_double))
    assert proof.faults == []
    assert set(proof.seconds) == {"worked", "half", "blank", "square", "same", "more"}


@pytest.mark.parametrize(
    ("check", "changed", "fault"),
    [
        (check_double, {"worked": ANSWERS["half"]}, "worked.py is refused"),
        (check_double, {"half": WORKED}, "half.py is not refused"),
        (check_double, {"blank": "x = 1\n"}, "blank.py does not define double"),
        (check_double, {"mutants_same": ""}, "2 mutants"),
        (check_double, {"mutants_same": ANSWERS["mutants/more"]}, "same.py is refused for 'more'"),
        (lets_pass, {}, "square.py is not refused"),
        (gives_away, {}, "gives away"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, check: Callable[..., None], changed: dict[str, str], fault: str) -> None:
    assert any(fault in sentence for sentence in prove(exercise(tmp_path, check, **changed)).faults)


@pytest.mark.parametrize(
    ("sentence", "value", "told"),
    [
        ("It is b'GET ' here", b"GET ", "b'GET '"),
        ("It begins with GET /index", [("GET /index", 1)], "GET /index"),
        ("The size is 21573.", (21573, 0), "21573"),
        ("The size is 21,573", 21573, "21,573"),
        ("The sizes are 215730 and 1.21573", 21573, ""),
        ("In 40 pieces, of which 7", (40, 7), ""),
        ("It gave None", None, ""),
        ("Use `return 2 * number + 0`", 1, "return 2 * number + 0"),
        ("A dict has 'value-of-it'", {"a": "value-of-it"}, "'value-of-it'"),
        ("Its key is the-key", {"the-key": 1}, ""),
        ("An average is a word", "average", ""),
        ("The fault is `average`", {"average"}, "`average`"),
        ("The task has said number", "number", ""),
        ("The task has said number", "number", ""),
    ],
)
def test_what_gives_an_answer_away(sentence: str, value: object, told: str) -> None:
    assert tells(sentence, [value], WORKED, ANSWERS["blank"]) == told


def test_an_answer_that_is_none(tmp_path: Path) -> None:
    assert load_answer(exercise(tmp_path, check_double, blank="double = 2\n"), tmp_path / "blank.py") is None
