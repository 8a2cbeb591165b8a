"""The last page: what a learner's file says about them, whatever of it is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from lesson_kit import display
from lesson_kit.charts.gain import draw_names, draw_sureness
from lesson_kit.checking import Outcome
from lesson_kit.errors import Missing
from lesson_kit.gain import LESSON_OF, Sorted, Sure, gain_of, is_right, told_gain
from lesson_kit.lesson import Lesson, load_lesson
from lesson_kit.questions import Choice, Curve, Number, Question, Ranking, Shares, Sorting, Words
from lesson_kit.record import Record

NAMES, BOXES = ("CGI", "nginx", "WSGI"), ("rule", "program", "call")
BOXED = Sorting("boxes", "Where?", NAMES, BOXES, BOXES, right=BOXES)
FIRST = replace(load_lesson(1), number=0, questions=(BOXED,), exercises=(), truths={})
LAST = replace(FIRST, number=13, questions=(replace(BOXED, name="boxes_again"),))
ONE = load_lesson(1)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "learner.json")


def load(number: int) -> Lesson:
    """Return one of three lessons: the others are not installed."""
    if number not in (0, 1, 13):
        raise Missing("It is not here.")
    return {0: FIRST, 1: ONE, 13: LAST}[number]


RIGHT: list[tuple[Question, Any, Any, bool]] = [
    (Number("n", "", 0, 99, 1), 40, 40, True),
    (Number("n", "", 0, 99, 1), 41, 40, False),
    (Number("n", "", 0, 99, 1), 300, 310.5, True),
    (Number("n", "", 0, 99, 1), 10, 310.5, False),
    (Choice("c", "", ("a", "b"), "a"), "a", "a", True),
    (Choice("c", "", ("a", "b"), "a"), "a", "b", False),
    (Ranking("r", "", ("a", "b", "c"), ("a", "b", "c")), ["a", "b", "c"], ["a", "c", "b"], True),
    (Ranking("r", "", ("a", "b", "c"), ("a", "b", "c")), ["a", "b", "c"], ["c", "b", "a"], False),
    (Shares("s", "", ("a", "b"), (50, 50)), {"a": 60, "b": 40}, [70, 30], True),
    (Shares("s", "", ("a", "b"), (50, 50)), {"a": 40, "b": 60}, {"a": 52, "b": 48}, False),
    (Shares("s", "", ("a", "b"), (50, 50)), {"a": 50, "b": 50}, {"a": 90, "b": 10}, False),
    (Curve("k", "", (1, 2, 4), (1, 2, 3)), [1, 2, 4], [1.1, 2.1, 2.2], True),
    (Curve("k", "", (1, 2, 4), (1, 2, 3)), [1, 2, 4], [1.1, 1, 1], False),
    (BOXED, {"CGI": "rule"}, {"CGI": "rule"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("question", "guess", "truth", "right"), RIGHT, ids=lambda it: getattr(it, "kind", None))
def test_what_is_right_depends_on_the_kind(question: Question, guess: Any, truth: Any, right: bool) -> None:
    assert is_right(question, guess, truth) is right


def test_an_empty_file_says_what_is_missing(record: Record) -> None:
    gain = gain_of(record, load)
    assert gain.names is None
    assert gain.sure == []
    said = told_gain(gain)
    for words in ("no sorting from before", "no sorting from after", "no prediction yet", "split_head not tried"):
        assert words in said
    assert "sorting" not in told_gain(gain, names=False)


def test_a_whole_file(record: Record) -> None:
    record.add("prediction", 0, "boxes", dict(zip(NAMES, ("call", "program", "rule"), strict=True)), 50.0)
    record.add("prediction", 13, "boxes_again", dict(zip(NAMES, ("rule", "program", "rule"), strict=True)), 90.0)
    record.add("prediction", 1, "first_byte", 55, 90.0)
    record.add("prediction", 1, "reads", 10, 20.0)
    record.add_all("measurement", 1, {"reads_of_7": 10})
    for outcome in (Outcome.NOT_YET, Outcome.PASS, Outcome.INCONCLUSIVE):
        record.add("verdict", 1, "split_head", outcome.value)
    gain = gain_of(record, load)
    assert gain.names == Sorted(
        NAMES, {"CGI": False, "nginx": True, "WSGI": False}, {"CGI": True, "nginx": True, "WSGI": False}
    )
    assert gain.names.missed == ["WSGI"]
    assert [(one.question, one.percent, one.right) for one in gain.sure] == [
        ("first_byte", 90, False),
        ("reads", 20, True),
    ]
    (middle,) = [progress for progress in gain.lessons if progress.lesson.number == 1]
    assert middle.made == {"split_head": Outcome.PASS}
    said = told_gain(gain)
    assert "To look at again: WSGI in " in said
    assert "✅ split_head | 1 of 2 right |" in said
    assert "no sorting" not in said


LEFT_OUT: list[tuple[str, Callable[[Record], None]]] = [
    ("not measured", lambda record: record.add("prediction", 1, "reads", 10, 20.0)),
    ("not sure", lambda record: record.add("prediction", 1, "first_byte", 10)),
    ("another form", lambda record: record.add("prediction", 0, "boxes", "rule, program, call", 9.0)),
    ("no lesson", lambda record: record.add("prediction", 5, "first", "slow", 9.0)),
]


@pytest.mark.parametrize("add", [add for _, add in LEFT_OUT], ids=[name for name, _ in LEFT_OUT])
def test_what_cannot_be_judged_is_left_out(add: Callable[[Record], None], record: Record) -> None:
    add(record)
    gain = gain_of(record, load)
    assert (gain.names, gain.sure) == (None, [])


def words_of(figure: Figure) -> str:
    return " ".join(text.get_text() for text in (*figure.texts, *(text for axis in figure.axes for text in axis.texts)))


YES, NO = dict.fromkeys(NAMES, True), dict.fromkeys(NAMES, False)
SORTINGS: list[tuple[Sorted, list[str]]] = [
    (Sorted(NAMES, NO, YES), ["had 0 in", "have 3 now", "gained"]),
    (Sorted(NAMES, YES, NO), ["have 0 now", f"lost: see lesson {LESSON_OF['nginx']}"]),
    (Sorted(NAMES, NO, NO), ["have 0 now", f"see lesson {LESSON_OF['nginx']}"]),
    (Sorted(NAMES, NO, None), ["had 0 in their own box before the lessons"]),
    (Sorted(NAMES, None, YES), ["you have 3 in their own box now"]),
    (Sorted(("x",), {"x": False}, {"x": False}), ["have 0 now"]),
]  # fmt: skip


@pytest.mark.parametrize(("names", "words"), SORTINGS, ids=range(len(SORTINGS)))
def test_names_are_drawn(names: Sorted, words: list[str]) -> None:
    figure = draw_names(names)
    assert [word for word in words if word not in " ".join(words_of(figure).split())] == []
    assert "<svg" in display.svg_of(figure, "names")


SURE = [
    ([(50.0, True)], "1 of 1 predictions were right, and you were never 80 % sure"),
    ([(100.0, False), (0.0, True)], "When you were 80 % sure or more, 0 of 1 predictions were right"),
    ([(80.0, True)] * 9 + [(20.0, False)] * 9, "When you were 80 % sure or more, 9 of 9 predictions were right"),
]


@pytest.mark.parametrize(("predictions", "title"), SURE, ids=range(len(SURE)))
def test_sureness_is_drawn(predictions: list[tuple[float, bool]], title: str) -> None:
    figure = draw_sureness([Sure(1, "q", *one) for one in predictions])
    assert title in " ".join(words_of(figure).split())


def test_every_name_of_lesson_0_has_a_lesson() -> None:
    (boxes,) = load_lesson(0).questions
    assert isinstance(boxes, Sorting)
    assert set(boxes.items) == set(LESSON_OF)
    assert isinstance(load_lesson(0).keep, Words)


@pytest.mark.parametrize("number", range(14))
def test_measured_answers_are_of_questions_that_are_asked(number: int) -> None:
    lesson = load_lesson(number)
    for name in lesson.truths:
        assert lesson.question(name).name == name
