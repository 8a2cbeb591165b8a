"""Lesson 10: why a server stands in front of a server. Slow clients, and who waits for them."""

from __future__ import annotations

from pathlib import Path

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_10.check import check_relay
from lesson_kit.lessons.lesson_10.figures import draw_cost, draw_waiting
from lesson_kit.lessons.lesson_10.own_front import OwnFront, is_whole
from lesson_kit.lessons.lesson_10.setups import blocking, fronts, gunicorn, has_gunicorn
from lesson_kit.lessons.lesson_10.visitors import SlowClients, among, in_turn
from lesson_kit.questions import Choice, Number, Words

__all__ = [
    "LESSON", "WORKERS", "OwnFront", "SlowClients", "among", "blocking", "fronts", "gunicorn", "has_gunicorn",
    "in_turn", "is_whole",
]  # fmt: skip

WORKERS = 4
CHANCE = 0.85
MORE = "more than are tried here"
"""Of a median: it may come out so much smaller without anything being faster."""

LESSON = Lesson(
    number=10,
    title="Why a server in front of a server?",
    minutes=35,
    questions=(
        Number(
            name="slow",
            asks="The server has 4 workers. From how many slow clients on does somebody else wait?",
            low=0, high=1000, typical=40, unit="slow clients",
        ),
        Choice(
            name="buffered",
            asks="Now a front stands before the same server. How many slow clients does it take?",
            options=("just as many as without", "twice as many", MORE),
            typical="twice as many",
        ),
        Choice(
            name="faster",
            asks="Nobody is slow. How long does a page of Python take behind the front, compared with no front?",
            options=("shorter", "the same, but for the way through the front", "half as long again"),
            typical="shorter",
        ),
    ),
    drawings=(
        Drawing(
            name="waiting",
            draw=draw_waiting,
            needs=("slow", "buffered"),
            alt="A row for each setup of servers, a column for each number of slow clients. A green cell has the "
                "milliseconds in which another visitor had his page; a red one says that he went without. Your guess "
                "is a dashed line between two columns.",
            seen=Words("waiting", "Which row turns red, and at which number? What have the other rows in common?",
                       "The blocking server turns red at 4, its number of workers; whatever buffers stays green."),
        ),
        Drawing(
            name="cost",
            draw=draw_cost,
            needs=("faster",),
            alt="A row of dots for each setup, one for each request; a bar at the median, with its milliseconds.",
            seen=Words("cost", "Where do the medians lie, with the front and without? How far are the dots apart?",
                       "They lie close together, and the front's is a little later."),
        ),
    ),
    expected=(
        Expected(
            "Without a front, the visitor waits as soon as there are as many slow clients as workers.",
            lambda found: found["blocked_from"] == WORKERS,
            "If it came later, one of the slow clients had been hung up on; if earlier, the visitor had to wait for "
            "the machine: run it again when it is less busy.",
        ),
        Expected(
            "Behind the front, nobody waited for them.",
            lambda found: not found["blocked_behind"],
            "Then the machine was too busy to answer in time: the front has nothing else to wait for here.",
        ),
        Expected(
            "The front made nothing faster.",
            lambda found: found["behind"] > CHANCE * found["alone"],
            "Look at how far the dots are apart: on a busy machine chance does more than any front.",
        ),
    ),
    truths={
        "slow": lambda found: found["blocked_from"],
        "buffered": lambda found: MORE if not found["blocked_behind"] else "twice as many",
    },
    exercises=(
        Exercise(
            name="relay",
            task="Stand between a visitor and a server, and let no worker wait for the visitor. Both have `recv` and "
                 "`sendall`; `connect()` gives a connection to the server, which closes when it has answered. A "
                 "request of more than `limit` bytes gets status 413; who goes halfway has asked for nothing.",
            check=check_relay,
            folder=Path(__file__).parent / "make" / "relay",
        ),
    ),
    soon=Choice(
        name="busy",
        asks="nginx stands before gunicorn with 4 sync workers. 100 visitors are sending their requests at one byte a "
             "second. How many of the 4 workers have something to do with them?",
        options=("all 4", "none yet", "4, and 96 wait in line"),
        typical="all 4",
        right="none yet",
        because="nginx takes a request in before it bothers a worker. It can wait for a hundred visitors at the price "
                "of some memory each; a blocking worker can wait for one.",
    ),
    later=Choice(
        name="front_speed",
        asks="What does a front such as nginx do for the speed of the Python code behind it?",
        options=("it runs it compiled", "nothing; it spares workers the waiting", "it doubles the workers"),
        typical="it runs it compiled",
        right="nothing; it spares workers the waiting",
        because="The call takes as long as before. What a front takes away from a worker is the time before and after "
                "the call, in which it would wait for the client.",
    ),
    tools={"nginx": "the real front beside ours"},
    keep=Words("keep", "In one sentence: what does nginx do for gunicorn?",
               "It waits for slow clients, so that no worker has to."),
)  # fmt: skip
