"""The script as a teacher gives it: every screen and step by one key, and whether what it says is so.

::

    lesson:  window 1 --keys--> vote ask, cgi run, stay run, stay truth, ... again map    read, and photographed
             window 2 ---------> the same                                                 read

The lesson is given once, for all tests of this file; each of them looks at one thing of it.
"""

import hashlib
import json
import re
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import classroom_window
import pytest
from script_window import FORWARD, STILL, at_its_end, press, read, told, vote

import demo_app.experiments
from classroom_demo.asking import request_of
from classroom_demo.scenes import SCREENS

pytestmark = pytest.mark.timeout(240)
"""The first test waits for the whole lesson, which takes 15 s on a machine that does nothing else."""
STEPS = [(screen, step) for screen, steps in SCREENS.items() for step in steps]
KINDS = ("CGI", "FastCGI", "uwsgi", "WSGI")
HANDS = {"vote": (12, 5, 7, 1), "where": (9, 4, 6, 0), "again": (1, 20, 3, 1)}
"""What the class votes for: 7 of 25 are right at first, and 20 of 25 at last."""


class Lesson:
    """What both windows have shown at each step, and what the server said of it."""

    def __init__(self, classroom, first, second):
        self.classroom, self.first, self.second = classroom, first, second
        self.read, self.read_beside, self.told, self.workers = {}, {}, {}, {}
        self.ballots = {}

    def give(self):
        """Go through all of it, by key alone."""
        keys = iter(FORWARD * len(STEPS))
        for number, (screen, step) in enumerate(STEPS):
            if number:
                press(self.first, next(keys))
            at_its_end(self.first, screen, step)
            classroom_window.screen_is(self.second, screen, step)
            if step == "ask":
                vote(self.first, *HANDS[screen], beside=[self.second])
            self._look(number, screen, step)

    def _look(self, number, screen, step):
        for page, found in ((self.first, self.read), (self.second, self.read_beside)):
            page.wait_for_function(STILL)
            found[screen, step] = read(page)
        snapshot = told(self.first)
        self.told[screen, step] = snapshot["screen"]["data"]
        self.ballots = snapshot["ballots"]
        self.workers[screen, step] = workers(self.classroom)
        classroom_window.shot(self.first, f"script-{number + 1:02d}-{screen}-{step}")


def workers(classroom):
    """All processes of gateways that live: pid -> the module that its parent runs. The system says so, not the page."""
    found = {}
    for process in classroom.processes():
        command = process.cmdline()
        parent = process.parent()
        if parent and "shown:app" in command and parent.cmdline() == command:
            found[process.pid] = command[command.index("-m") + 1]
    return found


@pytest.fixture(scope="module")
def lesson(classroom, chromium):
    """The lesson, given once."""
    opened = classroom_window.Windows(chromium)
    try:
        given = Lesson(classroom, opened.open(classroom), opened.open(classroom))
        given.give()
        yield given
    finally:
        opened.close()
        assert not opened.strangers
        assert not opened.complaints


def test_a_key_for_each_step_and_both_windows_go_along(lesson):
    assert list(lesson.read) == STEPS
    for (screen, step), seen in lesson.read.items():
        assert seen["place"] == f"Screen {list(SCREENS).index(screen) + 1} of 7"
        assert seen["title"]
        assert seen["prompt"]
        assert seen["replay"] == ""
        beside = lesson.read_beside[screen, step]
        for name in ("title", "prompt", "place", "cells", "charts", "counters", "sections", "log"):
            assert beside[name] == seen[name] or (name, step) == ("cells", "ask"), name  # each marks its own row


def test_a_window_that_comes_late_shows_where_the_lesson_is(lesson, windows):
    page = windows.open(lesson.classroom)
    classroom_window.screen_is(page, *STEPS[-1])
    assert read(page) == lesson.read[STEPS[-1]]


def test_the_first_vote(lesson):
    seen = lesson.read["vote", "ask"]
    assert "40 requests" in seen["title"]
    assert ["CGI" in head for head in seen["heads"]] == [True, True]
    assert "FastCGI, 2 workers" in seen["heads"][1]
    assert [row["label"] for row in seen["rows"]] == [
        "A 1 1: 12 hands", "B 1 2: 5 hands", "C 40 2: 7 hands", "D 40 40: 1 hand",
    ]  # fmt: skip
    assert [row["hands"] for row in seen["rows"]] == [str(hands) for hands in HANDS["vote"]]
    assert [row["marked"] for row in seen["rows"]] == [False, False, False, True]
    assert not any(row["true"] for row in seen["rows"])


