"""The desk: out of order, twice, without an answer, with a wrong one: a sentence, never a traceback, no answer lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from lesson_kit import desk as module
from lesson_kit.desk import Desk, open_lesson
from lesson_kit.errors import KitError, Missing
from lesson_kit.lesson import Drawing, Expected, Lesson, load_lesson
from lesson_kit.questions import Number, Words
from lesson_kit.record import HOME, Record
from lesson_kit.rehearsal import REHEARSAL, SHORT
from lesson_kit.texts import LESSONS

TEXT = """
+++ {"explain": "chart"}

<details><summary>Explain</summary>

Because it **is** so.

</details>

+++
"""
drawn: list[tuple[Any, dict[str, Any]]] = []


def draw(data: Any, guesses: Any) -> Figure:
    drawn.append((data, dict(guesses)))
    return Figure() if data != "bad" else Figure(figsize=data)  # type: ignore[arg-type]  # as bad as it says


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (REHEARSAL, SHORT):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "01-one.md").write_text(TEXT)
    monkeypatch.setenv(LESSONS, str(tmp_path / "lessons"))
    monkeypatch.setenv(HOME, str(tmp_path / "home"))
    drawn.clear()


@pytest.fixture
def lesson() -> Lesson:
    model = load_lesson(1)
    return replace(
        model,
        questions=(Number("births", "How many are born?", 0, 1000, 1, unit="processes"),),
        drawings=(Drawing("chart", draw, ("births",), "A chart.", Words("seen", "What do you see?", "It is flat.")),),
        expected=(
            Expected("Forty were born.", lambda found: found["births"] == 40, "Then one was born twice."),
            Expected("They were as many.", lambda found: found["births"] > found["asked"], "Odd."),
        ),
    )


@pytest.fixture
def desk(lesson: Lesson, tmp_path: Path) -> Desk:
    return Desk(lesson, Record(tmp_path / "home" / "learner.json"))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().out


def test_a_chart_waits_for_a_prediction_and_an_explanation_for_an_observation(
    desk: Desk, said: Callable[[], str]
) -> None:
    desk.draw("chart", [1])
    assert "Predict first" in said()
    desk.explain("chart")
    assert "First write down what you see" in said()
    desk.predict("births", 40, 80)
    assert said() == "Stored: you predict 40 processes, 80 % sure.\n"
    desk.draw("chart", [1])
    assert said() == "[figure] A chart.\n"
    assert drawn == [([1], {"births": 40})]
    desk.observe("chart", "It is flat.")
    desk.explain("chart")
    assert said().endswith("Because it is so.\n")


def test_a_prediction_stays_once_its_chart_is_drawn(desk: Desk, said: Callable[[], str]) -> None:
    desk.predict("births", 40, 80)
    desk.predict("births", 50, 80)  # the chart is not drawn yet
    desk.draw("chart", [1])
    said()
    desk.predict("births", 50, 80)
    assert said() == "You predict 50 processes, 80 % sure.\n"
    desk.predict("births", 60, 80)
    assert said().startswith("It stays at 50 processes")
    desk.forget("births")
    assert said().startswith("Forgotten; a copy of before is ")
    desk.draw("chart", [1])
    assert "Predict first" in said()
    desk.predict("births", 60, 80)
    assert said().startswith("Stored")


def test_an_unanswered_question_says_what_to_type_and_what_was_said_before(desk: Desk, said: Callable[[], str]) -> None:
    desk.predict("births")
    assert "replace ...: Type a whole number from 0 to 1000" in said()
    desk.predict("births", 40, 80)
    desk.predict("births")
    assert "You said 40 processes, 80 % sure, on " in said()
    for ask in (lambda: desk.observe("chart"), desk.keep, lambda: desk.recall("previous")):
        ask()
        assert "replace ..." in said()


def predicted(desk: Desk) -> Desk:
    desk.predict("births", 40, 80)
    return desk


WRONG: list[tuple[str, Callable[[Desk], None], str]] = [
    ("answer", lambda desk: desk.predict("births", "many", 50), "'many' is not a number"),
    ("limits", lambda desk: desk.predict("births", 1001, 50), "is not between 0 and 1000"),
    ("sureness", lambda desk: desk.predict("births", 40), "how sure you are"),
    ("percent", lambda desk: desk.predict("births", 40, 101), "a number from 0 to 100"),
    ("None", lambda desk: desk.predict("births", None, 50), "None is not a number"),
    ("word", lambda desk: desk.observe("chart", "flat"), "is no sentence"),
    ("no data", lambda desk: predicted(desk).draw("chart", None), "run the cells above first"),
    ("bad data", lambda desk: predicted(desk).draw("chart", "bad"), "This did not work: "),
    ("argument", lambda desk: desk.predict("births", certainty=5), "unexpected keyword argument"),  # type: ignore[call-arg]
    ("bytes", lambda desk: desk.measured(head=b"GET"), "head cannot be kept"),
    ("no function", lambda desk: desk.check("split_head", None), "is None, and must be a function"),
    ("no numbers", lambda desk: desk.check("split_head", len, None), "INCONCLUSIVE: split_head works on your own data"),
    ("unknown", lambda desk: desk.forget("birth"), "There is no birth in this lesson; it has "),
    ("nothing", lambda desk: desk.forget(), "There was nothing to forget."),
]  # fmt: skip


@pytest.mark.parametrize(("act", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_a_sentence(
    act: Callable[[Desk], None], words: str, desk: Desk, said: Callable[[], str]
) -> None:
    act(desk)
    assert words in said()


@pytest.mark.parametrize(
    "act",
    [
        lambda desk: desk.predict("no"), lambda desk: desk.draw("no", []), lambda desk: desk.explain("no"),
        lambda desk: desk.observe("no"), lambda desk: desk.check("no", len), lambda desk: desk.scaffold("no"),
        lambda desk: desk.scaffold("split_head", "no"), lambda desk: desk.source("lesson_kit:no"),
        lambda desk: desk.recall("earlier"),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_the_lesson_lacks_is_the_lessons_fault_and_raised(act: Callable[[Desk], None], desk: Desk) -> None:
    with pytest.raises(Missing) as missing:
        act(desk)
    assert missing.value._render_traceback_() == [str(missing.value)]


def test_recall_says_whether_it_is_right_and_where_to_look(desk: Desk, said: Callable[[], str]) -> None:
    soon = load_lesson(0).soon
    desk.recall("previous", soon.right)
    assert said().startswith("✅ Yes: ")
    desk.recall("previous", soon.typical)
    assert "Not quite" in (told := said())
    assert "lesson 0" in told


def test_a_lesson_that_is_not_installed_is_no_reason_to_stop(
    desk: Desk, said: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(number: int) -> Lesson:
        raise Missing(f"Lesson {number} is not part of this lesson kit.")

    monkeypatch.setattr(module, "load_lesson", absent)
    desk.recall("previous")
    assert said() == "Lesson 0 is not part of this lesson kit. Go on with the prediction.\n"


def test_numbers_are_held_against_what_was_expected(desk: Desk, said: Callable[[], str]) -> None:
    desk.compare()
    assert said().count("not measured yet") == 2
    desk.measured(births=40)
    desk.compare()
    assert "✅ Forty were born. So it is here." in said()
    desk.measured(births=(41,), asked=40)
    desk.compare()
    assert "🔸 Forty were born. Not here. Then one was born twice." in (told := said())
    assert "not measured yet" in told  # a list is not more than a number
    assert desk.found() == {"births": [41], "asked": 40}
    assert desk.found(5) == {}


def test_forgetting_a_question_keeps_what_was_measured(desk: Desk) -> None:
    desk.predict("births", 40, 80)
    desk.measured(births=40)
    desk.forget("births")
    assert desk.found() == {"births": 40}
    desk.forget()
    assert desk.found() == {}


def test_a_check_is_kept_and_shows_what_was_printed(desk: Desk, said: Callable[[], str]) -> None:
    desk.check("split_head", lambda stream: print("here", stream.recv(4)[:4]))
    told = said()
    assert "🔸 NOT YET" in told
    assert "It printed:" in told
    assert "here b'" in told
    entry = desk.record.last("verdict", 1, "split_head")
    assert entry is not None
    assert entry["value"] == "NOT YET"


def test_what_cannot_be_kept_is_said(desk: Desk, said: Callable[[], str]) -> None:
    desk.record.path.parent.write_text("a file")
    desk.predict("births", 40, 80)
    assert "learner.json cannot be read (Not a directory): set LESSON_KIT_HOME" in said()
    with pytest.raises(KitError):
        desk.found()


def test_a_lesson_opens_with_its_name_and_what_is_kept(said: Callable[[], str]) -> None:
    open_lesson(1).keep("A sentence of mine.")
    said()
    open_lesson(1)
    assert said().startswith("Lesson 1: A request before anyone helps · 25 minutes · your answers are kept in ")
    open_lesson(1).gain()
    assert "| lesson | made | predicted |" in said()
    with pytest.raises(Missing, match="they are 0 to 13"):
        open_lesson(14)


def test_in_a_rehearsal_typical_answers_stand_in_and_faults_are_raised(
    desk: Desk, said: Callable[[], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(REHEARSAL, str(tmp_path / "rehearsal"))
    assert desk.pace(40, 4) == 40
    monkeypatch.setenv(SHORT, "1")
    assert desk.pace(40, 4) == 4
    desk.predict("births")
    assert "you predict 1 process, 60 % sure" in said()
    desk.measured(births=40)
    desk.draw("chart", [1])
    lines = [json.loads(line) for line in (tmp_path / "rehearsal" / "01.jsonl").read_text().splitlines()]
    assert lines == [{"measured": {"births": 40}}, {"drawn": "chart", "file": "01-chart.svg"}]
    assert (tmp_path / "rehearsal" / "01-chart.svg").read_text().startswith("<?xml")
    with pytest.raises(Exception, match=r"."):
        desk.draw("chart", "bad")


def test_everything_is_stopped(desk: Desk, said: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    for count, words in ((0, "Nothing runs any more."), (1, "Stopped 1 server."), (2, "Stopped 2 servers.")):
        monkeypatch.setattr(module, "stop_all", lambda count=count: count)
        desk.stop_all()
        assert said() == f"{words}\n"
