"""Recordings: what a live page was told of the script's screens, and when, to be told again where nothing can be run.

::

    Hub --every frame--> Recorder: segments, one for each step of a screen --save--> lesson.jsonl.gz
    Hub <--script-- Segment.moments(), each at its time <--load-- lesson.jsonl.gz

The file has a line of JSON that says when and on which machine it was made, then one for each moment::

    {"recording": 1, "date": "2026-05-04T08:00:00+00:00", "machine": "x86_64, Linux 6.1, Python 3.12"}
    {"screen": "cgi", "step": "run", "at": 0.55, "data": {"rows": [...]}}

Only a screen's own data is kept. Votes are never part of it: they are those of the class that sits there now.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .votes import machine

if TYPE_CHECKING:
    from .floor import Floor

__all__ = ["BadRecording", "Recorder", "Recording", "Segment", "bundled", "record"]

VERSION: Final = 1
FRAMES: Final = 2_000
"""Moments of a segment: more than a screen has in a minute, so a step that goes on for ever cannot fill the memory."""
SILENCE: Final = 60.0
"""Seconds for a step while recording: on a machine that needs longer, nothing worth showing comes of it."""
STEP: Final = 0.05

Data = dict[str, Any]


class BadRecording(Exception):
    """A file that is no recording, or a recording that cannot be made; the text is one sentence."""


@dataclass(slots=True)
class Segment:
    """One step of one screen: its data as they became, with the seconds since it began."""

    moments: list[tuple[float, Data]] = field(default_factory=list)

    def last(self) -> Data:
        """Return how the step ended."""
        return self.moments[-1][1] if self.moments else {}


@dataclass(slots=True)
class Recording:
    """Segments by (screen, step), and where they come from."""

    date: str
    machine: str
    segments: dict[tuple[str, str], Segment] = field(default_factory=dict)

    def stamp(self) -> dict[str, str]:
        """Return what a page shows with it, so that nobody takes it for live."""
        return {"date": self.date, "machine": self.machine}

    def save(self, file: Path) -> None:
        """Write it down. Raises BadRecording."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(file, "wt", encoding="utf-8") as output:
                output.writelines(f"{json.dumps(line, separators=(',', ':'))}\n" for line in self._lines())
        except OSError as error:
            raise BadRecording(f"The recording cannot be written to {file}: {error.strerror}.") from error

    @classmethod
    def load(cls, file: Path) -> Recording:
        """Read one. Raises BadRecording."""
        try:
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                return cls.read(lines)
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise BadRecording(f"{file} cannot be read: {error}.") from error

    @classmethod
    def read(cls, lines: Iterable[str]) -> Recording:
        """Read one from its lines. Raises BadRecording."""
        try:
            head, *rest = (json.loads(line) for line in lines)
            if head["recording"] != VERSION:
                raise BadRecording(f"This recording is of another version, {head['recording']!r}: make a new one.")
            found = cls(str(head["date"]), str(head["machine"]))
            for line in rest:
                segment = found.segments.setdefault((line["screen"], line["step"]), Segment())
                segment.moments.append((float(line["at"]), dict(line["data"])))
        except (ValueError, KeyError, TypeError) as error:
            raise BadRecording(f"This is no recording: {error!r} in it.") from error
        return found

    def _lines(self) -> Iterator[Data]:
        yield {"recording": VERSION, **self.stamp()}
        for (screen, step), segment in self.segments.items():
            for at, data in segment.moments:
                yield {"screen": screen, "step": step, "at": round(at, 3), "data": data}


class Recorder:
    """A tap on the Hub: gathers what is told of screens that run. A step is kept once it is done, and whole."""

    def __init__(self) -> None:
        self.recording = Recording(datetime.now(UTC).isoformat(timespec="seconds"), machine())
        self._running: dict[tuple[str, str], tuple[float, Segment]] = {}

    def take(self, frame: Mapping[str, Any]) -> None:
        """Look at a frame. Replays are not recorded again, nor is what has failed."""
        screen = frame.get("screen")
        if not screen or screen["replay"] or screen["state"] not in ("running", "done", "failed"):
            return
        key, now = (screen["name"], screen["step"]), time.monotonic()
        if screen["state"] == "failed":
            self.forget(*key)
            return
        over = screen["state"] == "done"
        if over and key not in self._running and key in self.recording.segments:  # a look back at what is over
            return
        began, segment = self._running.setdefault(key, (now, Segment()))
        if len(segment.moments) < FRAMES or over:
            segment.moments.append((now - began, json.loads(json.dumps(screen["data"]))))
        if over:
            self.recording.segments[key] = segment
            del self._running[key]

    def forget(self, screen: str, step: str) -> None:
        """Forget what has been gathered of a step that begins anew, or has failed."""
        self._running.pop((screen, step), None)


def bundled() -> Recording | None:
    """Return the recording that comes with the package, if one does. Raises BadRecording."""
    file = resources.files(__package__) / "recordings" / "lesson.jsonl.gz"
    with resources.as_file(file) as path:
        return Recording.load(path) if path.exists() else None


def record(floor: Floor, file: Path) -> Recording:
    """Go through the whole script on an open floor, and save what its pages would have seen. Raises BadRecording."""
    from .scenes import SCREENS  # it takes the codecs with it, which a replay does without

    recorder = Recorder()
    floor.hub.taps.append(recorder.take)
    for name, steps in SCREENS.items():
        for _ in steps:
            floor.act({"do": "screen", "screen": name})
            _await(floor, name)
    recorder.recording.save(file)
    return recorder.recording


def _await(floor: Floor, name: str) -> None:
    """Wait until a step is over, and told. Raises BadRecording if it fails or takes too long."""
    end = time.monotonic() + SILENCE
    while floor.script.running:
        if time.monotonic() > end:
            raise BadRecording(f"The screen {name!r} was not done within {SILENCE:g} s: this machine is too slow.")
        time.sleep(STEP)
    told = floor.script.told()
    if told["state"] == "failed" or told["replay"]:
        raise BadRecording(f"The screen {name!r} has failed: {told['sentence']}")
