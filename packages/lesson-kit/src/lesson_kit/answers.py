"""What a learner hands to a check: is it what the exercise asks for, which lines are theirs, what did it print?

The blank scaffold says what is asked for: a function (or a class) of that name, with these parameters. Whoever leaves
one out learns that in a sentence, before anything is tried.
"""

from __future__ import annotations

import ast
import copy
import inspect
import io
import traceback
from collections.abc import Callable
from functools import partial
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Final

__all__ = ["Printed", "copied", "frames_of", "kind_of", "why_not"]

LINES_KEPT: Final = 12
LINE_KEPT: Final = 200
"""Of what an answer prints: enough to find a fault by, and no more than fits under the verdict."""


class Printed(io.TextIOBase):
    """Takes what is printed, and keeps the first lines: a loop may print a million."""

    def __init__(self) -> None:
        self._kept = ""
        self._left_out = 0

    def write(self, text: str) -> int:
        """Take some text."""
        room = LINES_KEPT * LINE_KEPT - len(self._kept)
        self._kept += text[: max(0, room)]
        self._left_out += max(0, len(text) - max(0, room))
        return len(text)

    def writable(self) -> bool:
        """Say yes."""
        return True

    @property
    def text(self) -> str:
        """What is kept, and how much is not."""
        lines = self._kept.splitlines()
        shown = [line[:LINE_KEPT] for line in lines[:LINES_KEPT]]
        left_out = self._left_out + len(self._kept) - sum(len(line) + 1 for line in shown)
        return "\n".join([*shown, *([f"... and {left_out} characters more"] if left_out > 0 else [])])


def why_not(answer: object, name: str, blank: str) -> str:
    """Return a sentence if an answer cannot be tried, given the blank scaffold of its exercise; "" if it can."""
    if not callable(answer):
        return (
            f"`{name}` is {kind_of(answer)}, and must be a function: run the cell that defines it, give its name here."
        )
    asked = _definition(blank, name)
    if asked is None or isinstance(asked, ast.ClassDef):
        return ""
    if isinstance(answer, type):
        return f"`{name}` is a class, and must be a function: begin it with `def`."
    if isinstance(asked, ast.FunctionDef) and inspect.iscoroutinefunction(answer):
        return f"`{name}` begins with `async def`, so calling it runs nothing: begin it with `def`."
    names = [parameter.arg for parameter in (*asked.args.posonlyargs, *asked.args.args)]
    try:
        inspect.signature(answer).bind(*names)
    except TypeError:
        return f"`{name}` takes other arguments than the task has, which are: {', '.join(names) or 'none'}."
    except ValueError:  # something built in, that does not tell
        pass
    return ""


def kind_of(value: object) -> str:
    """Say what something is that is not what it must be: of which type, and why if it only runs later."""
    if value is None or value is ...:
        return "None" if value is None else "still `...`"
    if isinstance(value, GeneratorType | AsyncGeneratorType):
        return "a generator, since there is a `yield` in the function: `return` gives one value"
    if isinstance(value, CoroutineType):
        value.close()  # else it complains that nobody waited for it
        return "a coroutine, since the function begins with `async def`"
    return f"of type {type(value).__name__}"


def copied(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return copies, so that an answer cannot change the learner's measurements; of what has no copy, itself."""
    return tuple(_copy(value) for value in values)


def frames_of(error: BaseException, answer: Callable[..., Any]) -> list[traceback.FrameSummary]:
    """Return the learner's lines through which an error came, the outermost first: those of the answer's own module."""
    theirs = _globals(answer)
    found = traceback.walk_tb(error.__traceback__)
    return [
        traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name, lookup_line=False)
        for frame, line in found
        if frame.f_globals is theirs
    ]


def _definition(source: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None:
    for found in ast.parse(source).body:
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and found.name == name:
            return found
    return None


def _globals(answer: Any) -> dict[str, Any] | None:
    """Return the module's names of whatever is called: a function, a method, a class, an object with `__call__`."""
    answer = inspect.unwrap(answer)
    while isinstance(answer, partial):
        answer = answer.func
    if isinstance(answer, type):
        answer = vars(answer).get("__init__")
    elif not hasattr(answer, "__globals__"):
        answer = getattr(answer, "__func__", None) or type(answer).__call__
    found = getattr(answer, "__globals__", None)
    return found if isinstance(found, dict) else None


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # a socket, a server: whatever says no
        return value
