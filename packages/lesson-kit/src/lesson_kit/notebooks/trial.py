"""One lesson, tried as a hurried learner would: run all, answer badly, restart and run all again.

::

    kernel 1   every cell, with the worked scaffold in the cells of `make`
               then, for `half` and `blank`: from the cell of `make` to the last check of that exercise
    kernel 2   every cell again, with the learner's file that the first has left; this time always short

What comes of it is an `Attempt`: values, and a sentence for whatever went wrong. Whether the values are right is for
`judging`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from lesson_kit.errors import SENTENCES
from lesson_kit.lesson import Lesson
from lesson_kit.texts import lesson_file
from lesson_kit.notebooks.convert import convert, make_name, notebooks_folder
from lesson_kit.notebooks.kernel import CELL_LIMIT, Room, running
from lesson_kit.record import Record

__all__ = ["Attempt", "Exact", "attempt"]

BADLY = ("half", "blank")
WARNED = "⚠️"
"""What the desk says instead of raising begins with it."""

Exact = dict[str, str]
"""A cell whose output is the same on every machine: {"cell": its source, "output": what it shows}."""
Tell = Callable[[int, int], None]
"""Told how many cells of how many are done."""


class Halted(Exception):
    """A notebook cannot go on; what was wrong is noted."""


@dataclass
class Attempt:
    """What came of a trial. `badly` has the outcomes with the scaffolds that are not done, by exercise and level."""

    lesson: Lesson
    seconds: list[float] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)
    exact: list[Exact] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    badly: dict[tuple[str, str], str] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    answered: set[tuple[str, str]] = field(default_factory=set)
    """Kind and name of what the learner's file has answers for."""
    faults: list[str] = field(default_factory=list)


async def attempt(lesson: Lesson, lessons: Path, *, short: bool, guarded: bool, tell: Tell) -> Attempt:
    """Try a lesson and return what came of it."""
    found = Attempt(lesson)
    try:
        worked = _worked(lesson, lessons)
    except SENTENCES as error:  # the others are tried all the same
        found.faults.append(str(error))
        return found
    done, count = 0, 2 * len(worked.cells)

    def one_more() -> None:
        nonlocal done
        done += 1
        tell(done, count)

    with Room(lessons, guarded=guarded) as room:
        for first in (True, False):
            began = time.perf_counter()
            exact = await _run(found, room, deepcopy(worked), one_more, first=first, short=short or not first)
            found.seconds.append(time.perf_counter() - began)
            found.faults += room.left()
            if found.faults:
                break
        if exact != found.exact and not found.faults:
            found.faults.append(f"A second run shows something else: {_difference(found.exact, exact)}")
        found.faults += room.said()
    return found


def _worked(lesson: Lesson, lessons: Path) -> NotebookNode:
    """Return the notebook with the worked answers in it. Raises KitError."""
    worked = convert(lesson_file(lesson.number, lessons).read_text("utf-8"), lesson)
    for cell in worked.cells:
        if name := make_name(cell):
            cell.source = lesson.exercise(name).scaffold("worked")
    return worked


async def _run(
    found: Attempt, room: Room, notebook: NotebookNode, done: Callable[[], None], *, first: bool, short: bool
) -> list[Exact]:
    """Run every cell in a new kernel; the first time also try what is not done. Return what is exact."""
    lesson = found.lesson
    try:
        async with running(room, notebook, notebooks_folder(room.lessons), short=short) as client:
            for index, cell in enumerate(notebook.cells):
                await _execute(client, found, cell, index)
                done()
            if first:
                found.exact = _exact(notebook)
                _take(found, room)
                for exercise in lesson.exercises:
                    for level in BADLY:
                        found.badly[exercise.name, level] = await _answer(client, found, room, exercise.name, level)
    except Halted:
        pass
    except RuntimeError as error:  # what the client raises for a kernel that does not answer
        found.faults.append(f"The kernel did not start: {error}.")
    return _exact(notebook)


async def _execute(client: NotebookClient, found: Attempt, cell: NotebookNode, index: int, how: str = "") -> None:
    """Execute a cell, and note what is wrong with it. Raises Halted when the notebook cannot go on."""
    where = f"Cell {index + 1} ({_first_line(cell)}){how}"
    try:
        await client.async_execute_cell(cell, index)
    except CellTimeoutError:
        found.faults.append(f"{where} did not end within {CELL_LIMIT} s.")
        raise Halted from None
    except DeadKernelError:
        if (task := asyncio.current_task()) and task.cancelling():  # it is we who are to end: nobody killed a kernel
            raise asyncio.CancelledError from None
        found.faults.append(f"{where} killed the kernel.")
        raise Halted from None
    except CellExecutionError as error:
        found.faults.append(f"{where} raised {error.ename}: {error.evalue}")
        raise Halted from None
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr":
            found.faults.append(f"{where} wrote to standard error: {output.text.strip().splitlines()[-1]}")
        elif (said := _text(output)).startswith(WARNED):
            found.faults.append(f"{where} said: {said}")


async def _answer(client: NotebookClient, found: Attempt, room: Room, name: str, level: str) -> str:
    """Run an exercise's cells with another scaffold in them; return what the check said, "" if nothing."""
    cells = client.nb.cells
    begin = next((index for index, cell in enumerate(cells) if make_name(cell) == name), None)
    ends = [index for index, cell in enumerate(cells) if _checks(cell, name)]
    if begin is None or not ends or ends[-1] < begin:
        return ""
    before = len(_happenings(room, found.lesson.number))
    for index in range(begin, ends[-1] + 1):
        cell = deepcopy(cells[index])
        if index == begin:
            cell.source = found.lesson.exercise(name).scaffold(level)
        await _execute(client, found, cell, index, f", with `{name}` {level},")
    said = [one["outcome"] for one in _happenings(room, found.lesson.number)[before:] if one.get("checked") == name]
    return said[-1] if said else ""


def _take(found: Attempt, room: Room) -> None:
    """Take what the run has noted out of its folder, which goes away."""
    number = found.lesson.number
    for one in _happenings(room, number):
        found.measured.update(one.get("measured", {}))
        if "checked" in one:
            found.verdicts[one["checked"]] = one["outcome"]
        if "drawn" in one:
            found.figures[one["drawn"]] = (room.rehearsal / one["file"]).read_text("utf-8")
    record = Record(room.path / "home" / "learner.json")
    found.answered = {(entry["kind"], entry["name"]) for entry in record.entries(lesson=number)}


def _happenings(room: Room, number: int) -> list[dict[str, Any]]:
    path = room.rehearsal / f"{number:02}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def _exact(notebook: NotebookNode) -> list[Exact]:
    return [
        {"cell": cell.source, "output": "".join(_text(output) for output in cell.outputs)}
        for cell in notebook.cells
        if "exact" in cell.metadata.get("tags", []) and "outputs" in cell
    ]


def _difference(before: list[Exact], after: list[Exact]) -> str:
    for one, other in zip(before, after, strict=True):
        if one != other:
            return f"{one['output']!r}, then {other['output']!r}."
    raise AssertionError("they are equal")


def _text(output: NotebookNode) -> str:
    """Return what an output says, whichever way it is shown; a picture says nothing."""
    if output.output_type == "stream":
        return str(output.text)
    data = output.get("data", {})
    return str(data.get("text/markdown", data.get("text/plain", "")))


def _checks(cell: NotebookNode, name: str) -> bool:
    return cell.cell_type == "code" and f'desk.check("{name}"' in cell.source


def _first_line(cell: NotebookNode) -> str:
    return f"`{cell.source.strip().splitlines()[0]}`" if cell.source.strip() else "empty"
