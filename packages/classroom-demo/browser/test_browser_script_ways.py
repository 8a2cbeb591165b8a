"""Ways through the script that no script has: keys that bounce or are held, back while something runs, another
language, a page that is loaded anew, a server that is killed in the middle.

Each test begins at the screen that it needs; the lesson is one for all of this file.
"""

import contextlib

import classroom_window
import psutil
import pytest
from classroom_window import act, screen_is
from script_window import BACK, BOUNCE, STILL, at_its_end, go_on, press, read, told, vote

from classroom_demo.votes import machine

pytestmark = pytest.mark.timeout(240)
LATER = f"(since) => performance.now() - since > {BOUNCE}"
BOUNCES = """(key) => {
    for (let n = 0; n < 4; n++) document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
}"""
LANGUAGES = 'import("/static/words.js").then((words) => words.LANGUAGES)'


@contextlib.contextmanager
def asked(page):
    """Gather what a page asks the server to do."""
    found = []

    def note(request):
        if request.url.endswith("/do"):
            found.append(request.post_data_json)

    page.on("request", note)
    yield found
    page.remove_listener("request", note)


def at(page, screen, step):
    """Go to a screen, whatever this lesson has seen, and on to a step of it."""
    act(page, do="screen", screen=screen)
    page.wait_for_selector(f'.screen[data-screen="{screen}"]')
    while page.get_attribute("#script .screen", "data-step") != step:
        go_on(page, screen, told(page)["screen"]["more"])
    at_its_end(page, screen, step)


def dots(page, more_than):
    page.wait_for_function("(dots) => document.querySelectorAll('#script circle').length > dots", arg=more_than)


@pytest.mark.parametrize("key", [" ", "PageDown", "ArrowRight"])
def test_a_key_that_bounces_counts_once(classroom, windows, key):
    page = windows.open(classroom)
    back_to_columns(page)
    with asked(page) as found:
        page.evaluate(BOUNCES, key)
        screen_is(page, "columns", "answer")
        assert told(page)["screen"]["step"] == "answer"
    assert found == [{"do": "screen", "screen": "columns"}]


def test_a_key_that_is_held_counts_once(classroom, windows):
    page = windows.open(classroom)
    back_to_columns(page)
    with asked(page) as found:
        for _ in range(4):  # the first is a press; a keyboard says of the others that they are repeats
            page.keyboard.down("PageDown")
            page.wait_for_function(LATER, arg=page.evaluate("performance.now()"))
        page.keyboard.up("PageDown")
        screen_is(page, "columns", "answer")
        told(page)
    assert found == [{"do": "screen", "screen": "columns"}]


def back_to_columns(page):
    at(page, "columns", "run") if not told(page)["screen"]["step"] else act(page, do="screen", screen="columns")
    while told(page)["screen"]["step"] != "run":
        act(page, do="back")
    screen_is(page, "columns", "run")


def test_back_goes_step_by_step_in_all_windows(classroom, windows):
    first, second = windows.open(classroom), windows.open(classroom)
    back_to_columns(first)
    before = read(first)
    go_on(first, "columns", "answer")
    after = read(first)
    for key in BACK:
        press(first, key)
        for page in (first, second):
            screen_is(page, "columns", "run")
            page.wait_for_function(STILL)
        assert read(first) == before  # the answer is not given away again
        go_on(first, "columns", "answer")
        assert read(first) == after
        screen_is(second, "columns", "answer")


def test_back_while_a_step_runs_and_forward_again_with_somebody_who_plays(classroom, windows):
    page = windows.open(classroom)
    act(page, do="screen", screen="vote")
    screen_is(page, "vote", "ask")
    press(page, "Space")
    if told(page)["screen"]["state"] == "running":
        dots(page, 2)
        press(page, "PageUp")
        screen_is(page, "vote", "ask")
        press(page, "Space")
    at_its_end(page, "cgi", "run")
    seen = read(page)
    assert (len(seen["charts"][0]["dots"]), seen["counters"]) == (40, ["1"] * 40)
    assert told(page)["screen"]["data"]["born"] == {"cgi": 40}
    press(page, "Space")
    screen_is(page, "stay", "run", "running")
    dots(page, 60)  # 40 of CGI, and some of those that run
    press(page, "PageUp")
    screen_is(page, "cgi", "run", "done")
    press(page, "Space")
    screen_is(page, "stay", "run", "running")
    dots(page, 42)
    status, said = act(page, do="burst", lane="b", count=30)  # somebody plays
    assert (status, said["sentence"].partition(":")[0]) == (409, "The script uses this lane just now")
    at_its_end(page, "stay", "run")
    data = told(page)["screen"]["data"]
    assert data["born"] == {"cgi": 40, "fastcgi": 2, "uwsgi": 2, "wsgi": 2}
    for kind in ("fastcgi", "uwsgi", "wsgi"):
        counts = {row["pid"]: row["counter"] for row in data["rows"] if row["kind"] == kind}
        assert sum(counts.values()) == 40, kind
    assert act(page, do="burst", lane="b", count=1)[0] == 200  # it is free play's again
    windows.complaints.clear()  # a browser writes down each refusal


