"""A lesson for somebody who only reads: what the desk would ask, show or fold is written out.

In a notebook `desk.predict("births", ...)` asks; on a page it is a line of code that says nothing. So each cell that
is one call of the desk becomes what the call stands for: the question, the scaffolds in folds, the source of a
symbol. Cells with more in them are the experiment, and stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lesson_kit.checking import LEVELS
from lesson_kit.errors import Missing
from lesson_kit.lesson import Lesson, load_lesson
from lesson_kit.questions import Choice, Question, Ranking, Shares, Sorting, lettered
from lesson_kit.symbols import source_of

__all__ = ["for_readers"]

_CELL = re.compile(r"^```\{code-cell\}.*\n(?P<options>(?::[\w-]+:.*\n)*)\n?(?P<body>(?:.*\n)*?)```\n", re.MULTILINE)
_CALL = re.compile(r'desk\.(?P<call>\w+)\((?:"(?P<name>[^"]*)")?.*\)\n', re.DOTALL)
SILENT: Final = ("check", "draw", "explain", "stop_all", "gain", "forget", "measured")
"""Calls that have nothing to say to a reader, or whose outcome stands below them."""
BACK: Final = {"previous": 1, "earlier": 3}


def for_readers(text: str, number: int) -> str:
    """Return the Markdown of a lesson with the desk's calls written out. Raises Missing."""
    lesson = load_lesson(number)
    return _CELL.sub(lambda cell: _written_out(lesson, cell), text)


def _written_out(lesson: Lesson, cell: re.Match[str]) -> str:
    if "make" in re.findall(r"\w+", cell["options"]):
        return ""  # the blank scaffold, which stands above
    call = _CALL.fullmatch(cell["body"])
    if call is None or call["call"] in SILENT:
        return "" if call else cell[0]
    write = WRITERS.get(call["call"])
    return write(lesson, call["name"] or "") if write else cell[0]


def _predict(lesson: Lesson, name: str) -> str:
    return _box("Predict", lesson.question(name))


def _observe(lesson: Lesson, name: str) -> str:
    return _box("Observe", lesson.drawing(name).seen)


def _keep(lesson: Lesson, _name: str) -> str:
    return _box("Keep", lesson.keep)


def _recall(lesson: Lesson, name: str) -> str:
    number = lesson.number - BACK[name]
    try:
        before = load_lesson(number)
    except Missing:
        return ""
    question = before.soon if name == "previous" else before.later
    shown = question.shown(_right(question))
    return f"{_box('Recall', question)}\n{_fold('Answer', f'{shown}. {question.because}')}"


def _compare(lesson: Lesson, _name: str) -> str:
    return "What is expected:\n\n" + "\n".join(f"- {one.says}" for one in lesson.expected) + "\n"


def _scaffold(lesson: Lesson, name: str) -> str:
    exercise = lesson.exercise(name)
    folds = (_fold(level.capitalize(), _python(exercise.scaffold(level))) for level in LEVELS)
    return f"> **Make.** {exercise.task}\n\n" + "\n".join(folds)


def _source(_lesson: Lesson, name: str) -> str:
    found = source_of(name)
    return _fold(f"<code>{found.file}</code>, line {found.line}", _python(found.text))


WRITERS: Final[dict[str, Callable[[Lesson, str], str]]] = {
    "compare": _compare, "keep": _keep, "observe": _observe, "predict": _predict, "recall": _recall,
    "scaffold": _scaffold, "source": _source,
}  # fmt: skip


def _box(word: str, question: Question) -> str:
    return f"> **{word}.** {question.asks}{_choices(question)}\n"


def _choices(question: Question) -> str:
    """Return what there is to choose from, as more lines of the box."""
    if isinstance(question, Choice):
        return f"\n>\n> {lettered(question.options)}"
    if isinstance(question, Ranking):
        return f"\n>\n> {lettered(question.items)}"
    if isinstance(question, Shares):
        return f"\n>\n> {', '.join(question.parts)}"
    if isinstance(question, Sorting):
        return f"\n>\n> {', '.join(question.items)}\n>\n> {lettered(question.boxes)}"
    return ""


def _right(question: Question) -> object:
    """Return the right answer of a question of recall, as it reads one."""
    right = getattr(question, "right", None)
    return question.read(list(right) if isinstance(right, tuple) else right)


def _fold(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>\n"


def _python(source: str) -> str:
    return f"```python\n{source.rstrip()}\n```"
