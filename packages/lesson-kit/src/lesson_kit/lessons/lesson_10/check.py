"""For how long is a worker held? A visitor and a server that note in which order they are spoken to.

The visitor's request comes in pieces, cut in its head and in its content. The server answers in pieces too, as soon as
it has all of the request. What counts is what happens between `connect` and the server's `close`: that is the time for
which a worker has nobody else.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from lesson_kit.checking import NotYet
from lesson_kit.lessons.lesson_10.own_front import is_whole

__all__ = ["check_relay"]

ROUNDS = 6
LIMIT = 4_096
ENDLESS = 3 * LIMIT
"""Bytes of a request after which a relay has shown that it would take any number."""
TEXT = "abcdefghijklmnopqrstuvwxyz"

Relay = Callable[[Any, Callable[[], Any], int], object]


class Story:
    """What happened, in order: "ask" and "answer" are the visitor's recv and sendall."""

    def __init__(self) -> None:
        self.events: list[tuple[str, bytes]] = []

    def note(self, what: str, data: bytes = b"") -> None:
        """Add an event."""
        self.events.append((what, data))

    def said(self, what: str) -> bytes:
        """Return all bytes of one kind of event."""
        return b"".join(data for kind, data in self.events if kind == what)

    def closed(self) -> bool:
        """Tell whether the server's connection was closed."""
        return any(kind == "close" for kind, _ in self.events)

    def held(self) -> list[tuple[str, bytes]]:
        """Return what happened while a worker was held."""
        kinds = [kind for kind, _ in self.events]
        if "connect" not in kinds:
            return []
        end = kinds.index("close") if "close" in kinds else len(kinds)
        return self.events[kinds.index("connect") : end]


class Visitor:
    """Sends these pieces, and then nothing more; or goes on for ever."""

    def __init__(self, story: Story, pieces: list[bytes], *, endless: bool = False) -> None:
        self._story, self._pieces, self._endless = story, pieces, endless

    def recv(self, size: int) -> bytes:
        """Give the next piece."""
        piece = self._pieces.pop(0) if self._pieces else b"x" * 512 if self._endless else b""
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        self._story.note("ask", piece[:size])
        if len(self._story.said("ask")) > ENDLESS:
            raise NotYet("no_limit", "This visitor sends without end, and yours takes all of it. Whose memory is that?")
        return piece[:size]

    def sendall(self, data: bytes) -> None:
        """Take (a part of) the answer."""
        self._story.note("answer", bytes(data))

    def close(self) -> None:
        """Whoever called the relay closes; closing twice does no harm."""


class Worker:
    """The server's side of a connection: it answers when it has all of the request."""

    def __init__(self, story: Story, answer: list[bytes]) -> None:
        self._story, self._answer = story, answer

    def sendall(self, data: bytes) -> None:
        """Take (a part of) the request."""
        self._story.note("request", bytes(data))

    def recv(self, size: int) -> bytes:
        """Give the next piece of the answer; b"" at its end."""
        if not is_whole(self._story.said("request")):
            if ("ask", b"") in self._story.events:  # nothing more will come, so the server gives up
                return b""
            raise NotYet("too_early", "A server answers when it has the request: yours waits for the answer before.")
        piece = self._answer.pop(0) if self._answer else b""
        if len(piece) > size:
            self._answer.insert(0, piece[size:])
        self._story.note("reply", piece[:size])
        return piece[:size]

    def shutdown(self, _how: int) -> None:
        """It knows by the length of the request when it ends."""

    def close(self) -> None:
        """The worker is free."""
        self._story.note("close")


def check_relay(relay: Relay, dice: random.Random) -> None:
    """Relay whole requests, one that breaks off, and one without end."""
    for _ in range(ROUNDS):
        _whole(relay, dice)
    _broken_off(relay, dice)
    _without_end(relay, dice)


