"""Every lesson, tried: a few at a time, with what is going on while it goes on, and a table at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gateway_bench.samples.machine import describe_source
from lesson_kit.lesson import Lesson
from lesson_kit.notebooks.convert import notebooks_folder
from lesson_kit.notebooks.judging import Judgement, judge
from lesson_kit.notebooks.reference import load_reference, save_reference
from lesson_kit.notebooks.tables import trial_table
from lesson_kit.notebooks.trial import Attempt, attempt

__all__ = ["execute"]

AT_A_TIME = 2
SHORT_AT_A_TIME = 3
"""Notebooks that run beside each other: much of the time a lesson waits, the more so if it measures little."""
REFERENCE_AT_A_TIME = 1
"""A run that others read is not disturbed."""

Result = tuple[Attempt, Judgement]


def execute(lessons: Path, chosen: Sequence[Lesson], console: Console, *, short: bool, save: bool) -> bool:
    """Try the lessons and tell of them; with `save`, keep what came of it as the reference. True if all is well."""
    folder = notebooks_folder(lessons)
    folder.mkdir(exist_ok=True)
    before = set(folder.iterdir())
    results = asyncio.run(_all(lessons, chosen, console, short=short, save=save))
    console.print(trial_table(results))
    for found, judgement in results:
        for sentence in judgement.faults:
            console.print(f"✗ {found.lesson.number}: {sentence}", markup=False, highlight=False, style="red")
        for sentence in judgement.notes:
            console.print(f"· {found.lesson.number}: {sentence}", markup=False, highlight=False)
    left = sorted(set(folder.iterdir()) - before)
    for path in left:
        console.print(f"✗ {path.name} was left in notebooks/.", markup=False, style="red")
    return not left and not any(judgement.faults for _, judgement in results)


async def _all(lessons: Path, chosen: Sequence[Lesson], console: Console, *, short: bool, save: bool) -> list[Result]:
    source = describe_source(lessons)  # before what is kept here changes it
    turns = asyncio.Semaphore(REFERENCE_AT_A_TIME if save else SHORT_AT_A_TIME if short else AT_A_TIME)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} cells"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:

        async def one(lesson: Lesson) -> Result:
            async with turns:
                task = progress.add_task(f"{lesson.number} {lesson.title}", total=None)
                # Lesson 3 measures how Python starts, and a guard is one import more.
                found = await attempt(
                    lesson, lessons, short=short, guarded=not save,
                    tell=lambda done, count: progress.update(task, completed=done, total=count),
                )  # fmt: skip
                progress.remove_task(task)
                if save and not found.faults:
                    save_reference(found, lessons, source)
                judgement = judge(found, load_reference(lesson.number, lessons))
                if not console.is_terminal:  # a log shows no bars
                    said = "failed" if judgement.faults else "done"
                    console.print(f"{lesson.number} {lesson.title}: {said}, {sum(found.seconds):.0f} s", markup=False)
                return found, judgement

        return list(await asyncio.gather(*(one(lesson) for lesson in chosen)))
