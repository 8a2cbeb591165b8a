"""Lesson 11: what one header can do where fields become variables of a process, and where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_11.attack import GATEWAYS, OLD, SIGN, answering, attack, gateway, runner_with
from lesson_kit.lessons.lesson_11.check import check_environment
from lesson_kit.lessons.lesson_11.figures import draw_leaks, leaks_of
from lesson_kit.questions import Choice, Sorting, Words

__all__ = ["GATEWAYS", "LESSON", "SIGN", "answering", "attack", "gateway", "leaks_of", "runner_with"]

IN_PROCESS, IN_DICTIONARY = "the environment of the process", "a dictionary of the request alone"

REACHED = {"CGI": "cgi", "FastCGI": "fastcgi", "SCGI": "scgi", "uwsgi": "uwsgi", "HTTP to WSGI": "wsgi"}
"""The gateways as the question calls them, and as the run does."""


def _place(leaks: Mapping[str, bool]) -> str:
    return IN_PROCESS if leaks["environment"] else IN_DICTIONARY


def _with(found: Mapping[str, Any], column: str) -> set[str]:
    return {name for name, leaks in found["leaks"].items() if leaks[column]}


LESSON = Lesson(
    number=11,
    title="What one header can do",
    minutes=30,
    questions=(
        Sorting(
            name="reach",
            asks="A visitor sends the field `Museum: open`. Where does a Python application find it?",
            items=tuple(REACHED),
            boxes=(IN_PROCESS, IN_DICTIONARY),
            typical=(IN_PROCESS, IN_PROCESS, IN_PROCESS, IN_PROCESS, IN_DICTIONARY),
        ),
        Choice(
            name="asked",
            asks="Under the runner of 2015 the visitor sends `Proxy: http://127.0.0.1:PORT`. Whom does a program ask "
                 "for its price, with a client of that time?",
            options=("the service, as ever", "the visitor's proxy", "nobody: it fails"),
            typical="the service, as ever",
        ),
        Choice(
            name="bash",
            asks=f"A variable has the value `{SIGN}`. The bash of today is started with it, and told to `echo hello`. "
                 "What does it write?",
            options=("hello", "broken into, and then hello", "an error"),
            typical="broken into, and then hello",
        ),
    ),
    drawings=(
        Drawing(
            name="leaks",
            draw=draw_leaks,
            needs=("reach", "asked"),
            alt="A table of gateways and places: a filled dot says that the visitor's field came to stand there, a red "
                "one that it did harm. Hollow rings are your guesses.",
            seen=Words("leaks", "Which gateways have a dot in the second column, and which in the red ones?",
                       "Both runners of CGI put the field into the environment, and only the old one did harm."),
        ),
    ),
    expected=(
        Expected(
            "Each application found the field in the dictionary of its request.",
            lambda found: _with(found, "dictionary") == set(GATEWAYS),
            "Then a gateway has lost a field: look whether its row has an error.",
            firm=True,
        ),
        Expected(
            "Under CGI, and nowhere else, it was a variable of the process.",
            lambda found: _with(found, "environment") == {OLD, "cgi"},
            "A gateway that keeps its processes cannot do so: two requests at a time would have one environment.",
            firm=True,
        ),
        Expected(
            "Only the runner of 2015 made `HTTP_PROXY` of the field `Proxy`, and there a client of its time obeyed it.",
            lambda found: _with(found, "proxy") == _with(found, "client") == {OLD},
            "If nobody obeyed it, the variable `no_proxy` may have said so.",
            firm=True,
        ),
        Expected(
            "The `urllib` of today asked the visitor's proxy nowhere.",
            lambda found: not _with(found, "urllib"),
            "Then this Python is older than its correction, or was built without it.",
            firm=True,
        ),
    ),
    truths={
        "reach": lambda found: {name: _place(found["leaks"][key]) for name, key in REACHED.items()},
        "asked": lambda found: "the visitor's proxy" if found["leaks"][OLD]["client"] else "the service, as ever",
    },
    exercises=(
        Exercise(
            name="environment",
            task="Put the runner of 2015 right. `own` are the variables that its operator has set, `fields` those of a "
                 "request, as pairs. Whatever a visitor sends, no program may take it for a proxy of the operator's; "
                 "and what the operator has set is kept.",
            check=check_environment,
            folder=Path(__file__).parent / "make" / "environment",
        ),
    ),
    soon=Choice(
        name="fastcgi",
        asks="A FastCGI server gets HTTP_PROXY among the variables of a request. Is its application open to httpoxy?",
        options=("yes, as under CGI", "only if something copies these variables into the environment of the process",
                 "no, FastCGI is binary"),
        typical="yes, as under CGI",
        right="only if something copies these variables into the environment of the process",
        because="They are pairs of one request, and a server puts them into a dictionary. Some libraries and languages "
                "do copy them; so a front should not send this one at all.",
    ),
    later=Choice(
        name="operator",
        asks="An operator has set HTTP_PROXY for his CGI programs. What is to become of it?",
        options=("it is removed, for safety", "it stays: only what a visitor sends must not get that name",
                 "it is renamed"),
        typical="it is removed, for safety",
        right="it stays: only what a visitor sends must not get that name",
        because="The name is not bad. What is bad is that a visitor can choose the value.",
    ),
    tools={"bash": "shows what a shell of today does with a variable that looks like a function"},
    keep=Words("keep", "In one sentence: why is a variable of the process another thing than one of the request?",
               "Everything in the process believes its environment, and a visitor should not write there."),
)  # fmt: skip
