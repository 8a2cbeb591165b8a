"""Votes: how many raised their hands for what, counted by the teacher, and kept.

::

    open --count(option, hands), as often as it takes--> open --lock(truth)--> locked: nothing changes any more

A tally can be corrected until it is locked, which is when the truth is shown. The truth is what was measured, so it is
not known before. Everything is saved with the day and the machine, so that a class can be told next week what it
believed before.

Two questions of a lesson have the same form, one before and one after. What the class has gained between them is told
as physics teachers do (Hake, Am. J. Phys. 66:64, 1998): of those who were wrong before, the part that is right now. It
is a number for a class, and says nothing where all were right from the start.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

__all__ = ["HANDS", "BadVote", "Ballot", "Box", "Gain", "Unsaved", "gain", "machine"]

HANDS: Final = 200
"""Hands in a room; more is a slip of the finger."""


class BadVote(Exception):
    """A vote that cannot be counted; the text is a sentence for the teacher."""


def machine() -> str:
    """Name this machine as far as numbers made on it depend on that."""
    return f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


class Unsaved(BadVote):
    """What was counted counts, but could not be written down; the text is a sentence for the teacher."""


@dataclass(slots=True)
class Ballot:
    """One question: its options, how many hands each got, and the one that was true, once that is known."""

    name: str
    options: tuple[str, ...]
    hands: dict[str, int] = field(default_factory=dict)
    locked: bool = False
    truth: str = ""

    def count(self, option: str, hands: int) -> None:
        """Note the hands for an option. Raises BadVote."""
        if self.locked:
            raise BadVote("The truth has been shown: these votes stay as they are.")
        if option not in self.options:
            raise BadVote(f"{option!r} is none of {', '.join(self.options)}.")
        if isinstance(hands, bool) or not 0 <= hands <= HANDS:
            raise BadVote(f"{hands} hands cannot be: a number from 0 to {HANDS}.")
        self.hands[option] = hands

    def lock(self, truth: str = "") -> None:
        """Let nothing change any more. `truth` is what was measured, in the words of an option or others."""
        self.locked = True
        self.truth = self.truth or truth

    def voters(self) -> int:
        """Return how many hands were raised in all."""
        return sum(self.hands.values())

    def share(self, option: str) -> float:
        """Return which part of the voters an option got; 0 if there were none."""
        return self.hands.get(option, 0) / max(1, self.voters())

    def right(self) -> float | None:
        """Return which part of the voters was right; None if nobody voted, or nothing is known to be true."""
        return self.share(self.truth) if self.truth and self.voters() else None

    def told(self) -> dict[str, Any]:
        """Return it as JSON, for a page."""
        return {"options": list(self.options), "hands": dict(self.hands), "locked": self.locked, "truth": self.truth}


@dataclass(frozen=True, slots=True)
class Gain:
    """Which part of the class was right before, and after; `gained` of those who were wrong before are right now."""

    before: float
    after: float

    @property
    def gained(self) -> float | None:
        """From 0 to 1; below 0 if fewer are right than before; None if all were right before."""
        return (self.after - self.before) / (1 - self.before) if self.before < 1 else None

    def told(self) -> dict[str, float | None]:
        """Return it as JSON."""
        return {"before": self.before, "after": self.after, "gained": self.gained}


def gain(first: Ballot, last: Ballot) -> Gain | None:
    """Return what the class has gained between two questions; None if one of them was not put to the vote."""
    before, after = first.right(), last.right()
    return None if before is None or after is None else Gain(before, after)


class Box:
    """The ballots of a lesson, saved in `folder` after every change."""

    def __init__(self, folder: Path, questions: Mapping[str, Sequence[str]]) -> None:
        self._began = datetime.now(UTC)
        self._file = folder / f"votes-{self._began:%Y%m%d-%H%M%S}.json"
        self._numbers: dict[str, Any] = {}
        self.ballots = {name: Ballot(name, tuple(options)) for name, options in questions.items()}

    @property
    def file(self) -> Path:
        """Where everything is saved."""
        return self._file

    def count(self, name: str, option: str, hands: int) -> None:
        """Note the hands for an option of a question, and save. Raises BadVote, Unsaved."""
        self._ballot(name).count(option, hands)
        self.save()

    def lock(self, name: str, truth: str = "") -> None:
        """Let no vote on this question change any more, and save. Raises BadVote, Unsaved."""
        self._ballot(name).lock(truth)
        self.save()

    def keep(self, name: str, numbers: Any) -> None:
        """Note what was measured on a screen, and save. Raises Unsaved."""
        self._numbers[name] = numbers
        self.save()

    def save(self) -> None:
        """Write all ballots down, and what was measured. Raises Unsaved."""
        told = {
            "date": self._began.isoformat(timespec="seconds"),
            "machine": machine(),
            "ballots": {name: ballot.told() for name, ballot in self.ballots.items()},
            "measured": self._numbers,
        }
        new = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
            new.replace(self._file)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            sentence = f"The votes cannot be saved in {self._file.parent}: {error.strerror}. They count all the same."
            raise Unsaved(sentence) from error

    def _ballot(self, name: str) -> Ballot:
        try:
            return self.ballots[name]
        except KeyError:
            raise BadVote(f"There is no question {name!r}.") from None
