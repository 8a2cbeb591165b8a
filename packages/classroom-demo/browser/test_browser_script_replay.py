"""The whole script where nothing can be started: played from its recording, and stamped as such on every screen.

::

    CLASSROOM_REPLAY=1       asked for
    a Python that hangs      found out: two seconds are what a class waits for
    a Python that is gone    found out at once

The last two are true: the classroom runs in an environment of its own, whose `python` is replaced once the page is up.
"""

import contextlib
import os
import sys
import sysconfig
from datetime import datetime
from pathlib import Path

import classroom_window
import pytest
from script_window import at_its_end, press, read, vote

from classroom_demo.recording import bundled
from classroom_demo.scenes import SCREENS
from classroom_demo.script import CANNOT

pytestmark = pytest.mark.timeout(240)
STEPS = [(screen, step) for screen, steps in SCREENS.items() for step in steps]
MEASURED = [
    (screen, step) for screen, step in STEPS if screen not in ("vote", "columns") and step not in ("ask", "map")
]
"""Steps that show what was measured."""
HANGS = "#!/bin/sh\nexec sleep 1000\n"


@pytest.fixture
def rooms(tmp_path):
    """Starts a classroom that is closed after the windows that look at it."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            return stack.enter_context(contextlib.closing(classroom_window.Classroom(tmp_path / "votes", **options)))

        yield start


def own_python(folder):
    """Make a virtual environment that sees what this one sees, and return its interpreter."""
    library = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    library.mkdir(parents=True)
    (library / "site-packages").symlink_to(sysconfig.get_path("purelib"))
    base = Path(os.path.realpath(sys.executable))
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\n", "utf-8")
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.symlink_to(base)
    return python


def hang(python):
    python.unlink()
    python.write_text(HANGS, "utf-8")
    python.chmod(0o755)


def nothing(_python):
    pass


@pytest.mark.parametrize(
    ("disable", "environment", "name"),
    [(nothing, {"CLASSROOM_REPLAY": "1"}, "asked"), (hang, {}, "hangs"), (Path.unlink, {}, "gone")],
)
def test_the_whole_script_is_played_and_stamped(tmp_path, rooms, windows, disable, environment, name):
    python = own_python(tmp_path / "own")
    room = rooms(python=python, **environment)
    disable(python)
    page = windows.open(room)
    there = {one.pid for one in room.processes()}
    seen, alive, said = {}, set(), set()
    for screen, step in STEPS:
        if seen:
            press(page, "Space")
        at_its_end(page, screen, step)
        if step == "ask":
            vote(page, 0, 3, 1)
        seen[screen, step] = read(page)
        said.add(page.text_content("#sentence"))
        alive |= {one.pid for one in room.processes()}
        if seen[screen, step]["replay"]:
            classroom_window.shot(page, f"script-replay-{name}-{screen}-{step}")
    assert alive == there  # no process was born, neither of gateways nor else
    stamped = {at: one["replay"] for at, one in seen.items() if one["replay"]}
    assert list(stamped) == MEASURED
    recording = bundled()
    year, processor = str(datetime.fromisoformat(recording.date).year), recording.machine.split(",")[0]
    for at, stamp in stamped.items():
        assert [word in stamp for word in ("REPLAY", year, processor)] == [True] * 3, (at, stamp)
    assert {"", CANNOT} >= said
    assert (CANNOT in said) == (name != "asked")
    shows_the_recording(seen, recording)


def shows_the_recording(seen, recording):
    """What is drawn is what was recorded, and the votes are those of this class."""
    pids = [row["pid"] for row in recording.segments["cgi", "run"].last()["rows"]]
    assert seen["cgi", "run"]["charts"][0]["texts"][-1] == f"pid {pids[-1]}"
    assert len(seen["stay", "run"]["charts"][1]["dots"]) == 40
    assert [row["true"] for row in seen["stay", "truth"]["rows"]] == [False, False, True, False]
    assert seen["where", "run"]["parts"][1]["ghost"] == pytest.approx(0.75)
    assert seen["break", "run"]["mark"] == "21573"
    assert "21327" in seen["break", "answer"]["drawing"]
    answered = recording.segments["again", "run"].last()["answered_by"]
    drawn = sorted(part["text"].split() for part in seen["again", "run"]["parts"])
    assert drawn == sorted(["pid", pid, str(number)] for pid, number in answered.items())
    assert "25 %" in seen["again", "run"]["drawing"]  # right at first: 1 of 4
