"""Questions about the server itself, and their answers: the little HTTP that this takes.

`gateway_runtime` knows no protocol, and this is its one exception: whoever looks after a server, also one that speaks
FastCGI or uwsgi, should need no tool for it but curl or a browser. The codec of HTTP stands beside the runtime and not
under it, and is made for much more. Here one request a connection is answered, of a method, a path and a query;
whatever else may be in it is passed over or refused.

::

    Question(method, path, query, accept)  --route-->  Answer(status, content_type, body, fields)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["BAD_REQUEST", "CONFLICT", "OK", "Answer", "Handler", "Question", "Routes", "parse_query", "route", "say"]

OK = "200 OK"
BAD_REQUEST = "400 Bad Request"
CONFLICT = "409 Conflict"


@dataclass(frozen=True, slots=True)
class Question:
    """A request. `query` has the last of several values, as written: no name and no value here needs percent signs."""

    method: str
    path: str
    query: Mapping[str, str]
    accept: str = ""

    def wants_json(self) -> bool:
        """Does it ask for JSON, by its query or its Accept field?"""
        return self.query.get("format", "json" if "application/json" in self.accept else "") == "json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `fields` are those beyond Content-Type and Content-Length."""

    status: str
    content_type: str
    body: bytes
    fields: tuple[tuple[str, str], ...] = ()

    def all_fields(self) -> list[tuple[str, str]]:
        """Return every field. What it says is true now and no longer, so nobody shall keep it."""
        return [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            *self.fields,
        ]


Handler = Callable[[Question], Answer]

Routes = Mapping[str, tuple[str, Handler]]
"""Path -> method and what answers it. GET means HEAD too; whoever sends the answer leaves out the body."""


def parse_query(text: str) -> dict[str, str]:
    """Read `a=1&b=2`."""
    pairs = (part.partition("=") for part in text.split("&"))
    return {name: value for name, _, value in pairs if name}


def say(question: Question, status: str, sentence: str, *fields: tuple[str, str]) -> Answer:
    """Answer with one sentence, in the form that was asked for."""
    if question.wants_json():
        name = "message" if status == OK else "error"
        return Answer(status, "application/json", json.dumps({name: sentence}).encode() + b"\n", fields)
    return Answer(status, "text/plain; charset=utf-8", f"{sentence}\n".encode("utf-8", "backslashreplace"), fields)


def route(routes: Routes, question: Question) -> Answer:
    """Find who answers, and let him."""
    if question.path not in routes:
        return say(question, "404 Not Found", f"there is nothing here; there is {', '.join(sorted(routes))}")
    method, handler = routes[question.path]
    allowed = ("GET", "HEAD") if method == "GET" else (method,)
    if question.method not in allowed:
        sentence = f"{question.path} takes {' and '.join(allowed)}"
        return say(question, "405 Method Not Allowed", sentence, ("Allow", ", ".join(allowed)))
    return handler(question)
