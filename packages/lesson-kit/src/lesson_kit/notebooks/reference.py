"""The reference run: what a lesson gave on a machine that is named, for readers who only read, and for comparison.

::

    lessons/figures/NN-FIGURE.svg   each figure, with a typical guess in it
    lessons/reference/NN.json       what was measured, judged and expected; what is exact; machine, commit, day
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway_bench.samples.machine import describe_machine
from lesson_kit.notebooks.judging import held
from lesson_kit.notebooks.trial import Attempt

__all__ = ["load_reference", "save_reference"]


def load_reference(number: int, lessons: Path) -> dict[str, Any] | None:
    """Return the reference run of a lesson; None if there is none yet."""
    path = _file(number, lessons)
    if not path.exists():
        return None
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return told


def save_reference(found: Attempt, lessons: Path, source: Mapping[str, Any]) -> None:
    """Keep a run as the reference, and take away figures that the lesson has no more. `source` is the commit."""
    number = found.lesson.number
    figures = lessons / "figures"
    figures.mkdir(exist_ok=True)
    for path in figures.glob(f"{number:02}-*.svg"):
        path.unlink()
    for name, svg in found.figures.items():
        (figures / f"{number:02}-{name}.svg").write_text(f"{svg.rstrip()}\n", "utf-8")
    document = {
        "lesson": number,
        "title": found.lesson.title,
        "day": datetime.now(UTC).date().isoformat(),
        "source": dict(source),
        "machine": describe_machine(),
        "seconds": round(found.seconds[0], 1),
        "measured": found.measured,
        "expected": [
            {"says": expected.says, "firm": expected.firm, "held": held(expected, found.measured)}
            for expected in found.lesson.expected
        ],
        "verdicts": found.verdicts,
        "exact": found.exact,
    }
    path = _file(number, lessons)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{json.dumps(document, indent=1, ensure_ascii=False)}\n", "utf-8")


def _file(number: int, lessons: Path) -> Path:
    return lessons / "reference" / f"{number:02}.json"
