"""Every lesson is made in the same way: its parts, their order, and the names by which text and package meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import pytest

from lesson_kit.desk import Desk
from lesson_kit.lesson import COUNT, Lesson, load_lesson
from lesson_kit.notebooks.convert import convert, make_name
from lesson_kit.symbols import source_of
from lesson_kit.texts import explanation

ROOT = Path(__file__).parents[3]
LESSONS = ROOT / "lessons"
TEXTS = sorted(LESSONS.glob("[0-9][0-9]-*.md"))
TAGS = {"recall", "predict", "observe", "keep", "check", "exact", "measured"}
STEPS = {"Recall": "c", "Predict": "p", "Run": "r", "Observe": "o", "Modify": "m", "Make": "x", "Keep": "k"}
ORDER = re.compile(r"cp+rom?(p+ro?m?)*x+k")
ORDER_OF_0 = re.compile(r"p+rom?k")
"""Of these steps. What is seen in a first experiment is written down; a second one may be too small for a chart."""
MOST_LINES = 150
MINUTES = range(15, 46)
PORT = re.compile(r"(?:127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1?\]):[1-9]|\bport (?!80\b|443\b)[1-9]", re.IGNORECASE)
NAMES_OF = {
    "predict": "questions", "draw": "drawings", "observe": "drawings", "explain": "drawings",
    "scaffold": "exercises", "check": "exercises",
}  # fmt: skip
"""What the first argument of these methods of a desk names."""


class Call(NamedTuple):
    method: str
    arguments: tuple[Any, ...]


class Read(NamedTuple):
    """A lesson as it is read: its text, its front matter and cells, its notebook's cells, its package."""

    text: str
    matter: dict[str, Any]
    source: list[Any]
    cells: list[Any]
    lesson: Lesson
    calls: list[Call]


@cache
def read(path: Path) -> Read:
    text, lesson = path.read_text("utf-8"), load_lesson(int(path.name[:2]))
    source = jupytext.reads(text, fmt="md:myst")
    cells = convert(text, lesson).cells
    matter = {name: value for name, value in source.metadata.items() if name != "jupytext"}
    return Read(text, matter, source.cells, cells, lesson, list(calls(cells)))


def calls(cells: list[Any]) -> Iterator[Call]:
    """What is called of the desk, with those arguments that stand there as they are."""
    for cell in cells:
        for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                told = ast.unparse(node.func)
                plain = tuple(one.value for one in node.args if isinstance(one, ast.Constant))
                if re.fullmatch(r"desk\.\w+|open_lesson", told):
                    yield Call(told.removeprefix("desk."), plain)


every = pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)


def test_there_are_texts() -> None:
    assert TEXTS


@every
def test_front_matter(path: Path) -> None:
    _, matter, _, _, lesson, _ = read(path)
    assert list(matter) == ["title", "menu", "order", "summary"]
    assert (matter["title"], matter["order"]) == (lesson.title, lesson.number)
    assert matter["menu"].startswith(f"{lesson.number} ")
    assert "\n" not in matter["summary"]


@every
def test_sections_come_in_their_order(path: Path) -> None:
    found = read(path)
    headings = [line[3:].partition(":")[0] for line in found.text.splitlines() if line.startswith("## ")]
    steps = "".join(STEPS.get(heading, "") for heading in headings)
    assert (ORDER if found.lesson.number else ORDER_OF_0).fullmatch(steps), headings
    assert "m" in steps


@every
def test_code_is_short(path: Path) -> None:
    lines = [line for cell in read(path).cells if cell.cell_type == "code" for line in cell.source.splitlines() if line]
    assert len(lines) < MOST_LINES


@every
def test_time_is_said(path: Path) -> None:
    found = read(path)
    assert found.lesson.minutes in MINUTES
    assert f"{found.lesson.minutes} minutes" in found.text


@every
def test_tags_are_known(path: Path) -> None:
    for cell in read(path).source:
        tags = set(cell.metadata.get("tags", []))
        assert make_name(cell) or tags <= TAGS, cell.source


@every
def test_names_of_the_text_are_names_of_the_package(path: Path) -> None:
    found = read(path)
    for method, arguments in found.calls:
        if method == "open_lesson":
            assert arguments == (found.lesson.number,)
            continue
        assert callable(getattr(Desk, method, None)), method
        if method in NAMES_OF:
            assert arguments[0] in {one.name for one in getattr(found.lesson, NAMES_OF[method])}, (method, arguments)
        if method == "source":
            source_of(arguments[0])


@every
def test_names_of_the_package_are_in_the_text(path: Path) -> None:
    found = read(path)
    for method, kind in NAMES_OF.items():
        names = {one.name for one in getattr(found.lesson, kind)}
        assert {call.arguments[0] for call in found.calls if call.method == method} == names, method
    assert sorted(filter(None, map(make_name, found.cells))) == sorted(one.name for one in found.lesson.exercises)
    methods = [call.method for call in found.calls]
    assert {"open_lesson", "measured", "compare", "keep", "stop_all"} <= set(methods)
    assert methods[-1] == "stop_all"


@every
def test_earlier_lessons_are_asked_about(path: Path) -> None:
    found = read(path)
    asked = [call.arguments[0] for call in found.calls if call.method == "recall"]
    due = {0: [], 1: ["previous"], 2: ["previous"]}
    assert asked == due.get(found.lesson.number, ["previous", "earlier"])
    for question in (found.lesson.soon, found.lesson.later):
        assert question.right is not None
        assert question.because


@every
def test_each_figure_is_shown_and_explained(path: Path) -> None:
    found = read(path)
    shown = re.findall(r"!\[[^\]]+\]\(figures/([\w-]+)\.svg\)", found.text)
    assert sorted(shown) == sorted(f"{found.lesson.number:02}-{drawing.name}" for drawing in found.lesson.drawings)
    for drawing in found.lesson.drawings:
        assert explanation(found.lesson.number, drawing.name, LESSONS)
        assert drawing.alt


@every
def test_links_lead_somewhere(path: Path) -> None:
    found = read(path)
    for folder, texts in ((LESSONS, [found.text]), (ROOT / "notebooks", [cell.source for cell in found.cells])):
        for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)", "\n".join(texts)):
            if not re.match(r"[a-z]+:|/", target):
                assert (folder / target).exists(), target
    if found.lesson.number + 1 < COUNT:
        assert re.search(rf"^Next: .*\({found.lesson.number + 1:02}-", found.text, re.MULTILINE)


@every
def test_no_port_is_fixed(path: Path) -> None:
    assert PORT.findall(read(path).text) == []


def test_figures_and_references_belong_to_lessons() -> None:
    names = {
        f"{read(path).lesson.number:02}-{drawing.name}" for path in TEXTS for drawing in read(path).lesson.drawings
    }
    assert {path.stem for path in (LESSONS / "figures").iterdir()} == names
    assert {path.stem for path in (LESSONS / "reference").iterdir()} == {path.name[:2] for path in TEXTS}
