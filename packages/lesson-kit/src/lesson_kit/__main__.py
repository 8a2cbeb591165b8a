"""The command line: make the notebooks, try the lessons, prove the checks, open them for a learner."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lesson_kit.errors import SENTENCES, KitError
from lesson_kit.lesson import COUNT, Lesson, load_lesson
from lesson_kit.texts import lessons_folder

FAILED = 1
BROKEN_OFF = 130
"""Exit codes: something is wrong with a lesson; Ctrl-C (128 + SIGINT)."""
LOG_WIDTH = 120
"""Columns of a table that nobody watches."""
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, help=__doc__)

Numbers = Annotated[list[int] | None, typer.Argument(min=0, max=COUNT - 1, help="Lessons; without them, all.")]


@app.command()
def notebooks(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a notebook is not as its text.")
    ] = False,
) -> None:
    """Write notebooks/ from lessons/."""
    from lesson_kit.facts import overdue
    from lesson_kit.notebooks.convert import differences, write

    folder = lessons_folder()
    for sentence in overdue(date.today()):  # a warning: what was true is not wrong since yesterday
        print(f"fact: {sentence}", file=sys.stderr)
    if check:
        for sentence in (found := differences(folder)):
            print(sentence, file=sys.stderr)
        raise typer.Exit(FAILED if found else 0)
    for path in write(folder):
        print(f"wrote {path.parent.name}/{path.name}")


@app.command()
def lessons(
    numbers: Numbers = None,
    short: Annotated[bool, typer.Option("--short", help="Measure for as short as makes sense.")] = False,
    save: Annotated[bool, typer.Option("--save-reference", help="Keep figures and numbers in lessons/.")] = False,
) -> None:
    """Run every notebook from top to bottom, twice, with the worked answers; then with those that are not done."""
    from lesson_kit.notebooks.apart import step_apart
    from lesson_kit.notebooks.execute import execute

    if short and save:
        raise KitError("A reference run is a whole one: leave out --short.")
    folder = lessons_folder().resolve()
    if step_apart():
        print("No network but the loopback.")
    well = execute(folder, _chosen(numbers, folder), _console(), short=short, save=save)
    raise typer.Exit(0 if well else FAILED)


@app.command()
def prove(numbers: Numbers = None) -> None:
    """Hold every check to the worked answer, to those that are not done, and to each misconception."""
    from lesson_kit.notebooks.tables import proof_table
    from lesson_kit.proofs import prove as prove_one

    console = _console()
    proofs = [
        (lesson, prove_one(exercise)) for lesson in _chosen(numbers, lessons_folder()) for exercise in lesson.exercises
    ]
    console.print(proof_table(proofs))
    faults = [(proof, sentence) for _, proof in proofs for sentence in proof.faults]
    for proof, sentence in faults:
        console.print(f"✗ {proof.exercise.name}: {sentence}", markup=False, highlight=False, style="red")
    raise typer.Exit(FAILED if faults else 0)


@app.command()
def learn(
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or only say where.")
    ] = True,
) -> None:
    """Open the lessons in JupyterLab, in a folder of your own: my-lessons/."""
    from lesson_kit.notebooks.opening import open_lab

    open_lab(lessons_folder(), browser=browser)


@app.command()
def site(
    out: Annotated[Path, typer.Option(help="Folder to write it into, anew.")] = Path("site"),
) -> None:
    """Write lessons, museum, documents and the last report as a folder of pages that needs no server."""
    from lesson_kit.site import build_site

    count = build_site(lessons_folder().resolve().parent, out.resolve())
    print(f"{count} pages; open {out / 'index.html'}")


def _chosen(numbers: list[int] | None, folder: Path) -> list[Lesson]:
    """Return these lessons, or all that have a text."""
    there = [int(path.name[:2]) for path in sorted(folder.glob("[0-9][0-9]-*.md"))]
    return [load_lesson(number) for number in numbers or there]


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else LOG_WIDTH)


def main() -> None:
    """Run the command line; say what went wrong in one sentence."""
    try:
        app(prog_name="python -m lesson_kit")
    except SENTENCES as error:
        sys.exit(f"lesson_kit: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f"lesson_kit: there is no {error.name} here: install lesson-kit[notebooks].")
    except KeyboardInterrupt:
        sys.exit(BROKEN_OFF)


if __name__ == "__main__":
    main()
