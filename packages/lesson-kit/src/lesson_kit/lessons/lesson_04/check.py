"""Are records and pairs read as the specification of FastCGI has them? Made-up ones, and what real programs sent."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

from fastcgi_server.records import PARAMS, Record, decode_pairs, encode_pairs, read_records
from lesson_kit.checking import NotYet, expect_bytes
from lesson_kit.lessons.lesson_04.golden import golden

__all__ = ["check_read_pairs", "check_read_record"]

EVEN = 0x0101
"""A number that reads the same from both ends: what a first probe may use without asking about the order of bytes."""
ODD = 0x0100
IDS = (1, 2, 3, 255, 256, 259, 4660, 65_535)
SIZES = (0, 0, 1, 5, 17, 255, 256, 300, 2000)
TYPES = (1, 2, 4, 5, 6, 7)
STREAMS = 6
"""Made-up connections for each seed."""
SHORT_MOST = 127
"""The longest string whose length takes one byte (section 3.4)."""
LENGTHS = (0, 1, 9, SHORT_MOST, SHORT_MOST + 1, 200, 300, 1000)

ReadRecord = Callable[[bytes], Any]
ReadPairs = Callable[[bytes], Any]


def check_read_record(read_record: ReadRecord, dice: random.Random) -> None:
    """Ask about one thing after another: ids, lengths, padding, records that are cut; then whole connections."""
    _whole(read_record, Record(5, EVEN, dice.randbytes(EVEN)), b"", "blank", "A record that was all there gave None.")
    _whole(read_record, Record(5, ODD, dice.randbytes(EVEN)), b"", "blank", "A record that was all there gave None.")
    _whole(read_record, Record(6, 1, dice.randbytes(dice.randint(20, 90))), b"", "little_endian",
           "A record that was all there gave None. Which of the two bytes of a length weighs more?")  # fmt: skip
    _whole(read_record, Record(6, 1, b"Status: 200 OK", dice.randint(1, 7)), _wire(Record(3, 1, bytes(8))), "whole",
           "A record that was all there gave None, because more came behind it.")  # fmt: skip
    _whole(read_record, Record(4, 1, b""), _wire(Record(5, 2, b"quantity=100")), "empty_is_nothing",
           "A record without content gave None. What does it mean that somebody sends one?")  # fmt: skip
    _cuts(read_record, dice)
    for _ in range(STREAMS):
        _stream(read_record, b"".join(_wire(_made_up(dice)) for _ in range(dice.randint(1, 8))), "made-up records")
    for one in golden():
        _stream(read_record, one.data, f"what {one.peer} sent")


def _whole(read_record: ReadRecord, record: Record, behind: bytes, idea: str, sentence: str) -> None:
    """Hold one record, with `behind` after it, to what was put in; `idea` is missing if it gives None."""
    answer = read_record(_wire(record) + behind)
    if answer is None:
        raise NotYet(idea, sentence)
    if not isinstance(answer, tuple) or len(answer) != 4:
        raise NotYet(
            "type", "Return four things: the type, the request id, the content, and what is behind the record."
        )
    kind, request_id, content, rest = answer
    if not record.content and (kind, request_id) != (record.type, record.request_id):
        raise NotYet("empty_is_nothing", "A record without content was passed over. What does it mean that somebody "
                     "sends one?")  # fmt: skip
    if kind != record.type:
        raise NotYet("header", "The type of a record is another one. Which byte of the header holds it?")
    _held_id(request_id, record.request_id)
    found, left = expect_bytes(content, "the content"), expect_bytes(rest, "the rest")
    if record.padding and found == record.content + bytes(record.padding):
        raise NotYet("padding_is_content", "Bytes of nothing at the end of a record were given back as its content.")
    if found != record.content:
        raise NotYet("content", "The content of a record is not what its sender put in. Where does it begin, and which "
                     "field says how long it is?")  # fmt: skip
    if record.padding and left == bytes(record.padding) + behind:
        raise NotYet("ignores_padding", "The next record was begun where the content ends. What may stand between?")
    if left != behind:
        raise NotYet("rest", "What came behind the record is gone, or was made up: the next record begins there.")


def _held_id(found: object, wanted: int) -> None:
    if found == wanted:
        return
    if wanted > 255 and found == wanted & 255:
        raise NotYet("one_byte_id", "A request id was read too small. How many bytes of the header does it have?")
    if isinstance(found, int) and found == int.from_bytes(wanted.to_bytes(2, "big"), "little"):
        raise NotYet("little_endian", "A request id was read from its wrong end. Which of its two bytes weighs more?")
    raise NotYet("header", "A request id is another one. Which bytes of the header hold it?")


def _cuts(read_record: ReadRecord, dice: random.Random) -> None:
    """Hold back the end of a record: within its header, its content and its padding."""
    record = Record(5, 1, dice.randbytes(20), 4)
    wire = _wire(record)
    for size in (0, 1, 5, 7, 8, dice.randint(9, 27), 28, len(wire) - 1):
        try:
            answer = read_record(wire[:size])
        except (IndexError, struct.error):
            answer = ...
        if answer is not None:
            idea = "ignores_padding" if size >= 28 else "whole_records"
            raise NotYet(idea, "Of a record whose end had not come yet, something was made. What does `recv` promise?")


def _stream(read_record: ReadRecord, data: bytes, what: str) -> None:
    """Read a connection to its end, record by record."""
    left = data
    for record in read_records(data):
        answer = read_record(left)
        if not isinstance(answer, tuple) or len(answer) != 4:
            raise NotYet("stream", f"Among {what}, a record was not found.")
        if answer[:3] != (record.type, record.request_id, record.content):
            raise NotYet("stream", f"Among {what}, a record was read as another one.")
        left = expect_bytes(answer[3], "the rest")
    if left or read_record(left) is not None:
        raise NotYet("stream", f"Behind {what}, something is left, or was made up.")


def _made_up(dice: random.Random) -> Record:
    padding = dice.choice((0, 1, 7, dice.randint(0, 255)))
    return Record(dice.choice(TYPES), dice.choice(IDS), dice.randbytes(dice.choice(SIZES)), padding)


def _wire(record: Record) -> bytes:
    """Encode a record with just this padding (our own encoder chooses it)."""
    header = struct.pack(">BBHHBx", 1, record.type, record.request_id, len(record.content), record.padding)
    return header + record.content + bytes(record.padding)


def check_read_pairs(read_pairs: ReadPairs, dice: random.Random) -> None:
    """Ask about no pairs, short ones, long ones, one of each; then made-up variables and those of real web servers."""
    _empty(read_pairs)
    _same(
        read_pairs, [("REQUEST_METHOD", "GET"), ("QUERY_STRING", "")], "pairs", "Two short pairs were read otherwise."
    )
    _same(read_pairs, [("HTTP_COOKIE", "a=1"), ("HTTP_COOKIE", "b=2")], "names_are_unique",
          "A name came twice, and was not given back twice. Who is to say what that means?")  # fmt: skip
    _long(read_pairs, _word(dice, 200), _word(dice, 300))
    mixed = "A short name with a long value was read otherwise, or the reverse. What tells how a length is written?"
    _same(read_pairs, [("HTTP_COOKIE", _word(dice, 600)), ("A", "b")], "long_is_both", mixed)
    _same(read_pairs, [(_word(dice, 300), ""), ("A", "b")], "long_is_both", mixed)
    for _ in range(STREAMS):
        pairs = [
            (_word(dice, dice.choice(LENGTHS)), _word(dice, dice.choice(LENGTHS))) for _ in range(dice.randint(1, 9))
        ]
        _same(read_pairs, pairs, "pairs", "Made-up pairs were read otherwise. Up to which number is a length one byte?")
    for one in golden():
        for record in read_records(one.data):
            if record.type == PARAMS and record.content:
                _same(read_pairs, decode_pairs(record.content), "pairs", f"What {one.peer} sent was read otherwise.")


def _empty(read_pairs: ReadPairs) -> None:
    try:
        answer = read_pairs(b"")
    except Exception:
        raise NotYet("empty_params_is_an_error", "No content was taken for a mistake. How many pairs has it?") from None
    if answer is None or answer is ...:
        raise NotYet("blank", "Of no content came None: the function ends without `return`ing its list.")
    if not isinstance(answer, list):
        raise NotYet("type", "Return a list of pairs, also of no content.")
    if answer:
        raise NotYet("empty_params_is_an_error", "Of no content came pairs. How many pairs are in it?")


def _long(read_pairs: ReadPairs, name: str, value: str) -> None:
    """Give a pair whose lengths both have four bytes, and tell two misconceptions apart by what they make of it."""
    wire = encode_pairs([(name, value)])
    try:
        answer = read_pairs(wire)
    except (IndexError, ValueError, struct.error):
        answer = []
    if answer == [(name.encode(), value.encode())]:
        return
    first = answer[0][0] if isinstance(answer, list) and answer and isinstance(answer[0], tuple) else b""
    if isinstance(first, bytes) and first.startswith(name.encode()):
        raise NotYet("first_bit_is_length", "A long name was read beyond its end. What does the first bit say?")
    raise NotYet("one_byte_lengths", "A long name was read otherwise. How would a byte say that a length is above 255?")


def _same(read_pairs: ReadPairs, pairs: list[tuple[str, str]], idea: str, sentence: str) -> None:
    try:
        answer = read_pairs(encode_pairs(pairs))
    except (IndexError, ValueError, struct.error):
        raise NotYet(idea, sentence) from None
    if not isinstance(answer, list) or not all(isinstance(one, tuple) and len(one) == 2 for one in answer):
        raise NotYet("type", "Return a list of pairs: for each, a tuple of its name and its value.")
    for name, value in answer:
        expect_bytes(name, "a name")
        expect_bytes(value, "a value")
    if answer != [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]:
        raise NotYet(idea, sentence)


def _word(dice: random.Random, size: int) -> str:
    return "".join(dice.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", k=size))
