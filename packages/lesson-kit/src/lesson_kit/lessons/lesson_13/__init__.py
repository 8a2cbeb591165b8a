"""Lesson 13: what WSGI cannot say, what it costs to be able to, and the fourteen names once more."""

from __future__ import annotations

from pathlib import Path

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_13.check import check_handle
from lesson_kit.lessons.lesson_13.costs import PROGRAMS, costs
from lesson_kit.lessons.lesson_13.figures import draw_cost, draw_gain, draw_waiting, ratio
from lesson_kit.lessons.lesson_13.names import AGAIN, BOXES, NAMES, RIGHT, TYPICAL, at_first, hits, where_to_look
from lesson_kit.lessons.lesson_13.talking import Conversation
from lesson_kit.lessons.lesson_13.waiting import QUICK, Crowd, threads_of, visit
from lesson_kit.questions import Choice, Number, Sorting, Words

__all__ = [
    "LESSON", "PROGRAMS", "QUICK", "Conversation", "Crowd", "at_first", "costs", "hits", "ratio", "threads_of", "visit",
    "where_to_look",
]  # fmt: skip

CROWD = 200

LESSON = Lesson(
    number=13,
    title="One line or two axes?",
    minutes=35,
    questions=(
        Number(
            name="threads",
            asks=f"{CROWD} visitors wait for their answers in a WSGI server. How many threads must it have at least, "
            "so that one more visitor is answered at once?",
            low=1, high=10_000, typical=16, unit="threads",
        ),
        Number(
            name="threads_async",
            asks=f"The same {CROWD} wait in an ASGI server. How many threads does it have meanwhile?",
            low=1, high=10_000, typical=8, unit="threads",
        ),
        Number(
            name="cost",
            asks="A small answer costs a WSGI server 100 units of processor time. What does the same answer cost an "
            "ASGI server?",
            low=1, high=10_000, typical=50, unit="units",
        ),
        Sorting(
            name=AGAIN,
            asks="The fourteen names of lesson 0. Put each into its box once more.",
            items=NAMES, boxes=BOXES, typical=TYPICAL, right=RIGHT,
        ),
    ),
    drawings=(
        Drawing(
            name="waiting",
            draw=draw_waiting,
            needs=("threads", "threads_async"),
            alt="A bar for each of three servers: its threads while 200 visitors wait. Beside it stands whether one "
                "more visitor was answered, and how fast. Dashed rings are your guesses.",
            seen=Words("waiting", "Look at the two servers that have answered one more visitor. What do you see?",
                       "WSGI needed a thread for each who waits and one more, ASGI had one for all of them."),
        ),
        Drawing(
            name="cost",
            draw=draw_cost,
            needs=("cost",),
            alt="Two rows of dots, one a round: the processor time of a request over WSGI and over ASGI, with a bar "
                "for the median of each. A dashed line is your guess.",
            seen=Words("cost", "Compare the two rows, and look at how far the dots of each lie apart. What do you see?",
                       "Every round of ASGI costs more than every round of WSGI, and the dots lie close together."),
        ),
        Drawing(
            name="gain",
            draw=draw_gain,
            needs=(AGAIN,),
            alt="Fourteen names in rows and four boxes in columns: a dashed ring where you had put a name in lesson 0, "
                "a dot where it is rightly today, a cross where it is not, with the lesson that shows what it is.",
            seen=Words("gain", "Look at where rings and dots part, and at the crosses. What do you see?",
                       "Most rings were in the column of programs, and the dots are in three others."),
        ),
    ),
    expected=(
        Expected(
            f"One thread of the ASGI server held all {CROWD}.",
            lambda found: (found["asgi_threads"], found["asgi_held"]) == (1, CROWD),
            "Then something in the worker has started a thread, or the machine was too busy to begin all calls.",
        ),
        Expected(
            "The WSGI server with eight threads let one more visitor wait.",
            lambda found: found["few_answered"] is False,
            "Then some of the crowd had left: run the cell again.",
            firm=True,
        ),
        Expected(
            f"With {CROWD + 1} threads it answered one more at once.",
            lambda found: found["many_answered"] is True,
            "Then your machine was busy starting threads, or lets a process have fewer of them.",
        ),
        Expected(
            "The same small answer costs more over ASGI than over WSGI.",
            lambda found: found["ratio"] > 1,
            "Then the rounds differ by more than the servers do: what else runs on this machine?",
        ),
    ),
    truths={
        "threads_async": lambda found: found["asgi_threads"],
        "cost": lambda found: 100 * found["ratio"],
    },
    exercises=(
        Exercise(
            name="handle",
            task="Receive all of a request's content, await what the database says about it, and send that. If the "
            "visitor leaves first (`http.disconnect`), return and do nothing more.",
            check=check_handle,
            folder=Path(__file__).parent / "make" / "handle",
        ),
    ),
    soon=Choice(
        name="faster",
        asks="An application computes for 50 ms for each visitor. It is moved from WSGI to ASGI. What becomes of its "
        "requests a second, with as many processes?",
        options=("they go up", "they stay or go down", "they double with each core"),
        typical="they go up",
        right="they stay or go down",
        because="Computing takes what it took before. ASGI saves threads that wait, and here nobody waits.",
    ),
    later=Choice(
        name="what_wsgi_cannot",
        asks="What can an ASGI application do that WSGI has no words for?",
        options=("answer in pieces", "hold a WebSocket", "serve several visitors at once"),
        typical="serve several visitors at once",
        right="hold a WebSocket",
        because="WSGI is one request and one answer, in pieces if you like, and several threads may be in it. A "
        "WebSocket is a conversation: either side speaks when it likes. `receive` and `send` have messages for that.",
    ),
    keep=Words("keep", "In one sentence: to somebody who says “ASGI is the faster WSGI”, what do you say?",
               "It is another kind of call, that may wait without a thread, and waiting is all that gets cheaper."),
)  # fmt: skip
