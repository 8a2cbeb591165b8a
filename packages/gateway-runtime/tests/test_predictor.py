"""The predictor: two-bit counters, and what counts as one route."""

from __future__ import annotations

import pytest

from gateway_runtime import predictor
from gateway_runtime.predictor import Predictor


# One letter a call: s slow, q quick. Then: is the next one expected to be slow?
@pytest.mark.parametrize(
    ("calls", "slow"),
    [("", False), ("s", False), ("ss", True), ("ssq", False), ("sss", True), ("sssq", True), ("sssqq", False),
     ("ssssssqq", False), ("qqqqss", True), ("sq", False), ("sqs", False), ("sqss", True), ("sqsqsq", False),
     ("sssqs", True), ("ssqs", True)],
)  # fmt: skip
def test_two_bits(calls, slow):
    one = Predictor()
    for call in calls:
        one.learn("GET /a", call == "s")
    assert one.slow("GET /a") is slow
    assert not one.slow("GET /b")


@pytest.mark.parametrize(
    ("learnt", "asked", "same"),
    [("GET /sleep", "GET /sleep", True), ("GET /users/42", "GET /users/42/photo", True),
     ("GET /users/42/a/b/c", "GET /users/42/x", True), ("GET /users/42", "GET /users/43", False),
     ("GET /a", "POST /a", False), ("GET /", "GET /a", False), ("OPTIONS *", "OPTIONS *", True), ("", "", True)],
)  # fmt: skip
def test_what_is_one_route(learnt, asked, same):
    one = Predictor()
    one.learn(learnt, slow=True)
    one.learn(learnt, slow=True)
    assert one.slow(asked) is same


def test_the_table_has_an_end(monkeypatch):
    monkeypatch.setattr(predictor, "_ROUTES_MAX", 10)
    one = Predictor()
    for number in range(1000):
        one.learn(f"GET /{number}", slow=True)
    assert len(one._counters) <= 10


def test_what_is_always_quick_is_not_in_it():
    one = Predictor()
    for number in range(10):
        one.learn(f"GET /{number}", slow=False)
    one.learn("GET /a", slow=True)
    one.learn("GET /a", slow=False)
    one.learn("GET /b", slow=False)
    assert not one._counters
