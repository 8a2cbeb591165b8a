"""Whatever goes wrong, the page says what happens and goes on; and all of it, browser included, stays on this machine.

::

    windows: a second, a thirteenth, hidden ones, a phone's  server: killed, stopped for a while, not there
    votes:   999, a folder that is none         lanes:  none to be had, more visitors than room
"""

import http.client
import json
import os
import re
import time
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from urllib.parse import urlsplit

import classroom_window
import psutil
import pytest
from classroom_window import LIMIT, act, screen_is

from classroom_demo.scenes import SCREENS
from classroom_demo.visitors import CROWD
from gateway_runtime.testing import wait_until

RATE = 50
OWED = 2.0
"""Seconds for which a server is stopped: twice what it may be behind with its visitors."""
TOLD = ".lane, #invite:not([hidden])"
"""What free play shows once it has been told what runs: that, or that nothing does."""
CALLS = "connect,sendto,sendmsg,sendmmsg"
"""System calls that name an address."""
HERE = re.compile(r'AF_UNIX|AF_NETLINK|AF_UNSPEC|sin_addr=inet_addr\("127\.|inet_pton\(AF_INET6, "::1"')
"""Addresses of this machine: a unix socket, the kernel itself, none, loopback."""


@pytest.fixture
def rooms(tmp_path):
    """Starts classrooms of a test's own, which go with it."""
    with ExitStack() as stack:

        def start(*options, votes=tmp_path / "votes", **more):
            room = classroom_window.Classroom(votes, *options, **more)
            stack.callback(room.close)
            return room

        yield start


@contextmanager
def feed(classroom):
    """A window without a browser: an answer that is read line by line."""
    connection = http.client.HTTPConnection(urlsplit(classroom.url).netloc, timeout=LIMIT)
    connection.request("GET", "/feed")
    with closing(connection), connection.getresponse() as answer:
        yield answer


def frames(answer):
    for line in answer:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def came(frame):
    return frame["lanes"]["a"]["counts"]["came"]


def says(page, words, where="#link"):
    page.wait_for_function("([where, words]) => document.querySelector(where).textContent.includes(words)",
                           arg=[where, words])  # fmt: skip


def forgive(windows, words):
    """What a browser logs by itself, such as that a server is gone, is no fault of the page's. To be called at last."""
    windows.close()
    assert all(any(one in complaint for one in words) for complaint in windows.complaints), windows.complaints
    windows.complaints.clear()


# -- windows -----------------------------------------------------------------------------------------------------------


def test_two_windows_show_the_same_lesson_and_both_count(classroom, windows):
    first, second = windows.open(classroom), windows.open(classroom, size="projector")
    for page in (first, second):
        screen_is(page, "vote", "ask")
    first.keyboard.type("17")
    second.keyboard.press("ArrowDown")
    second.keyboard.type("4")
    for page in (first, second):
        for row, hands in enumerate(("17", "4")):
            says(page, hands, f".ballot tbody tr:nth-child({row + 1}) .hands")


def test_a_tally_of_999_is_refused_and_the_row_shows_what_was_counted(classroom, windows):
    page = windows.open(classroom)
    screen_is(page, "vote", "ask")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("999")
    says(page, "999 hands cannot be: a number from 0 to 200", "#sentence")
    says(page, "99", ".ballot tbody tr:nth-child(3) .hands")
    page.keyboard.type("30")  # from the start again
    says(page, "30", ".ballot tbody tr:nth-child(3) .hands")
    forgive(windows, ["409"])


def test_the_window_after_the_last_is_told_so_and_comes_in_when_one_goes(classroom, windows):
    with ExitStack() as held, ExitStack() as one:
        next(frames(one.enter_context(feed(classroom))))
        while (answer := held.enter_context(feed(classroom))).status == 200:
            next(frames(answer))
        page = windows.open(classroom, "play")
        says(page, "Too many windows look already: close one.")
        one.close()
        page.wait_for_selector(TOLD)
        assert page.text_content("#link") == ""
    forgive(windows, ["503"])


