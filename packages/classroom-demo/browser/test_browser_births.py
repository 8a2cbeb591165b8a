"""Free play shows as many births as there were: a minute of 50 visitors a second, counted by three who do not confer.

::

    the programs   each notes its id in a file, as it is born       == births of CGI programs on the page
    the gateways   their own counts, in the memory they share       == births of workers, requests on the page
    the system     which workers there are                          == those that the page says live

No event is asked: the page lives on these, and they are what is tested. Two cores cannot start 50 programs of Python a
second. So visitors wait, fail, are turned away, and everything is counted all the same. CLASSROOM_MINUTE makes the
minute shorter, for whoever works on it.
"""

import os

import play_window
import pytest
from classroom_window import LIMIT, shot
from play_window import counted, drawn, told, until

MINUTE = float(os.environ.get("CLASSROOM_MINUTE", "60"))
RATE = 50
NOTE = """
import os
with open({path!r}, "ab", buffering=0) as births:
    births.write(b"%d\\n" % os.getpid())
"""


def witness(classroom, path):
    """Have each program of lane a note its birth, in the application's own file."""
    path.touch()
    application = play_window.folder(classroom, "a") / "shown.py"
    application.write_text(application.read_text() + NOTE.format(path=str(path)))


def quiet(classroom):
    """Return what is told of both lanes, if nobody is under way."""
    there = told(classroom)["lanes"]
    lanes = [there[name] for name in "ab"]
    busy = any(lane["waiting"] or any(life["now"] or _lives(life, "cgi") for life in lane["lives"]) for lane in lanes)
    return None if busy else lanes


def _lives(life, role):
    return life["role"] == role and life["ended"] is None


@pytest.mark.timeout(MINUTE + 200)
def test_a_minute_of_visitors(classroom, windows, tmp_path):
    page = windows.open(classroom, "play")
    page.click("#start")  # CGI beside FastCGI
    play_window.lanes_are(page, "a", "b")
    births = tmp_path / "births"
    witness(classroom, births)

    play_window.set_rate(page, classroom, RATE)
    over = page.evaluate("performance.now()") + 1000 * MINUTE
    page.wait_for_function("end => performance.now() > end", arg=over, timeout=1000 * (MINUTE + LIMIT))
    shot(page, "minute-full")
    play_window.set_rate(page, classroom, 0)
    cgi, fastcgi = until(lambda: quiet(classroom), "they are still at work", limit=2 * LIMIT)
    shot(page, "minute-over")

    born = [int(pid) for pid in births.read_text().split()]
    gave_up = sum(times for why, times in cgi["failures"].items() if why in ("gave up", "hung up"))
    gateway = play_window.status(classroom, "a")
    programs = cgi["counts"]["born"] - gateway["spawned"]
    assert len(born) <= programs <= len(born) + gave_up  # whose visitor goes may be ended before it notes anything
    assert {life["pid"] for life in cgi["lives"] if life["role"] == "cgi"} <= set(born) or gave_up

    for name, lane in (("a", cgi), ("b", fastcgi)):
        counts, gateway = lane["counts"], play_window.status(classroom, name)
        until(lambda name=name, counts=counts: counted(page, name, "born") == counts["born"])
        # A dot is missing only if the kernel dropped both of its events, and what it drops is counted.
        assert 0 <= counts["born"] - drawn(page, name) <= counts["unheard"] // 2
        assert counted(page, name, "failed") == counts["failed"]
        assert counts["came"] == counts["served"] + counts["failed"] + counts["turned_away"]
        came_in = counts["served"] + counts["failed"]
        assert came_in - gave_up <= gateway["requests"] <= came_in
        living = {life["pid"] for life in lane["lives"] if _lives(life, "worker")}
        assert living == play_window.workers(classroom, name)
    assert fastcgi["counts"]["born"] == play_window.status(classroom, "b")["spawned"] == 2
