"""Lesson 5: two requests on one connection, and whether that is what makes it fast."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_05.check import check_demux
from lesson_kit.lessons.lesson_05.figures import draw_lanes, draw_ratios
from lesson_kit.lessons.lesson_05.golden import talked
from lesson_kit.lessons.lesson_05.rounds import middle, rush
from lesson_kit.lessons.lesson_05.wire import Passed, Wire
from lesson_kit.questions import Choice, Number, Words

__all__ = ["LESSON", "Passed", "Wire", "middle", "rush", "talked"]

IDS, LONELY, TURNS = "ids 1 and 2, 4 threads", "ids 1 and 2, 1 thread", "always id 1, 4 threads"
MULTIPLEXED, NEW = "one connection, 4 ids", "a new connection each"
CLEARLY: Final = 1.25
"""A ratio from which one way is called faster: whoever says "that is why it is fast" means more than a quarter."""

LESSON = Lesson(
    number=5,
    title="One wire, two requests",
    minutes=35,
    questions=(
        Choice(
            name="first",
            asks="On one connection: a request that takes 300 ms, then at once one of 10 ms, each with an id of its "
                 "own. The server has 4 threads. Which ends first?",
            options=("the slow one: it came first", "the quick one", "both together: it is one connection"),
            typical="the slow one: it came first",
        ),
        Number(
            name="quick_after",
            asks="Now both have id 1, as nginx sends them. After how many milliseconds is the quick one answered, "
                 "counted from the beginning?",
            low=0, high=10_000, typical=10, unit="ms",
        ),
        Number(
            name="speed",
            asks="How many times as fast as 4 kept connections is one connection with 4 requests on it at a time? "
                 "1 is as fast, 2 is twice as fast.",
            low=0.01, high=1000, typical=2, whole=False, unit="times as fast",
        ),
    ),
    drawings=(
        Drawing(
            name="lanes",
            draw=draw_lanes,
            needs=("first", "quick_after"),
            alt="Three conversations on one connection, with a lane for each of two requests, over time. With ids of "
                "their own and four threads the two overlap. With one thread, or one id, the quick one comes after the "
                "slow one. Your guess is a hollow ring.",
            seen=Words("lanes", "In which conversations do the two bars overlap, and what is different there?",
                       "They overlap only where both have an id of their own and a thread of their own."),
        ),
        Drawing(
            name="ratios",
            draw=draw_ratios,
            needs=("speed",),
            alt="A row of dots for each way to send the same requests, one dot a round: how many times as fast as kept "
                "connections. Your guess is a dashed line.",
            seen=Words("ratios", "Which rows are clearly away from 1, and which dots lie on both sides of it?",
                       "One connection with many ids is not faster than kept ones; new connections are slower."),
        ),
    ),
    expected=(
        Expected(
            "With ids and threads of their own, the quick request ended first.",
            lambda found: found["first"][IDS] == "quick",
            "Then the quick one was held up for a third of a second: a very busy machine can do that. Run it again.",
        ),
        Expected(
            "With one thread it ended second, although its id was its own.",
            lambda found: found["first"][LONELY] == "slow",
            "Then the server took them in another order than they came.",
            firm=True,
        ),
        Expected(
            "With always id 1 it was not even sent before the slow one had ended.",
            lambda found: found["first"][TURNS] == "slow",
            "Then a record of an ended request was counted: that would be a fault of this lesson.",
            firm=True,
        ),
        Expected(
            "One connection with 4 ids was not clearly faster than 4 kept connections.",
            lambda found: found["speed"][MULTIPLEXED] < CLEARLY,
            "One connection saves system calls where several answers come in one piece. Where system calls are dear, "
            "as in some virtual machines, that can show. Look how far the dots scatter before you believe it.",
        ),
        Expected(
            "A new connection for each request was slower than kept ones.",
            lambda found: found["speed"][NEW] < 1,
            "Making a connection is cheap within one machine. If something else is dear here, it can be lost in that.",
        ),
    ),
    truths={
        "first": lambda found: {"slow": "the slow one: it came first", "quick": "the quick one"}[found["first"][IDS]],
        "speed": lambda found: float(found["speed"][MULTIPLEXED]),
    },
    exercises=(
        Exercise(
            name="demux",
            task="Take the records of one connection, both ways, as (type, request id, content). Give each request its "
                 "own output and its own end.",
            check=check_demux,
            folder=Path(__file__).parent / "make" / "demux",
        ),
    ),
    soon=Choice(
        name="needs",
        asks="Two requests lie on one FastCGI connection. What does the second need, to be answered before the first?",
        options=("an id of its own", "a thread or process of its own", "both of these"),
        typical="an id of its own",
        right="both of these",
        because="The id lets the answers be told apart. Somebody must also be free to work on it.",
    ),
    later=Choice(
        name="fast",
        asks="Why can FastCGI answer sooner than CGI?",
        options=("many requests share a connection", "its records are binary", "the process is there already"),
        typical="many requests share a connection",
        right="the process is there already",
        because="nginx never puts two requests on a connection at a time, and is none the slower. What it saves is the "
                "birth of a process.",
    ),
    keep=Words("keep", "In one sentence: what is a request id for, and what is it not for?",
               "It tells requests of one connection apart; it makes nothing faster by itself."),
)  # fmt: skip
