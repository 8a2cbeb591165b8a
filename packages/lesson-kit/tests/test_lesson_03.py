"""Lesson 3: programs are timed to their end, parts add up, and the figures take noise, nothing and one repeat."""

from __future__ import annotations

import random
import sys
from typing import Any

import psutil
import pytest

from gateway_lab.errors import LabError
from lesson_kit.checking import Inconclusive, NotYet
from lesson_kit.lessons.lesson_03 import PROGRAMS, bill_of_the_server, output, parts_of, run, shares_of, steps
from lesson_kit.lessons.lesson_03.check import check_split, made_up
from lesson_kit.lessons.lesson_03.figures import draw_bill, draw_steps
from lesson_kit.lessons.lesson_03.parts import bound

PARTS = {"process": 0.001, "interpreter": 0.01, "site": 0.005, "imports": 0.07, "request": 0.001}
GUESSES = {"shares": dict.fromkeys(PARTS, 20), "steps": ["fork", "large fork", "imports"]}


def by_medians(times: dict[str, list[float]]) -> dict[str, float]:
    return {name: part.seconds for name, part in parts_of(times).items()}


def test_the_five_programs_run_and_the_last_answers() -> None:
    assert all(run(command) > 0 for command in PROGRAMS.values())
    assert output(PROGRAMS["request"]).startswith(b"Status: 200 OK\r\n")


def test_a_program_that_fails_says_so_and_leaves_no_process() -> None:
    with pytest.raises(LabError, match="ended with 3"):
        run((sys.executable, "-I", "-S", "-c", "raise SystemExit(3)"))
    with pytest.raises(LabError, match="There is no program"):
        run(("no-such-program-anywhere",))
    assert not psutil.Process().children()


def test_the_servers_bill_has_the_same_parts_and_the_end() -> None:
    assert list(bill_of_the_server(1)) == [*PROGRAMS, "exit"]


def test_steps_are_measured_as_often_as_asked() -> None:
    found = steps(2)
    assert {name: len(repeats) for name, repeats in found.items()} == dict.fromkeys(
        ("fork", "fork and exec", "large fork", "large posix_spawn"), 2
    )


def test_parts_add_up_and_may_be_below_nothing() -> None:
    parts = parts_of({"one": [2.0, 2.0, 2.0], "two": [1.5, 1.5, 1.5]})
    assert [(part.seconds, part.sure) for part in parts.values()] == [(2.0, True), (-0.5, False)]
    assert sum(part.seconds for part in parts.values()) == 1.5
    assert shares_of({"one": 3.0, "two": 1.0}) == {"one": 75.0, "two": 25.0}
    assert shares_of({"one": 0.0}) == {"one": 0.0}


@pytest.mark.parametrize(("count", "bounds"), [(1, (0, 0)), (5, (0, 4)), (6, (0, 5)), (9, (1, 7)), (15, (3, 11))])
def test_an_interval_is_as_far_in_as_still_holds_the_median(count: int, bounds: tuple[int, int]) -> None:
    assert bound(random.Random(1).sample(range(count), count)) == bounds


def test_a_machine_whose_repeats_differ_too_much_gives_no_verdict() -> None:
    noisy = {**made_up(PARTS, random.Random(1)), "request": [0.001, 0.01, 0.3, 0.02, 0.9]}
    with pytest.raises(Inconclusive, match="too noisy"):
        check_split(by_medians, random.Random(1), noisy)


def test_parts_that_miss_the_whole_are_told_on_the_learners_own_data() -> None:
    def other(times: dict[str, list[float]]) -> dict[str, float]:
        found = by_medians(times)
        return found if len(times["process"]) > 3 else {name: 2 * part for name, part in found.items()}

    own = {name: repeats[:3] for name, repeats in made_up(PARTS, random.Random(1), odd=False).items()}
    with pytest.raises(NotYet) as refused:
        check_split(other, random.Random(1), own)
    assert refused.value.idea == "sum"


@pytest.mark.parametrize("answer", [[1, 2], {"process": 1}, dict.fromkeys(PROGRAMS, True)])
def test_what_is_no_split_is_told(answer: Any) -> None:
    with pytest.raises(NotYet) as refused:
        check_split(lambda times: answer, random.Random(1), made_up(PARTS, random.Random(1)))
    assert refused.value.idea == "type"


@pytest.mark.parametrize(
    "times",
    [
        {},
        {name: [0.1] for name in PARTS},
        {name: [0.0, 0.0] for name in PARTS},
        made_up(PARTS | {"imports": -0.01}, random.Random(1)),
        {**made_up(PARTS, random.Random(1)), "request": [0.001, 5.0, 60.0]},
    ],
)
@pytest.mark.parametrize("bill", [{}, {**PARTS, "exit": 0.01}])
def test_the_bill_is_drawn(times: dict[str, list[float]], bill: dict[str, float]) -> None:
    assert draw_bill({"times": times, "bill": bill}, GUESSES).axes


@pytest.mark.parametrize("found", [{}, {"fork": [0.001]}, {"fork": [-1.0, 0.001, -1.0], "imports": [0.1], "x": [2.0]}])
def test_the_steps_are_drawn(found: dict[str, list[float]]) -> None:
    assert draw_steps(found, GUESSES).axes
