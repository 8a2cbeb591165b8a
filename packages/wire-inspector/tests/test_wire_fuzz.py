"""What all decoders have in common: no split matters, spans cover every byte, bad bytes never raise.

Wires that are right, the same with bytes changed, left out and put in, and random ones. Each property has some dozens
of examples in an ordinary run; `GATELAB_FUZZ=20000` asks for so many.
"""

from __future__ import annotations

import json
import os
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire_inspector import PROTOCOLS, Conversation, as_json, html, text
from wire_inspector.message import Field, Message
from wire_wires import WIRES

fuzzed = settings(max_examples=int(os.environ.get("GATELAB_FUZZ", "60")), deadline=None)

PROTOCOL = st.sampled_from([None, *PROTOCOLS])
PLACES = st.lists(st.integers(0, 5000), max_size=8)


def check_spans(fields: tuple[Field, ...], start: int, end: int, *, gaps: bool) -> None:
    """Fields lie in order within start and end; without gaps they cover it."""
    at = start
    for field in fields:
        assert field.start <= field.end
        assert field.start >= at if gaps else field.start == at, field
        check_spans(field.children, field.start, field.end, gaps=True)
        at = field.end
    assert at <= end if gaps else at == end


def check(messages: list[Message], sent: dict[str, bytes]) -> None:
    """Every byte that was sent lies in one message, and every byte of a message in one field."""
    for sender, data in sent.items():
        mine = [message for message in messages if message.sender == sender]
        assert b"".join(message.data for message in mine) == data
        at = 0
        for message in mine:
            assert message.offset == at
            at += len(message.data)
            check_spans(message.fields, 0, len(message.data), gaps=False)


def kind(message: Message) -> str:
    return message.title.partition(",")[0]


def joined(messages: list[Message]) -> list[object]:
    """Return messages with adjacent pieces of content, or of what is undecoded, made one."""
    found: list[object] = []
    for (name, sender), group in groupby(messages, lambda message: (kind(message), message.sender)):
        if name in ("content", "undecoded"):
            pieces = list(group)
            faults = "".join(piece.fault for piece in pieces)
            found.append((name, sender, pieces[0].offset, b"".join(piece.data for piece in pieces), faults))
        else:
            found += group
    return found


def feed(protocol: str | None, *sent: tuple[str, list[bytes]]) -> list[Message]:
    conversation = Conversation(protocol)
    return [
        message
        for sender, pieces in sent
        for piece in [*pieces, b""]
        for message in conversation.receive(sender, piece)
    ]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@pytest.mark.parametrize("name", WIRES)
def test_whole_and_byte_by_byte_are_the_same(name):
    protocol, front, backend = WIRES[name]
    whole = feed(None, ("front", [front]), ("backend", [backend]))
    check(whole, {"front": front, "backend": backend})
    assert {message.protocol for message in whole} == {protocol}
    single = feed(None, *((side, [data[i : i + 1] for i in range(len(data))])
                          for side, data in (("front", front), ("backend", backend))))  # fmt: skip
    assert joined(single) == joined(whole)
    assert joined(feed(protocol, ("front", [front]), ("backend", [backend]))) == joined(whole)


@fuzzed
@given(st.sampled_from(sorted(WIRES)), PLACES, PLACES)
def test_any_split_gives_the_same(name, front_places, backend_places):
    _, front, backend = WIRES[name]
    whole = feed(None, ("front", [front]), ("backend", [backend]))
    split = feed(None, ("front", cut(front, front_places)), ("backend", cut(backend, backend_places)))
    check(split, {"front": front, "backend": backend})
    assert joined(split) == joined(whole)


@st.composite
def mutated(draw):
    """A wire with some bytes changed, put in, or left out."""
    _, front, backend = WIRES[draw(st.sampled_from(sorted(WIRES)))]
    both = []
    for data in (front, backend):
        data = bytearray(data)
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(data)))
            data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
        both.append(bytes(data))
    return both


@fuzzed
@given(mutated(), PROTOCOL, PLACES)
def test_bad_bytes_never_raise(wire, protocol, places):
    front, backend = wire
    whole = feed(protocol, ("front", [front]), ("backend", [backend]))
    check(whole, {"front": front, "backend": backend})
    for message in whole:
        json.dumps(as_json(message))
        assert all(line.cell_len <= 60 for line in text.lines(message, width=60))
    html.view(whole)
    split = feed(protocol, ("front", cut(front, places)), ("backend", cut(backend, places)))
    assert joined(split) == joined(whole)


@fuzzed
@given(st.binary(max_size=200), st.binary(max_size=200), PROTOCOL)
def test_random_bytes_never_raise(front, backend, protocol):
    check(feed(protocol, ("front", [front]), ("backend", [backend])), {"front": front, "backend": backend})
