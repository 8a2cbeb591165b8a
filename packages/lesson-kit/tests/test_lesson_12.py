"""Lesson 12: figures of any data, reports with the faults that were planted, both loops and both counts."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gateway_bench.load.latency import described
from gateway_lab.errors import LabError
from lesson_kit.checking import examine
from lesson_kit.lessons.lesson_12 import LESSON, Loops, count_children, slow, sound_report, stalling, together
from lesson_kit.lessons.lesson_12.check import FAULTS, percentile, report

CLOSED = described([(200, 998), (200_000, 2)])
OPEN = described([(200, 900), *((1000 * ms, 1) for ms in range(100, 200))])
NOBODY = described([])


@pytest.mark.parametrize(
    ("found", "guesses", "said"),
    [
        ({"closed": CLOSED, "open": OPEN}, {"p99_closed": 2, "p99_open": 2}, "200 µs in a closed loop"),
        ({"closed": CLOSED, "open": OPEN}, {"p99_closed": 0, "p99_open": 10_000}, "open one"),
        (
            {"closed": described([(150, 1)]), "open": NOBODY},
            {"p99_closed": 1, "p99_open": 1},
            "latencies of one server",
        ),
    ],
)
def test_figure_of_the_loops(found: Any, guesses: dict[str, float], said: str) -> None:
    drawn: Any = LESSON.drawing("loops").draw(found, guesses)
    assert said in drawn.sentence


@pytest.mark.parametrize(
    ("seen", "said"),
    [([1.0, 2.0], "saw 2: here each lived"), ([0.0, 1.0], "saw 1: the others"), ([0.0, 0.0], "saw none"), ([], "none")],
)
def test_figure_of_the_births(seen: list[float], said: str) -> None:
    counted = {"births": [0.0, 0.01], "looks": [0.05 * (number + 1) for number in range(len(seen))], "seen": seen}
    drawn: Any = LESSON.drawing("births").draw(counted, {"polled": 40})
    assert said in drawn.sentence


def test_slow_ones_are_counted_one_by_one() -> None:
    assert (slow(CLOSED), slow(OPEN), slow(NOBODY)) == (2, 100, 0)


def test_histograms_add_up() -> None:
    both = together(CLOSED, OPEN)
    assert both["count"] == 2000
    assert slow(both) == slow(CLOSED) + slow(OPEN)


def test_percentile() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 99), percentile(values, 100), percentile([3.0], 50)) == (99.0, 100.0, 3.0)


@pytest.mark.parametrize("seed", range(20))
def test_a_report_has_the_faults_that_were_planted(seed: int) -> None:
    ahead = {
        planted: min(shown["rates"]["A"]) > max(shown["rates"]["B"]) or "cannot" in shown["says"]
        for planted in (False, True)
        for shown in [report({"tie"} if planted else set(), random.Random(seed))]
    }
    assert ahead == {False: True, True: False}


@pytest.mark.parametrize(
    ("answer", "idea"),
    [
        ("tie", "type"),
        (["slow"], "vocabulary"),
        (None, "blank"),
        ([], "trusts_the_bar"),
        ([*FAULTS], "suspects_everything"),
    ],
)
def test_answers_that_read_no_report(answer: object, idea: str) -> None:
    assert examine(LESSON.exercise("faults"), lambda _: answer).idea == idea


def test_the_report_that_is_shown_is_sound() -> None:
    source = LESSON.exercise("faults").scaffold("worked")
    worked: dict[str, Any] = {}
    exec(source, worked)
    assert worked["faults"](sound_report()) == []


def test_both_loops_ask_a_real_server() -> None:
    with Loops() as loops, stalling() as server:
        closed = loops.closed(server.url, 20)
        opened = loops.open(server.url, 100, 0.1)
        with pytest.raises(LabError, match="could not be asked"):
            loops.closed("http://nowhere.invalid:port", 1)
    assert closed["count"] >= 20
    assert opened["count"] > 0


def test_the_spawner_misses_nobody() -> None:
    counted = count_children(3, every=0.001)
    assert len(counted["births"]) == 3
    assert len(counted["looks"]) == len(counted["seen"])
    assert counted["seen"] == sorted(counted["seen"])
