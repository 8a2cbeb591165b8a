"""Where the texts of the lessons lie, and the parts of them that wait: an explanation is shown after an observation.

In `lessons/NN-title.md` such a part is a cell of its own, marked with the figure that it explains::

    +++ {"explain": "staircase"}

    <details><summary>Explain</summary>

    Forty requests, forty processes ...

    </details>

    +++

A reader of the page unfolds it. In the notebook a cell `desk.explain("staircase")` stands in its place, and takes the
text from here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from lesson_kit.errors import Missing

__all__ = ["LESSONS", "explanation", "lesson_file", "lessons_folder"]

LESSONS: Final = "LESSON_KIT_LESSONS"
"""The environment variable that names the folder of the texts."""

_PART = re.compile(r'^\+\+\+ \{"explain": "([\w-]+)"\}\n(.*?)^\+\+\+', re.MULTILINE | re.DOTALL)
_FOLD = re.compile(r"\A\s*<details>\s*<summary>.*?</summary>|</details>\s*\Z", re.DOTALL)


def lessons_folder(start: Path | None = None) -> Path:
    """Return the folder of the texts: `LESSON_KIT_LESSONS`, or `lessons` here or in a folder above. Raises Missing."""
    told = os.environ.get(LESSONS)
    here = (start or Path.cwd()).resolve()
    for folder in [Path(told)] if told else [parent / "lessons" for parent in (here, *here.parents)]:
        if next(folder.glob("[0-9][0-9]-*.md"), None):
            return folder
    raise Missing(
        f"The texts of the lessons are not above {here}: set {LESSONS} to the folder `lessons` of the repository."
    )


def lesson_file(number: int, folder: Path | None = None) -> Path:
    """Return the file of a lesson's text. Raises Missing."""
    where = folder or lessons_folder()
    found = next(where.glob(f"{number:02}-*.md"), None)
    if found is None:
        raise Missing(f"{where} has no text of lesson {number}.")
    return found


def explanation(number: int, figure: str, folder: Path | None = None) -> str:
    """Return the Markdown that explains a figure. Raises Missing."""
    text = lesson_file(number, folder).read_text("utf-8")
    for name, part in _PART.findall(text):
        if name == figure:
            return _FOLD.sub("", str(part).strip()).strip()
    raise Missing(f"Lesson {number} has no explanation of {figure!r}.")
