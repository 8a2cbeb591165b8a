"""Lesson 6: what FastCGI's authors measured in June 1996, done again. Is it the protocol or the persistence?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from lesson_kit.checking import Exercise
from lesson_kit.lesson import Drawing, Expected, Lesson
from lesson_kit.lessons.lesson_06.check import check_claims, example
from lesson_kit.lessons.lesson_06.claims import CLAIMS, clearly, step, tied, votes
from lesson_kit.lessons.lesson_06.contest import MEASURE, Contest
from lesson_kit.lessons.lesson_06.decoding import PROTOCOLS, decode_alone, request_bytes
from lesson_kit.lessons.lesson_06.figures import NAMES, draw_four, draw_six, middle
from lesson_kit.questions import Choice, Number, Ranking, Words

__all__ = [
    "CLAIMS", "LESSON", "MEASURE", "PROTOCOLS", "Contest", "decode_alone", "middle", "request_bytes", "step", "tied",
    "votes",
]  # fmt: skip

TYPICAL = (
    "new/nothing", "fastcgi/nothing", "new/connection", "fastcgi/connection", "new/cache", "fastcgi/cache",
)  # fmt: skip
"""As if it mattered what is kept, and not whether there is somebody who can keep it."""
NEW = ("new/nothing", "new/connection", "new/cache")
FAR_APART = 3.0
"""Times: less than any machine has between a new Python and one that stays."""
PAPER_OPENING = (36.6 - 16.0) / 12.0
"""Requests to FastCGI with a cache, that opening the database took in 1996."""


def _opening(rounds: Sequence[Mapping[str, float]]) -> float:
    """Return how many requests to FastCGI with a cache opening the database takes."""
    return (middle(rounds, "server/nothing") - middle(rounds, "server/connection")) / middle(rounds, "fastcgi/cache")


def _decoding(rounds: Sequence[Mapping[str, float]]) -> float:
    """Return which part of a FastCGI request goes into decoding."""
    return median(cost["decode fastcgi"] / cost["fastcgi/cache"] for cost in rounds)


def _cheaper(rounds: Sequence[Mapping[str, float]]) -> str:
    """Return which of the answers about the wire the rounds bear out."""
    call, wire = "server/connection", "fastcgi/connection"
    if clearly(rounds, call, wire):
        return "the call costs less"
    return "FastCGI costs less" if clearly(rounds, wire, call) else "they cost the same"


LESSON = Lesson(
    number=6,
    title="1996 again",
    minutes=35,
    questions=(
        Ranking(
            name="six",
            asks="Rank the six: which request costs most?",
            items=tuple(NAMES.values()),
            typical=tuple(NAMES[row] for row in TYPICAL),
            first="the dearest",
        ),
        Choice(
            name="wire",
            asks="The same application keeps its database open. Once it is called inside the server, once it is "
            "reached over FastCGI. Which costs less?",
            options=("FastCGI costs less", "the call costs less", "they cost the same"),
            typical="FastCGI costs less",
        ),
        Number(
            name="decode",
            asks="How much of a FastCGI request (with a cache) goes into decoding its bytes? In percent.",
            low=0, high=100, typical=40, unit="percent", whole=False,
        ),
    ),
    drawings=(
        Drawing(
            name="six",
            draw=draw_six,
            needs=("six", "wire", "decode"),
            alt="Six rows on a scale of powers of ten, the dearest on top: three of a new process a request, "
                "three of a process that stays. Dashed lines lead to them from the order that you guessed.",
            seen=Words("six", "Look at the three rows of a new process, and how far the others are. What do you see?",
                       "The three rows of a new process lie together, far from the others."),
        ),
        Drawing(
            name="four",
            draw=draw_four,
            needs=("wire", "decode"),
            alt="Four conditions of 1996, each over FastCGI with a cache: an open square for 1996 and a dot for now, "
                "and below them what decoding alone takes, with your guess as a dashed ring.",
            seen=Words("four", "Go from row to row: which steps of 1996 do you find again, and which not?",
                       "Opening the database still costs something, but the wire costs more than the cache saves."),
        ),
    ),
    expected=(
        Expected(
            "A new process costs several times as much as one that stays.",
            lambda found: all(cost["new/nothing"] > FAR_APART * cost["fastcgi/nothing"] for cost in found["rounds"]),
            "Then the time of the ended processes was not counted: look at what the servers said.",
            firm=True,
        ),
        Expected(
            "The three rows of a new process cannot be told apart, whatever they try to keep.",
            lambda found: all(tied(found["rounds"], one, other) for one in NEW for other in NEW),
            "Rounds agree on an order of two of them by chance, now and then, or something else took "
            "turns with them. Run it once more: does the same order come again?",
        ),
        Expected(
            "A call costs less than FastCGI: a wire adds something.",
            lambda found: clearly(found["rounds"], "server/connection", "fastcgi/connection"),
            "Then the rounds differ more than the wire costs: the machine is busy with something else.",
        ),
        Expected(
            "Decoding is a small part of a FastCGI request.",
            lambda found: _decoding(found["rounds"]) < 0.25,
            "The codec was measured while something else had the processor, or your machine does the rest very fast.",
        ),
        Expected(
            "Opening the database takes less than a whole request to FastCGI with a cache; in 1996 it took "
            f"{PAPER_OPENING:.1f} of them.",
            lambda found: _opening(found["rounds"]) < 1,
            "SQLite opens a file, and in 1996 somebody logged in. Is your disk a slow one, or on a network?",
        ),
        Expected(
            "The order of 1996 does not hold whole.",
            lambda found: not all(votes("the order of 1996 holds", found["rounds"])),
            "Then your database is dear, or your wire cheap, as they were in 1996. Say in one sentence which.",
        ),
    ),
    truths={
        "wire": lambda found: _cheaper(found["rounds"]),
        "decode": lambda found: 100.0 * _decoding(found["rounds"]),
    },
    exercises=(
        Exercise(
            name="claims",
            task="Return the claims of `vocabulary` that your rounds bear out: each has a question, `holds(round)`.",
            check=check_claims,
            folder=Path(__file__).parent / "make" / "claims",
            example=example,
        ),
    ),
    soon=Choice(
        name="persistence",
        asks="A site moves from CGI to FastCGI and becomes a hundred times cheaper. Which change did most of it?",
        options=("its wire is binary", "the process stays", "it can multiplex"),
        typical="its wire is binary",
        right="the process stays",
        because="The wire is an additional cost. What is gone is the start of a process, with all its imports.",
    ),
    later=Choice(
        name="own_cache",
        asks="An application with a cache in memory runs as a CGI program. What is in the cache when a request comes?",
        options=("what the last requests have left", "nothing", "what fits into its memory"),
        typical="what the last requests have left",
        right="nothing",
        because="Its process began with this request and will end with it. Memory is kept by processes that stay.",
    ),
    keep=Words("keep", "In one sentence: was it the protocol or the persistence?",
               "It was the persistence: a process that stays can keep things, and the wire is what that costs."),
)  # fmt: skip
