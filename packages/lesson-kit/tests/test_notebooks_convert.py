"""From the text of a lesson to its notebook: the same cells, the same bytes, and a sentence for what differs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lesson_kit.lesson import load_lesson
from lesson_kit.notebooks.convert import Unsound, convert, differences, make_name, write

ROOT = Path(__file__).parents[3]
LESSON = load_lesson(1)
HEAD = "---\ntitle: Heads\nmenu: 1 Heads\norder: 1\nsummary: Where?\n---\n"
BLANK = LESSON.exercises[0].scaffold("blank")


def cells(text: str) -> list[Any]:
    return list(convert(HEAD + text, LESSON).cells)


def code(source: str, tags: str = "") -> str:
    return f"```{{code-cell}} ipython3\n{f':tags: [{tags}]' if tags else ''}\n{source}\n```\n"


@pytest.mark.parametrize(
    ("text", "kind", "source"),
    [
        ("One.\n\nTwo.\n", "markdown", "One.\n\nTwo."),
        (code("1 + 1", "exact"), "code", "1 + 1"),
        ('+++ {"explain": "strip"}\n\n<details>Why</details>\n\n+++\n', "code", 'desk.explain("strip")'),
        ("![A](figures/01-a.svg)\n", "markdown", "![A](../lessons/figures/01-a.svg)"),
        ("[a](02-b-c.md), [d](02-b-c.md#e)\n", "markdown", "[a](02-b-c.ipynb), [d](02-b-c.ipynb#e)"),
        ("[a](index.md), [b](../docs/c.md)\n", "markdown", "[a](../lessons/index.md), [b](../docs/c.md)"),
        ("[a](https://a.example/b.md), [c](#d)\n", "markdown", "[a](https://a.example/b.md), [c](#d)"),
        ("Of <!-- fact:asgi-3 -->March 2019<!-- /fact -->.\n", "markdown", "Of March 2019."),
        (code(BLANK, "make, split_head"), "code", BLANK.rstrip()),
    ],
)
def test_a_cell(text: str, kind: str, source: str) -> None:
    heading, cell = cells(text)
    assert (heading.cell_type, heading.source) == ("markdown", "# Lesson 1: Heads")
    assert (cell.cell_type, cell.source) == (kind, source)


def test_tags_stay() -> None:
    _, one, other = cells(code("1", "make, split_head").replace("1\n", BLANK, 1) + code("2", "measured"))
    assert (one.metadata.tags, other.metadata.tags) == (["make", "split_head"], ["measured"])
    assert (make_name(one), make_name(other)) == ("split_head", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (code("def split_head(stream): ...", "make, split_head"), "is not the text of split_head/blank.py"),
        (code(BLANK, "make"), "has two tags"),
    ],
)
def test_a_cell_to_make_something_in_is_the_blank_one(text: str, sentence: str) -> None:
    with pytest.raises(Unsound, match=sentence):
        cells(text)


def test_ids_depend_on_what_cells_say() -> None:
    before, after = cells(code("1") + code("2") + code("1")), cells(code("2") + code("0") + code("1") + code("1"))
    ids = {(cell.source, place) for place, cell in enumerate(before)}
    assert len(ids) == 4
    assert [before[1].id, before[3].id, before[2].id] == [after[3].id, after[4].id, after[1].id]
    assert len({cell.id for cell in after}) == 5


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    folder = tmp_path / "lessons"
    folder.mkdir()
    (folder / "01-heads.md").write_text(f"{HEAD}Of <!-- fact:asgi-3 -->today<!-- /fact -->.\n\n{code('1 + 1')}")
    (folder / "index.md").write_text("No lesson.\n")
    return folder


def test_notebooks_are_written_once(lessons: Path) -> None:
    notebook = lessons.parent / "notebooks/01-heads.ipynb"
    assert differences(lessons) == [
        "01-heads.ipynb is not what lessons/01-heads.md makes: `nox -s notebooks` writes it."
    ]
    assert write(lessons) == [lessons / "01-heads.md", notebook]
    assert "March 2019" in (lessons / "01-heads.md").read_text()
    assert differences(lessons) == []
    first = notebook.read_bytes()
    assert write(lessons) == []
    notebook.unlink()
    write(lessons)
    assert notebook.read_bytes() == first
    shutil.copy(notebook, notebook.with_name("02-gone.ipynb"))
    (sentence,) = differences(lessons)
    assert sentence.startswith("02-gone.ipynb has no text")
    assert write(lessons) == [notebook.with_name("02-gone.ipynb")]
    assert differences(lessons) == []


def test_a_notebook_has_no_output_and_no_version(lessons: Path) -> None:
    write(lessons)
    text = (lessons.parent / "notebooks/01-heads.ipynb").read_text()
    told = json.loads(text)
    assert told["metadata"]["kernelspec"]["name"] == "python3"
    assert [cell["outputs"] for cell in told["cells"] if cell["cell_type"] == "code"] == [[]]
    assert not re.search(r"[0-9]+\.[0-9]+", text)


def test_what_is_wrong_names_its_lesson(lessons: Path) -> None:
    (lessons / "01-heads.md").write_text(HEAD + code("1", "make"))
    with pytest.raises(Unsound, match=r"^01-heads.md: "):
        write(lessons)


def test_the_notebooks_are_what_the_texts_make() -> None:
    assert differences(ROOT / "lessons") == []
