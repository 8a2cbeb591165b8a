"""Checks: what a learner made is tried on many inputs, and one of three things is said.

=============  =======================================================================================
PASS           it did what it must, for every seed
NOT YET        it did not; the sentence names the idea that is missing, never the answer
INCONCLUSIVE   nothing can be said: the machine is too noisy, a tool is missing, the data are not there
=============  =======================================================================================

An exercise's check is a function `check(answer, dice, *given)`. It calls the learner's `answer` on inputs that `dice`
(a seeded `random.Random`) makes, and raises `NotYet` or `Inconclusive`; returning means PASS. `given` is what the
notebook hands over beside the answer, such as the learner's own measurements. Whatever else goes wrong in the learner's
code (an error, None, text for bytes, a loop without end) becomes NOT YET with a sentence of its own.

How an exercise is proven to be fair: `scaffolds` (the worked one passes, the blank one does not) and `mutants`, each of
which is a misconception as code and must be refused for that very idea.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from lesson_kit.deadline import TookTooLong, within
from lesson_kit.errors import KitError, Missing

__all__ = [
    "LEVELS",
    "Exercise",
    "Inconclusive",
    "NotYet",
    "Outcome",
    "Verdict",
    "examine",
    "expect_bytes",
    "expect_text",
]

LEVELS: Final = ("worked", "half", "blank")
SEEDS = 5
"""How many inputs a learner's answer is tried on; its proof uses twenty."""
LIMIT = 4.0
"""Seconds for all seeds together. Nobody waits for more than five."""
KIT = Path(__file__).parent


class NotYet(Exception):
    """The answer misses `idea` (a word: the name of the mutant that misses it). The text says what to think about."""

    def __init__(self, idea: str, sentence: str) -> None:
        super().__init__(sentence)
        self.idea = idea


class Inconclusive(Exception):
    """Nothing can be said; the text names the cause."""


class Outcome(Enum):
    """What a check says."""

    PASS = "PASS"  # noqa: S105  # a verdict
    NOT_YET = "NOT YET"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check said. `idea` is what is missing ("" on PASS), `sentence` for the learner, `seed` which told."""

    outcome: Outcome
    idea: str
    sentence: str
    seed: int

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.outcome.value}: {self.sentence} (seed {self.seed})"


@dataclass(frozen=True, slots=True)
class Exercise:
    """Something to make: a function called `name`. `task` is a sentence in Markdown.

    `folder` holds the scaffolds worked.py, half.py and blank.py, and `mutants/IDEA.py`. `example(dice)` makes what
    `given` would be in a proof, where nothing was measured; an exercise without data has none.
    """

    name: str
    task: str
    check: Callable[..., None]
    folder: Path
    example: Callable[[random.Random], tuple[Any, ...]] | None = None

    def scaffold(self, level: str) -> str:
        """Return the source of a scaffold. Raises Missing."""
        if level not in LEVELS:
            raise Missing(f"There is no scaffold {level!r}: they are {', '.join(LEVELS)}.")
        return (self.folder / f"{level}.py").read_text("utf-8")

    def mutants(self) -> dict[str, Path]:
        """Return the file of each mutant, by the idea that it misses."""
        return {path.stem: path for path in sorted((self.folder / "mutants").glob("*.py"))}


def examine(
    exercise: Exercise, answer: object, *given: Any, seeds: int = SEEDS, first: int | None = None, limit: float = LIMIT
) -> Verdict:
    """Try an answer with so many seeds and return what there is to say. Never raises what the answer raises.

    `first` is the first seed; None: one by chance, so that the second try is another one. With an `example` and nothing
    given, each seed makes its own data.
    """
    seed = random.SystemRandom().randrange(1_000_000) if first is None else first
    if not callable(answer):
        sentence = f"`{exercise.name}` is {_kind(answer)}, and must be a function: run the cell that defines it."
        return Verdict(Outcome.NOT_YET, "function", sentence, seed)
    end = time.monotonic() + limit
    for number in range(seed, seed + seeds):
        try:
            with within(max(0.1, end - time.monotonic())):
                dice = random.Random(number)  # noqa: S311  # a test's input, no secret
                data = exercise.example(dice) if exercise.example and not given else given
                exercise.check(answer, dice, *data)
        except NotYet as refused:
            return Verdict(Outcome.NOT_YET, refused.idea, str(refused), number)
        except Inconclusive as unclear:
            return Verdict(Outcome.INCONCLUSIVE, "", str(unclear), number)
        except TookTooLong:
            return Verdict(Outcome.NOT_YET, "endless", _endless(exercise.name, limit), number)
        except (Exception, SystemExit) as error:
            return Verdict(*_failure(exercise.name, error), number)
    return Verdict(Outcome.PASS, "", f"`{exercise.name}` did what it must on {seeds} inputs", seed)


def expect_bytes(value: object, what: str) -> bytes:
    """Return a value that must be bytes; NotYet says what it is instead. `what` is its subject: "the head"."""
    if isinstance(value, bytes):
        return value
    if value is None or value is ...:
        raise NotYet("blank", f"{what.capitalize()} is {_kind(value)}: the function ends without `return`ing it.")
    if isinstance(value, str):
        raise NotYet("text", f"{what.capitalize()} is str, and what passes through a socket or a pipe is bytes.")
    raise NotYet("type", f"{what.capitalize()} is {_kind(value)}, and must be bytes.")


def expect_text(value: object, what: str) -> str:
    """Return a value that must be str; NotYet says what it is instead."""
    if isinstance(value, str):
        return value
    if value is None or value is ...:
        raise NotYet("blank", f"{what.capitalize()} is {_kind(value)}: the function ends without `return`ing it.")
    raise NotYet("type", f"{what.capitalize()} is {_kind(value)}, and must be str.")


def _kind(value: object) -> str:
    if value is None or value is ...:
        return "None" if value is None else "still `...`"
    return f"of type {type(value).__name__}"


def _endless(name: str, limit: float) -> str:
    return f"`{name}` did not come to an end within {limit:g} s: what does its loop wait for, and can that still come?"


def _failure(name: str, error: BaseException) -> tuple[Outcome, str, str]:
    """Return what an error means: the learner's, or (raised in the kit's own lines) ours."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [
        frame for frame in frames if KIT not in Path(frame.filename).parents or "make" in Path(frame.filename).parts
    ]
    if isinstance(error, KitError) or not theirs:
        return Outcome.INCONCLUSIVE, "", f"The check itself failed: {type(error).__name__}: {error}"
    where = next((frame for frame in reversed(theirs) if frame.name == name), theirs[0])
    line = f", in its line {where.lineno}" if where.lineno else ""
    return Outcome.NOT_YET, "error", f"`{name}` raised {type(error).__name__}: {error}{line}."
