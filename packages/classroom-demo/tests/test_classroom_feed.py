"""The hub: what a window is told, new, in step, too slow, one too many, gone."""

import json

import pytest

from classroom_demo.feed import BEHIND, WINDOWS, Hub, TooManyWindows


def told(data):
    """Return (kind, data) of each event."""
    return [
        (lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: ")))
        for lines in (one.split("\n") for one in data.decode().split("\n\n") if one)
    ]


def test_a_window_is_told_everything_and_then_what_changes():
    hub = Hub()
    window = hub.window()
    hub.publish({"n": 1})  # the snapshot has it
    hub.refresh(lambda: {"all": 1})
    hub.publish({"n": 2})
    hub.refresh(pytest.fail)
    assert told(next(window)) == [("snapshot", {"all": 1}), ("frame", {"n": 2})]


def test_a_window_that_does_not_read_gets_a_snapshot_in_place_of_what_it_missed():
    hub = Hub()
    slow, quick = hub.window(), hub.window()
    hub.refresh(lambda: {"all": 1})
    for n in range(BEHIND + 5):
        hub.publish({"n": n})
        hub.refresh(lambda: {"all": 2})
        assert told(next(quick))[-1] == ("frame", {"n": n})
    kinds = told(next(slow))
    assert kinds[0] == ("snapshot", {"all": 2})
    assert len(kinds) <= BEHIND


def test_one_window_too_many():
    hub = Hub()
    windows = [hub.window() for _ in range(WINDOWS)]
    with pytest.raises(TooManyWindows):
        hub.window()
    windows[0].close()  # never read from
    windows[0].close()
    assert hub.windows == WINDOWS - 1
    hub.window()


def test_the_end_of_the_hub_is_the_end_of_its_windows():
    hub = Hub()
    window = hub.window()
    hub.close()
    assert list(window) == []


def test_recordings_see_frames_that_nobody_looks_at():
    hub, seen = Hub(), []
    hub.taps.append(seen.append)
    hub.publish({"n": 1})
    assert seen == [{"n": 1}]
