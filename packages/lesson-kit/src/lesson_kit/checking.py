"""Checks: what a learner made is tried on many inputs, and one of three things is said.

=============  =======================================================================================
PASS           it did what it must, for every seed
NOT YET        it did not; the sentence names the idea that is missing, never the answer
INCONCLUSIVE   nothing can be said: the machine is too noisy, a tool is missing, the data are not there
=============  =======================================================================================

An exercise's check is a function `check(answer, dice, *given)`. It calls the learner's `answer` on inputs that `dice`
(a seeded `random.Random`) makes, and raises `NotYet` or `Inconclusive`; returning means PASS. `given` is what the
notebook hands over beside the answer, such as the learner's own measurements. Whatever else goes wrong in the learner's
code (an error, None, text for bytes, a loop without end, `sys.exit`) becomes NOT YET with a sentence of its own; what
it prints is kept to a few lines, and what it changes are copies. Only the learner's own interrupt ends a check. Out of
reach are `os._exit` and what `deadline` cannot interrupt.

How an exercise is proven to be fair: `scaffolds` (the worked one passes, the blank one does not) and `mutants`, each of
which is a misconception as code and must be refused for that very idea.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from lesson_kit.answers import Printed, copied, frames_of, kind_of, why_not
from lesson_kit.deadline import TookTooLong, within
from lesson_kit.errors import SENTENCES, Missing

__all__ = [
    "LEVELS",
    "MARKS",
    "Exercise",
    "Inconclusive",
    "NotYet",
    "Outcome",
    "Verdict",
    "examine",
    "expect_bytes",
    "expect_text",
    "nothing_given",
]

LEVELS: Final = ("worked", "half", "blank")
SEEDS = 5
"""How many inputs a learner's answer is tried on; its proof uses twenty."""
LIMIT = 4.0
"""Seconds for all seeds together. Nobody waits for more than five."""
LEAST = 0.1
"""Seconds for each seed, however long those before it took."""
LONGEST = 200
"""Characters of what an error says: some say all that they were given."""


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


MARKS: Final = {Outcome.PASS: "✅", Outcome.NOT_YET: "🔸", Outcome.INCONCLUSIVE: "❔"}
"""What is shown before an outcome."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check said. `idea` is what is missing ("" on PASS), `sentence` for the learner, `seed` which told."""

    outcome: Outcome
    idea: str
    sentence: str
    seed: int
    printed: str = ""

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.outcome.value}: {self.sentence} (seed {self.seed})"


Said = tuple[Outcome, str, str]
"""Outcome, idea and sentence: a verdict for one seed."""


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
    given, each seed makes its own data. A KeyboardInterrupt is the learner's, and ends it.
    """
    seed = random.SystemRandom().randrange(1_000_000) if first is None else first
    unusable = why_not(answer, exercise.name, exercise.scaffold("blank"))
    if not callable(answer) or unusable:
        return Verdict(Outcome.NOT_YET, "function", unusable, seed)
    end = time.monotonic() + limit
    printed = Printed()
    for number in range(seed, seed + seeds):
        with redirect_stdout(printed), redirect_stderr(printed):
            outcome, idea, sentence = _tried(exercise, answer, given, number, end, limit)
        if outcome is not Outcome.PASS:
            return Verdict(outcome, idea, sentence, number, printed.text)
    return Verdict(Outcome.PASS, "", f"`{exercise.name}` did what it must on {seeds} inputs", seed, printed.text)


def _tried(
    exercise: Exercise, answer: Callable[..., Any], given: tuple[Any, ...], seed: int, end: float, limit: float
) -> Said:
    """Try an answer with one seed, until the time `end` at the latest."""
    dice = random.Random(seed)  # noqa: S311  # a test's input, no secret
    bell = within(max(LEAST, end - time.monotonic()))
    try:
        data = exercise.example(dice) if exercise.example and not given else copied(given)
        with bell:
            exercise.check(answer, dice, *data)
    except NotYet as refused:
        return Outcome.NOT_YET, refused.idea, str(refused)
    except Inconclusive as unclear:
        return Outcome.INCONCLUSIVE, "", str(unclear)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a learner raises
        late = bell.rang or isinstance(error, TookTooLong)
        return _late(exercise.name, error, answer, limit) if late else _failure(exercise.name, error, answer)
    return Outcome.PASS, "", ""


def nothing_given(name: str) -> Verdict:
    """Return what there is to say of an exercise about measurements, before there are any."""
    sentence = f"`{name}` works on your own data, and there are none yet: run the experiment above first."
    return Verdict(Outcome.INCONCLUSIVE, "", sentence, 0)


def expect_bytes(value: object, what: str) -> bytes:
    """Return a value that must be bytes; NotYet says what it is instead. `what` is its subject: "the head"."""
    if isinstance(value, bytes):
        return value
    if value is None or value is ...:
        raise NotYet("blank", f"{what.capitalize()} is {kind_of(value)}: the function ends without `return`ing it.")
    if isinstance(value, str):
        raise NotYet("text", f"{what.capitalize()} is str, and what passes through a socket or a pipe is bytes.")
    raise NotYet("type", f"{what.capitalize()} is {kind_of(value)}, and must be bytes.")


def expect_text(value: object, what: str) -> str:
    """Return a value that must be str; NotYet says what it is instead."""
    if isinstance(value, str):
        return value
    if value is None or value is ...:
        raise NotYet("blank", f"{what.capitalize()} is {kind_of(value)}: the function ends without `return`ing it.")
    raise NotYet("type", f"{what.capitalize()} is {kind_of(value)}, and must be str.")


def _late(name: str, error: BaseException, answer: Callable[..., Any], limit: float) -> Said:
    """Return what it means that the time was up: whose lines were under way?"""
    if frames_of(error, answer):
        words = (
            f"`{name}` did not come to an end within {limit:g} s: what does its loop wait for, and can that still come?"
        )
        return Outcome.NOT_YET, "endless", words
    words = f"The check was not done within {limit:g} s: this machine is busy. Run this cell again."
    return Outcome.INCONCLUSIVE, "", words


def _failure(name: str, error: BaseException, answer: Callable[..., Any]) -> Said:
    """Return what an error means: it passed through the learner's lines, or came of what they returned, or is ours."""
    theirs = frames_of(error, answer)
    if isinstance(error, SENTENCES) or (isinstance(error, OSError) and not theirs):
        return Outcome.INCONCLUSIVE, "", f"The check could not be made here: {error}"
    if not theirs:  # the check is proven with the worked answer, so what it could not read is the answer
        kind = type(error).__name__
        return Outcome.NOT_YET, "type", f"What `{name}` returned is not what the task names: reading it raised {kind}."
    where = next((frame for frame in reversed(theirs) if frame.name == name), theirs[-1])
    line = f", in its line {where.lineno}" if where.lineno else ""
    if isinstance(error, RecursionError):
        return Outcome.NOT_YET, "endless", f"`{name}` calls itself again and again{line}: when does it stop?"
    if isinstance(error, SystemExit):
        return Outcome.NOT_YET, "error", f"`{name}` ends the whole program{line}: a function ends with `return`."
    return Outcome.NOT_YET, "error", f"`{name}` raised {type(error).__name__}: {_short(error)}{line}."


def _short(error: BaseException) -> str:
    try:
        words = " ".join(str(error).split())
    except Exception:  # an error of the learner's own making
        return "it cannot say why"
    return words if len(words) <= LONGEST else f"{words[:LONGEST]} ..."
