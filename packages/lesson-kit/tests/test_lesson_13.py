"""Lesson 13: figures of any data, answers that miss the point in other ways, and the laboratory's three tools."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_lab.errors import LabError
from gateway_lab.servers import serve
from lesson_kit.checking import Outcome, examine
from lesson_kit.gain import LESSON_OF
from lesson_kit.lessons.lesson_00.names import TYPICAL as AT_FIRST
from lesson_kit.lessons.lesson_13 import (
    LESSON,
    PROGRAMS,
    QUICK,
    Conversation,
    Crowd,
    at_first,
    costs,
    hits,
    ratio,
    threads_of,
    visit,
    where_to_look,
)
from lesson_kit.lessons.lesson_13.names import AGAIN, NAMES, RIGHT
from lesson_kit.record import Record

ALL_RIGHT = dict(zip(NAMES, RIGHT, strict=True))
BEFORE = dict(zip(NAMES, AT_FIRST, strict=True))


def one(threads: int, held: int, visitor: float | None) -> dict[str, Any]:
    return {"threads": threads, "held": held, "visitor": visitor}


HELD = [
    # who held how many, the sentence
    ({"WSGI, 8 threads": one(10, 8, None), "ASGI": one(1, 200, 0.004)}, "while 200 wait took one thread in ASGI"),
    ({"WSGI, 201 threads": one(202, 200, 0.1), "ASGI": one(1, 200, 0.0)}, "202 threads in WSGI and one thread in ASGI"),
    ({"ASGI": one(1, 3, None)}, "No server here"),
    ({}, "No server here"),
]


@pytest.mark.parametrize("guess", [1, 201, 10_000])
@pytest.mark.parametrize(("held", "said"), HELD)
def test_figure_of_the_crowd(held: Any, said: str, guess: int) -> None:
    drawn: Any = LESSON.drawing("waiting").draw(held, {"threads": guess, "threads_async": guess})
    assert said in drawn.sentence


COSTS = [
    ([{"WSGI": 20.0, "ASGI": 60.0}, {"WSGI": 30.0, "ASGI": 60.0}], "costs 2.5 times as much over ASGI"),
    ([{"WSGI": 20.0, "ASGI": 10.0}], "costs 0.5 times as much over ASGI"),
    ([{"WSGI": 20.0, "ASGI": 21.0}], "about as much over ASGI"),
    ([], "Nothing was measured"),
]


@pytest.mark.parametrize("guess", [1, 100, 10_000])
@pytest.mark.parametrize(("rounds", "said"), COSTS)
def test_figure_of_the_costs(rounds: Any, said: str, guess: float) -> None:
    drawn: Any = LESSON.drawing("cost").draw(rounds, {"cost": guess})
    assert said in drawn.sentence


GAINS = [
    (BEFORE, ALL_RIGHT, "7 of 14 names were in their box in lesson 0, 14 are today"),
    ({}, BEFORE, "7 of 14 names are in their box today"),
    ({"HTTP": ALL_RIGHT["HTTP"]}, ALL_RIGHT, "1 of 14"),
]


@pytest.mark.parametrize(("before", "now", "said"), GAINS)
def test_figure_of_the_gain(before: dict[str, str], now: dict[str, str], said: str) -> None:
    drawn: Any = LESSON.drawing("gain").draw(before, {AGAIN: now})
    assert said in drawn.sentence


def test_the_names_before_and_after(tmp_path: Path) -> None:
    record = Record(tmp_path / "learner.json")
    assert at_first(record) == {}
    assert "Sort the names first" in where_to_look(record)
    record.add("prediction", 0, "boxes", BEFORE)
    record.add("prediction", 0, "boxes", ALL_RIGHT)
    assert (at_first(record), hits(at_first(record)), hits(ALL_RIGHT)) == (BEFORE, 7, 14)  # the first is the test
    record.add("prediction", 13, AGAIN, ALL_RIGHT)
    assert "All fourteen" in where_to_look(record)
    record.add("prediction", 13, AGAIN, {**ALL_RIGHT, "ASGI": BEFORE["CGI"], "HTTP": BEFORE["CGI"]})
    lines = where_to_look(record).splitlines()
    assert [line.split("**")[1] for line in lines] == ["HTTP", "ASGI"]
    assert "13-one-line-or-two-axes.ipynb" in lines[1]
    assert set(LESSON_OF) == set(NAMES)


def not_async(scope: Any, receive: Any, send: Any, database: Any) -> None:
    return None


async def waits_elsewhere(scope: Any, receive: Any, send: Any, database: Any) -> None:
    import asyncio

    await asyncio.sleep(0)


async def starts_twice(scope: Any, receive: Any, send: Any, database: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.start", "status": 200})


async def sends_nonsense(scope: Any, receive: Any, send: Any, database: Any) -> None:
    await send("200 OK")


async def asks_for_text(scope: Any, receive: Any, send: Any, database: Any) -> None:
    await database("text")


async def makes_it_up(scope: Any, receive: Any, send: Any, database: Any) -> None:
    content = b""
    while (message := await receive())["type"] == "http.request":
        content += message["body"]
        if not message["more_body"]:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"made up"})
            return


ANSWERS = [
    (not_async, "coroutine"),
    (waits_elsewhere, "foreign"),
    (starts_twice, "two_starts"),
    (sends_nonsense, "type"),
    (asks_for_text, "text"),
    (makes_it_up, "wrong"),
]


@pytest.mark.parametrize(("answer", "idea"), ANSWERS)
def test_answers_that_miss_the_point_in_other_ways(answer: Callable[..., Any], idea: str) -> None:
    answer.__name__ = "handle"
    verdict = examine(LESSON.exercise("handle"), answer, first=1)
    assert (verdict.outcome, verdict.idea) == (Outcome.NOT_YET, idea)


def test_a_crowd_is_held_and_one_more_is_answered() -> None:
    with serve("asgi", "demo_app.asgi:app", events=True, options=QUICK) as server, Crowd(server, 10) as crowd:
        assert crowd.held() == 10
        assert threads_of(server) == 1
        assert visit(server, 10.0) is not None
    with pytest.raises(LabError, match="run the cell again"):
        visit(server, 1.0)
    with serve("wsgi", threads=2, events=True, options=QUICK) as server, Crowd(server, 3) as crowd:
        assert crowd.held() == 2
        assert visit(server, 0.1) is None


def test_costs_and_a_conversation() -> None:
    with serve("asgi", "tiny:asgi", folder=PROGRAMS, options=QUICK) as server:
        rounds = costs({"WSGI": server, "ASGI": server}, rounds=2, seconds=0.02)
        assert len(rounds) == 2
        assert ratio(rounds) > 0
    with serve("asgi", "demo_app.asgi:app", options=QUICK) as server:
        with Conversation(server, "/echo-socket") as talk:
            for word in itertools.islice(("one", "two", "three"), 3):
                talk.say(word)
                assert talk.hear() == word
        with pytest.raises(LabError, match="no WebSocket here"), Conversation(server, "/nowhere"):
            pass
