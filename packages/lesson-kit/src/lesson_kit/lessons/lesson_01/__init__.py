"""Lesson 1: where a head ends, when nobody says where the pieces of a stream do."""

from __future__ import annotations

from pathlib import Path

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_01.check import check_split_head
from lesson_kit.lessons.lesson_01.figures import draw_strip
from lesson_kit.lessons.lesson_01.pouring import CONTENT_AT, REQUEST, Poured, cut, pour
from lesson_kit.questions import Choice, Number, Words

__all__ = ["LESSON", "REQUEST", "Poured", "cut", "pour"]

LESSON = Lesson(
    number=1,
    title="A request before anyone helps",
    minutes=25,
    questions=(
        Number(
            name="first_byte",
            asks="At which byte, counted from 0, does the content of the request begin?",
            low=0, high=len(REQUEST), typical=55,
        ),
        Number(
            name="reads",
            asks="The request comes in pieces of 7 bytes. How many calls of `recv(4096)` bring all of it?",
            low=1, high=len(REQUEST), typical=1, unit="calls",
        ),
    ),
    drawings=(
        Drawing(
            name="strip",
            draw=draw_strip,
            needs=("first_byte", "reads"),
            alt="The bytes of one request as a strip, three times: cut after each byte, each seventh, and whole; "
                "the head, the blank line and the content have colours of their own, and your guess is a dashed line.",
            seen=Words("strip", "Look at where the cuts fall, and at where the head ends. What do you see?",
                       "The cuts fall anywhere, even inside the blank line."),
        ),
    ),
    expected=(
        Expected(
            "One request came in more pieces than one, and in as many as the sender liked.",
            lambda found: found["reads_of_7"] > 1 and found["reads_of_1"] == len(REQUEST),
            "Something between sender and reader joined the pieces: a stream may do that, too.",
            firm=True,
        ),
        Expected(
            "The server answered 200 each time.",
            lambda found: found["answers"] == [200, 200, 200],
            "Then it read a piece as if it were a request: that would be a fault of the server.",
            firm=True,
        ),
    ),
    truths={"first_byte": lambda _: CONTENT_AT, "reads": lambda found: found["reads_of_7"]},
    exercises=(
        Exercise(
            name="split_head",
            task="Read from `stream` until the head has ended. Return it with its blank line, and what came after it.",
            check=check_split_head,
            folder=Path(__file__).parent / "make" / "split_head",
        ),
    ),
    soon=Choice(
        name="one_recv",
        asks="A browser sends a request of 600 bytes. How many `recv(4096)` does a server need to have it?",
        options=("one: it fits", "two: head and content", "nobody can say before it has come"),
        typical="one: it fits",
        right="nobody can say before it has come",
        because="A TCP stream has no pieces: `recv` gives what has arrived so far, whatever the sender's pieces were.",
    ),
    later=Choice(
        name="head_end",
        asks="What ends the head of an HTTP/1.1 request?",
        options=("the end of the first segment", "a blank line", "the Content-Length"),
        typical="the Content-Length",
        right="a blank line",
        because="CR LF CR LF: a blank line (RFC 9112, section 2.1). The length is of what comes after it.",
    ),
    keep=Words("keep", "In one sentence: what does a server know when `recv` returns?",
               "It knows that some bytes have come, and nothing about requests."),
)  # fmt: skip

assert REQUEST[CONTENT_AT - 4 : CONTENT_AT] == b"\r\n\r\n"
