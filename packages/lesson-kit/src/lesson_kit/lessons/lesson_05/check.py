"""Does each request get its own output and its own end? Made-up connections, and those of real programs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lesson_kit.checking import NotYet, expect_bytes
from lesson_kit.lessons.lesson_05.golden import Row, talked

__all__ = ["check_demux"]

CONNECTIONS = 12
"""Made-up ones for each seed."""
MOST = 5
"""Requests at a time on one of them."""
ABORTED = 0.3
"""How many of the requests are."""

Demux = Callable[[Iterable[Row]], Any]
Ended = list[tuple[int, bytes, str]]


def check_demux(demux: Demux, dice: random.Random) -> None:
    """Ask about one thing after another, then about connections on which all of them happen."""
    one, two = dice.sample(range(1, 9), 2)
    a, b, c = (_words(dice) for _ in range(3))
    _same(demux, [_begin(one), _out(one, a), _out(one, b), _out(one), _end(one)], "blank",
          "One request by itself, and its output was not given back.")  # fmt: skip
    _same(demux, [_begin(one), _out(one, a), _end(one)], "empty_stdout_ends",
          "A request was lost whose output was not ended by an empty record. Which record ends a request?")  # fmt: skip
    _same(demux, [_begin(one), _out(one, a), _out(one), ("STDERR", one, b), _end(one)], "stderr_is_output",
          "What a program complains of was sent to the visitor. Which streams come back?")  # fmt: skip
    _same(demux, [_begin(one), _out(one, a), _end(one), _begin(one), _out(one, b), _end(one)], "id_is_for_ever",
          "A second request with the same id got what the first had said. What does an id mean once its request has "
          "ended?")  # fmt: skip
    _two(demux, one, two, (a, b, c))
    _aborts(demux, one, two, (a, b, c))
    for _ in range(CONNECTIONS):
        _same(demux, _made_up(dice), "connection", "On a made-up connection, a request got another output or end.")
    for known in talked():
        who = f"{known.front} and {known.backend}"
        _same(demux, known.rows(), "connection", f"Between {who}, a request got another output or end.")


def _two(demux: Demux, one: int, two: int, words: Sequence[bytes]) -> None:
    """Let two requests speak in turn, and the second end first."""
    a, b, c = words
    rows = [_begin(one), _begin(two), _out(one, a), _out(two, b), _end(two), _out(one, c), _end(one)]
    answer = _ask(demux, rows)
    if [found[0] for found in answer] != [two, one] or (one, a, "complete") in answer:
        raise NotYet(
            "end_of_one_ends_all", "Two requests were under way and one ended. What does that say of the other?"
        )
    if answer != _ended(rows):
        raise NotYet("one_buffer", "Two requests spoke in turn, and one got the words of both. What tells them apart?")


def _aborts(demux: Demux, one: int, two: int, words: Sequence[bytes]) -> None:
    """Abort one of two, which goes on for a while; the other one never hears of it."""
    a, b, c = words
    rows = [_begin(one), _begin(two), _out(one, a), _out(two, b), ("ABORT_REQUEST", one, b""), _out(two, c), _end(two),
            _end(one)]  # fmt: skip
    answer = _ask(demux, rows)
    if (two, b + c, "complete") not in answer:
        raise NotYet("abort_closes_all", "One request was aborted, and the other one did not get all of its output.")
    if [found[0] for found in answer] != [two, one]:
        raise NotYet("abort_is_the_end", "An aborted request was taken for ended. Who says when it has ended, and why "
                     "can that be later?")  # fmt: skip
    if answer != _ended(rows):
        raise NotYet("aborted", "A request was aborted, and its end does not say so, or another one's does.")


def _same(demux: Demux, rows: list[Row], idea: str, sentence: str) -> None:
    if _ask(demux, rows) != _ended(rows):
        raise NotYet(idea, sentence)


def _ask(demux: Demux, rows: list[Row]) -> Ended:
    """Return what an answer gives, once it is sure to have the right shape."""
    try:
        answer = demux(iter(rows))
        found = ... if answer is None or answer is ... else list(answer)
    except KeyError:
        raise NotYet("unknown_id", "A record came of an id that `demux` knew nothing of. Which records open a request, "
                     "and which id has none?") from None  # fmt: skip
    if found is ...:
        raise NotYet("blank", "The answer is None: the function ends without `return`ing its list.")
    if not all(isinstance(one, tuple) and len(one) == 3 for one in found):
        raise NotYet("type", "Return a list of three things for each request: its id, its output, and how it ended.")
    return [(one, expect_bytes(output, "an output"), how) for one, output, how in found]


def _ended(rows: Iterable[Row]) -> Ended:
    """Return what is right."""
    outputs: dict[int, list[bytes]] = {}
    aborted: set[int] = set()
    ended: Ended = []
    for kind, request, content in rows:
        if kind == "BEGIN_REQUEST":
            outputs[request] = []
            aborted.discard(request)
        elif kind == "STDOUT":
            outputs[request].append(content)
        elif kind == "ABORT_REQUEST":
            aborted.add(request)
        elif kind == "END_REQUEST":
            ended.append((request, b"".join(outputs.pop(request)), "aborted" if request in aborted else "complete"))
    return ended


def _made_up(dice: random.Random) -> list[Row]:
    """Return a connection: some requests at a time, each with its records in order, shuffled into each other."""
    queues = []
    for request in dice.sample(range(1, 300), dice.randint(1, MOST)):
        turns = []
        for _ in range(dice.randint(1, 3)):  # an id is used again once its request has ended
            turns += _one(dice, request)
        queues.append(turns)
    rows: list[Row] = [("GET_VALUES", 0, b""), ("GET_VALUES_RESULT", 0, b"")] if dice.random() < 0.5 else []
    while queues := [queue for queue in queues if queue]:
        rows.append(dice.choice(queues).pop(0))
    if dice.random() < 0.5:  # one that never ends: the connection is cut
        rows += [_begin(301), _out(301, _words(dice))]
    return rows


def _one(dice: random.Random, request: int) -> list[Row]:
    said = [_out(request, _words(dice)) for _ in range(dice.randint(0, 4))]
    if dice.random() < 0.3:
        said.insert(0, ("STDERR", request, _words(dice)))
    if dice.random() < ABORTED:
        said.insert(dice.randint(0, len(said)), ("ABORT_REQUEST", request, b""))
    last = [_out(request)] if dice.random() < 0.5 else []
    return [_begin(request), ("PARAMS", request, b""), ("STDIN", request, b""), *said, *last, _end(request)]


def _begin(request: int) -> Row:
    return "BEGIN_REQUEST", request, b"\0\1\1\0\0\0\0\0"


def _out(request: int, content: bytes = b"") -> Row:
    return "STDOUT", request, content


def _end(request: int) -> Row:
    return "END_REQUEST", request, bytes(8)


def _words(dice: random.Random) -> bytes:
    return dice.randbytes(dice.randint(4, 30)).hex().encode()
