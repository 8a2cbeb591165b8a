"""Is a check fair? It lets the worked answer pass, refuses every misconception for what it is, and gives nothing away.

For each exercise, on twenty seeds:

=========  ==============================================================================================
worked.py  PASS
half.py    NOT YET, and so is blank.py; both define the function
mutants/   NOT YET with the idea that the file is named for, in every window of seeds that a learner could get
=========  ==============================================================================================

and no sentence of a refusal has in it what the worked answer returns for that seed, or a line of its source.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Final

from lesson_kit.checking import LIMIT, SEEDS, Exercise, Outcome, Verdict, examine

__all__ = ["PROOF_SEEDS", "Proof", "load_answer", "prove", "tells"]

PROOF_SEEDS: Final = 20
LEAST_MUTANTS = 3
LEAST_TEXT = 4
"""Characters of a text that can be an answer: shorter ones are in any sentence by chance."""
LEAST_NUMBER = 100
"""And numbers: a sentence may count to less without telling anything."""
LEAST_LINE = 12
"""Characters of a line of source that only the worked answer has."""


@dataclass
class Proof:
    """What was found out about an exercise's check: seconds by answer, and a sentence for each fault."""

    exercise: Exercise
    seconds: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def prove(exercise: Exercise, clock: Callable[[], float] = time.perf_counter) -> Proof:
    """Try the check of an exercise with all answers that it came with."""
    proof = Proof(exercise)
    worked = load_answer(exercise, exercise.folder / "worked.py")
    began = clock()
    verdict = examine(exercise, worked, seeds=PROOF_SEEDS, first=1, limit=LIMIT * PROOF_SEEDS / SEEDS)
    proof.seconds["worked"] = clock() - began
    if verdict.outcome is not Outcome.PASS:
        proof.faults.append(f"worked.py is refused: {verdict}")
        return proof
    mutants = exercise.mutants()
    if len(mutants) < LEAST_MUTANTS:
        proof.faults.append(f"There are {len(mutants)} mutants, and {LEAST_MUTANTS} is the least.")
    wrong = {level: exercise.folder / f"{level}.py" for level in ("half", "blank")} | mutants
    for name, path in wrong.items():
        began = clock()
        for first in range(1, PROOF_SEEDS + 1, SEEDS):
            refused = examine(exercise, load_answer(exercise, path), first=first)
            proof.faults += _wrong_refusal(exercise, path, refused, "" if path not in mutants.values() else name)
        proof.seconds[name] = clock() - began
    return proof


def load_answer(exercise: Exercise, path: Path) -> Callable[..., Any] | None:
    """Return the function that a scaffold or mutant defines; None if it defines none. It has nothing but itself."""
    space: dict[str, Any] = {"__name__": "answer"}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), space)  # noqa: S102  # ours
    found = space.get(exercise.name)
    return found if callable(found) else None


def tells(sentence: str, returned: Iterable[Any], source: str, known: str) -> str:
    """Return what a sentence gives away: a value that was returned, or a line of source; "" if nothing.

    What is `known`, since the task and the blank answer say it, gives nothing away.
    """
    for value in returned:
        for shown in _faces(value):
            if shown.strip("b'\"`") not in known and re.search(rf"(?<![\w.]){re.escape(shown)}(?![\w.]*\w)", sentence):
                return shown
    for line in map(str.strip, source.splitlines()):
        if len(line) >= LEAST_LINE and line not in known and not line.startswith("#") and line in sentence:
            return line
    return ""


def _wrong_refusal(exercise: Exercise, path: Path, refused: Verdict, idea: str) -> Iterator[str]:
    if refused.outcome is not Outcome.NOT_YET:
        yield f"{path.name} is not refused: {refused}"
        return
    if idea and refused.idea != idea:
        yield f"{path.name} is refused for {refused.idea!r}: {refused}"
    if refused.idea == "function":
        yield f"{path.name} does not define {exercise.name}."
    known = f"{exercise.task}\n{exercise.scaffold('blank')}"
    told = tells(refused.sentence, _returned(exercise, refused.seed), exercise.scaffold("worked"), known)
    if told:
        yield f"The refusal of {path.name} gives away {told!r}: {refused}"


def _returned(exercise: Exercise, seed: int) -> list[Any]:
    """Return what the worked answer returns while it is checked with a seed."""
    worked = load_answer(exercise, exercise.folder / "worked.py")
    assert worked
    found = []

    @wraps(worked)
    def watched(*arguments: Any, **more: Any) -> Any:
        value = worked(*arguments, **more)
        found.append(value)
        return value

    dice = random.Random(seed)  # noqa: S311  # as `examine` does
    exercise.check(watched, dice, *(exercise.example(dice) if exercise.example else ()))
    return found


def _faces(value: Any) -> Iterator[str]:
    """Return how a value, or a part of it, could stand in a sentence."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, dict):
        value = tuple(value.values())  # its keys are what was asked about
    if isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _faces(part)
    elif isinstance(value, int | float):
        if abs(value) >= LEAST_NUMBER:
            yield from {str(value), f"{value:g}", f"{value:,}"}
    elif isinstance(value, bytes | str) and len(value) >= LEAST_TEXT:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        # A sentence has words of its own: one is an answer only where it is set apart.
        yield from (repr(value), f"`{text}`", f'"{text}"') if text.isalpha() else (repr(value), text)
