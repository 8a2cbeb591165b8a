"""Lesson 7: what the tap and the application see, the real programs' answers, and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway_lab.asking import ask
from gateway_lab.servers import serve
from gateway_lab.tap import Tap
from lesson_kit.checking import Inconclusive
from lesson_kit.lessons.lesson_07 import (
    BY_HAND,
    FIELDS,
    GATEWAYS,
    LESSON,
    MIRROR,
    PROGRAMS,
    by_hand,
    flags,
    lines_changed,
    module_of,
    real,
    through,
)  # fmt: skip
from lesson_kit.lessons.lesson_07.figures import draw_flags, draw_map, kinds_of

GUESSES = {"wire_bytes": 10_000, "lines": 5, "run_once": dict.fromkeys(GATEWAYS, "True"), "flags": {"CGI": "both"}}


def test_a_tap_before_a_gateway_counts_the_bytes_of_a_request() -> None:
    with serve("scgi", "mirror:app", folder=PROGRAMS) as server, Tap(server.host, server.port) as tap:
        said = json.loads(ask(through(tap, server), fields=FIELDS).content)
    sent = bytes(tap.passed[0].sent)
    assert said["environ"]["QUERY_STRING"] == "room=7"
    assert said["environ"]["HTTP_HOST"] == "museum"
    assert len(sent) == int(sent.partition(b":")[0]) + len(sent.partition(b":")[0]) + 2  # a netstring, and no content


def test_a_call_by_hand_shows_the_caller_s_own_dictionary() -> None:
    environ = by_hand()
    said = json.loads(b"".join(module_of(MIRROR).app(environ, lambda *_: None)))
    assert said["dictionary"] == id(environ)
    assert flags(said["environ"]) == "neither"


@pytest.mark.parametrize(
    ("multiprocess", "multithread", "word"),
    [(False, False, "neither"), (True, False, "multiprocess"), (False, True, "multithread"), (True, True, "both")],
)
def test_flags_have_a_word(multiprocess: bool, multithread: bool, word: str) -> None:
    assert flags({"wsgi.multiprocess": multiprocess, "wsgi.multithread": multithread}) == word


def test_changed_lines_are_counted() -> None:
    text = MIRROR.read_text()
    assert lines_changed(text) == 0
    assert lines_changed(text.replace("import json\n", "import pickle\n")) == 2


def test_real_programs_answer_each_in_its_own_way() -> None:
    found = {case.app: answer for case, answer in real.real_answers().items()}
    assert found["echo"].content == bytes(range(256)) * 40
    assert found["written"].content == b"written\nand written\nreturned\n"
    assert found["late"].status == "202 Accepted"
    assert [name for name, _ in found["cookies"].fields] == ["content-type", "set-cookie", "set-cookie"]
    assert found["changed"].status == "500 Internal Server Error"


def test_real_programs_that_cannot_run_are_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    real.real_answers.cache_clear()
    monkeypatch.setattr(real, "PROGRAMS", Path("/nowhere"))
    with pytest.raises(Inconclusive, match="could not be run"):
        real.real_answers()


def test_cells_say_what_differs_between_gateways() -> None:
    environs = {
        "CGI": {"A": "1", "B": "1", "wsgi.input": "<BytesIO>"},
        "HTTP": {"A": "1", "B": "2"},
        BY_HAND: {"A": "1"},
    }
    assert kinds_of(environs) == {
        "A": {"CGI": "same", "HTTP": "same", BY_HAND: "same"},
        "B": {"CGI": "differs", "HTTP": "differs", BY_HAND: "absent"},
        "wsgi.input": {"CGI": "object", "HTTP": "absent", BY_HAND: "absent"},
    }


@pytest.mark.parametrize(
    ("wire", "environs"),
    [
        ({}, {}),
        ({"CGI": 0}, {"CGI": {}}),
        ({"CGI": 5, BY_HAND: 0}, {"CGI": {"A": "1"}, BY_HAND: {"wsgi.run_once": False}}),
    ],
)
def test_the_map_is_drawn_whatever_was_found(wire: dict[str, int], environs: dict[str, Any]) -> None:
    draw_map({"wire": wire, "environs": environs, "changed": 0}, GUESSES)


@pytest.mark.parametrize("found", [{}, {"CGI": {}}, {"CGI": {"wsgi.multiprocess": True}, "other": {}}])
def test_flags_are_drawn_whatever_was_found(found: dict[str, Any]) -> None:
    draw_flags(found, GUESSES)


def test_each_expectation_can_fail() -> None:
    wrong = {"lines_changed": 3, "wire": dict.fromkeys(GATEWAYS, 0) | {BY_HAND: 7}, "called_by": {"a": "x", "b": "y"},
             "run_once": {"HTTP": True}, "flags": {"CGI": "neither"}}  # fmt: skip
    assert not any(expected.holds(wrong) for expected in LESSON.expected)
