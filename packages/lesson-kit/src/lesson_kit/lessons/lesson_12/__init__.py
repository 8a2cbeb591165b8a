"""Lesson 12: one server that stalls, in two loops; forty processes, counted by two people; and a report to read."""

from __future__ import annotations

from pathlib import Path

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_12.check import FAULTS, check_faults, sound_report
from lesson_kit.lessons.lesson_12.figures import draw_births, draw_loops, p99
from lesson_kit.lessons.lesson_12.loops import Loops, slow, stalling, together
from lesson_kit.lessons.lesson_12.polling import count_children
from lesson_kit.questions import Choice, Number, Words

__all__ = [
    "CHILDREN",
    "FAULTS",
    "LESSON",
    "Loops",
    "count_children",
    "p99",
    "slow",
    "sound_report",
    "stalling",
    "together",
]

CHILDREN = 40
FAR_APART = 3.0

LESSON = Lesson(
    number=12,
    title="Is your chart lying?",
    minutes=35,
    questions=(
        Number(
            name="p99_closed",
            asks="One visitor asks again and again, each time as soon as he is answered. What is p99, in milliseconds?",
            low=0, high=10_000, typical=2, unit="ms", whole=False,
        ),
        Number(
            name="p99_open",
            asks="Visitors come at set times, 300 a second, whether the server keeps up or not. What is p99, in "
            "milliseconds?",
            low=0, high=10_000, typical=2, unit="ms", whole=False,
        ),
        Number(
            name="polled",
            asks=f"How many of the {CHILDREN} processes does somebody see who looks 20 times a second?",
            low=0, high=CHILDREN, typical=35, unit="processes",
        ),
    ),
    drawings=(
        Drawing(
            name="loops",
            draw=draw_loops,
            needs=("p99_closed", "p99_open"),
            alt="Two curves of one server: how long requests took against the part of all that took less, in a closed "
                "loop and in an open one. Grey rings at 99 % are your guesses.",
            seen=Words("loops", "Follow both curves from left to right: where do they part, and how far?",
                       "The open one rises long before 99 %, the closed one only at its very end."),
        ),
        Drawing(
            name="births",
            draw=draw_births,
            needs=("polled",),
            alt="Two counts over time: the spawner's rises to 40, that of polling stays far below. Marks at the bottom "
                "say when the poller looked; a dashed line is your guess.",
            seen=Words("births", "Look at the marks at the bottom, and at the two counts. What do you see?",
                       "Many processes were born and gone between two marks, and polling never saw them."),
        ),
    ),
    expected=(
        Expected(
            "p99 is several times as long in the open loop as in the closed one.",
            lambda found: found["p99_open"] > FAR_APART * found["p99_closed"],
            "Then your machine stalls by itself, so often that the closed loop has met it in one request of a hundred.",
        ),
        Expected(
            "More requests waited long in the open loop, of about as many.",
            lambda found: found["slow_open"] > found["slow_closed"],
            "Then other things than the server's stall made requests slow: what else runs on this machine?",
        ),
        Expected(
            f"The spawner told of {CHILDREN} births.",
            lambda found: found["births"] == CHILDREN,
            "A program was not started: look at what the server said.",
            firm=True,
        ),
        Expected(
            "Polling saw fewer of them.",
            lambda found: found["polled"] < found["births"],
            "Then each of these programs took longer than the poller's pause: your machine is slow today.",
        ),
    ),
    truths={
        "p99_closed": lambda found: float(found["p99_closed"]),
        "p99_open": lambda found: float(found["p99_open"]),
        "polled": lambda found: float(found["polled"]),
    },
    exercises=(
        Exercise(
            name="faults",
            task="Return the names of the faults of `report`: those of the list above.",
            check=check_faults,
            folder=Path(__file__).parent / "make" / "faults",
        ),
    ),
    soon=Choice(
        name="omission",
        asks="A load generator with ten connections asks again as soon as it is answered. The server stalls for 2 s. "
            "How much of the stall is in its p99?",
        options=("all of it: everybody waited", "next to nothing: ten requests of many", "one hundredth"),
        typical="all of it: everybody waited",
        right="next to nothing: ten requests of many",
        because="In those 2 s it asks nothing, so nobody waits whom it could count: ten slow ones, then thousands of "
            "quick ones. That is coordinated omission.",
    ),
    later=Choice(
        name="average_of_p99",
        asks="Four workers have a p99 of 3, 3, 3 and 120 ms. What is the p99 of all requests?",
        options=("32 ms, the mean", "120 ms, the largest", "nobody can say from these"),
        typical="32 ms, the mean",
        right="nobody can say from these",
        because="Percentiles do not add up. Histograms do: add those of the workers, and take that of the sum.",
    ),
    keep=Words("keep", "In one sentence: what do you ask of the next chart you see?",
               "I ask who decided when the requests were made, and how far the rounds lie apart."),
)  # fmt: skip