def test_under_cgi_the_dots_climb_and_each_counter_is_one(lesson):
    seen, data = lesson.read["cgi", "run"], lesson.told["cgi", "run"]
    pids = [row["pid"] for row in data["rows"]]
    assert (len(pids), len(set(pids)), data["born"]) == (40, 40, {"cgi": 40})
    assert not set(pids) & {process.pid for process in lesson.classroom.processes()}  # they are gone
    assert seen["counters"] == ["1"] * 40
    (chart,) = seen["charts"]
    assert len(chart["dots"]) == 40
    assert all(right > left and higher < lower for (left, lower), (right, higher) in pairwise(chart["dots"]))
    assert chart["texts"][-1] == f"pid {pids[-1]}"
    assert set(chart["texts"]) <= {f"pid {pid}" for pid in pids}
    assert chart["label"].startswith("40 answers from 40 processes")


def test_processes_that_stay_are_flat_lines_and_counters_that_climb(lesson):
    seen, data, alive = lesson.read["stay", "run"], lesson.told["stay", "run"], lesson.workers["stay", "run"]
    heads = [one["text"].split()[:3] for one in seen["sections"]]
    assert heads == [[kind, n, "processes"] for kind, n in zip(KINDS, ("40", "2", "2", "2"), strict=True)]
    modules = {"fastcgi": "fastcgi_server", "uwsgi": "uwsgi_gateway", "wsgi": "wsgi_server"}
    for chart, (kind, module) in zip(seen["charts"][1:], modules.items(), strict=True):
        rows = [row for row in data["rows"] if row["kind"] == kind]
        counts = {row["pid"]: row["counter"] for row in rows}  # the last of each
        assert len(rows) == len(chart["dots"]) == 40
        assert counts.keys() <= {pid for pid, runs in alive.items() if runs == module}
        assert sum(runs == module for runs in alive.values()) == 2
        assert sum(counts.values()) == 40
        assert len({y for _, y in chart["dots"]}) == len(counts)
        assert sorted(map(int, chart["texts"])) == sorted(counts.values())
    assert seen["charts"][0]["dots"]
    assert len(seen["charts"][0]["dots"]) == 40


def test_the_same_file_under_all_four(lesson):
    file = Path(demo_app.experiments.__file__)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert lesson.told["stay", "run"]["hash"] == dict.fromkeys(("cgi", "fastcgi", "uwsgi", "wsgi"), digest)
    drawn = lesson.read["stay", "run"]["drawing"]
    words = (file.name, f"SHA-256 {digest[:8]}", "4 \N{MULTIPLICATION SIGN} the same")
    assert [word for word in words if word not in drawn] == []


def test_the_votes_over_the_truth(lesson):
    seen = lesson.read["stay", "truth"]
    assert "40 under CGI, 2 under FastCGI" in seen["title"]
    assert [row["hands"] for row in seen["rows"]] == [str(hands) for hands in HANDS["vote"]]
    assert [row["true"] for row in seen["rows"]] == [False, False, True, False]
    assert seen["rows"][2]["label"] == "C 40 2: 7 hands, measured"


def test_the_bill_adds_up_and_the_votes_stand_behind_it_as_ghosts(lesson):
    seen, data = lesson.read["where", "run"], lesson.told["where", "run"]
    assert sum(part["share"] for part in data["parts"]) == pytest.approx(1)
    whole = float(re.search(r"([\d.]+) ms", seen["title"])[1])
    numbers = [float((re.search(r"([\d.]+) ms", part["text"]) or "00")[1]) for part in seen["parts"]]
    assert sum(numbers) == pytest.approx(whole, abs=3)  # each is rounded
    assert whole == pytest.approx(1000 * sum(part["seconds"] for part in data["parts"]), abs=1)
    assert sum(part["bar"] for part in seen["parts"]) == pytest.approx(1)
    largest = max(range(4), key=lambda index: seen["parts"][index]["bar"])
    assert [part["true"] for part in seen["parts"]] == [index == largest for index in range(4)]
    assert max(seen["parts"], key=lambda part: part["wide"]) == seen["parts"][largest]
    for part, hands in zip(seen["parts"], HANDS["where"], strict=True):
        assert part["ghost"] == pytest.approx(hands / sum(HANDS["where"]), abs=0.006)
        assert bool(part["ghostWide"]) == bool(hands)
        assert f"{round(100 * part['bar'])} % measured" in part["label"]


