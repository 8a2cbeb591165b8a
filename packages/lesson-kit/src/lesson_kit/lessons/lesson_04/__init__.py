"""Lesson 4: the process that stays, and the eight bytes that make it possible."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_04.check import check_read_pairs, check_read_record
from lesson_kit.lessons.lesson_04.figures import draw_dots
from lesson_kit.lessons.lesson_04.golden import golden
from lesson_kit.lessons.lesson_04.visits import PROGRAM, REQUESTS, born, fingerprint, read_rows
from lesson_kit.questions import Choice, Number, Words

__all__ = ["LESSON", "PROGRAM", "REQUESTS", "born", "fingerprint", "golden", "read_rows"]

MAKE: Final = Path(__file__).parent / "make"
CGI, ONE, FOUR = "CGI", "FastCGI, 1 worker", "FastCGI, 4 workers"

LESSON = Lesson(
    number=4,
    title="Staying alive",
    minutes=35,
    questions=(
        Number(
            name="births",
            asks=f"{REQUESTS} requests to FastCGI with 4 workers: how many processes are born to answer them?",
            low=0, high=1000, typical=REQUESTS, unit="processes",
        ),
        Number(
            name="last_of_one",
            asks=f"FastCGI with 1 worker: what does the counter say in answer {REQUESTS}?",
            low=1, high=1000, typical=REQUESTS,
        ),
        Number(
            name="last_of_four",
            asks=f"FastCGI with 4 workers: what does the counter say in answer {REQUESTS}?",
            low=1, high=1000, typical=REQUESTS,
        ),
    ),
    drawings=(
        Drawing(
            name="dots",
            draw=draw_dots,
            needs=("births", "last_of_one", "last_of_four"),
            alt="Three panels, for CGI, FastCGI with one worker and FastCGI with four. Above, a dot for each request "
                "at the process that answered it: a staircase, a flat line, a few flat lines. Below, what the counter "
                "said; your guesses are dashed or hollow.",
            seen=Words("dots", "Follow the dots of each panel, then the counters below. What do you see?",
                       "CGI climbs a step with each request; FastCGI stays on its lines, and each counts for itself."),
        ),
    ),
    expected=(
        Expected(
            "The file was the same, byte for byte, before and after.",
            lambda found: bool(found["same_file"]),
            "Then somebody has edited it meanwhile, and the comparison says nothing.",
            firm=True,
        ),
        Expected(
            "Each request under CGI had a process of its own.",
            lambda found: found["answered_by"][CGI] == found["requests"],
            "A system may give the id of a process that has ended to a new one: then one id stands for two processes.",
        ),
        Expected(
            "One worker answered all, and its counter reached the number of requests.",
            lambda found: found["answered_by"][ONE] == 1 and found["last"][ONE] == found["requests"],
            "Then the worker was replaced on the way: its counter began anew. Something ended it.",
            firm=True,
        ),
        Expected(
            "With four workers no more than four processes answered, and their counters together make the requests.",
            lambda found: found["answered_by"][FOUR] <= 4 and found["counted"][FOUR] == found["requests"],
            "Then a worker was replaced on the way, and its counter was lost with it.",
            firm=True,
        ),
        Expected(
            "With four workers the last answer did not count all requests.",
            lambda found: found["last"][FOUR] < found["requests"],
            "Then one worker took every connection. Nothing promises that the others get a share.",
        ),
        Expected(
            "Every process that answered is one whose birth the server told.",
            lambda found: bool(found["agree"]),
            "Events are datagrams: a machine that is very busy may drop one. The processes were born all the same.",
        ),
    ),
    truths={
        "births": lambda found: found["answered_by"][FOUR],
        "last_of_one": lambda found: found["last"][ONE],
        "last_of_four": lambda found: float(found["last"][FOUR]),  # who answers how often is chance
    },
    exercises=(
        Exercise(
            name="read_record",
            task="Take the first record off `data`: its type, its request id, its content, and what is behind it.",
            check=check_read_record,
            folder=MAKE / "read_record",
        ),
        Exercise(
            name="read_pairs",
            task="Read the content of PARAMS: pairs of a name and a value, each after their two lengths.",
            check=check_read_pairs,
            folder=MAKE / "read_pairs",
        ),
    ),
    soon=Choice(
        name="counter",
        asks="A Python program keeps a counter in a global variable. It is served over FastCGI by 4 workers. What does "
             "a visitor see who asks again and again, each time over a new connection?",
        options=("1, 2, 3, 4: it stays alive", "always 1", "numbers that may go back: each worker has its own"),
        typical="1, 2, 3, 4: it stays alive",
        right="numbers that may go back: each worker has its own",
        because="Each worker is a process with memory of its own. What visitors share goes into a file or a database.",
    ),
    later=Choice(
        name="fastcgi",
        asks="What is FastCGI?",
        options=("a faster CGI program", "another name for php-fpm",
                 "a rule for the bytes between a web server and a process"),
        typical="another name for php-fpm",
        right="a rule for the bytes between a web server and a process",
        because="php-fpm is one program that keeps that rule, and holds workers. So do flup, uWSGI, and ours.",
    ),
    keep=Words("keep", "In one sentence: what did FastCGI change, and what did it leave as it was?",
               "The process stays and the wire has records; the application and its variables are those of CGI."),
)  # fmt: skip
