"""Lesson 2: a program that knows no HTTP, and what a server gives it and takes from it."""

from __future__ import annotations

from pathlib import Path

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_02.check import check_cgi_answer
from lesson_kit.lessons.lesson_02.figures import draw_counter, draw_doors
from lesson_kit.lessons.lesson_02.wall import DOORS, GlassWall, as_program
from lesson_kit.questions import Choice, Number, Sorting, Words

__all__ = ["LESSON", "PARTS", "PROGRAM", "REQUEST", "REQUESTS", "GlassWall", "as_program"]

REQUEST = (
    b"POST /kitchen.py/soup?size=large HTTP/1.1\r\nHost: museum\r\nX-Table: window\r\nContent-Length: 12\r\n"
    b"Connection: close\r\n\r\nsalt=a-pinch"
)
PARTS = {"method": "POST", "path": "/soup", "query": "size=large", "field X-Table": "window", "content": "salt=a-pinch"}
"""Of the request, what each part says; no two have anything in common."""
REQUESTS = 8
"""To the counter: enough for a staircase, few enough to wait for."""

PROGRAM = """
import os, sys

dish = os.environ["PATH_INFO"].strip("/")
wish = sys.stdin.read(int(os.environ.get("CONTENT_LENGTH") or 0))

print("Content-Type: text/plain")
print()
print(f"One {dish}, {os.environ['QUERY_STRING']}, {wish}.")
"""

LESSON = Lesson(
    number=2,
    title="The program that knows no HTTP",
    minutes=30,
    questions=(
        Sorting(
            name="doors",
            asks="Through which door does each part of the request come into the program?",
            items=tuple(PARTS),
            boxes=DOORS,
            typical=("environment", "argv", "argv", "environment", "stdin"),
        ),
        Choice(
            name="first_line",
            asks="What is the first line that the program itself writes, if all goes well?",
            options=("HTTP/1.1 200 OK", "Content-Type: text/plain", "One soup, size=large, salt=a-pinch."),
            typical="HTTP/1.1 200 OK",
        ),
        Number(
            name="counter",
            asks=f"The application adds 1 to a variable at each request. After {REQUESTS} requests under CGI, what is "
                 "its last answer?",
            low=0, high=1000, typical=REQUESTS,
        ),
        Number(
            name="births",
            asks=f"How many processes ran the application for these {REQUESTS} requests?",
            low=0, high=1000, typical=1, unit="processes",
        ),
    ),
    drawings=(
        Drawing(
            name="doors",
            draw=draw_doors,
            needs=("doors", "first_line"),
            alt="A table of the parts of one request and the three doors into a process: a dot says through which door "
                "a part came, and under which name; a hollow ring is your guess.",
            seen=Words("doors", "Which parts came where you expected them, and which did not?",
                       "All but the content came in the environment, and nothing in argv."),
        ),
        Drawing(
            name="counter",
            draw=draw_counter,
            needs=("counter", "births"),
            alt="Each request is a dot at the height of the process that answered it; below, what the application "
                "counted. Your guesses are dashed.",
            seen=Words("counter", "What do the dots do from request to request, and what does the counter?",
                       "Each request has a new process, and the counter never gets beyond one."),
        ),
    ),
    expected=(
        Expected(
            "Method, path, query and header field came in the environment, the content on standard input.",
            lambda found: found["doors"] == ["environment"] * 4 + ["stdin"],
            "Then the server that you asked is not ours, or has another idea of CGI than RFC 3875.",
            firm=True,
        ),
        Expected(
            "In argv was the program's own name, and nothing of the request.",
            lambda found: found["arguments"] == 1,
            "A server may pass a query without “=” as arguments (RFC 3875, section 4.4). Ours never does.",
            firm=True,
        ),
        Expected(
            "The client got a status line that the program did not write.",
            lambda found: (found["line_to_client"][:5] == "HTTP/") > (found["line_of_program"][:5] == "HTTP/"),
            "If the program did write it, look at its text again: a server would take it for a field without a name.",
            firm=True,
        ),
        Expected(
            "Each request had a process of its own.",
            lambda found: len({*found["pids"]}) == len(found["pids"]),
            "A system may give the id of a process that has ended to a new one; it does so after thousands.",
            firm=True,
        ),
        Expected(
            "The counter was 1 at every request.",
            lambda found: {*found["counters"]} == {1},
            "Then one process has answered twice, and this was no CGI.",
            firm=True,
        ),
    ),
    truths={
        "doors": lambda found: dict(zip(PARTS, found["doors"], strict=True)),
        "first_line": lambda found: found["line_of_program"],
        "counter": lambda found: found["counters"][-1],
        "births": lambda found: len(set(found["pids"])),
    },
    exercises=(
        Exercise(
            name="cgi_answer",
            task="Answer one request as a CGI program: `env` is its environment, `stdin` its standard input (bytes). "
                 "At the path `/echo` return the content as it came; anywhere else a `Status: 404 Not Found`.",
            check=check_cgi_answer,
            folder=Path(__file__).parent / "make" / "cgi_answer",
        ),
    ),
    soon=Choice(
        name="counter",
        asks="A CGI program counts requests in a global variable. What does it say at the hundredth?",
        options=("100", "1", "it depends on how many workers the server has"),
        typical="it depends on how many workers the server has",
        right="1",
        because="Each request has a new process, in which the variable begins anew. What is to last must lie outside.",
    ),
    later=Choice(
        name="query",
        asks="`GET /kitchen.py/soup?size=large`: where does a CGI program find `size=large`?",
        options=("in argv", "in the environment variable QUERY_STRING", "on standard input"),
        typical="in argv",
        right="in the environment variable QUERY_STRING",
        because="All of the head comes in the environment; on standard input comes the content alone.",
    ),
    keep=Words("keep", "In one sentence: what does a CGI program have to know of HTTP?",
               "Next to nothing: it reads variables and bytes, and the server speaks HTTP."),
)  # fmt: skip
