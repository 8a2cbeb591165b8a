"""The folder of Markdown that the site is made from: which file is which page, and what it says first.

::

    ---
    title: FastCGI
    menu: FastCGI
    order: 30
    summary: One sentence under the title.
    ---
    The text, in Markdown.

The lines between the dashes are the front matter, ``key: value`` and no more YAML than that; other
lines there are left alone, so files made for other tools can be shown too. Every key is optional:
without ``menu`` a page is not in the menu, and without ``title`` it is called after its first heading.

``DEMO_APP_CONTENT`` names another folder than the museum's. A path in a URL is matched against a
strict pattern, and the file that it names must lie inside the folder, symbolic links followed.
"""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MUSEUM = str(Path(__file__).parent / "content")

#: Pages beyond this order stand last in the menu, by their names.
LAST = 1000

#: A path of the site. No name starts with a dot or a dash: no "..", and no hidden file.
_PATH = re.compile(r"/(?:\w[\w.-]*/)*(?:\w[\w.-]*)?")
_FRONT_MATTER = re.compile(r"---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
_KEY_AND_VALUE = re.compile(r"^([a-z]+): *(.*?) *$", re.MULTILINE)
_ORDER = re.compile(r"[0-9]{1,4}", re.ASCII)
_HEADING = re.compile(r"\s*# +(.+?) *#* *\n")


@dataclass(frozen=True)
class Source:
    """A page before it is rendered: where it is, what its front matter says, and its Markdown."""

    path: str
    title: str
    menu: str
    order: int
    summary: str
    text: str


def folder() -> str:
    """Return the folder whose pages this process shows."""
    return os.environ.get("DEMO_APP_CONTENT") or MUSEUM


def find_file(folder: str, path: str, suffixes: tuple[str, ...] = ()) -> Path | None:
    """Return the file for a path of the site; None if there is none, or it is outside of ``folder``.

    With ``suffixes`` the path is that of a file with one of them, such as a picture; else that of a page.
    """
    if not _PATH.fullmatch(path) or (suffixes and not path.endswith(suffixes)):
        return None
    place = Path(folder)
    name = path if suffixes else f"{path}index.md" if path.endswith("/") else f"{path}.md"
    file = (place / name.lstrip("/")).resolve()
    return file if file.is_file() and file.is_relative_to(place.resolve()) else None


def read(file: Path, path: str) -> Source:
    """Read one page. Raises OSError; bytes that are not UTF-8 are shown as replacement characters."""
    text = file.read_text(encoding="utf-8", errors="replace").replace("\0", "\ufffd")
    front = _FRONT_MATTER.match(text)
    said = dict(_KEY_AND_VALUE.findall(front[1])) if front else {}
    text = text[front.end() :] if front else text
    heading = _HEADING.match(text)
    if heading:  # the template shows the title, so the heading would say it twice
        text = text[heading.end() :]
    order = said.get("order", "")
    return Source(
        path=path,
        title=said.get("title") or (heading[1] if heading else file.stem),
        menu=said.get("menu", ""),
        order=int(order) if _ORDER.fullmatch(order) else LAST,
        summary=said.get("summary", ""),
        text=text,
    )


@cache
def contents(folder: str) -> tuple[Source, ...]:
    """Return every page of a folder in reading order. Read once in the life of a process."""
    found = []
    place = Path(folder)
    for file in place.rglob("*.md"):
        path = "/" + file.relative_to(place).as_posix().removesuffix(".md").removesuffix("index")
        if find_file(folder, path):
            found.append(read(file, path))
    return tuple(sorted(found, key=lambda source: (source.order, source.path)))
