"""What the site has of its own: a first page, in the order in which somebody new would want it; lessons to read."""

from __future__ import annotations

from pathlib import Path

from demo_app import sources
from lesson_kit.site.readers import for_readers

__all__ = ["write_home", "write_lessons"]

HOME = """---
title: Gatelab
summary: How the web came to talk to programs, to run, read and measure.
---
## Lessons

To read here, or to do: `python3 noxfile.py -s learn` opens them as notebooks.

| | lesson | |
|---|---|---|
{lessons}

## The rest

- [The museum](museum/): a page for each protocol, its bytes, and every date with its source.
- [The last report](report/) of the bench.
- [Documents](docs/): how it is made, how to use each part with nginx, Apache and others, and what is kept of
  each specification.
"""


def write_home(root: Path, folder: Path) -> None:
    """Write index.md for the lessons that the repository at `root` has."""
    pages = [sources.read(file, f"/{file.stem}") for file in sorted((root / "lessons").glob("[0-9][0-9]-*.md"))]
    rows = [f"| {page.order} | [{page.title}](lessons{page.path}) | {page.summary} |" for page in pages]
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(HOME.format(lessons="\n".join(rows)), "utf-8")


def write_lessons(root: Path, folder: Path) -> None:
    """Write the lessons of the repository at `root` as a reader wants them."""
    folder.mkdir(parents=True)
    for file in sorted((root / "lessons").glob("*.md")):
        text = file.read_text("utf-8")
        number = file.name.partition("-")[0]
        (folder / file.name).write_text(for_readers(text, int(number)) if number.isdecimal() else text, "utf-8")
