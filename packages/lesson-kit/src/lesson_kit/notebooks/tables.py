"""What came of trials and proofs, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from lesson_kit.checking import Outcome
from lesson_kit.lesson import Lesson
from lesson_kit.notebooks.judging import Judgement, held
from lesson_kit.notebooks.trial import Attempt
from lesson_kit.proofs import PROOF_SEEDS, Proof

__all__ = ["proof_table", "trial_table"]

PASS = Outcome.PASS.value
NUMBERS = {"", "first run", "second", "worked", "slowest"}
"""Headings of columns that are aligned to the right."""


def trial_table(results: Sequence[tuple[Attempt, Judgement]]) -> Table:
    """Return a row for each lesson that was tried."""
    table = _table("", "lesson", "first run", "second", "figures", "passed", "as expected", "verdict")
    for found, judgement in results:
        lesson = found.lesson
        seconds = [f"{second:.1f} s" for second in found.seconds]
        as_expected = sum(held(expected, found.measured) is True for expected in lesson.expected)
        table.add_row(
            str(lesson.number), lesson.title, *[*seconds, "", ""][:2], f"{len(found.figures)}/{len(lesson.drawings)}",
            f"{list(found.verdicts.values()).count(PASS)}/{len(lesson.exercises)}",
            f"{as_expected}/{len(lesson.expected)}", f"{len(judgement.faults)} wrong" if judgement.faults else "ok",
        )  # fmt: skip
    return table


def proof_table(proofs: Sequence[tuple[Lesson, Proof]]) -> Table:
    """Return a row for each exercise whose check was proven."""
    table = _table("", "exercise", "worked", "slowest", "mutants", "verdict")
    for lesson, proof in proofs:
        wrong = {name: seconds for name, seconds in proof.seconds.items() if name != "worked"}
        slowest = max(wrong, key=wrong.__getitem__, default="")
        table.add_row(
            str(lesson.number), proof.exercise.name, f"{proof.seconds.get('worked', 0):.2f} s",
            f"{wrong[slowest]:.2f} s ({slowest})" if slowest else "", ", ".join(proof.exercise.mutants()),
            f"{len(proof.faults)} wrong" if proof.faults else "ok",
        )  # fmt: skip
    table.caption = f"{PROOF_SEEDS} seeds each"
    return table


def _table(*headings: str) -> Table:
    table = Table()
    for heading in headings:
        table.add_column(heading, justify="right" if heading in NUMBERS else "left")
    return table
