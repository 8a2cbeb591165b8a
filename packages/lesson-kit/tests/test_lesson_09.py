"""Lesson 9: figures of any rounds, what follows from them, what a check says of a curve without a knee, and a round."""

from __future__ import annotations

from typing import Any

import pytest

from lesson_kit import serve
from lesson_kit.checking import Outcome, examine
from lesson_kit.lessons.lesson_09 import APP, LESSON, PROGRAMS, WORKERS, case_of, cores, gain, kinds, noted
from lesson_kit.lessons.lesson_09.curves import bounded
from lesson_kit.visitors import Visitors

CORES = min(2.0, cores())
GUESSES = {"work": [1, 2, 4, 8, 16], "wait": [1, 2, 2, 2, 2], "knee": 4}


def rounds_of(share: float = 0.2, ends: float = CORES) -> list[dict[str, dict[str, dict[str, float]]]]:
    """Return three rounds of a machine that does just what Little's law says."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind, (work, wait) in kinds().items():
        most = ends / work if work else 1e9
        found[kind] = {str(one): {"rate": min(one / (work + wait), most), "share": share} for one in WORKERS}
    return [found] * 3


@pytest.mark.parametrize("figure", ["curves", "knee"])
@pytest.mark.parametrize(
    ("rounds", "guesses"),
    [
        pytest.param(rounds_of(), GUESSES, id="usual"),
        pytest.param(rounds_of(share=0.99)[:1], GUESSES, id="generator, one round"),
        pytest.param(rounds_of(), {"work": [0] * 5, "wait": [1000] * 5, "knee": 1000}, id="far off"),
    ],
)
def test_figures(figure: str, rounds: Any, guesses: dict[str, Any]) -> None:
    drawn: Any = LESSON.drawing(figure).draw(rounds, guesses)
    assert drawn.sentence
    labels = " ".join(words.get_text() for axis in drawn.axes for words in axis.texts)
    assert ("≥" in labels) == bounded(rounds, "both", 16)


def test_what_follows_from_rounds() -> None:
    rounds = rounds_of()
    case = case_of(rounds)
    assert case is not None
    work, wait = kinds()["both"]
    assert case["cores"] == pytest.approx(CORES)
    assert case["knee"] == pytest.approx(CORES / work * (work + wait))
    assert case["bent"]
    assert not case["bounded"]
    assert gain(rounds, "wait", 16) == pytest.approx(16)
    assert case_of([]) is None


def test_cores_are_what_may_be_used() -> None:
    assert cores() > 0
    assert all(work >= 0 and wait >= 0 for work, wait in kinds().values())


@pytest.mark.parametrize(
    ("rounds", "said"),
    [
        pytest.param(rounds_of(share=0.95), "load generator", id="the generator was the limit"),
        pytest.param(rounds_of(ends=1000.0), "still rises", id="more cores than workers"),
    ],
)
def test_curves_without_a_knee(rounds: Any, said: str) -> None:
    verdict = _examined(lambda cores, work, wait: cores / work * (work + wait), rounds)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert said in verdict.sentence


def test_curves_that_do_not_fit_together() -> None:
    case = {"cores": 1.0, "work": 0.004, "wait": 0.012, "knee": 8.0, "bent": True, "bounded": False}
    right = lambda cores, work, wait: cores / work * (work + wait)  # noqa: E731
    verdict = examine(LESSON.exercise("knee"), right, case)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "fit together" in verdict.sentence


@pytest.mark.parametrize(
    ("answer", "idea"), [(None, "blank"), ("four", "type"), (True, "type"), (float("nan"), "type"), (-1, "too_few")]
)
def test_answers_that_are_no_number_of_workers(answer: object, idea: str) -> None:
    assert _examined(lambda *_: answer, rounds_of()).idea == idea


def test_a_whole_number_will_do() -> None:
    def rounded(cores: float, work: float, wait: float) -> int:
        return round(cores / work * (work + wait))

    assert _examined(rounded, rounds_of()).outcome is Outcome.PASS


def test_a_server_is_asked_for_each_kind() -> None:
    with Visitors() as visitors, serve("wsgi", APP, workers=2, folder=PROGRAMS) as server:
        for work, wait in kinds().values():
            target = f"/?work={1000 * work:g}&wait={1000 * wait:g}"
            assert noted(visitors.ask(server.url, target, seconds=0.0, users=2, least=4))["rate"] > 0


def _examined(knee: Any, rounds: Any) -> Any:
    return examine(LESSON.exercise("knee"), knee, case_of(rounds))
