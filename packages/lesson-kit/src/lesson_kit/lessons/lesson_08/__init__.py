"""Lesson 8: why the log says 21573. One rule's bytes at another rule's port."""

from __future__ import annotations

from pathlib import Path

from gateway_lab.fronts import front
from gateway_lab.tap import Tap
from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_08.check import check_decode, check_encode
from lesson_kit.lessons.lesson_08.figures import draw_four_bytes, draw_pairs
from lesson_kit.lessons.lesson_08.knocking import METHODS, has_uwsgi, knock, promised, uwsgi_itself
from lesson_kit.questions import Choice, Number, Words

__all__ = ["LESSON", "METHODS", "Tap", "front", "has_uwsgi", "knock", "promised", "uwsgi_itself"]

MAKE = Path(__file__).parent / "make"
LARGEST = 65_535

LESSON = Lesson(
    number=8,
    title="Why does the log say 21573?",
    minutes=30,
    questions=(
        Number(
            name="post",
            asks="For GET the log says 21573. Which number will it say for POST? (`50 4f 53 54`)",
            low=0, high=LARGEST, typical=20307,
        ),
        Number(
            name="head",
            asks="And for HEAD? (`48 45 41 44`)",
            low=0, high=LARGEST, typical=17729,
        ),
        Number(
            name="fitting",
            asks="A front that speaks HTTP, and one that speaks uwsgi; a server that listens for HTTP, and one for "
                 "uwsgi. Of these four pairs, how many give the visitor his page?",
            low=0, high=4, typical=3, unit="pairs",
        ),
    ),
    drawings=(
        Drawing(
            name="four_bytes",
            draw=draw_four_bytes,
            needs=("post", "head"),
            alt="Rows of four cells: the first four bytes of requests in HTTP and of a uwsgi packet, each as a "
                "hexadecimal number and as a letter; the two cells in the middle are the size, whose value stands to "
                "the right, beside your guesses.",
            seen=Words("four_bytes", "Which of the four letters make the number, and which of these two counts for "
                       "more? What does the last row have that the others lack?",
                       "Only the second and third letters count, the third more; the packet has zeros around them."),
        ),
        Drawing(
            name="pairs",
            draw=draw_pairs,
            needs=("fitting",),
            alt="Two rows, a front that speaks HTTP and one that speaks uwsgi; two columns, a server that expects each "
                "of them; in each of the four places the status that the visitor got.",
            seen=Words("pairs", "Where do the good ones lie, and what did the others say? What do you see?",
                       "Only the diagonal is good: both sides have to speak the same."),
        ),
    ),
    expected=(
        Expected(
            "The log says 21573 for GET.",
            lambda found: found["numbers"].get("GET ") == 21573,
            "Then something else was sent than a request that begins with “GET ”.",
            firm=True,
        ),
        Expected(
            "Each number is the second byte and 256 times the third.",
            lambda found: all(size == ord(first[1]) + 256 * ord(first[2]) for first, size in found["numbers"].items()),
            "Then the server read other bytes as the size: that would be a fault of the server.",
            firm=True,
        ),
        Expected(
            "Two of the four pairs gave the page: those that speak the same.",
            lambda found: sorted(pair for pair, status in found["pairs"].items() if status == 200)
            == ["http to http", "uwsgi to uwsgi"],
            "Some servers listen for two protocols at one port and tell them apart by the first byte; ours do not.",
            firm=True,
        ),
    ),
    truths={
        "post": lambda found: found["numbers"]["POST"],
        "head": lambda found: found["numbers"]["HEAD"],
        "fitting": lambda found: sum(status == 200 for status in found["pairs"].values()),
    },
    exercises=(
        Exercise(
            name="encode_packet",
            task="Write a request as a uwsgi packet: the header, then for each variable its name and its value, each "
                 "with its size before it. Text is UTF-8.",
            check=check_encode,
            folder=MAKE / "encode_packet",
        ),
        Exercise(
            name="decode_packet",
            task="Read such a packet from what has come so far. None: wait for more. ValueError: this is no request "
                 "in uwsgi.",
            check=check_decode,
            folder=MAKE / "decode_packet",
        ),
    ),
    soon=Choice(
        name="large_block",
        asks="A uwsgi server complains of a request block of 21589 bytes. What has most likely happened?",
        options=("a visitor sent large cookies", "somebody speaks HTTP to it", "a large file was uploaded"),
        typical="a visitor sent large cookies",
        right="somebody speaks HTTP to it",
        because="21589 is what the letters of `PUT ` make as a uwsgi header. The content of a request is not counted "
                "in its block, and a larger limit would only make the server wait for bytes that never come.",
    ),
    later=Choice(
        name="wrong_pass",
        asks="nginx has `uwsgi_pass`, and gunicorn listens for HTTP at that port. What does a visitor get?",
        options=("the page: both serve WSGI", "an error: two rules on one connection", "the page, but slowly"),
        typical="the page: both serve WSGI",
        right="an error: two rules on one connection",
        because="Both call WSGI applications in the end, and that is within a process. Between the two are bytes, and "
                "both sides must write them by the same rule.",
    ),
    tools={"uwsgi|pyuwsgi": "what uWSGI itself logs"},
    keep=Words("keep", "In one sentence: what do uwsgi, uWSGI and WSGI have to do with each other?",
               "uwsgi is a rule for bytes, uWSGI a program that speaks it, and WSGI how such a program calls Python."),
)  # fmt: skip
