"""Source by its name: a lesson shows the code that runs, never a copy of it.

A name is `package.module:Class.function`, or without the colon for a whole module. What is gone is an error, so a
lesson cannot show what is not there any more.
"""

from __future__ import annotations

import importlib
import inspect
from functools import reduce
from typing import NamedTuple

from lesson_kit.errors import Missing

__all__ = ["Source", "source_of"]


class Source(NamedTuple):
    """Source text, and where it begins: a path within its package, and a line."""

    text: str
    file: str
    line: int


def source_of(name: str) -> Source:
    """Return the source of a symbol. Raises Missing."""
    module_name, _, path = name.partition(":")
    try:
        module = importlib.import_module(module_name)
        found = reduce(getattr, path.split("."), module) if path else module
        lines, first = inspect.getsourcelines(found)
    except (ImportError, AttributeError, OSError, TypeError) as error:
        raise Missing(f"There is no source of {name!r} to show: {error}.") from None
    return Source(inspect.cleandoc("".join(lines)) if not path else _dedented(lines), _file(module_name), max(first, 1))


def _dedented(lines: list[str]) -> str:
    margin = len(lines[0]) - len(lines[0].lstrip())
    return "".join(line[margin:] if line.strip() else line for line in lines).rstrip()


def _file(module: str) -> str:
    return f"{module.replace('.', '/')}.py"
