"""The learner's file: what was predicted, seen, measured and passed, in the order in which it came.

One file of plain JSON, for all lessons and all notebooks that are open at a time::

    {"format": 1, "entries": [
      {"kind": "prediction", "lesson": 2, "name": "births", "value": 40, "at": "2026-11-26T10:00:00+00:00", ...},
      {"kind": "measurement", "lesson": 2, "name": "births", "value": 40, "at": "2026-11-26T10:02:00+00:00"}]}

Nothing in it is ever changed: an entry is added, the last one counts, and the ones before it stay, so no answer is
lost. Every change is made under a lock, to a new file that takes the old one's place, so a notebook that is killed in
the middle loses nothing, and one that only reads needs no lock. A file that is no JSON any more is put aside under
another name, and said so; one that cannot be read, or that a newer kit wrote, is left as it is.

What was read is kept in memory for as long as the file is the same one: the same inode, size and time.
"""

from __future__ import annotations

import copy
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Literal, NotRequired, TypedDict, cast

import platformdirs

from lesson_kit.errors import KitError

__all__ = ["HOME", "KINDS", "Entry", "Kind", "Record", "as_json", "record_path"]

HOME: Final = "LESSON_KIT_HOME"
"""The environment variable that names another folder for the file."""
ELSEWHERE: Final = (
    f"set {HOME} to a folder of yours (in a notebook: `%env {HOME}=/some/folder`, and the first cell again)"
)
FILE: Final = "learner.json"
FORMAT: Final = 1
LOCK_LIMIT = 10.0
"""Seconds to wait for another notebook, which needs some milliseconds, unless it is stopped or its disk hangs."""
LOCK_STEP = 0.01
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP})
"""What a file system answers that knows no locks, as some on a network: then nobody waits, as on Windows."""

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


class Broken(Exception):
    """The file is none of ours any more; the text says why."""


def record_path() -> Path:
    """Return where this learner's file lies: in `LESSON_KIT_HOME`, or where the system keeps a user's data."""
    told = os.environ.get(HOME)
    folder = Path(told).expanduser() if told else platformdirs.user_data_path("gatelab", appauthor=False)
    if not folder.is_absolute() and not told:  # nobody knows this user's home
        folder = Path(tempfile.gettempdir()) / f"gatelab-{os.getuid()}"
    return folder.absolute() / FILE


def as_json(name: str, value: Any) -> Any:
    """Return a value as JSON gives it back: tuples as lists, numpy's numbers as Python's. Raises KitError."""
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_from_numpy))
    except (TypeError, ValueError, RecursionError) as error:
        raise KitError(f"{name} cannot be kept: numbers, text, lists and dicts of these can ({error}).") from None


