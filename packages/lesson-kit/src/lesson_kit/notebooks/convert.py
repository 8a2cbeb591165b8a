"""From `lessons/NN-title.md` to `notebooks/NN-title.ipynb`: the same cells, without output, always the same bytes.

=====================================  =====================================================================
in the text                            in the notebook
=====================================  =====================================================================
`title:` of the front matter           a first cell with a heading
`+++ {"explain": "FIGURE"}` ... `+++`  the cell `desk.explain("FIGURE")`
a link to `NN-title.md`                a link to `NN-title.ipynb`; to another file of ours, to `../lessons/`
the marks around a dated fact          nothing
a cell of the tag `make`               the same, held to the exercise's blank.py
=====================================  =====================================================================

A cell's id comes from what it says, and from how often it was said before: a cell put in between changes no other.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode, v4

from lesson_kit.errors import KitError, Missing
from lesson_kit.facts import refreshed
from lesson_kit.lesson import Lesson, load_lesson
from lesson_kit.texts import lesson_file, lessons_folder

__all__ = ["Unsound", "convert", "differences", "make_name", "notebooks_folder", "number_of", "write"]

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LINK = re.compile(r"(\]\()([^)\s#]+)")
_LESSON = re.compile(r"([0-9]{2}-[\w-]+)\.md")
_ELSEWHERE = re.compile(r"[a-z]+:|/|\.\./")
"""A link that stays as it is: with a scheme, or from the root, or into another folder beside ours."""
_FACT = re.compile(r"<!-- /?fact[\w: -]*-->")


class Unsound(KitError):
    """The text of a lesson breaks a rule; its author corrects it."""


def notebooks_folder(lessons: Path | None = None) -> Path:
    """Return where the notebooks lie: beside the texts. Raises Missing."""
    return (lessons or lessons_folder()).resolve().parent / "notebooks"


def number_of(path: Path) -> int:
    """Return the number that the name of a lesson's file begins with."""
    return int(path.name[:2])


def write(lessons: Path) -> list[Path]:
    """Write dated facts into the texts anew, and each notebook that is not as its text; return what was written."""
    written = []
    for text in sorted(lessons.glob("[0-9][0-9]-*.md")):
        before = text.read_text("utf-8")
        if (after := refreshed(before)) != before:
            text.write_text(after, "utf-8")
            written.append(text)
    notebooks_folder(lessons).mkdir(exist_ok=True)
    for path, made in _made(lessons).items():
        if _read(path) != made:
            path.write_text(made, "utf-8")
            written.append(path)
    for path in _left_over(lessons):
        path.unlink()
        written.append(path)
    return written


def differences(lessons: Path) -> list[str]:
    """Return a sentence for each notebook that is not what its text makes."""
    again = "`nox -s notebooks` writes it"
    found = [
        f"{path.name} is not what lessons/{path.stem}.md makes: {again}."
        for path, made in _made(lessons).items()
        if _read(path) != made
    ]
    return found + [f"{path.name} has no text in lessons/ any more: {again[:-9]} takes it away." for path in
                    _left_over(lessons)]  # fmt: skip


def convert(text: str, lesson: Lesson) -> NotebookNode:
    """Return the notebook that the text of a lesson makes. Raises Unsound."""
    source = jupytext.reads(text, fmt="md:myst")
    cells = [_cell("markdown", f"# Lesson {lesson.number}: {source.metadata['title']}")]
    for cell in source.cells:
        if cell.cell_type == "markdown" and "explain" in cell.metadata:
            cells.append(_cell("code", f'desk.explain("{cell.metadata["explain"]}")', tags=["explain"]))
        elif cell.cell_type == "markdown":
            cells.append(_cell("markdown", _moved(cell.source)))
        else:
            _hold_to_blank(cell, lesson)
            cells.append(_cell("code", cell.source, **cell.metadata))
    seen: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        said = (cell.cell_type, cell.source)
        cell.id = hashlib.sha256(repr((*said, seen[said])).encode()).hexdigest()[:8]
        seen[said] += 1
    made: NotebookNode = v4.new_notebook(  # type: ignore[no-untyped-call]  # nbformat has no types for what it makes
        cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    return made


def make_name(cell: Any) -> str:
    """Return the exercise that a cell is for: its tags are `make` and that name. "" for any other cell."""
    tags = cell.metadata.get("tags", [])
    return str(tags[1]) if len(tags) == 2 and tags[0] == "make" else ""


def _made(lessons: Path) -> dict[Path, str]:
    """Return the text of every notebook, by its file."""
    made = {}
    for text in sorted(lessons.glob("[0-9][0-9]-*.md")):
        try:
            notebook = convert(text.read_text("utf-8"), load_lesson(number_of(text)))
        except (Unsound, Missing) as error:
            raise Unsound(f"{text.name}: {error}") from None
        written = str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]  # nor for this
        made[notebooks_folder(lessons) / f"{text.stem}.ipynb"] = f"{written.rstrip()}\n"
    return made


def _cell(kind: str, source: str, **metadata: Any) -> NotebookNode:
    made: NotebookNode = getattr(v4, f"new_{kind}_cell")(source, metadata=metadata)
    return made


def _left_over(lessons: Path) -> list[Path]:
    found = sorted(notebooks_folder(lessons).glob("[0-9][0-9]-*.ipynb"))
    return [path for path in found if not (lessons / f"{path.stem}.md").exists()]


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def _moved(text: str) -> str:
    """Return Markdown as it must be one folder further, and without marks that only we read."""
    return _FACT.sub("", _LINK.sub(_link, text))


def _link(found: re.Match[str]) -> str:
    begin, target = found.groups()
    if lesson := _LESSON.fullmatch(target):
        return f"{begin}{lesson[1]}.ipynb"
    return f"{begin}{target}" if _ELSEWHERE.match(target) else f"{begin}../lessons/{target}"


def _hold_to_blank(cell: NotebookNode, lesson: Lesson) -> None:
    if "make" not in cell.metadata.get("tags", []):
        return
    name = make_name(cell)
    if not name:
        raise Unsound("a cell to make something has two tags: make, and the exercise's name.")
    if cell.source.strip("\n") != lesson.exercise(name).scaffold("blank").strip("\n"):
        raise Unsound(f"the cell to make `{name}` in is not the text of {name}/blank.py.")
