"""Lesson 6: figures of any rounds, the rule of claims, a check of rounds that tell nothing, and the contest."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gateway_lab.errors import LabError
from lesson_kit.checking import Outcome, examine
from lesson_kit.lessons.lesson_06 import LESSON, PROTOCOLS, Contest, decode_alone, request_bytes
from lesson_kit.lessons.lesson_06.check import example
from lesson_kit.lessons.lesson_06.claims import CLAIMS, borne_out, step, tied
from lesson_kit.lessons.lesson_06.contest import AGAIN, ROWS
from lesson_kit.lessons.lesson_06.figures import NAMES
from lesson_kit.visitors import Visitors

ROUNDS = example(random.Random(1))[0]
GUESSES = {"six": list(NAMES.values()), "wire": "they cost the same", "decode": 40}


def rounds_of(**changed: float) -> list[dict[str, float]]:
    """Return three rounds alike, in which a row costs 1 ms but for what is changed ("fastcgi_cache")."""
    costs = dict.fromkeys((*ROWS, AGAIN), 1.0) | {"new/nothing": 30.0, "decode fastcgi": 0.01}
    return [costs | {name.replace("_", "/"): cost for name, cost in changed.items()}] * 3


@pytest.mark.parametrize("figure", ["six", "four"])
@pytest.mark.parametrize(
    ("rounds", "guesses"),
    [
        pytest.param(ROUNDS, GUESSES, id="usual"),
        pytest.param(ROUNDS[:1], GUESSES | {"six": [*reversed(NAMES.values())], "decode": 100}, id="one round"),
        pytest.param(rounds_of(new_nothing=1.0), GUESSES | {"decode": 0}, id="no difference"),
        pytest.param(rounds_of(server_nothing=900.0), GUESSES, id="a dear database"),
    ],
)
def test_figures(figure: str, rounds: list[dict[str, float]], guesses: dict[str, Any]) -> None:
    drawn: Any = LESSON.drawing(figure).draw(rounds, guesses)
    assert drawn.sentence


def test_the_figure_of_1996_says_when_its_order_holds() -> None:
    as_then = rounds_of(server_nothing=36.6, server_connection=16.0, fastcgi_connection=20.1, fastcgi_cache=12.0)
    drawn: Any = LESSON.drawing("four").draw(as_then, GUESSES)
    assert drawn.sentence == "The order of 1996 holds here, in every round"
    assert "the order of 1996 holds" in borne_out(as_then)


def test_a_claim_needs_every_round() -> None:
    rounds = [{"server/cache": cost, "server/connection": 1.0} for cost in (0.5, 0.5, 0.97)]
    assert tied(rounds, "server/cache", "server/connection")
    assert not tied(rounds[:2], "server/cache", "server/connection")
    assert step(rounds[:2], "server/connection", "server/cache") == "0.5 ms"
    assert step(rounds, "server/connection", "server/cache") == "less than can be told"
    assert borne_out([]) == []


@pytest.mark.parametrize(
    ("rounds", "said"),
    [
        ([], "0 rounds"),
        (ROUNDS[:2], "2 rounds"),
        ([{}] * 3, "not the rounds"),
        (rounds_of(new_nothing=1.0), "noisy"),
        ([cost | {AGAIN: 2 * cost["fastcgi/cache"]} for cost in ROUNDS], "2.0 times"),
    ],
)
def test_rounds_that_tell_nothing(rounds: list[dict[str, float]], said: str) -> None:
    verdict = examine(LESSON.exercise("claims"), lambda *_: [], rounds)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert said in verdict.sentence


@pytest.mark.parametrize(
    ("answer", "idea"),
    [
        ("staying is cheaper than starting", "type"),
        (["it is faster"], "vocabulary"),
        ([], "too_careful"),
        (None, "blank"),
        ([*CLAIMS], "unsupported"),
    ],
)
def test_answers_that_are_no_function_of_the_rounds(answer: object, idea: str) -> None:
    assert examine(LESSON.exercise("claims"), lambda *_: answer, rounds_of()).idea == idea


def test_a_choice_by_hand_passes() -> None:
    rounds = rounds_of()
    assert examine(LESSON.exercise("claims"), lambda *_: borne_out(rounds), rounds).outcome is Outcome.PASS


def test_decoding() -> None:
    assert {len(request_bytes(protocol, 7)) for protocol in PROTOCOLS} == {112, 352, 322, 344}
    assert all(decode_alone(protocol, 5) > 0 for protocol in PROTOCOLS)


def test_a_round_has_every_row() -> None:
    with Contest() as contest:
        costs = contest.round(0.01)
        with Visitors() as visitors, pytest.raises(LabError, match="wrong answers"):
            visitors.ask(contest._urls["server"], "/nothing?user=x", seconds=0.01)
    assert costs.keys() == {*ROWS, AGAIN}
    assert all(cost > 0 for cost in costs.values())
