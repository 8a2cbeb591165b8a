"""The learner's file: what was predicted, seen, measured and passed, in the order in which it came.

One file of plain JSON, for all lessons and all notebooks that are open at a time::

    {"format": 1, "entries": [
        {"kind": "prediction", "lesson": 2, "name": "births", "value": 40, "at": "2026-11-26T10:00:00+00:00",
         "confidence": 80},
        {"kind": "measurement", "lesson": 2, "name": "births", "value": 40, "at": "..."}]}

Nothing in it is ever changed: an entry is added, the last one counts, and the ones before it stay, so no answer is
lost. Every change is made under a lock, to a new file that takes the old one's place, so a notebook that is killed in
the middle loses nothing. A file that is no JSON any more is put aside under another name, and said so.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, NotRequired, TypedDict, cast

import platformdirs

from lesson_kit.errors import KitError

__all__ = ["HOME", "KINDS", "Entry", "Kind", "Record", "record_path"]

HOME: Final = "LESSON_KIT_HOME"
"""The environment variable that names another folder for the file."""
FILE: Final = "learner.json"
FORMAT: Final = 1

Kind = Literal["prediction", "observation", "recall", "measurement", "verdict", "keep", "drawn"]
KINDS: Final[tuple[Kind, ...]] = ("prediction", "observation", "recall", "measurement", "verdict", "keep", "drawn")


class Entry(TypedDict):
    """One thing that happened. `value` is JSON; `confidence` is in percent."""

    kind: Kind
    lesson: int
    name: str
    value: Any
    at: str
    confidence: NotRequired[float]


def record_path() -> Path:
    """Return where this learner's file lies: in `LESSON_KIT_HOME`, or where the system keeps a user's data."""
    told = os.environ.get(HOME)
    return (Path(told) if told else platformdirs.user_data_path("gatelab", appauthor=False)) / FILE


class Record:
    """The learner's file at `path`. `say` takes a sentence when there is something that the learner must know."""

    def __init__(self, path: Path, say: Callable[[str], None] = print) -> None:
        self.path = path
        self._say = say

    def add(self, kind: Kind, lesson: int, name: str, value: Any, confidence: float | None = None) -> Entry:
        """Write an entry down and return it. Raises KitError if the file cannot be written."""
        entry: Entry = {"kind": kind, "lesson": lesson, "name": name, "value": value, "at": _now()}
        if confidence is not None:
            entry["confidence"] = confidence
        with self._locked():
            self._write([*self._read(), entry])
        return entry

    def entries(self, kind: Kind | None = None, lesson: int | None = None, name: str | None = None) -> list[Entry]:
        """Return the entries of that kind, lesson and name, the oldest first."""
        return [
            entry for entry in self._read()
            if kind in (None, entry["kind"]) and lesson in (None, entry["lesson"]) and name in (None, entry["name"])
        ]  # fmt: skip

    def last(self, kind: Kind, lesson: int, name: str) -> Entry | None:
        """Return the entry that counts: the last one."""
        return next(reversed(self.entries(kind, lesson, name)), None)

    def measurements(self, lesson: int) -> dict[str, Any]:
        """Return what was measured in a lesson, the last value of each name."""
        return {entry["name"]: entry["value"] for entry in self.entries("measurement", lesson)}

    def forget(self, lesson: int | None = None, names: tuple[str, ...] = ()) -> Path | None:
        """Begin anew, for a lesson, some names of it, or all; return the copy that is kept of the file before."""
        with self._locked():
            entries = self._read()
            kept = [
                entry for entry in entries
                if (lesson is not None and entry["lesson"] != lesson) or (names and entry["name"] not in names)
            ]  # fmt: skip
            if len(kept) == len(entries):
                return None
            copy = self._aside("before")
            self.path.replace(copy)
            self._write(kept)
        return copy

    # -- the file -----------------------------------------------------------------------------------------------------

    def _read(self) -> list[Entry]:
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            return self._put_aside(str(error))
        try:
            told = json.loads(text)
            if told["format"] != FORMAT:
                raise KitError(f"{self.path} was written by a newer lesson kit: update this one, or name another "
                               f"folder in {HOME}.")  # fmt: skip
            entries = told["entries"]
            if not all(_sound(entry) for entry in entries):
                raise ValueError("an entry is incomplete")
        except (ValueError, KeyError, TypeError) as error:
            return self._put_aside(str(error))
        return cast("list[Entry]", entries)

    def _put_aside(self, why: str) -> list[Entry]:
        copy = self._aside("broken")
        try:
            self.path.replace(copy)
        except OSError as error:
            raise KitError(f"Your answers in {self.path} cannot be read ({error.strerror}): set {HOME} to a folder "
                           "of yours.") from error  # fmt: skip
        self._say(f"{self.path} cannot be read any more ({why}). It is kept as {copy.name}; a new one is begun.")
        return []

    def _aside(self, word: str) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        return self.path.with_name(f"{self.path.stem}-{word}-{stamp}.json")

    def _write(self, entries: list[Entry]) -> None:
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=self.path.parent, prefix=".learner-", delete=False
            ) as file:
                try:
                    json.dump({"format": FORMAT, "entries": entries}, file, indent=1, ensure_ascii=False)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(self.path)
                except BaseException:
                    Path(file.name).unlink()
                    raise
        except OSError as error:
            raise KitError(f"Your answers cannot be written to {self.path} ({error.strerror}): set {HOME} to a folder "
                           "of yours.") from error  # fmt: skip

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the file; another notebook waits meanwhile. Without locks (Windows) nobody waits."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("a") as lock:
                try:
                    import fcntl  # not on Windows
                except ImportError:
                    yield
                else:
                    fcntl.flock(lock, fcntl.LOCK_EX)  # the system takes it back when the process ends, however
                    yield
        except OSError as error:
            raise KitError(f"Your answers cannot be written to {self.path.parent} ({error.strerror}): set {HOME} to a "
                           "folder of yours.") from error  # fmt: skip


def _sound(entry: Any) -> bool:
    return isinstance(entry, dict) and {"kind", "lesson", "name", "value", "at"} <= entry.keys()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
