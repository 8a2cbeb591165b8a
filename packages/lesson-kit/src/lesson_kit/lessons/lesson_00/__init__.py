"""Lesson 0: which box is which? A sorting before anything is taught, and real processes to look at."""

from __future__ import annotations

from gateway_lab.who import Who, who
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_00.figures import draw_grid
from lesson_kit.lessons.lesson_00.names import BOXES, NAMES, RIGHT, TYPICAL, seen_in
from lesson_kit.lessons.lesson_00.tables import bytes_between, processes
from lesson_kit.questions import Choice, Sorting, Words

__all__ = ["LESSON", "Who", "bytes_between", "processes", "seen_in", "who"]

LESSON = Lesson(
    number=0,
    title="Which box is which?",
    minutes=20,
    questions=(
        Sorting(
            name="boxes",
            asks="Fourteen names. Put each into one of four boxes; guess where you do not know.",
            items=NAMES, boxes=BOXES, typical=TYPICAL, right=RIGHT,
        ),
    ),
    drawings=(
        Drawing(
            name="grid",
            draw=draw_grid,
            needs=("boxes",),
            alt="Fourteen names in rows, grouped by the box that you chose; a dot in one of three columns says what "
                "the run has shown of the name: bytes between processes, processes with a pid, or neither; a ring is "
                "where your box would have it.",
            seen=Words("grid", "Look at where dots and rings part, and at the rows without a dot. What do you see?",
                       "WSGI showed as neither bytes nor a process, and I had taken it for what nginx speaks."),
        ),
    ),
    expected=(
        Expected(
            "Five of the names showed as bytes between processes, each beginning in its own way.",
            lambda found: found["rules"] == 5,
            "Then one of the ways carried nothing, or something else than it should: run the cell with `who()` again.",
            firm=True,
        ),
        Expected(
            "The application answered from within a worker of each gateway, and under CGI from a process of its own.",
            lambda found: found["own"] == ["cgi_runner"],
            "Then a gateway here starts its workers in another way than those of this repository do.",
            firm=True,
        ),
        Expected(
            "What WSGI hands over was on no way between two processes.",
            lambda found: found["mentions"] == 0,
            "Then somebody wrote “wsgi.” into a request or an answer: that is text, and no WSGI.",
            firm=True,
        ),
    ),
    exercises=(),
    soon=Choice(
        name="between",
        asks="nginx stands in front of gunicorn, which calls a Flask application. What passes between the first two?",
        options=("WSGI", "HTTP", "uwsgi, which is WSGI on a wire"),
        typical="WSGI",
        right="HTTP",
        because="They are two processes, so it must be bytes, and gunicorn's are HTTP by default. WSGI is how its "
                "worker calls the application, inside that one process.",
    ),
    later=Choice(
        name="two_names",
        asks="uwsgi and uWSGI: what are they?",
        options=("two spellings of one program", "a rule, and a program that speaks it", "two versions of WSGI"),
        typical="two spellings of one program",
        right="a rule, and a program that speaks it",
        because="uwsgi is a rule for bytes: a header of four of them, and a block. uWSGI is a program, which speaks "
                "uwsgi, and HTTP, FastCGI and SCGI as well.",
    ),
    keep=Words("keep", "In one sentence: which two questions would you ask of a new name, such as AJP or Puma?",
               "Is it a rule or a program, and does it pass between processes or stay within one?"),
)  # fmt: skip