def _whole(relay: Relay, dice: random.Random) -> None:
    content = "".join(dice.choices(TEXT, k=dice.randint(20, 200))).encode()
    head = b"POST /%b HTTP/1.1\r\nHost: museum\r\nContent-Length: %d\r\n\r\n" % (content[:5], len(content))
    request = head + content
    body = "".join(dice.choices(TEXT, k=dice.randint(10, 100)))
    answer = f"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}".encode()
    story = _story(relay, _cut(request, (5, len(head) - 3, len(head) + 9), dice), _cut(answer, (12, 50), dice))
    kinds = [kind for kind, _ in story.events]
    if "connect" not in kinds:
        idea, what = ("blank", "does nothing") if not story.said("ask") else ("no_call", "never connects to the server")
        raise NotYet(idea, f"A visitor has sent a whole request, and yours {what}.")
    _held_by_the_visitor(story)
    if story.said("request") != request:
        raise NotYet("half_request", "What the server got is not the request that the visitor sent.")
    _answered(story, answer)


def _held_by_the_visitor(story: Story) -> None:
    """See that nothing is expected of the visitor while a worker is held."""
    held = story.held()
    kinds = [kind for kind, _ in held]
    first = next((data for kind, data in held if kind == "request"), b"")
    if "ask" in kinds and (not first or is_whole(first)):
        raise NotYet("connects_first", "A connection to the server is a worker that waits. What for, in yours?")
    if "ask" in kinds and b"\r\n\r\n" in first:
        raise NotYet("head_only", "The head was complete when the server was called. Who waits for the content now?")
    if "ask" in kinds:
        raise NotYet("forwards_at_once", "Every byte goes on at once, so the server is as long with this visitor as he "
                     "takes. What would it need to be spared that?")  # fmt: skip
    if not story.closed() and not _goes_on(kinds):
        raise NotYet("never_released", "The connection to the server was never closed: its worker does not know that "
                     "it is free.")  # fmt: skip
    if "answer" in kinds:
        raise NotYet("answers_as_it_comes", "A visitor may be slow in reading, too. Who waits for him, in yours?")


def _goes_on(kinds: list[str]) -> bool:
    """Tell whether the server was read from after the visitor had been given something."""
    return "answer" in kinds and "reply" in kinds[kinds.index("answer") :]


def _answered(story: Story, answer: bytes) -> None:
    given = story.said("answer")
    if given == answer:
        return
    if given and answer.startswith(given):
        raise NotYet("one_recv", "The visitor got the beginning of the answer only. When has all of it come?")
    raise NotYet("no_answer", "What the visitor got is not what the server has answered.")


def _broken_off(relay: Relay, dice: random.Random) -> None:
    begun = b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"
    for end in (0, dice.randint(1, 20), len(begun)):
        story = _story(relay, [begun[:end]] if end else [], [])
        if story.held():
            raise NotYet("half_request", "A visitor who goes in the middle of his request has asked for nothing, and "
                         "yet a worker of the server was called.")  # fmt: skip


def _without_end(relay: Relay, dice: random.Random) -> None:
    large = b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"
    for begun in (large, b"GET / HTTP/1.1\r\nX-Long: "):
        story = _story(relay, _cut(begun, (), dice), [], endless=True)
        if story.held():
            raise NotYet("no_limit", "A request that is larger than the limit was sent on to the server.")
        if not story.said("answer").startswith(b"HTTP/1.1 4"):
            raise NotYet("silent", "A visitor whose request is too large should be told so, by a status of its own.")


def _story(relay: Relay, pieces: list[bytes], answer: list[bytes], *, endless: bool = False) -> Story:
    story = Story()

    def connect() -> Worker:
        story.note("connect")
        return Worker(story, answer)

    relay(Visitor(story, pieces, endless=endless), connect, LIMIT)
    return story


def _cut(whole: bytes, always: tuple[int, ...], dice: random.Random) -> list[bytes]:
    """Return it in pieces: cut at these places, and at some others."""
    places = sorted({*always, *dice.sample(range(1, len(whole)), 3)})
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
