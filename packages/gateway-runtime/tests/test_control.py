"""The control socket's actions: which question begins which."""

from __future__ import annotations

import json

import pytest

from gateway_runtime.answers import Question, parse_query, route
from gateway_runtime.control import Refused, control_routes


class Recorder:
    """Controls that write down what they are told."""

    def __init__(self):
        self.told = []
        self.refuse = ""

    def _told(self, *what):
        if self.refuse:
            raise Refused(self.refuse)
        self.told.append(what)
        return "it has begun"

    def reload(self):
        return self._told("reload")

    def resize(self, number):
        return self._told("resize", number)

    def upgrade(self):
        return self._told("upgrade")

    def stop(self, quick):
        return self._told("stop", quick)

    def reopen(self):
        return self._told("reopen")

    def dump(self, pid):
        return self._told("dump", pid)


@pytest.fixture
def controls():
    return Recorder()


def ask(controls, method, target, accept=""):
    path, _, query = target.partition("?")
    return route(control_routes(lambda: {"format": 1}, controls), Question(method, path, parse_query(query), accept))


ACTIONS = [
    ("/reload", ("reload",)),
    ("/workers?n=0", ("resize", 0)),
    ("/workers?n=12", ("resize", 12)),
    ("/upgrade", ("upgrade",)),
    ("/stop", ("stop", False)),
    ("/quit", ("stop", True)),
    ("/reopen-logs", ("reopen",)),
    ("/traceback?pid=4201", ("dump", 4201)),
]


@pytest.mark.parametrize(("target", "told"), ACTIONS)
def test_actions(controls, target, told, capfd):
    answer = ask(controls, "POST", target)
    assert (answer.status, answer.body) == ("200 OK", b"it has begun\n")
    assert controls.told == [told]
    assert "it has begun" in capfd.readouterr().err
    answer = ask(controls, "POST", target, "application/json")
    assert json.loads(answer.body) == {"message": "it has begun"}


@pytest.mark.parametrize("target", [target for target, _ in ACTIONS])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_only_a_post_does_anything(controls, target, method):
    answer = ask(controls, method, target)
    assert (answer.status, answer.fields) == ("405 Method Not Allowed", (("Allow", "POST"),))
    assert controls.told == []


@pytest.mark.parametrize(("target", "told"), ACTIONS)
def test_what_is_refused(controls, target, told, capfd):
    controls.refuse = "the server is ending"
    answer = ask(controls, "POST", target)
    assert (answer.status, answer.body) == ("409 Conflict", b"the server is ending\n")
    assert "is refused: the server is ending" in capfd.readouterr().err
    answer = ask(controls, "POST", f"{target}{'&' if '?' in target else '?'}format=json")
    assert json.loads(answer.body) == {"error": "the server is ending"}


@pytest.mark.parametrize(
    "target",
    [
        "/workers", "/workers?n=", "/workers?n=-1", "/workers?n=four", "/workers?n=1.5", "/workers?m=1",
        "/workers?n=+4", "/workers?n=\u0664", "/workers?n=1234567890",
        "/traceback", "/traceback?pid=x", "/traceback?n=1",
    ],
)  # fmt: skip
def test_numbers_are_looked_at(controls, target):
    answer = ask(controls, "POST", target)
    assert answer.status == "400 Bad Request"
    assert b"say which, as in /" in answer.body
    assert controls.told == []


def test_it_answers_what_the_status_socket_answers(controls):
    assert ask(controls, "GET", "/ping").body == b"pong\n"
    assert json.loads(ask(controls, "GET", "/status?format=json").body) == {"format": 1}
    assert ask(controls, "POST", "/status").status == "405 Method Not Allowed"
    assert ask(controls, "GET", "/nothing").status == "404 Not Found"