class Record:
    """The learner's file at `path`. `say` takes a sentence when there is something that the learner must know."""

    def __init__(self, path: Path, say: Callable[[str], None] = print) -> None:
        self.path = path
        self._say = say
        self._seen: tuple[int, int, int] | None = None
        self._known: list[Entry] = []

    def add(self, kind: Kind, lesson: int, name: str, value: Any, confidence: float | None = None) -> None:
        """Write an entry down. Raises KitError if it is no JSON, or if the file cannot be written."""
        entry: Entry = {"kind": kind, "lesson": lesson, "name": name, "value": as_json(name, value), "at": _now()}
        if confidence is not None:
            entry["confidence"] = confidence
        self._append([entry])

    def add_all(self, kind: Kind, lesson: int, values: Mapping[str, Any]) -> None:
        """Write an entry down for each name, all at once. Raises KitError, as `add` does."""
        at = _now()
        self._append([
            {"kind": kind, "lesson": lesson, "name": name, "value": as_json(name, value), "at": at}
            for name, value in values.items()
        ])  # fmt: skip

    def entries(self, kind: Kind | None = None, lesson: int | None = None, name: str | None = None) -> list[Entry]:
        """Return copies of the entries of that kind, lesson and name, the oldest first."""
        return [
            copy.deepcopy(entry) for entry in self._all()
            if kind in (None, entry["kind"]) and lesson in (None, entry["lesson"]) and name in (None, entry["name"])
        ]  # fmt: skip

    def last(self, kind: Kind, lesson: int, name: str) -> Entry | None:
        """Return the entry that counts: the last one."""
        return next(reversed(self.entries(kind, lesson, name)), None)

    def drawn_since(self, lesson: int, question: str) -> bool:
        """Tell whether a figure that shows this prediction has been drawn since it was made."""
        drawn = False
        for entry in self._all():
            if entry["lesson"] == lesson and entry["kind"] == "prediction" and entry["name"] == question:
                drawn = False
            elif entry["lesson"] == lesson and entry["kind"] == "drawn":
                drawn = drawn or question in entry["value"]
        return drawn

    def measurements(self, lesson: int) -> dict[str, Any]:
        """Return what was measured in a lesson, the last value of each name."""
        return {entry["name"]: entry["value"] for entry in self.entries("measurement", lesson)}

    def forget(
        self, lesson: int | None = None, names: Collection[str] = (), kinds: Collection[Kind] = KINDS
    ) -> Path | None:
        """Begin anew: a lesson or all, some names or all, some kinds or all. Return the copy of the file before."""
        with self._locked():
            entries = self._read_or_begin()
            kept = [
                entry for entry in entries
                if lesson not in (None, entry["lesson"]) or (names and entry["name"] not in names)
                or entry["kind"] not in kinds
            ]  # fmt: skip
            if len(kept) == len(entries):
                return None
            before = self._aside("before")
            shutil.copyfile(self.path, before)
            self._write(kept)
        return before

    # -- the file -----------------------------------------------------------------------------------------------------

    def _append(self, more: list[Entry]) -> None:
        with self._locked():
            self._write([*self._read_or_begin(), *more])

    def _all(self) -> list[Entry]:
        """Return what the file holds. Nobody is waited for: it is always a whole file."""
        try:
            return self._read()
        except Broken:
            with self._locked():  # and then look again: another notebook may have put it aside meanwhile
                return self._read_or_begin()

    def _read_or_begin(self) -> list[Entry]:
        """Return what the file holds; under the lock, where a broken one can be put aside."""
        try:
            return self._read()
        except Broken as why:
            kept = self._aside("broken")
            self.path.replace(kept)
            self._say(f"{self.path} cannot be read any more ({why}). It is kept as {kept.name}; a new one is begun.")
            return []

    def _read(self) -> list[Entry]:
        try:
            with self.path.open("rb") as file:
                seen = _identity(file)
                if seen != self._seen:
                    self._known = _entries_of(file.read(), self.path)
                    self._seen = seen
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KitError(f"Your answers in {self.path} cannot be read ({error.strerror}): {ELSEWHERE}.") from error
        return self._known

    def _aside(self, word: str) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        return self.path.with_name(f"{self.path.stem}-{word}-{stamp}.json")

    def _write(self, entries: list[Entry]) -> None:
        """Write the file anew. The new one's name is always the same, so a killed notebook leaves no more than one."""
        new = self.path.with_suffix(".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                lines = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
                file.write(f'{{"format": {FORMAT}, "entries": [\n  {lines}]}}\n')
                file.flush()
                os.fsync(file.fileno())
                seen = _identity(file)
            new.replace(self.path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        self._known, self._seen = entries, seen

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the file's lock; the system takes it back when the process ends, however. What fails is a KitError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("a") as lock:
                _wait_for(lock)
                yield
        except OSError as error:
            room = "make room on that disk, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
            raise KitError(
                f"Your answers cannot be written to {self.path} ({error.strerror}): {room}{ELSEWHERE}."
            ) from error


def _identity(file: IO[Any]) -> tuple[int, int, int]:
    found = os.fstat(file.fileno())
    return found.st_mtime_ns, found.st_size, found.st_ino


def _wait_for(lock: IO[str]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: nobody waits there
        return
    end = time.monotonic() + LOCK_LIMIT
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise KitError(f"Another notebook has held {lock.name} for {LOCK_LIMIT:g} s: restart its kernel, and "
                               "run this cell again.") from None  # fmt: skip
            time.sleep(LOCK_STEP)
        except OSError as error:
            if error.errno in NO_LOCKS:
                return
            raise
        else:
            return


def _entries_of(content: bytes, path: Path) -> list[Entry]:
    """Return the entries that a file holds. Raises Broken, or KitError for one from the future."""
    try:
        told = json.loads(content)
        if isinstance(told["format"], int) and told["format"] > FORMAT:
            raise KitError(f"{path} was written by a newer lesson kit: update this one, or {ELSEWHERE}.")
        entries = told["entries"]
        if told["format"] != FORMAT or not isinstance(entries, list) or not all(map(_sound, entries)):
            raise Broken("something in it is not as the kit wrote it")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Broken(str(error)) from error
    return cast("list[Entry]", entries)


def _sound(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and {"kind", "lesson", "name", "value", "at"} <= entry.keys()
        and isinstance(entry["lesson"], int)
        and isinstance(entry["name"], str)
        and isinstance(entry["at"], str)
    )


def _from_numpy(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is none of them")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
