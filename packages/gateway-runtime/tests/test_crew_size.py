"""A worker has as many threads as its calls have needed so far."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from gateway_runtime.crew import Crew


class Calls:
    """Drives a crew: each thread that holds the loop hands it on and stays in its call, until `wanted` are away."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.away: list[object] = []
        self.refused = 0
        self.crew = Crew(self.drive, lambda connection: None, lambda: None)

    def drive(self, member: object) -> None:
        self.away.append(member)
        if len(self.away) > self.wanted or not self.crew.hand_over(SimpleNamespace()):  # type: ignore[arg-type]
            self.refused = len(self.away) <= self.wanted
            self.crew.end()


@pytest.mark.parametrize(("wanted", "started"), [(0, 1), (1, 2), (5, 6)])
def test_threads_are_started_when_they_are_needed(wanted: int, started: int) -> None:
    calls = Calls(wanted)
    calls.crew.run([SimpleNamespace(number=number) for number in range(50)])  # type: ignore[misc]
    assert len(calls.away) == started
    assert [member.slot.number for member in calls.away] == list(range(started))  # type: ignore[attr-defined]


def test_there_are_no_more_than_slots() -> None:
    calls = Calls(10)
    calls.crew.run([SimpleNamespace(), SimpleNamespace()])  # type: ignore[list-item]
    assert len(calls.away) == 2
    assert calls.refused


def test_a_system_that_gives_no_more_threads_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(10)
    start, left = threading.Thread.start, [3]

    def scarce(thread: threading.Thread) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    calls.crew.run([SimpleNamespace() for _ in range(50)])  # type: ignore[misc]
    assert len(calls.away) == 3