def test_a_window_that_nobody_sees_holds_no_connection(classroom, windows):
    page = windows.open(classroom, "play")
    page.wait_for_selector(TOLD)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
        return performance.getEntriesByName(`${location.origin}/feed`).length;
    }"""
    page.evaluate(hide, True)
    page.wait_for_function("performance.getEntriesByName(`${location.origin}/feed`).length == 1")  # that one is over
    page.evaluate(hide, False)
    assert act(page, do="lane.start", lane="d", kind="wsgi", workers=1)[0] == 200
    page.wait_for_selector('.lane[data-lane="d"]')
    assert act(page, do="lane.stop", lane="d")[0] == 200


def test_by_touch_alone(classroom, windows):
    page = windows.open(classroom, size="phone", is_mobile=True, has_touch=True, device_scale_factor=2)
    screen_is(page, "vote", "ask")
    row = page.locator(".ballot tbody tr").nth(3)
    row.tap()
    for button, hands in (("+1", 1), ("+1", 2), ("\N{MINUS SIGN}1", 1)):
        row.get_by_role("button", name=button).tap()
        says(page, str(hands), ".ballot tbody tr:nth-child(4) .hands")
    assert page.evaluate("document.documentElement.scrollWidth") <= classroom_window.SIZES["phone"][0]
    classroom_window.shot(page, "trouble-phone-vote")
    page.locator(".next").tap()
    screen_is(page, "cgi", "run", "running", "done")
    classroom_window.shot(page, "trouble-phone-cgi")


# -- the server --------------------------------------------------------------------------------------------------------


def test_a_server_that_is_killed_comes_back_as_a_new_lesson(rooms, windows):
    room = rooms()
    page = windows.open(room)
    screen_is(page, "vote", "ask")
    token = page.get_attribute('meta[name="classroom-token"]', "content")
    worker = psutil.Process(room.process.pid).children()[0].children()[0].children()[0]
    with page.expect_navigation():  # it loads itself anew: the old token is worth nothing now
        worker.kill()
    screen_is(page, "vote", "ask")
    assert page.get_attribute('meta[name="classroom-token"]', "content") != token
    assert act(page, do="vote", question="born", option="40 2", hands=3)[0] == 200
    forgive(windows, ["ERR_"])


def test_a_machine_that_sleeps_says_so_and_owes_nobody_a_visit(rooms, windows):
    room = rooms()
    page = windows.open(room, "play")
    page.wait_for_selector(TOLD)
    act(page, do="lane.start", lane="a", kind="wsgi", workers=1)
    act(page, do="rate", lane="a", rate=RATE)
    with feed(room) as answer:
        told = pairwise(frames(answer))
        next(one for one, _ in told if one["lanes"]["a"]["counts"]["served"] > 5)
        asleep = room.processes()
        for one in asleep:
            one.suspend()
        stopped = time.monotonic()
        says(page, "The server does not answer")
        while time.monotonic() < stopped + OWED:
            page.wait_for_timeout(100)
        for one in asleep:
            one.resume()
        before, awake = next(two for two in told if two[1]["t"] - two[0]["t"] > OWED)
        _, after = next(told)  # now those who were due have come, whichever of the two was first in its turn
    assert came(after) - came(before) < RATE * (OWED + after["t"] - awake["t"])
    says(page, "The server is back.", "#sentence")
    assert page.text_content("#link") == ""
    forgive(windows, ["ERR_"])


def test_a_server_that_has_ended_is_said_by_the_page_and_nothing_is_done(rooms, windows):
    room = rooms()
    page = windows.open(room)
    screen_is(page, "vote", "ask")
    room.end()
    says(page, "The server does not answer. This page goes on trying")
    page.keyboard.press("Space")
    says(page, "The server does not answer: nothing was done.", "#sentence")
    classroom_window.shot(page, "trouble-gone")
    forgive(windows, ["ERR_"])


# -- votes and lanes ---------------------------------------------------------------------------------------------------


def test_votes_that_cannot_be_saved_count_and_the_lesson_goes_on(rooms, windows):
    room = rooms("--replay", votes=f"{os.devnull}/votes")  # since it is not about gateways
    page = windows.open(room)
    screen_is(page, "vote", "ask")
    page.keyboard.type("17")
    says(page, "cannot be saved in /dev/null/votes: Not a directory", "#sentence")
    says(page, "17", ".ballot tbody tr:nth-child(1) .hands")
    page.keyboard.press("Space")
    screen_is(page, "cgi", "run", "running")
    page.keyboard.press("Space")  # no pauses
    screen_is(page, "cgi", "run", "done")


def test_replay_starts_no_gateway_and_free_play_says_so(rooms, windows):
    room = rooms("--replay")
    page = windows.open(room)
    screen_is(page, "vote", "ask")
    page.keyboard.press("Space")
    screen_is(page, "cgi", "run", "running")
    page.keyboard.press("Space")
    screen_is(page, "cgi", "run", "done")
    assert "REPLAY" in page.inner_text(".replay")
    page.keyboard.press("p")
    page.wait_for_selector("#play:not([hidden])")
    page.click("#start")
    says(page, "start it without --replay", "#sentence")
    classroom_window.shot(page, "trouble-replay")
    assert len(room.processes()) == 3  # the leash, the page's server and its worker
    forgive(windows, ["409"])


def test_a_rate_that_the_machine_cannot_serve_turns_visitors_away_and_says_so(classroom, windows):
    page = windows.open(classroom, "play")
    for action in (
        {"do": "lane.start", "lane": "a", "kind": "wsgi", "workers": 1},
        {"do": "path", "lane": "a", "path": "/sleep?ms=200"},
        {"do": "burst", "lane": "a", "count": CROWD},
        {"do": "burst", "lane": "a", "count": 40},
    ):
        assert act(page, **action)[0] == 200
    says(page, "turned away", '.lane[data-lane="a"]')
    classroom_window.shot(page, "trouble-too-many")
    assert act(page, do="lane.stop", lane="a")[0] == 200  # and all who wait go with it
    page.wait_for_selector('.lane[data-lane="a"]', state="detached")


# -- nothing leaves this machine ---------------------------------------------------------------------------------------


@pytest.mark.real("strace")
def test_no_process_of_a_lesson_names_an_address_elsewhere(tmp_path, rooms, windows):
    trace = tmp_path / "trace"
    # -D: the tracer is no parent of the program, which so ends as if nobody looked.
    options = f"-D -f -q --seccomp-bpf -e signal=none -e trace={CALLS} -o"
    room = rooms(before=["strace", *options.split(), str(trace)])
    page = windows.open(room)
    screen_is(page, "vote", "ask")
    for screen in ("columns", "break"):  # what the others ask, free play asks below, and less often
        for name in SCREENS[screen]:
            act(page, do="screen", screen=screen)
            screen_is(page, screen, name)
    page.keyboard.press("p")
    page.wait_for_selector("#play:not([hidden])")
    page.wait_for_selector('.lane[data-lane="a"]')  # CGI, which the script has started for its next screen
    assert act(page, do="lane.start", lane="b", kind="fastcgi", workers=1)[0] == 200
    for lane in ("a", "b"):
        assert act(page, do="stretch", lane=lane)[0] == 200
    room.end()
    ended = re.compile(rf"^{room.process.pid} +\+\+\+ exited with 0", re.MULTILINE)
    wait_until(lambda: ended.search(trace.read_text()))
    named = [line for line in trace.read_text().splitlines() if "sa_family" in line]
    assert any("sin_addr" in line for line in named)
    assert [line for line in named if not HERE.search(line)] == []
    forgive(windows, ["ERR_"])
