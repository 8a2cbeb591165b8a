"""Is each visitor answered with what the database said about all that he sent? Several at once, in a loop of our own.

An event loop is no magic. A coroutine that awaits gives up its turn with a note of what it waits for, and whoever runs
it calls it again when that is there. Here is one for `receive`, `send` and `database`, in a dozen lines (`_run`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from inspect import iscoroutine
from typing import Any

from lesson_kit.checking import NotYet, expect_bytes

__all__ = ["check_handle"]

VISITORS = 6
ASKED_AFTER_END = 3
WORDS = (b"which books have you", b"caf\xc3\xa9", b"\xff\xfe\x00", b"two\r\n\r\nparagraphs", b"x" * 300)


class _Wait:
    """What a call awaits; `done()` gives what it waits for, when its turn comes."""

    def __init__(self, done: Callable[[], Any]) -> None:
        self.done = done

    def __await__(self) -> Generator[_Wait, Any, Any]:
        return (yield self)


class _Visitor:
    """One request in pieces, and what was sent in answer. One who `leaves` does so behind his last piece."""

    def __init__(self, dice: random.Random, *, leaves: bool) -> None:
        self.content = b" ".join(dice.sample(WORDS, dice.randint(2, len(WORDS))))
        cuts = sorted(dice.sample(range(1, len(self.content)), dice.randint(1, 4)))
        ends = zip([0, *cuts], [*cuts, len(self.content)], strict=True)
        self._pieces = [self.content[start:end] for start, end in ends]
        self.leaves = leaves
        self.knowledge = bytes(dice.choices(range(97, 123), k=12))
        self.started = self.ended = False
        self.body = b""
        self._late = 0  # how often he was listened to when he had no more to say
        self._told = False  # that he has left

    def receive(self) -> _Wait:
        return _Wait(self._next)

    def _next(self) -> dict[str, Any]:
        if self._pieces:
            piece = self._pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self._pieces) or self.leaves}
        self._late += 1
        if self.leaves and self._late <= ASKED_AFTER_END:
            self._told = True
            return {"type": "http.disconnect"}
        sentence = "The visitor has left, and" if self.leaves else "The content is complete, and"
        raise NotYet("waits_on", f"{sentence} `receive` is awaited again: what in a message says that no more comes?")

    def database(self, content: object) -> _Wait:
        return _Wait(lambda: self._look_up(content))

    def _look_up(self, content: object) -> bytes:
        if self._told:
            raise NotYet("left", "The database was asked for a visitor who had left in the middle of his request.")
        if expect_bytes(content, "what the database is asked") != self.content:
            raise NotYet("one_receive", "The database was asked about something else than all that a visitor had sent.")
        return self.knowledge

    def send(self, message: object) -> _Wait:
        return _Wait(lambda: self._take(message))

    def _take(self, message: object) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if self._told:
            raise NotYet("left", "Something was sent to a visitor who had left in the middle of his request.")
        if kind == "http.response.start":
            if self.started:
                raise NotYet("two_starts", "A second http.response.start was sent: there is one for each answer.")
            self.started = True
        elif kind == "http.response.body":
            self._take_body(message)
        else:
            raise NotYet("type", 'Something was sent that is no message of an answer: what does its "type" say?')

    def _take_body(self, message: Any) -> None:
        if not self.started:
            raise NotYet("no_start", "A body was sent, and nothing before it: where is the status?")
        if isinstance(message.get("body"), _Wait):
            raise NotYet("forgets_await", "The body is something that could be awaited, and was not.")
        self.body += expect_bytes(message.get("body", b""), "the body")
        self.ended = not message.get("more_body", False)

    def judge(self) -> None:
        """The call is over: was that an answer?"""
        if self.leaves:
            return
        if not self.started and not self.body:
            raise NotYet("blank", "A visitor has no answer: nothing was sent, or what was to be sent was not awaited.")
        if not self.ended:
            raise NotYet("never_ends", "An answer was begun and never ended: the browser would go on waiting.")
        if self.body != self.knowledge:
            raise NotYet("wrong", "A visitor was sent something else than what the database had said.")


def check_handle(handle: Callable[..., Any], dice: random.Random) -> None:
    """Let several visitors come at once; one of them leaves."""
    leaver = dice.randrange(1, VISITORS)
    visitors = [_Visitor(dice, leaves=number == leaver) for number in range(VISITORS)]
    calls: list[Any] = []
    try:
        for visitor in visitors:
            call = handle({"type": "http"}, visitor.receive, visitor.send, visitor.database)
            if not iscoroutine(call):
                raise NotYet("coroutine", "To call it gives no coroutine: which word stands before `def`?")
            calls.append(call)
        _run(calls)
    finally:
        for call in calls:
            call.close()
    for visitor in visitors:
        visitor.judge()


def _run(calls: list[Any]) -> None:
    """Let each run until it waits, in turn, until all have ended: an event loop."""
    ready = [(call, None) for call in calls]
    while ready:
        call, value = ready.pop(0)
        try:
            wait = call.send(value)
        except StopIteration:
            continue
        if not isinstance(wait, _Wait):
            raise NotYet("foreign", "Something else is awaited than `receive`, `send` and `database`.")
        ready.append((call, wait.done()))
