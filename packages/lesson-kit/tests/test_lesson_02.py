"""Lesson 2: the glass wall shows what passes, the check leaves nothing behind, the figures take what there is."""

from __future__ import annotations

import random
from typing import Any

import psutil
import pytest

from gateway_lab.errors import LabError
from lesson_kit.charts.processes import births, staircase
from lesson_kit.checking import Exercise, Inconclusive, NotYet, Outcome, examine
from lesson_kit.lessons.lesson_02 import LESSON, PARTS, PROGRAM, REQUEST, GlassWall, as_program
from lesson_kit.lessons.lesson_02.check import check_cgi_answer
from lesson_kit.lessons.lesson_02.figures import draw_counter, draw_doors
from lesson_kit.lessons.lesson_02.wall import Seen

EXERCISE: Exercise = LESSON.exercise("cgi_answer")


def test_the_wall_changes_nothing_and_sees_all() -> None:
    with GlassWall(PROGRAM) as wall:
        answer, seen = wall.send(REQUEST)
        with pytest.raises(LabError, match="No program was started"):
            wall.send(b"GET /elsewhere HTTP/1.1\r\nHost: museum\r\nConnection: close\r\n\r\n")
    assert seen.stdout.startswith(b"Content-Type: text/plain\n\nOne soup")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and b"One soup, size=large, salt=a-pinch." in answer
    assert (seen.argv, seen.stdin) == (["kitchen.py"], b"salt=a-pinch")
    assert "LC_CTYPE" not in seen.environment
    names = ["REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_X_TABLE"]
    assert [seen.doors(value) for value in PARTS.values()] == [
        *({"environment": name} for name in names), {"stdin": "content"},
    ]  # fmt: skip


def test_a_server_that_is_gone_is_told() -> None:
    with GlassWall(PROGRAM) as wall:
        pass
    with pytest.raises(LabError, match="no whole answer"):
        wall._exchange(REQUEST)


def test_doors_are_named_for_every_place_of_a_value() -> None:
    seen = Seen({"LONG": "a soup", "SHORT": "soup"}, ["x", "soup"], b"soup", b"", 1)
    assert seen.doors("soup") == {"environment": "SHORT", "argv": "argv[1]", "stdin": "content"}
    assert seen.doors("bread") == {}


def looping(env: Any, stdin: Any) -> bytes:
    while True:
        try:
            stdin.read()
        except BaseException:  # whatever comes
            pass


def test_a_program_without_end_is_ended_with_its_copies() -> None:
    verdict = examine(EXERCISE, looping, seeds=1, first=1)
    assert (verdict.outcome, verdict.idea) == (Outcome.NOT_YET, "endless")
    assert not psutil.Process().children(recursive=True)


def test_a_function_without_source_gives_no_verdict() -> None:
    made: dict[str, Any] = {}
    exec("def cgi_answer(env, stdin): return b''", made)
    with pytest.raises(Inconclusive, match="run the cell"):
        check_cgi_answer(made["cgi_answer"], random.Random(1))
    with pytest.raises(LabError):
        as_program(len)


def says_str(env: Any, stdin: Any) -> Any:
    return "Content-Type: text/plain\n\n"


def uses_another_cell(env: Any, stdin: Any) -> bytes:
    return helper(env)  # type: ignore[name-defined,no-any-return]  # noqa: F821


def has_no_colon(env: Any, stdin: Any) -> bytes:
    return b"text/plain\n\n"


@pytest.mark.parametrize(
    ("answer", "idea", "words"),
    [(says_str, "text", "bytes"), (uses_another_cell, "error", "file of its own"), (has_no_colon, "head", "fields")],
)
def test_other_faults_have_a_sentence(answer: Any, idea: str, words: str) -> None:
    with pytest.raises(NotYet, match=words) as refused:
        check_cgi_answer(answer, random.Random(1))
    assert refused.value.idea == idea


@pytest.mark.parametrize("where", [{}, {"path": {}}, {"path": {"argv": "argv[1]", "stdin": "content"}}])
def test_the_doors_are_drawn(where: dict[str, dict[str, str]]) -> None:
    guesses = {"doors": {"path": "stdin"}, "first_line": "HTTP/1.1 200 OK"}
    assert draw_doors({"where": where, "first_line": "x"}, guesses).axes


@pytest.mark.parametrize(("pids", "guess"), [([], 0), ([7], 1000), ([7, 8, 9], 1)])
def test_the_counter_is_drawn(pids: list[int], guess: int) -> None:
    figure = draw_counter({"pids": pids, "counters": [1] * len(pids)}, {"births": guess, "counter": guess})
    assert len(figure.axes) == 2


def test_a_process_is_numbered_when_it_is_first_seen() -> None:
    assert births([30, 31, 30, 32, 31]) == [1, 2, 1, 3, 2]


def test_lanes_stand_side_by_side() -> None:
    lanes = {"cgi": [1, 2, 3], "fastcgi": [4, 4, 4]}
    assert [axis.get_title() for axis in staircase(lanes, "A sentence").axes] == [
        "cgi: 3 processes",
        "fastcgi: 1 process",
    ]
    assert staircase({}, "Nothing yet").axes