def test_another_language_changes_words_and_nothing_else(classroom, windows):
    page, other = windows.open(classroom), windows.open(classroom)
    languages = page.evaluate(LANGUAGES)
    at(page, "cgi", "run")
    seen, beside = {}, read(other)
    for language in [*languages[1:], languages[0]]:
        press(page, "l")
        page.wait_for_selector(f'#script[lang="{language}"]')
        page.wait_for_function(STILL)
        seen[language] = read(page)
        classroom_window.shot(page, f"script-language-{language}")
    first = seen[languages[0]]
    for language, found in seen.items():
        for name in ("title", "prompt", "place"):
            assert (found[name] == first[name]) == (language == languages[0]), (language, name)
        assert (found["counters"], found["state"]) == (first["counters"], "done")
        (chart,), (same,) = found["charts"], first["charts"]
        assert (chart["dots"], chart["texts"]) == (same["dots"], same["texts"])
    assert len({found["title"] for found in seen.values()}) == len(languages)
    assert read(other) == beside


def test_tallies_stay_in_another_language_and_when_the_page_is_loaded_anew(classroom, windows):
    page = windows.open(classroom)
    act(page, do="screen", screen="again")
    while told(page)["screen"]["step"] != "ask":
        act(page, do="back")
    screen_is(page, "again", "ask")
    vote(page, 3, 14, 2)
    press(page, "L")
    page.wait_for_function("() => document.querySelector('#script').lang != 'en'")
    assert [row["hands"] for row in read(page)["rows"]][:3] == ["3", "14", "2"]
    title = read(page)["title"]
    page.reload()
    screen_is(page, "again", "ask")
    assert [row["hands"] for row in read(page)["rows"]][:3] == ["3", "14", "2"]
    assert read(page)["title"] == title  # and the language


def test_votes_stay_as_they_are_once_the_truth_is_shown(classroom, windows):
    page = windows.open(classroom)
    at(page, "cgi", "run")
    at(page, "stay", "truth")
    before = read(page)
    page.keyboard.press("5")
    page.wait_for_function(
        "() => document.querySelector('#sentence').textContent.startsWith('The truth has been shown')"
    )
    assert read(page)["rows"] == before["rows"]
    windows.complaints.clear()


def test_what_was_measured_today_is_replayed_by_the_same_drawing(classroom, windows):
    page = windows.open(classroom)
    at(page, "cgi", "run")
    page.wait_for_function(STILL)
    live = read(page)
    press(page, "r")
    page.wait_for_selector("#script .replay:not(:empty)")
    at_its_end(page, "cgi", "run")
    page.wait_for_function(STILL)
    again = read(page)
    assert "REPLAY" in again["replay"]
    assert {**again, "replay": ""} == {**live, "replay": ""}
    assert told(page)["screen"]["replay"]["machine"] == machine()


def test_a_page_that_is_loaded_anew_while_a_step_runs(classroom, windows):
    page = windows.open(classroom)
    at(page, "where", "ask")
    press(page, "Space")
    screen_is(page, "where", "run", "running", "done")
    page.reload()
    screen_is(page, "where", "run", "running", "done")
    at_its_end(page, "where", "run")
    assert sum(part["bar"] for part in read(page)["parts"]) == pytest.approx(1)


def test_a_server_that_is_killed_in_the_middle(classroom, windows):
    page = windows.open(classroom)
    at(page, "cgi", "run")
    below = [one for one in classroom.processes() if "shown:app" in one.cmdline()]
    assert below
    worker = psutil.Process(classroom.process.pid).children()[0].children()[0].children()[0]
    with page.expect_navigation():  # once it has said so, and there is a new one
        worker.kill()
    screen_is(page, "vote", "ask")
    assert not psutil.wait_procs(below, classroom_window.LIMIT)[1]  # no gateway outlives it
    press(page, "Space")
    dots(page, 2)
    windows.complaints.clear()  # a browser writes down what it could not reach
