"""Lesson 3: what a process for each request costs, and which part of it is dear."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_03.check import OWN, check_split, made_up
from lesson_kit.lessons.lesson_03.figures import draw_bill, draw_steps
from lesson_kit.lessons.lesson_03.parts import parts_of, shares_of
from lesson_kit.lessons.lesson_03.programs import PROGRAMS, bill_of_the_server, output, run, steps
from lesson_kit.questions import Choice, Ranking, Shares, Words

__all__ = ["LESSON", "PROGRAMS", "bill_of_the_server", "output", "parts_of", "run", "shares_of", "steps"]

STEPS = ("fork", "large fork", "fork and exec", "start of Python", "imports")


def _shares(found: Mapping[str, Any]) -> dict[str, float]:
    return shares_of({name: part.seconds for name, part in parts_of(found["times"]).items()})


LESSON = Lesson(
    number=3,
    title="The bill",
    minutes=30,
    questions=(
        Shares(
            name="shares",
            asks="A request under CGI takes a while. What percent of it is each part?",
            parts=tuple(PROGRAMS),
            typical=(50, 20, 5, 10, 15),
        ),
        Ranking(
            name="steps",
            asks="Put these in order.",
            items=STEPS,
            typical=("large fork", "fork and exec", "fork", "imports", "start of Python"),
            first="the dearest",
        ),
    ),
    drawings=(
        Drawing(
            name="bill",
            draw=draw_bill,
            needs=("shares",),
            alt="The parts of one CGI request as a stack of bars, one step below the other, in percent; your guess is "
                "dashed below each, and the server's own bill a thin bar above it.",
            seen=Words("bill", "Which part is the longest, and how far was your guess from it?",
                       "The imports are most of it, and the process is hardly to be seen."),
        ),
        Drawing(
            name="steps",
            draw=draw_steps,
            needs=("steps",),
            alt="Forks, a start of Python, and imports, the dearest first, on a scale of factors of ten; beside each "
                "is the place that you gave it.",
            seen=Words("steps", "How do the forks compare with each other, and with what Python does?",
                       "A fork of a large process is dearer than of a small one, and both are less than the imports."),
        ),
    ),
    expected=(
        Expected(
            "The process itself is less than a quarter of a request.",
            lambda found: _shares(found)["process"] < 25,
            "Some systems look at a program whenever it is started (a virus scanner, macOS at the first run), and "
            "emulators start processes slowly. Then a fork may well be dear where you are.",
        ),
        Expected(
            "The imports are the dearest part.",
            lambda found: max(_shares(found), key=_shares(found).__getitem__) == "imports",
            "Look at the intervals first: on a busy machine the order is chance. A fast disk and few packages make the "
            "imports cheaper, and many `.pth` files make `site` dearer.",
        ),
        Expected(
            "The server's own bill says so, too.",
            lambda found: max(found["bill"], key=found["bill"].__getitem__) == "imports",
            "Two witnesses who disagree have looked at different things, or the machine was busy for one of them. What "
            "does each of them count?",
        ),
        Expected(
            "A fork of the large process took longer than one of the small.",
            lambda found: found["large_fork"] > found["fork"],
            "The table of pages is copied in a fork. With pages of 2 MB, which some systems give out by themselves, "
            "there are hardly any.",
        ),
        Expected(
            "All five programs ran equally often.",
            lambda found: len({len(repeats) for repeats in found["times"].values()}) == 1,
            "The cell that runs them was stopped in the middle: run it again.",
            firm=True,
        ),
    ),
    truths={"shares": _shares},
    exercises=(
        Exercise(
            name="split",
            task="`times` has, for each of the five programs, the seconds of all its repeats. Return what each program "
                 "adds to the one before it.",
            check=check_split,
            folder=Path(__file__).parent / "make" / "split",
            example=lambda dice: (made_up({name: dice.uniform(*limits) for name, limits in OWN.items()}, dice),),
        ),
    ),
    soon=Choice(
        name="help",
        asks="An application in Python is slow under CGI. What would help the most?",
        options=("a faster way to fork", "a faster function that answers", "doing the imports once, not each time"),
        typical="a faster function that answers",
        right="doing the imports once, not each time",
        because="Most of a request goes into getting ready: Python starts, and imports. To answer is the least of it.",
    ),
    later=Choice(
        name="difference",
        asks="You have the time of a program with the imports, and of one without. What do the imports cost?",
        options=("the time of the first", "the difference of the two", "the first in percent of the second"),
        typical="the time of the first",
        right="the difference of the two",
        because="Two programs that differ by one thing tell what that thing costs, if each ran several times and the "
                "medians are compared.",
    ),
    keep=Words("keep", "In one sentence: what is dear in a process for each request?",
               "Not the process, but all that a program has to load before it can answer."),
)  # fmt: skip
