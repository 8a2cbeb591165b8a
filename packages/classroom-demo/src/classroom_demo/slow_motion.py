"""The bytes of a process, and one request stretched over the five stages that every gateway has.

::

    visitor      sent|                                                  |answered  |closed
    gateway          |..accept..|..decode..|begin ....call.... |..encode..|end        |
                                                                         |..release..|

The gateway's events say when a call began and ended, the visitor when it sent and was answered. What lies between is
decoding and encoding, which no event tells. It is timed here, in this process: the gateway's own codec, on the very
bytes that passed. Each stage says where its time is from.

Whose bytes? No event names a connection. A visit that began before a process took its request, and ended after, may
be the one: if there is only one such visit, it is. If there are more, that is said.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from .asking import CODECS
from .lives import CGI, MASTER, Served
from .refusals import Refused
from .visitors import KEPT

if TYPE_CHECKING:
    from .lanes import Lane
    from .lives import Life
    from .visitors import Visit

__all__ = ["candidates", "stretch", "wire"]

NAMES: Final = {"http": "HTTP", "fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi"}
"""What `wire_inspector` calls the protocol of each scheme."""
SLACK: Final = 0.002
"""Seconds by which two processes may note the same moment apart."""
EVENTS: Final = 2.0
"""Seconds for the events of a request that is over; they are there within milliseconds."""
STEP: Final = 0.01
APPLICATIONS: Final = ("content-type", "cache-control")
"""Fields of an answer that are the application's, not the server's."""

Codec = Any
"""The server half of a protocol; its encoder has more calls than the protocols have in common."""


def candidates(lane: Lane, served: Served) -> list[Visit]:
    """Return the visits that a process's request may belong to, the nearest first."""
    found = [
        visit
        for visit in tuple(lane.visits)  # at once: more may come while a thread looks
        if visit.request == served.request
        and visit.sent - SLACK <= served.since
        and served.until <= visit.closed + SLACK
    ]
    return sorted(found, key=lambda visit: abs(visit.answered - served.until))


def wire(lane: Lane, life: Life) -> list[dict[str, Any]]:
    """Return the bytes of the last request that a process has answered, each message of the protocol with its name."""
    if not life.last or life.role == MASTER:
        return []
    found = candidates(lane, life.last[-1])
    if not found:
        return []
    visit, others = found[0], len(found) - 1
    sure = f"one of {others + 1} that were under way at that moment; " if others else ""
    if life.role == CGI:
        sure += "to the server, which made environment variables of it; "
    messages = list(_messages(lane, visit))
    return [{**one, "note": sure + one["note"]} if i == 0 else one for i, one in enumerate(messages)]


async def stretch(lane: Lane) -> dict[str, Any]:
    """Send one request, and return its stages. Raises Refused."""
    crowd = lane.crowd
    assert crowd
    if crowd.rate or crowd.waiting:
        raise Refused("One request can be told apart when there are no others: set the rate to 0, and wait.")
    visit = await crowd.one()
    if visit.failure:
        raise Refused(f"The visitor has no answer: {visit.failure}.")
    served = await _served(lane, visit)
    codec, encoder = _codecs(lane)
    decode, request = _timed(lambda: _decoded(codec, visit.out))
    encode, _ = _timed(lambda: encoder().whole(*_answer(visit)))
    called = max(0.0, served.until - served.since - encode)
    apart = (
        "a process was born, asked and buried" if lane.kind == CGI else "app(environ, start_response), in one process"
    )
    return {
        "stages": [
            _stage("accept", max(0.0, served.since - visit.sent - decode), b"",
                   "From the visitor's last byte until the gateway takes the request; less decoding."),
            _stage("decode", decode, visit.out,
                   f"{len(visit.out)} bytes become {_became(request)}. Timed here, on the same bytes.", here=True),
            _stage("call", called, b"", f"The application is called: {apart}."),
            _stage("encode", encode, bytes(visit.back),
                   f"The answer becomes {len(visit.back)} bytes. Timed here, on the same answer.", here=True),
            _stage("release", max(0.0, visit.closed - served.until), b"",
                   "From the end of the call until the visitor has all, and the connection is closed."),
        ]
    }  # fmt: skip


def _stage(name: str, seconds: float, data: bytes, text: str, *, here: bool = False) -> dict[str, Any]:
    measured = "here" if here else "gateway"
    return {"name": name, "seconds": seconds, "text": text, "hex": data.hex(" "), "measured": measured}


async def _served(lane: Lane, visit: Visit) -> Served:
    """Return when the gateway began and ended the call for a visit that was alone. Raises Refused."""
    end = time.monotonic() + EVENTS
    while time.monotonic() < end:
        lane.listen()
        for life in lane.lives:
            for served in life.last:
                if life.role != CGI and visit in candidates(lane, served):
                    return served
        await asyncio.sleep(STEP)
    raise Refused("The gateway's events of this request were not heard: try again.")


def _messages(lane: Lane, visit: Visit) -> Iterator[dict[str, Any]]:
    from wire_inspector import Conversation  # it takes a tenth of a second, when somebody looks for the first time

    conversation = Conversation(NAMES[lane.scheme])
    for way, sender, data in (("in", "front", visit.out), ("out", "backend", bytes(visit.back))):
        for one in conversation.receive(sender, data):
            yield {"way": way, "hex": one.data[:KEPT].hex(" "), "length": len(one.data), "note": one.title}


def _codecs(lane: Lane) -> tuple[Codec, Callable[[], Codec]]:
    """Return the server half of the lane's protocol, and what returns its encoder for the request that it has read."""
    codec = importlib.import_module(CODECS[lane.scheme]).ServerConnection()
    return codec, (lambda: codec.encoder(1)) if hasattr(codec, "encoder") else (lambda: codec)


def _decoded(codec: Codec, data: bytes) -> Any:
    codec.receive_data(data)
    return codec.next_event()  # a Request of that protocol, since all of it is there


def _became(request: Any) -> str:
    if hasattr(request, "variables"):
        return f"{len(request.variables)} variables"
    return f"a method, a target and {len(request.fields)} fields"  # as HTTP has it


def _answer(visit: Visit) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return an answer as an application gives it: status, fields, content."""
    assert visit.head
    fields = [(name, value) for name, value in visit.head.fields if name.lower() in APPLICATIONS]
    return f"{visit.head.status} {visit.head.reason}", fields, bytes(visit.content) or b"\n"


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found
