"""What can be done to a running server through its control socket, and what it answers.

::

    GET  /status      the report                        POST /stop          end gracefully
    GET  /ping        "pong"                            POST /quit          end at once
    POST /reload      new workers, then the old end     POST /reopen-logs   open the log files anew
    POST /workers?n=  so many workers from now on       POST /traceback?pid=  that worker says what its threads do
    POST /upgrade     a new program in our place

An action is begun when the answer goes out, and its progress is in the report and in the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from .answers import BAD_REQUEST, CONFLICT, OK, Answer, Handler, Question, Routes, say
from .log import line
from .status_page import Report, status_routes

__all__ = ["Controls", "Refused", "control_routes"]

_NUMBER = re.compile(r"[0-9]{1,9}")


class Refused(Exception):
    """It cannot be done, at least not now; `str(error)` is one sentence that says why."""


class Controls(Protocol):
    """The actions, as the master implements them. Each begins one, and says so in a sentence, or raises Refused."""

    def reload(self) -> str:
        """Load the application anew in new workers."""

    def resize(self, number: int) -> str:
        """Run that many workers."""

    def upgrade(self) -> str:
        """Start the program anew, and hand over the listening sockets."""

    def stop(self, quick: bool) -> str:
        """End the server."""

    def reopen(self) -> str:
        """Open the log files anew, after they were moved."""

    def dump(self, pid: int) -> str:
        """Have a worker log the traceback of each of its threads."""


def control_routes(report: Report, controls: Controls) -> Routes:
    """Return what answers on the control socket."""
    return {
        **status_routes(report),
        "/reload": _action(lambda _: controls.reload()),
        "/workers": _action(lambda question: controls.resize(_number(question, "n"))),
        "/upgrade": _action(lambda _: controls.upgrade()),
        "/stop": _action(lambda _: controls.stop(quick=False)),
        "/quit": _action(lambda _: controls.stop(quick=True)),
        "/reopen-logs": _action(lambda _: controls.reopen()),
        "/traceback": _action(lambda question: controls.dump(_number(question, "pid"))),
    }


class _Missing(Exception):
    """The question lacks a parameter, or has a wrong one."""


def _action(act: Callable[[Question], str]) -> tuple[str, Handler]:
    def handler(question: Question) -> Answer:
        try:
            sentence = act(question)
        except _Missing as error:
            return say(question, BAD_REQUEST, str(error))
        except Refused as error:
            line(f"{question.path[1:]}, asked for on the control socket, is refused: {error}")
            return say(question, CONFLICT, str(error))
        line(f"{question.path[1:]} was asked for on the control socket: {sentence}")
        return say(question, OK, sentence)

    return "POST", handler


def _number(question: Question, name: str) -> int:
    value = question.query.get(name, "")
    if not _NUMBER.fullmatch(value):
        raise _Missing(f"say which, as in {question.path}?{name}=4")
    return int(value)
