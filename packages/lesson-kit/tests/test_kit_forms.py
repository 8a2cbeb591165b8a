"""Forms: each kind of question has fields, stores what they hold, and says in a sentence what is wrong with it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lesson_kit import display, forms
from lesson_kit.checking import Exercise
from lesson_kit.errors import KitError, Unfit
from lesson_kit.fields import CHOOSE, confidence_field, field_of, is_blank
from lesson_kit.questions import Choice, Curve, Number, Question, Ranking, Shares, Sorting, Words

NUMBER = Number("n", "How many?", 0, 66, 5, "calls")
CHOICE = Choice("c", "Which?", ("yes", "no"), "no")
RANKING = Ranking("r", "In which order?", ("cgi", "scgi", "wsgi"), ("wsgi", "cgi", "scgi"), first="the dearest")
SHARES = Shares("s", "How much each?", ("start", "import", "work"), (50.0, 30.0, 20.0))
CURVE = Curve("k", "How fast?", (1, 2, 4), (1.0, 2.0, 3.5), across="workers", unit="requests a second")
SORTING = Sorting("b", "Where?", ("CGI", "WSGI"), ("rule", "program"), ("rule", "program"))
WORDS = Words("w", "What do you see?", "It goes up.")


def parts(field: Any) -> list[Any]:
    """Return the fields in a box that take a value; a field alone is one."""
    inner = getattr(field.box, "children", (field.box,))
    return [one for one in inner if hasattr(one, "value") and type(one).__name__ != "HTML"]


FILLED: list[tuple[Question, list[Any], Any]] = [
    (NUMBER, [" 40 "], 40),
    (CHOICE, ["no"], "no"),
    (RANKING, ["wsgi", "cgi", "scgi"], ["wsgi", "cgi", "scgi"]),
    (SHARES, [50.0, 30.0, 20.0], {"start": 50.0, "import": 30.0, "work": 20.0}),
    (CURVE, ["1", "2.5", "3"], [1.0, 2.5, 3.0]),
    (SORTING, ["program", "rule"], {"CGI": "program", "WSGI": "rule"}),
    (WORDS, [" It falls. "], "It falls."),
]


@pytest.mark.parametrize(("question", "typed", "answer"), FILLED, ids=lambda it: getattr(it, "kind", None))
def test_what_is_filled_in_is_what_is_read_and_comes_back(question: Question, typed: list[Any], answer: Any) -> None:
    field = field_of(question, None)
    for part, value in zip(parts(field), typed, strict=True):
        part.value = value
    assert not is_blank(field.answer())
    assert question.read(field.answer()) == answer
    assert question.read(field_of(question, answer).answer()) == answer


@pytest.mark.parametrize("question", [question for question, _, _ in FILLED], ids=lambda it: it.kind)
def test_an_untouched_field_stores_nothing(question: Question) -> None:
    raw = field_of(question, None).answer()
    if not is_blank(raw):
        with pytest.raises(Unfit):
            question.read(raw)


@pytest.mark.parametrize("question", [question for question, _, _ in FILLED], ids=lambda it: it.kind)
def test_each_field_has_a_name_of_its_own(question: Question) -> None:
    names = [part.description for part in parts(field_of(question, None))]
    assert len(set(names)) == len(names)
    assert all(names) or question.kind == "choice"  # radio buttons have their options, and the question above


def test_shares_say_what_they_make_together() -> None:
    field = field_of(SHARES, None)
    together = field.box.children[-1]
    assert "100 % still to give" in together.value
    for slider in parts(field):
        slider.value = 50
    assert together.value == "Together 150 %: 50 % too much."
    parts(field)[0].value = 0
    assert together.value == "Together 100 %."


@pytest.mark.parametrize("percent", [None, 0.0, 63.0, 100.0])
def test_confidence_comes_back_even_between_the_notches(percent: float | None) -> None:
    assert confidence_field(percent).answer() == percent


# -- the whole form ---------------------------------------------------------------------------------------------------


def pressed(form: Any) -> str:
    """Press the button, and return what the form says."""
    button = next(child for child in form.children if type(child).__name__ == "Button")
    button.click()
    return str(form.children[-1].value)


def filled(form: Any, answer: Any, percent: float | None) -> Any:
    form.children[1].value = answer
    if percent is not None:
        form.children[2].value = percent
    return form


def test_the_button_stores_and_says_so_in_the_form() -> None:
    stored: list[tuple[Any, Any]] = []

    def store(answer: Any, percent: Any) -> None:
        stored.append((answer, percent))
        display.say("Stored: **40**, it is `fine`.")

    form = filled(forms.form_of(NUMBER, None, store, sure=True), "40", 80.0)
    assert "Stored: <b>40</b>, it is <code>fine</code>." in pressed(form)
    assert stored == [("40", 80.0)]


@pytest.mark.parametrize(("answer", "percent"), [("", 80.0), ("40", None)])
def test_what_is_not_filled_in_is_not_stored(answer: str, percent: float | None) -> None:
    form = filled(forms.form_of(NUMBER, None, lambda *_: pytest.fail("stored"), sure=True), answer, percent)
    assert "not there yet" in pressed(form)


def test_an_error_is_a_sentence_in_the_form() -> None:
    def store(answer: Any, percent: Any) -> None:
        raise KitError("The disk is <full>.")

    assert "The disk is &lt;full&gt;." in pressed(filled(forms.form_of(NUMBER, None, store, sure=False), "4", None))


def test_what_was_stored_is_the_preset_unless_the_question_has_changed() -> None:
    kept: Any = {"kind": "prediction", "lesson": 1, "name": "n", "value": 40, "confidence": 63.0, "at": ""}
    form = forms.form_of(NUMBER, kept, lambda *_: None, sure=True)
    assert (form.children[1].value, form.children[2].value) == ("40", 63.0)
    form = forms.form_of(NUMBER, {**kept, "value": 4000}, lambda *_: None, sure=True)
    assert form.children[1].value == ""


def test_a_menu_that_nobody_has_touched_says_so() -> None:
    for question in (SORTING, RANKING):
        assert {menu.label for menu in parts(field_of(question, None))} == {CHOOSE}


# -- where there are none ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown: widgets with their texts, and sentences."""

    widgets: list[tuple[Any, str]]
    sentences: list[str]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Let it be a notebook, and note what it would show."""
    for name in (forms.PLAIN, "LESSON_KIT_REHEARSAL"):
        monkeypatch.delenv(name, raising=False)
    found = Shown([], [])
    monkeypatch.setattr(display, "in_notebook", lambda: True)
    monkeypatch.setattr(display, "show_widget", lambda widget, text: found.widgets.append((widget, text)))
    monkeypatch.setattr(display, "_show", lambda thing: found.sentences.append(thing.data))
    return found


def test_a_form_has_a_text_beside_it(shown: Shown) -> None:
    assert forms.offer(NUMBER, None, lambda *_: None, sure=True)
    assert "How many?" in shown.widgets[0][1]


@pytest.mark.parametrize("why", ["plain", "rehearsal", "no widgets", "no notebook"])
def test_there_are_no_forms(why: str, shown: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if why == "plain":
        monkeypatch.setenv(forms.PLAIN, "1")
    elif why == "rehearsal":
        monkeypatch.setenv("LESSON_KIT_REHEARSAL", str(tmp_path))
    elif why == "no widgets":
        monkeypatch.setitem(sys.modules, "ipywidgets", None)
    else:
        monkeypatch.setattr(display, "in_notebook", lambda: False)
    assert not forms.offer(NUMBER, None, lambda *_: None, sure=True)
    assert not shown.widgets


def test_scaffolds_have_a_button_each(shown: Shown, tmp_path: Path) -> None:
    for level in ("worked", "half", "blank"):
        (tmp_path / f"{level}.py").write_text(f"answer = '{level}'\n")
    exercise = Exercise("answer", "Say it.", lambda *_: None, tmp_path)
    forms.scaffolds(exercise, "half")
    (chooser, text), (sentence,) = *shown.widgets, shown.sentences
    buttons, source = chooser.children
    assert buttons.options == ("worked", "half", "blank")
    assert "Say it." in sentence
    assert "answer = 'half'" in text
    assert "answer = 'half'" in source.outputs[0]["data"]["text/markdown"]
    buttons.value = "blank"
    assert "answer = 'blank'" in source.outputs[0]["data"]["text/markdown"]
