"""Lesson 4: the golden bytes are those of the recordings, and the figure draws whatever was found."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fastcgi_server.records import read_records
from gateway_lab.asking import ask
from gateway_lab.errors import LabError
from gateway_lab.servers import serve
from lesson_kit.lessons.lesson_04 import LESSON, PROGRAM, born, golden, read_rows
from lesson_kit.lessons.lesson_04.figures import draw_dots
from lesson_kit.lessons.lesson_04.golden import Golden

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("CGI", "FastCGI, 1 worker", "FastCGI, 4 workers")


@pytest.mark.parametrize("one", golden(), ids=lambda one: str(one.peer))
def test_golden_bytes_are_those_of_the_recording(one: Golden) -> None:
    told = json.loads((ROOT / one.capture).read_text("utf-8"))
    segments = told["connections"][one.connection]["segments"]
    said = b"".join(base64.b64decode(part["data"]) for part in segments if part["from"] == one.side)
    assert told[one.side] == one.peer
    assert said.startswith(one.data)
    assert list(read_records(one.data))  # whole records, or this raises


@pytest.mark.parametrize("births", [0, 4, 1000])
@pytest.mark.parametrize(
    "visits",
    [
        {},
        {name: [] for name in NAMES},
        {name: [(7, 1)] for name in NAMES},
        {name: [(place, 1) for place in range(40)] for name in NAMES},
    ],
    ids=["nothing", "empty", "one point", "forty"],
)
def test_the_dots_are_drawn_whatever_was_found(visits: dict[str, Any], births: int) -> None:
    figure = draw_dots(visits, {"births": births, "last_of_one": 1, "last_of_four": 1000})
    assert "processes" in str(getattr(figure, "sentence", ""))


def test_the_program_tells_its_process_and_the_server_its_birth() -> None:
    with serve("fastcgi", "visits:app", workers=2, events=True, folder=PROGRAM.parent) as server:
        rows = read_rows([ask(f"{server.url}/").text for _ in range(3)])
        pids = born(server, rows)
    assert {pid for pid, _ in rows} <= set(pids)
    assert len(pids) == 2
    assert sum(dict(rows).values()) == 3


def test_an_answer_of_another_file_is_a_sentence() -> None:
    with pytest.raises(LabError, match="two numbers"):
        read_rows(["Hello\n"])


def test_each_expectation_can_fail() -> None:
    wrong = {"requests": 40, "same_file": False, "agree": False, "answered_by": dict.fromkeys(NAMES, 9),
             "last": dict.fromkeys(NAMES, 40), "counted": dict.fromkeys(NAMES, 2)}  # fmt: skip
    assert not any(expected.holds(wrong) for expected in LESSON.expected)
