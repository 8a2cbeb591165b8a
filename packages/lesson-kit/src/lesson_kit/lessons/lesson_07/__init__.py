"""Lesson 7: the one protocol of the five that puts nothing on a wire."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_07.check import check_run_with_cgi
from lesson_kit.lessons.lesson_07.figures import BY_HAND, draw_flags, draw_map
from lesson_kit.lessons.lesson_07.looking import (
    FIELDS,
    GATEWAYS,
    MIRROR,
    PROGRAMS,
    by_hand,
    flags,
    lines_changed,
    module_of,
    through,
)
from lesson_kit.questions import Choice, Number, Sorting, Words

__all__ = ["ARRANGEMENTS", "BY_HAND", "FIELDS", "GATEWAYS", "LESSON", "MIRROR", "PROGRAMS", "by_hand", "flags",
           "lines_changed", "module_of", "through"]  # fmt: skip

ARRANGEMENTS: Final = {
    "CGI": ("cgi", 1, 1),
    "FastCGI, 1 worker, 1 thread": ("fastcgi", 1, 1),
    "FastCGI, 2 workers, 1 thread": ("fastcgi", 2, 1),
    "FastCGI, 1 worker, 2 threads": ("fastcgi", 1, 2),
    "FastCGI, 2 workers, 2 threads": ("fastcgi", 2, 2),
}
"""The gateway, its workers, and the threads in each."""
FOUR_KINDS = ("neither", "multiprocess", "multithread", "both")

LESSON = Lesson(
    number=7,
    title="Where are the bytes of WSGI?",
    minutes=40,
    questions=(
        Number(
            name="wire_bytes",
            asks="A small GET reaches a Python application. How many bytes does **WSGI** put on the wire for it?",
            low=0, high=100_000, typical=300, unit="bytes",
        ),
        Number(
            name="lines",
            asks="One application is put behind CGI, FastCGI, SCGI, uwsgi and HTTP. How many of its lines must change?",
            low=0, high=1000, typical=5, unit="lines",
        ),
        Sorting(
            name="run_once",
            asks="`wsgi.run_once` says whether this process will answer no other request. What does each gateway say?",
            items=tuple(GATEWAYS), boxes=("True", "False"), typical=("True", "True", "False", "False", "False"),
        ),
        Sorting(
            name="flags",
            asks="`wsgi.multiprocess` says that another process, `wsgi.multithread` that another thread may run the "
                 "application at the same time. Which are True?",
            items=tuple(ARRANGEMENTS), boxes=FOUR_KINDS,
            typical=("neither", "neither", "multiprocess", "multithread", "both"),
        ),
    ),
    drawings=(
        Drawing(
            name="map",
            draw=draw_map,
            needs=("wire_bytes", "lines", "run_once"),
            alt="Six columns: CGI, FastCGI, SCGI, uwsgi, HTTP, and a call. Above, a bar for the bytes that each "
                "needed; below, a cell for each key that the application found, coloured by whether it is the same in "
                "all. Your guess of the bytes is a hollow ring.",
            seen=Words("map", "Look at the bars, then go down the rows. What differs from gateway to gateway, and what "
                       "does not?", "The bytes differ, the keys hardly do, and the call has no bytes at all."),
        ),
        Drawing(
            name="flags",
            draw=draw_flags,
            needs=("flags",),
            alt="A row for each arrangement of processes and threads, a column for each of the three flags, green "
                "where the server says True. What you expected is ringed.",
            seen=Words("flags", "Which rows did you not expect, and what do they promise the application?",
                       "CGI says multiprocess, for others of its kind may run beside it."),
        ),
    ),
    expected=(
        Expected(
            "No line of the application changed between the gateways.",
            lambda found: found["lines_changed"] == 0,
            "Then somebody has edited it meanwhile, and the comparison says nothing.",
            firm=True,
        ),
        Expected(
            "Through every gateway it took bytes to reach the process.",
            lambda found: all(found["wire"][name] > 0 for name in GATEWAYS),
            "Then the tap saw nothing: the request went another way.",
            firm=True,
        ),
        Expected(
            "The call put 0 bytes on a wire: the application looked into the very dictionary that was made here.",
            lambda found: found["wire"][BY_HAND] == 0,
            "Then the answer came from another process than this one: run the cell with the call again.",
            firm=True,
        ),
        Expected(
            "In all five gateways the application was called from the same place in the code.",
            lambda found: len(set(found["called_by"].values())) == 1,
            "Then a gateway has a path of its own to the application. It still calls it with the same two arguments.",
        ),
        Expected(
            "Only under CGI does `wsgi.run_once` say True.",
            lambda found: [name for name, flag in found["run_once"].items() if flag] == ["CGI"],
            "Then a gateway started its process for one request only: is it told to, by an option?",
            firm=True,
        ),
        Expected(
            "Under CGI another process may run beside this one, and no other thread.",
            lambda found: found["flags"]["CGI"] == "multiprocess",
            "Then the runner lets only one program run at a time, and says so.",
            firm=True,
        ),
    ),
    truths={
        "wire_bytes": lambda found: found["wire"][BY_HAND],
        "lines": lambda found: found["lines_changed"],
        "run_once": lambda found: {name: str(flag) for name, flag in found["run_once"].items()},
        "flags": lambda found: found["flags"],
    },
    exercises=(
        Exercise(
            name="run_with_cgi",
            task="Be the gateway: answer one CGI request by calling the WSGI application `app`. `variables` is a "
                 "dictionary of text, `stdin` and `stdout` are streams of bytes.",
            check=check_run_with_cgi,
            folder=Path(__file__).parent / "make" / "run_with_cgi",
        ),
    ),
    soon=Choice(
        name="speaks",
        asks="Which of these can a web server such as nginx *not* send to another process?",
        options=("uwsgi", "FastCGI", "WSGI"),
        typical="uwsgi",
        right="WSGI",
        because="WSGI has no bytes: it is how one Python function calls another, inside one process. uwsgi has bytes.",
    ),
    later=Choice(
        name="replaced",
        asks="What did WSGI do to CGI?",
        options=("it replaced it", "it took over its variables, and runs behind CGI as behind others",
                 "it made it faster"),
        typical="it replaced it",
        right="it took over its variables, and runs behind CGI as behind others",
        because="REQUEST_METHOD, PATH_INFO and the others are CGI's. WSGI adds objects, and says nothing of wires.",
    ),
    keep=Words("keep", "In one sentence: what is between nginx and a Python application, and where in that is WSGI?",
               "A protocol with bytes leads to a Python process, and inside that process WSGI is the call."),
)  # fmt: skip
