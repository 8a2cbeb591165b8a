"""Lesson 11: the attack stays on this machine and shows what each gateway lets through; failures have a sentence."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from gateway_lab.errors import LabError
from lesson_kit.checking import NotYet
from lesson_kit.lessons.lesson_11 import GATEWAYS, SIGN, answering, attack, gateway, leaks_of, runner_with
from lesson_kit.lessons.lesson_11.attack import OLD
from lesson_kit.lessons.lesson_11.check import check_environment
from lesson_kit.lessons.lesson_11.figures import COLUMNS, draw_leaks
from lesson_kit.lessons.lesson_11.inside import proxies_of_2015

GUESSES = {"reach": {"CGI": "the environment of the process", "uwsgi": "a dictionary of the request alone"},
           "asked": "the visitor's proxy"}  # fmt: skip


@pytest.mark.parametrize(("name", "reached", "harmed"), [(OLD, True, True), ("cgi", True, False),
                                                         *((name, False, False) for name in GATEWAYS[2:])])  # fmt: skip
def test_where_a_field_comes_to_stand(name: str, reached: bool, harmed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # an operator's, which the lesson must not ask
    with answering("42") as service, answering("0") as thief, gateway(name) as server:
        report = attack(server.url, service.url, thief.url, {"X-More": "1"})
    assert leaks_of(report, "0") == {
        "dictionary": True, "environment": reached, "proxy": harmed, "client": harmed, "urllib": False,
    }  # fmt: skip
    assert len(thief.heard) == harmed and len(service.heard) == 2 - harmed
    assert report["variables"].get("HTTP_X_SIGN") == (SIGN if reached else None)
    assert ("HTTP_X_MORE" in report["variables"]) is reached


def test_the_runner_takes_another_function() -> None:
    def environment(own: dict[str, str], fields: Iterable[tuple[str, str]]) -> dict[str, str]:
        return own

    with answering("42") as service, answering("0") as thief, runner_with(environment) as server:
        report = attack(server.url, service.url, thief.url)
    assert (report["dictionary"], report["client of 2015"]) == (False, "42")


def test_a_function_that_fails_is_told_and_not_raised() -> None:
    def environment(own: Any, fields: Any) -> Any:
        return None

    with answering("42") as service, runner_with(environment) as server:
        report = attack(server.url, service.url, service.url)
    assert report["failed"].startswith("TypeError")
    assert not any(leaks_of(report, "0").values())
    with pytest.raises(LabError, match="run the cell"):
        runner_with(len)


def test_a_client_of_2015_takes_every_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert proxies_of_2015()["http"] == "http://127.0.0.1:9"


@pytest.mark.parametrize(("answer", "idea"), [(["a"], "type"), ({"A": 1}, "type"), (..., "blank")])
def test_what_is_no_environment_is_told(answer: Any, idea: str) -> None:
    with pytest.raises(NotYet) as refused:
        check_environment(lambda own, fields: answer, random.Random(1))
    assert refused.value.idea == idea


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("gateways", [(), ("cgi",), GATEWAYS])
def test_the_leaks_are_drawn(gateways: tuple[str, ...], value: bool) -> None:
    assert draw_leaks({name: dict.fromkeys(COLUMNS, value) for name in gateways}, GUESSES).axes
