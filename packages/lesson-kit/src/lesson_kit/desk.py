"""The desk: what a notebook works with. Every cell that asks, draws, checks or explains is one call of it.

::

    desk = open_lesson(2)
    desk.recall("previous", answer=...)                 # a question from the lesson before
    desk.predict("births", answer=..., confidence=...)  # stored before anything runs
    ...                                                 # the experiment, in plain Python
    desk.measured(births=40)                            # kept for later lessons
    desk.draw("staircase", trace)                       # not before the prediction is stored; shows it
    desk.observe("staircase", answer=...)               # what do you see?
    desk.explain("staircase")                           # not before the observation is stored
    desk.scaffold("cgi_answer"); desk.check("cgi_answer", cgi_answer)
    desk.keep(answer=...)                               # one sentence
    desk.gain()                                         # on the last page: what all lessons have changed
    desk.stop_all()

`...` means "not answered yet": with widgets there is a form below the cell, without them the cell says what to type.
Nothing here raises for what a learner did or did not do: it is said in a sentence, and the notebook goes on.

With `LESSON_KIT_REHEARSAL` in the environment the typical answers stand in for a learner, so that a notebook runs by
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import EllipsisType
from typing import Any, Literal, TypeVar

from gateway_lab.servers import stop_all
from lesson_kit import display, forms, rehearsal, texts
from lesson_kit.charts.gain import draw_names, draw_sureness
from lesson_kit.checking import MARKS, examine, nothing_given
from lesson_kit.doctor import examination
from lesson_kit.errors import Missing, Unfit
from lesson_kit.gain import gain_of, told_gain
from lesson_kit.hints import show_hints
from lesson_kit.lesson import Drawing, Lesson, load_lesson
from lesson_kit.questions import Choice, Number, Question, Sorting
from lesson_kit.record import KINDS, Entry, Kind, Record, as_json, record_path
from lesson_kit.spoken import spoken
from lesson_kit.symbols import source_of

__all__ = ["Desk", "open_lesson"]

_T = TypeVar("_T")
Answer = Any | EllipsisType
SOON, LATER = 1, 3
"""How many lessons back a question of recall comes from."""


def open_lesson(number: int) -> Desk:
    """Return the desk of a lesson; say what the lesson is, where the answers are kept, and whether all is here."""
    desk = Desk(load_lesson(number), Record(record_path(), display.say))
    show_hints()
    desk.welcome()
    return desk


class Desk:
    """The desk of one lesson, with the learner's record."""

    def __init__(self, lesson: Lesson, record: Record) -> None:
        self.lesson = lesson
        self.record = record

    @spoken
    def welcome(self) -> None:
        """Say what this lesson is, and what of it cannot be had on this machine."""
        lesson = self.lesson
        count = len(self.record.entries(lesson=lesson.number))
        kept = f"{count} of this lesson so far" if count else "none of this lesson yet"
        display.say(f"**Lesson {lesson.number}: {lesson.title}** · {lesson.minutes} minutes · your answers are kept in "
                    f"`{_short(self.record.path)}` ({kept})\n\n{examination(lesson, self.record.path)}")  # fmt: skip

    # -- questions ----------------------------------------------------------------------------------------------------

    @spoken
    def predict(self, name: str, answer: Answer = ..., confidence: Answer = ...) -> None:
        """Ask for a prediction, and store it with how sure the learner is. It stays once its chart is drawn."""
        question = self.lesson.question(name)
        kept = self.record.last("prediction", self.lesson.number, name)
        if answer is ... and rehearsal.on():
            answer, confidence = question.typical, rehearsal.CONFIDENCE
        if answer is ...:
            self._offer(question, kept, lambda value, sure: self.predict(name, value, sure), sure=True)
            return
        value, percent = question.read(answer), _percent(confidence)
        if kept and kept["value"] == value and kept.get("confidence") == percent:
            display.say(f"You predict {question.shown(value)}, {percent:g} % sure.")
        elif kept and self.record.drawn_since(self.lesson.number, name):
            display.say(f"It stays at {question.shown(kept['value'])}: you have seen the chart since. "
                        f"`desk.forget({name!r})` begins anew.")  # fmt: skip
        else:
            self.record.add("prediction", self.lesson.number, name, value, percent)
            display.say(f"Stored: you predict {question.shown(value)}, {percent:g} % sure.")

    @spoken
    def recall(self, which: Literal["previous", "earlier"], answer: Answer = ...) -> None:
        """Ask a question from the lesson before, or from the third one before; say whether the answer is right."""
        number = self.lesson.number - (SOON if which == "previous" else LATER)
        if number < 0:
            raise Missing(f"Lesson {self.lesson.number} has no lesson {which} to it.")
        try:
            lesson = load_lesson(number)
        except Missing as absent:  # a teacher may have taken out what is not taught
            display.say(f"{absent} Go on with the prediction.")
            return
        question = lesson.soon if which == "previous" else lesson.later
        if answer is ... and rehearsal.on():
            answer = question.typical
        if answer is ...:
            kept = self.record.last("recall", number, question.name)
            self._offer(question, kept, lambda value, _: self.recall(which, value), sure=False)
            return
        value = question.read(answer)
        self.record.add("recall", number, question.name, value)
        right = _is_right(question, value)
        where = "" if right else f" Look again at lesson {number}, “{lesson.title}”."
        display.say(f"{'✅ Yes' if right else '🔸 Not quite'}: {question.because}{where}")

    @spoken
    def observe(self, figure: str, answer: Answer = ...) -> None:
        """Ask what the learner sees in a figure, in words, and store it."""
        drawing = self.lesson.drawing(figure)
        self._words("observation", figure, drawing.seen, answer, lambda value, _: self.observe(figure, value))

    @spoken
    def keep(self, answer: Answer = ...) -> None:
        """Ask for the one sentence to take away."""
        self._words("keep", self.lesson.keep.name, self.lesson.keep, answer, lambda value, _: self.keep(value))

    # -- what was found -----------------------------------------------------------------------------------------------

    @spoken
    def measured(self, **numbers: Any) -> None:
        """Keep what was measured, for the sentences of this lesson and for later ones. Values are JSON."""
        plain = {name: as_json(name, value) for name, value in numbers.items()}
        self.record.add_all("measurement", self.lesson.number, plain)
        rehearsal.note_measured(self.lesson.number, plain)

    def found(self, lesson: int | None = None) -> dict[str, Any]:
        """Return what was measured in this lesson, or in another one; {} if nothing was yet."""
        return self.record.measurements(self.lesson.number if lesson is None else lesson)

    def pace(self, full: _T, short: _T) -> _T:
        """Return `full` (rounds, seconds, sizes), or `short` in a short rehearsal, where many notebooks run."""
        return short if rehearsal.short() else full

    def say(self, markdown: str) -> None:
        """Show a sentence with the learner's own numbers in it."""
        display.say(markdown)

    @spoken
    def draw(self, figure: str, data: Any) -> None:
        """Draw a figure of what was measured, with the prediction in it; ask for the prediction if there is none."""
        drawing = self.lesson.drawing(figure)
        guesses = self._guesses(drawing)
        absent = [name for name in drawing.needs if name not in guesses]
        if absent:
            asked = " and ".join(f"`desk.predict({name!r}, ...)`" for name in absent)
            display.say(
                f"Predict first: this chart is drawn once {asked} above has an answer. Then run this cell again."
            )
            return
        if data is None:
            display.say("There is nothing to draw yet: run the cells above first, in their order.")
            return
        picture = drawing.draw(data, guesses)
        self.record.add("drawn", self.lesson.number, figure, list(drawing.needs))
        rehearsal.note_drawn(self.lesson.number, figure, picture, drawing.alt)
        display.show_figure(picture, drawing.alt)

    @spoken
    def compare(self) -> None:
        """Hold the learner's numbers against what was expected, and say what it can mean where they differ."""
        numbers = self.found()
        rows = [expected.told(numbers) for expected in self.lesson.expected]
        display.say("\n".join(f"- {row}" for row in rows))

    @spoken
    def explain(self, figure: str) -> None:
        """Show the explanation of a figure, once the learner has written what there is to see."""
        self.lesson.drawing(figure)
        if self.record.last("observation", self.lesson.number, figure) is None:
            display.say(
                f"First write down what you see: `desk.observe({figure!r}, ...)` above. Then run this cell again."
            )
            return
        display.say(texts.explanation(self.lesson.number, figure))

    # -- exercises ----------------------------------------------------------------------------------------------------

    @spoken
    def scaffold(self, exercise: str, level: str = "worked") -> None:
        """Show an exercise: "worked", "half" done or "blank". All three are held to the same check."""
        chosen = self.lesson.exercise(exercise)
        forms.scaffolds(chosen, level)

    @spoken
    def check(self, exercise: str, answer: object, *given: Any) -> None:
        """Try what the learner made, and say PASS, NOT YET or INCONCLUSIVE."""
        chosen = self.lesson.exercise(exercise)
        verdict = (
            examine(chosen, answer, *given) if not any(one is None for one in given) else nothing_given(chosen.name)
        )
        self.record.add("verdict", self.lesson.number, exercise, verdict.outcome.value)
        rehearsal.note_verdict(self.lesson.number, exercise, verdict)
        display.say(f"{MARKS[verdict.outcome]} **{verdict.outcome.value}**: {verdict.sentence} *(seed {verdict.seed})*")
        if verdict.printed:
            display.say(f"It printed:\n\n```text\n{verdict.printed}\n```")

    @spoken
    def source(self, symbol: str) -> None:
        """Show the source of a symbol, such as "uwsgi_gateway.protocol:encode_packet"."""
        found = source_of(symbol)
        display.show_source(found.text, f"`{found.file}`, line {found.line}:")

    # -- the end ------------------------------------------------------------------------------------------------------

    @spoken
    def gain(self, *, names: bool = True) -> None:
        """Show what the lessons have changed: names sorted before and after, how sure was how right, what is left.

        Without `names` the sorting is left out, for a lesson that shows it in a chart of its own.
        """
        found = gain_of(self.record)
        if found.names and names:
            display.show_figure(draw_names(found.names), "Fourteen names in rows, before the lessons and now: a dot "
                                "where a name was in its own box, a ring where it was not.")  # fmt: skip
        if found.sure:
            display.show_figure(draw_sureness(found.sure), "How many predictions were right, against how sure they "
                                "were; a dashed line where both are the same.")  # fmt: skip
        display.say(told_gain(found, names=names))

    @spoken
    def forget(self, *names: str) -> None:
        """Begin these questions anew, or with no name the whole lesson. A copy of the file before is kept."""
        lesson = self.lesson
        known = {one.name for one in (*lesson.questions, lesson.keep)}
        known |= {one.name for one in lesson.drawings} | {one.name for one in lesson.exercises}
        if unknown := ", ".join(sorted(set(names) - known)):
            raise Unfit(f"There is no {unknown} in this lesson; it has {', '.join(sorted(known))}.")
        drawn = [drawing.name for drawing in lesson.drawings if set(drawing.needs) & set(names)]
        kinds = [kind for kind in KINDS if not names or kind != "measurement"]  # later lessons use those
        copy = self.record.forget(lesson.number, [*names, *drawn] if names else (), kinds)
        display.say(f"Forgotten; a copy of before is `{_short(copy)}`." if copy else "There was nothing to forget.")

    @spoken
    def stop_all(self) -> None:
        """End every server that this notebook has started and that still runs."""
        count = stop_all()
        display.say(f"Stopped {count} server{'' if count == 1 else 's'}." if count else "Nothing runs any more.")

    # -- inside -------------------------------------------------------------------------------------------------------

    def _words(
        self, kind: Kind, name: str, question: Question, answer: Answer, again: Callable[[Any, Any], None]
    ) -> None:
        if answer is ... and rehearsal.on():
            answer = question.typical
        if answer is ...:
            self._offer(question, self.record.last(kind, self.lesson.number, name), again, sure=False)
            return
        value = question.read(answer)
        kept = self.record.last(kind, self.lesson.number, name)
        if kept is None or kept["value"] != value:
            self.record.add(kind, self.lesson.number, name, value)
        display.say(f"Stored: {question.shown(value)}")

    def _offer(self, question: Question, kept: Entry | None, store: Callable[[Any, Any], None], *, sure: bool) -> None:
        """Show a form for an answer, or what to type; and the answer that was stored before."""
        if kept:
            sureness = f", {kept['confidence']:g} % sure" if "confidence" in kept else ""
            display.say(f"You said {question.shown(kept['value'])}{sureness}, on {kept['at'][:10]}.")
        if forms.offer(question, kept, store, sure=sure):
            return
        more = " and `confidence=` is how sure you are, 0 to 100" if sure else ""
        display.say(f"{question.asks}\n\nIn this cell, replace `...`: {question.how()}{more}. Then run it again.")

    def _guesses(self, drawing: Drawing) -> dict[str, Any]:
        found = {name: self.record.last("prediction", self.lesson.number, name) for name in drawing.needs}
        return {name: entry["value"] for name, entry in found.items() if entry}


def _is_right(question: Choice | Number | Sorting, value: Any) -> bool:
    if isinstance(question, Sorting):
        return tuple(value.values()) == question.right
    return bool(value == question.right)


def _percent(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= 100:
        raise Unfit("Say also how sure you are: `confidence=` takes a number from 0 to 100.")
    return float(raw)


def _short(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # it lies elsewhere; or nobody knows where home is
        return str(path)
