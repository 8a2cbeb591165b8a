"""Lesson 9: where adding workers stops helping, for requests that work, that wait, and that do both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_09.check import check_knee, example
from lesson_kit.lessons.lesson_09.curves import (
    APP,
    PROGRAMS,
    VISITORS,
    WORKERS,
    case_of,
    cores,
    gains,
    kinds,
    noted,
)
from lesson_kit.lessons.lesson_09.figures import draw_curves, draw_knee
from lesson_kit.questions import Choice, Curve, Number, Words

__all__ = ["APP", "LESSON", "PROGRAMS", "VISITORS", "WORKERS", "case_of", "cores", "gain", "kinds", "noted"]

LAST = WORKERS[-1]
NEXT_TO_NOTHING = 1.3
MOST_OF_IT = 0.6


def gain(rounds: Sequence[Mapping[str, Any]], kind: str, workers: int) -> float:
    """Return how many times as much as one worker so many did."""
    return median(gains(rounds, kind)[workers])


def _beyond(rounds: Sequence[Mapping[str, Any]]) -> float:
    """Return what workers beyond the cores bring to work: the most over what as many workers as cores do."""
    enough = next((workers for workers in WORKERS if workers >= cores()), LAST)
    return max(gain(rounds, "work", workers) for workers in WORKERS) / gain(rounds, "work", enough)


LESSON = Lesson(
    number=9,
    title="How many workers?",
    minutes=35,
    questions=(
        Curve(
            name="work",
            asks="Each request works for 4 ms. How many times as much as one worker do 1, 2, 4, 8 and 16 workers do?",
            at=WORKERS, typical=(1, 2, 4, 8, 16), across="workers", unit="times",
        ),
        Curve(
            name="wait",
            asks="Each request waits for 20 ms. How many times as much as one worker do 1, 2, 4, 8 and 16 workers do?",
            at=WORKERS, typical=(1, 2, 2, 2, 2), across="workers", unit="times",
        ),
        Number(
            name="knee",
            asks="Requests that do both: how many workers are worth having here?",
            low=1, high=1000, typical=4, unit="workers", whole=False,
        ),
    ),
    drawings=(
        Drawing(
            name="curves",
            draw=draw_curves,
            needs=("work", "wait"),
            alt="Two curves over 1 to 16 workers, in times of one worker: requests that work, and such as wait. A "
                "band marks the cores of the machine, dashed lines are your guesses.",
            seen=Words("curves", "Follow each curve past the mark of the cores. What do you see?",
                       "Work stops rising at the cores; waiting goes on rising with every worker."),
        ),
        Drawing(
            name="knee",
            draw=draw_knee,
            needs=("knee",),
            alt="One curve over 1 to 16 workers, of requests that work and wait, with a thin line that goes on as the "
                "first worker began, and your guess as a dashed line.",
            seen=Words("knee", "Where does the curve leave the thin line, and where does it become flat?",
                       "It leaves the line between four and eight workers, and is flat from there on."),
        ),
    ),
    expected=(
        Expected(
            "With work, workers beyond the cores bring next to nothing.",
            lambda found: _beyond(found["rounds"]) < NEXT_TO_NOTHING,
            "Then the first workers did not get the cores: something else was busy here while they were measured.",
        ),
        Expected(
            "With waiting, 8 workers do most of 8 times as much as one.",
            lambda found: gain(found["rounds"], "wait", 8) > MOST_OF_IT * 8,
            "Then somebody stood in line after all: for a core of a busy machine, or for a worker.",
        ),
        Expected(
            "Waiting gains more from 16 workers than work does.",
            lambda found: gain(found["rounds"], "wait", LAST) > gain(found["rounds"], "work", LAST),
            f"Then your machine has {LAST} cores or more, and work has not met its end in this lesson.",
        ),
    ),
    truths={
        "work": lambda found: [gain(found["rounds"], "work", workers) for workers in WORKERS],
        "wait": lambda found: [gain(found["rounds"], "wait", workers) for workers in WORKERS],
    },
    exercises=(
        Exercise(
            name="knee",
            task="Return how many workers are worth having on so many `cores`, if a request works and waits so long.",
            check=check_knee,
            folder=Path(__file__).parent / "make" / "knee",
            example=example,
        ),
    ),
    soon=Choice(
        name="sixteen",
        asks="Four cores; each request works for 10 ms and waits for nothing. You go from 4 to 16 workers. What comes "
            "of it?",
        options=("four times as many requests a second", "about as many as before", "a quarter"),
        typical="four times as many requests a second",
        right="about as many as before",
        because="All cores were busy already. The new workers stand in line for them, and take memory meanwhile.",
    ),
    later=Choice(
        name="little",
        asks="200 requests a second come, and each holds a worker for 50 ms. How many workers are busy at a time?",
        options=("4", "10", "50", "it depends on the cores"),
        typical="it depends on the cores",
        right="10",
        because="Little's law: how many are there = how many come a second, times how long each stays. 200 x 0.05.",
    ),
    keep=Words("keep", "In one sentence: when does one more worker help?",
               "One more worker helps as long as a core is idle while requests wait for a worker."),
)  # fmt: skip
