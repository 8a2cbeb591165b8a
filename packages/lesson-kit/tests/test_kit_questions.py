"""Questions: what somebody types, what is kept of it, how it is shown, and what is said of anything else."""

from __future__ import annotations

import json
from typing import Any

import numpy
import pytest

from lesson_kit.errors import Unfit
from lesson_kit.questions import Choice, Curve, Number, Question, Ranking, Shares, Sorting, Words

NUMBER = Number("n", "How many?", 0, 66, 5, "processes")
RATIO = Number("n", "How fast?", 0.5, 10, 2, "times as fast", whole=False)
CHOICE = Choice("c", "Which?", ("yes", "no", "a"), "no")
RANKING = Ranking("r", "In which order?", ("cgi", "scgi", "wsgi"), ("wsgi", "cgi", "scgi"), first="the dearest")
SHARES = Shares("s", "How much each?", ("start", "work"), (50.0, 50.0))
CURVE = Curve("k", "How fast?", (1, 2, 4), (1.0, 2.0, 3.5), across="workers", unit="ms")
SORTING = Sorting("b", "Where?", ("CGI", "nginx"), ("rule", "program"), ("rule", "program"))
WORDS = Words("w", "What do you see?", "It goes up.")

READ: list[tuple[Question, Any, Any, str]] = [
    (NUMBER, 40, 40, "40 processes"),
    (NUMBER, "40", 40, "40 processes"),
    (NUMBER, 1.0, 1, "1 process"),
    (NUMBER, 0, 0, "0 processes"),
    (Number("n", "", 0, 99, 1, "calls"), 1, 1, "1 call"),
    (Number("n", "", 0, 99, 1, "ms"), 1, 1, "1 ms"),
    (Number("n", "", 0, 10**9, 1), 1234567, 1234567, "1234567"),
    (RATIO, 1, 1, "1 times as fast"),
    (RATIO, "0.5", 0.5, "0.5 times as fast"),
    (CHOICE, "b", "no", "“no”"),
    (CHOICE, " B ", "no", "“no”"),
    (CHOICE, "yes", "yes", "“yes”"),
    (CHOICE, "a", "a", "“a”"),  # the words come before the letter
    (RANKING, "cab", ["wsgi", "cgi", "scgi"], "wsgi > cgi > scgi"),
    (RANKING, "c, a, b", ["wsgi", "cgi", "scgi"], "wsgi > cgi > scgi"),
    (RANKING, ["wsgi", "a", "scgi"], ["wsgi", "cgi", "scgi"], "wsgi > cgi > scgi"),
    (SHARES, [70, "30"], {"start": 70, "work": 30}, "start 70 %, work 30 %"),
    (SHARES, {"work": 30, "start": 70}, {"start": 70, "work": 30}, "start 70 %, work 30 %"),
    (SHARES, (33.3, 66.6), {"start": 33.3, "work": 66.6}, "start 33.3 %, work 66.6 %"),
    (CURVE, [1, 2.5, 0], [1, 2.5, 0], "1 → 1, 2 → 2.5, 4 → 0"),
    (CURVE, "1, 2.5 0", [1, 2.5, 0], "1 → 1, 2 → 2.5, 4 → 0"),
    (SHARES, "70,30", {"start": 70, "work": 30}, "start 70 %, work 30 %"),
    (NUMBER, numpy.int64(40), 40, "40 processes"),
    (SORTING, "ab", {"CGI": "rule", "nginx": "program"}, "rule: CGI; program: nginx"),
    (SORTING, {"nginx": "a", "CGI": "rule"}, {"CGI": "rule", "nginx": "rule"}, "rule: CGI, nginx"),
    (WORDS, " It goes up. ", "It goes up.", "“It goes up.”"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "raw", "kept", "shown"), READ, ids=range(len(READ)))
def test_what_fits_is_kept_as_json_and_shown_in_words(question: Question, raw: Any, kept: Any, shown: str) -> None:
    assert question.read(raw) == kept
    assert json.loads(json.dumps(question.read(raw))) == kept
    assert question.read(kept) == kept
    assert question.shown(kept) == shown


UNFIT: list[tuple[Question, list[Any]]] = [
    (NUMBER, [None, True, "many", "", b"4", [4], 4.5, -1, 67, float("nan"), float("inf"), 10**400]),
    (RATIO, ["fast", 0.4, 11]),
    (CHOICE, [None, "", "d", "maybe", 0, ["yes"], b"a"]),
    (RANKING, [None, "", "ab", "aab", "abcd", "abd", 5, ["cgi", "cgi", "wsgi"], [None, None, None]]),
    (SHARES, [None, 50, [50], [50, 51.5], [-10, 110], [50, "half"], {"start": 100}, {"start": 50, "rest": 50}]),
    (CURVE, [None, [], [1, 2], [1, 2, 3, 4], [1, 2, -1], [1, 2, "x"], "123", "1, two, 3"]),
    (SORTING, [None, "", "a", "abb", "ac", {"CGI": "rule"}, {"CGI": "rule", "nginx": None}]),
    (WORDS, [None, "", "flat", 5, ["It goes up."]]),
]


@pytest.mark.parametrize(("question", "raw"), [(one, raw) for one, all_ in UNFIT for raw in all_], ids=lambda it: None)
def test_what_does_not_fit_gets_one_sentence_that_says_what_would(question: Question, raw: Any) -> None:
    with pytest.raises(Unfit) as unfit:
        question.read(raw)
    assert "\n" not in str(unfit.value)
    assert len(str(unfit.value)) < 250


@pytest.mark.parametrize("question", [question for question, _ in UNFIT], ids=lambda it: it.kind)
def test_what_a_question_says_of_itself_is_true(question: Question) -> None:
    assert question.read(question.typical) is not None
    assert question.how().startswith("Type ")
