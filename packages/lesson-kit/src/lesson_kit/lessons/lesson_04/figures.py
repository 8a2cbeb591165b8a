"""The dots: which process answered each request, and what its counter said, for three servers of one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from lesson_kit.charts.processes import staircase
from lesson_kit.lessons.lesson_04.visits import Row

__all__ = ["draw_dots"]


def draw_dots(visits: Mapping[str, Sequence[Row]], guesses: Mapping[str, Any]) -> Figure:
    """Draw the rows of each server (pid and count of each answer): above the processes, below the counters."""
    names = list(visits)
    pids = {name: [pid for pid, _ in rows] for name, rows in visits.items()}
    one, four = names[1:2], names[2:3]
    return staircase(
        pids,
        _title(pids),
        counters={name: [count for _, count in rows] for name, rows in visits.items()},
        guesses=dict.fromkeys(four, guesses["births"]),
        counted=dict.fromkeys(one, guesses["last_of_one"]) | dict.fromkeys(four, guesses["last_of_four"]),
        kinds={name: "fastcgi" if "FastCGI" in name else "cgi" for name in names},
    )


def _title(pids: Mapping[str, Sequence[int]]) -> str:
    most = max((len(row) for row in pids.values()), default=0)
    *rest, last = [str(len(set(row))) for row in pids.values()] or ["no"]
    counts = f"{', '.join(rest)} and {last}" if rest else last
    return f"One file, {most} requests each: it ran in {counts} processes"
