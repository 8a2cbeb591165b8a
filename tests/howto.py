"""Read the pages of docs/how-to: what they tell a reader to copy is what the tests run.

Three things are taken from a page: files (a line that ends with the file's name and a colon, then a code block),
commands (the lines behind `$` in console blocks), and tables whose two columns are both code, "write this in place of
that".
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

__all__ = ["commands", "files", "replace", "replacements"]

FOLDER = Path(__file__).resolve().parents[1] / "docs/how-to"
_FILE = re.compile(r"^`([^`\n]+)`[^\n]*:\n\n```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CONSOLE = re.compile(r"```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ROW = re.compile(r"^\| `([^`\n]+)` \| `([^`\n]+)` \|$", re.MULTILINE)


def _text(page: str) -> str:
    return (FOLDER / f"{page}.md").read_text()


def files(page: str) -> dict[str, str]:
    """Return the page's files by the path that it gives them."""
    found = _FILE.findall(_text(page))
    names = [name for name, _ in found]
    assert len(set(names)) == len(names), f"{page}.md has two files of one name"
    return dict(found)


def commands(page: str) -> list[list[str]]:
    """Return the words of each command in the page's console blocks."""
    blocks = "".join(_CONSOLE.findall(_text(page))).replace("\\\n", " ")
    return [shlex.split(line[2:], comments=True) for line in blocks.splitlines() if line.startswith("$ ")]


def replacements(page: str) -> dict[str, str]:
    """Return what the page's tables say to write in place of what."""
    return {left.replace("\\|", "|"): right.replace("\\|", "|") for left, right in _ROW.findall(_text(page))}


def replace(text: str, values: dict[str, str]) -> str:
    """Put values in place of a page's own addresses and folders, all at once and the longest first."""
    pattern = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
    return re.sub(rf"(?:{pattern})(?![0-9])", lambda match: values[match[0]], text)
