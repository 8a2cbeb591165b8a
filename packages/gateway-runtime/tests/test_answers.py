"""Questions about the server itself: who answers, and how."""

from __future__ import annotations

import json

import pytest

from gateway_runtime.answers import OK, Answer, Question, parse_query, route, say


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", {}),
        ("format=json", {"format": "json"}),
        ("n=4&format=json", {"n": "4", "format": "json"}),
        ("n=4&n=5", {"n": "5"}),
        ("n", {"n": ""}),
        ("n=a=b", {"n": "a=b"}),
        ("&&n=1&=2&", {"n": "1"}),
    ],
)
def test_queries(text, query):
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("query", "accept", "json_wanted"),
    [
        ({}, "", False),
        ({}, "*/*", False),
        ({}, "application/json", True),
        ({}, "text/html, application/json;q=0.9", True),
        ({"format": "json"}, "text/html", True),
        ({"format": "text"}, "application/json", False),
    ],
)
def test_who_gets_json(query, accept, json_wanted):
    question = Question("GET", "/", query, accept)
    assert question.wants_json() is json_wanted
    done, failed = say(question, OK, "it\xe4 is"), say(question, "409 Conflict", "no", ("A", "b"))
    assert (done.status, failed.status, failed.fields) == (OK, "409 Conflict", (("A", "b"),))
    if json_wanted:
        assert json.loads(done.body) == {"message": "it\xe4 is"}
        assert json.loads(failed.body) == {"error": "no"}
        assert done.content_type == "application/json"
    else:
        assert (done.body, failed.body) == ("it\xe4 is\n".encode(), b"no\n")
        assert done.content_type == "text/plain; charset=utf-8"


def test_every_answer_has_a_length_and_is_kept_by_nobody():
    answer = Answer(OK, "text/plain", b"12345", (("Vary", "Accept"),))
    assert answer.all_fields() == [
        ("Content-Type", "text/plain"),
        ("Content-Length", "5"),
        ("Cache-Control", "no-store"),
        ("Vary", "Accept"),
    ]


ROUTES = {
    "/see": ("GET", lambda question: say(question, OK, "seen")),
    "/do": ("POST", lambda question: say(question, OK, "done")),
}


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "fields"),
    [
        ("GET", "/see", OK, b"seen\n", ()),
        ("HEAD", "/see", OK, b"seen\n", ()),
        ("POST", "/do", OK, b"done\n", ()),
        ("POST", "/see", "405 Method Not Allowed", b"/see takes GET and HEAD\n", (("Allow", "GET, HEAD"),)),
        ("GET", "/do", "405 Method Not Allowed", b"/do takes POST\n", (("Allow", "POST"),)),
        ("HEAD", "/do", "405 Method Not Allowed", b"/do takes POST\n", (("Allow", "POST"),)),
        ("GET", "/", "404 Not Found", b"there is nothing here; there is /do, /see\n", ()),
        ("GET", "/see/", "404 Not Found", b"there is nothing here; there is /do, /see\n", ()),
        ("", "", "404 Not Found", b"there is nothing here; there is /do, /see\n", ()),
    ],
)
def test_who_answers(method, path, status, body, fields):
    answer = route(ROUTES, Question(method, path, {}))
    assert (answer.status, answer.body, answer.fields) == (status, body, fields)