def test_five_columns_are_as_long_as_their_rules_say(lesson):
    forms = {form["name"]: form for form in lesson.read["columns", "run"]["sections"]}
    sizes = {name: int(re.search(r"(\d+)\s+byte", form["text"])[1]) for name, form in forms.items()}
    data = {column["name"]: column for column in lesson.told["columns", "run"]["columns"]}
    assert list(forms) == list(data) == ["CGI", "FastCGI", "uwsgi", "HTTP", "WSGI"]
    variables = dict(request_of("/hello", host="museum").variables)
    letters = sum(map(len, variables)) + sum(map(len, variables.values()))
    fields = letters + 2 * len(variables)  # a length of one byte each; for CGI, = and NUL
    packet = letters + 4 * len(variables) + len("0")  # of two bytes each; it says that its CONTENT_LENGTH is 0
    environment = fields - len("CONTENT_LENGTH=\0") + len("REDIRECT_STATUS=200\0")  # no body; what PHP asks for
    begin, headers = 16, 3 * 8  # BEGIN_REQUEST; PARAMS twice, STDIN
    assert sizes["FastCGI"] in (begin + headers + fields, begin + headers + fields + -fields % 8)  # padded or not
    assert forms["FastCGI"]["bytes"][0].startswith("01 01 00 01")  # version 1, BEGIN_REQUEST, id 1
    assert sizes["uwsgi"] == 4 + packet
    assert forms["uwsgi"]["bytes"][0].startswith(f"00 {packet.to_bytes(2, 'little').hex(' ')} 00")
    http = [line["text"] for line in data["HTTP"]["lines"]]
    assert (http[0], sizes["HTTP"]) == ("GET /hello HTTP/1.1", len("\r\n".join([*http, "", ""])))
    assert forms["HTTP"]["bytes"][0] == http[0]
    assert sizes["CGI"] == environment
    assert forms["CGI"]["bytes"][0] == "REQUEST_METHOD=GET"
    assert sizes["WSGI"] == 0
    assert "function call" in forms["WSGI"]["text"]


def test_what_nginx_reads(lesson):
    assert "nginx reads" not in lesson.read["columns", "run"]["drawing"]
    forms = lesson.read["columns", "answer"]["sections"]
    assert [one["name"] for one in forms if "nginx reads it" in one["text"]] == ["FastCGI", "uwsgi", "HTTP"]


def test_letters_read_as_numbers(lesson):
    seen = lesson.read["break", "run"]
    (get,) = seen["sections"]
    assert get["tiles"] == [["47", "G"], ["45", "E"], ["54", "T"], ["20", "␣"]]
    assert (get["lit"], "21573" in get["text"]) == (["45", "54"], True)
    assert seen["mark"] == "21573"
    assert "'GET '" in seen["log"]
    assert "21327" not in json.dumps(seen)  # the class is asked for it
    for one in lesson.read["break", "answer"]["sections"]:
        word = "".join(letter for _, letter in one["tiles"])
        assert str(int.from_bytes(word[1:3].encode(), "little")) in one["text"].split(), word
    drawn = lesson.read["break", "answer"]["drawing"]
    assert [number in drawn for number in ("21573", "21327", "16709")] == [True, True, True]


def test_a_thousand_requests_and_four_processes(lesson):
    seen, alive = lesson.read["again", "run"], lesson.workers["again", "run"]
    assert "1000 requests, 4 processes" in seen["title"]
    numbers = dict(re.search(r"process (\d+) answered (\d+)", part["label"]).groups() for part in seen["parts"])
    assert sum(map(int, numbers.values())) == 1000
    assert {int(pid) for pid in numbers} == {pid for pid, module in alive.items() if module == "wsgi_server"}
    assert len(numbers) == 4
    for part, (pid, number) in zip(seen["parts"], numbers.items(), strict=True):
        assert {pid, number} <= set(part["text"].split())


def test_before_and_after_at_the_end(lesson):
    seen = lesson.read["again", "run"]
    assert re.findall(r"(\d+) %", seen["drawing"]) == ["28", "80"]
    assert re.findall(r"\d+ of \d+", seen["drawing"]) == ["7 of 25", "20 of 25"]


def test_the_map(lesson):
    seen = lesson.read["again", "map"]
    assert (seen["heads"][-2:], seen["sides"]) == (["a rule", "a program"], ["between processes", "inside one process"])
    rules, programs, calls, frameworks = seen["cells"]
    for cell, names in (
        (rules, "CGI FastCGI SCGI uwsgi HTTP AJP"),
        (programs, "nginx Apache php-fpm uWSGI gunicorn"),
        (calls, "WSGI ASGI servlet"),
        (frameworks, "Flask Django Spring mod_wsgi mod_php"),
    ):
        assert [name for name in names.split() if name not in cell] == []


def test_all_is_saved_with_its_date_and_machine(lesson):
    (file,) = lesson.classroom.votes.glob("votes-*.json")
    saved = json.loads(file.read_text("utf-8"))
    age = datetime.now(UTC) - datetime.fromisoformat(saved["date"])
    assert 0 <= age.total_seconds() < 3600
    assert f"Python {sys.version.split()[0]}" in saved["machine"]
    hands = {name: [one["hands"][option] for option in one["options"]] for name, one in saved["ballots"].items()}
    assert list(hands.values()) == [[*one] for one in HANDS.values()]
    assert saved["ballots"] == lesson.ballots
    assert all(one["locked"] and one["truth"] in one["options"] for one in saved["ballots"].values())
    measured = saved["measured"]
    assert measured.keys() == {"cgi", "stay", "where", "break", "again"}
    assert measured["cgi"]["born"] == {"cgi": 40}
    assert measured["again"]["gain"] == {"before": 0.28, "after": 0.8, "gained": pytest.approx(0.52 / 0.72)}
    assert measured["where"]["parts"] == lesson.told["where", "run"]["parts"]
    assert {numbers["replay"] for numbers in measured.values()} == {None}
