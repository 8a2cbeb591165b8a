"""Is a packet written, and read, as the specification of uwsgi has it?

The golden packets were written by hand. The others are made here, once as they must be and once for each idea that
leads astray: so the answer that comes back tells what was thought.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from lesson_kit.checking import NotYet, expect_bytes

__all__ = ["check_decode", "check_encode"]

GOLDEN: tuple[tuple[dict[str, str], bytes], ...] = (
    ({"A": "b"}, bytes.fromhex("00 0600 00  0100 41  0100 62")),
    ({"foo": "bar"}, bytes.fromhex("00 0a00 00  0300 666f6f  0300 626172")),
    ({"A": "", "B": "1"}, bytes.fromhex("00 0b00 00  0100 41 0000  0100 42 0100 31")),
    ({"P": "/café"}, bytes.fromhex("00 0b00 00  0100 50  0600 2f636166c3a9")),
)
NAMES = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "HTTP_COOKIE", "HTTP_ACCEPT_LANGUAGE")
LETTERS = "abcdefghij /?=&-é日"
MOST = 65_535
ROUNDS = 12

ENCODED = {
    "big_endian": "A size has two bytes. Look again at the log: which of the letters E and T of GET counts for more?",
    "characters": "A size counts bytes, and é is one character.",
    "header_counted": "The size in the header is that of the block. Is the header a part of the block?",
    "separated": "Names and values lie one after the other with a size before each. What would a reader without these "
                 "sizes do with a value that has the separator in it?",
    "one_byte": "A value may be longer than what one byte can say.",
}  # fmt: skip


def check_encode(encode_packet: Callable[[Mapping[str, str]], Any], dice: random.Random) -> None:
    """Compare packets with golden ones and with made ones; then ask for one that cannot be."""
    for variables in (*(given for given, _ in GOLDEN), *(_variables(dice) for _ in range(ROUNDS))):
        packet = expect_bytes(encode_packet(dict(variables)), "the packet")
        if packet == _packet(variables):
            continue
        for idea, sentence in ENCODED.items():
            if packet == _packet(variables, idea):
                raise NotYet(idea, sentence)
        raise NotYet("packet", f"A packet of {len(variables)} variables differs from what it must be: compare your "
                     "bytes with the figure, one after the other.")  # fmt: skip
    _refuses(encode_packet, dice)


def _refuses(encode_packet: Callable[[Mapping[str, str]], Any], dice: random.Random) -> None:
    """See that a block which is too large is refused, and the largest one is not."""
    room = MOST - len(_packet({"COOKIE": ""})[4:])
    if encode_packet({"COOKIE": "x" * room}) != _packet({"COOKIE": "x" * room}):
        raise NotYet("packet", "The largest block that a header can announce came out wrong.")
    halves = {"A": "x" * (MOST // 2), "B": "x" * (MOST // 2)}  # each fits, and together they do not
    for large in ({"COOKIE": "x" * (room + dice.randint(1, 100))}, halves):
        try:
            encode_packet(large)
        except (ValueError, OverflowError):
            continue
        except Exception as error:
            if type(error).__name__ == "error":  # struct.error has no better name
                continue
            raise
        raise NotYet("no_limit", "A block can be larger than what its header can say. What did yours say then?")


def check_decode(decode_packet: Callable[[bytes], Any], dice: random.Random) -> None:
    """Feed packets whole, with content behind them, and cut; then what is no packet at all."""
    _says_something(decode_packet)
    for variables in (*(given for given, _ in GOLDEN), *(_variables(dice) for _ in range(ROUNDS))):
        packet = _packet(variables)
        content = dice.choice((b"", b"", b"a=1&b=2", bytes(range(256))))
        for end in {0, 3, dice.randrange(4, len(packet)), len(packet) - 1}:
            if _answer(decode_packet, packet[:end], "half_packet") is not None:
                raise NotYet("half_packet", "A packet of which a part is still to come was taken for a whole one.")
        answer = _answer(decode_packet, packet + content, "packet")
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], dict):
            raise NotYet("type", "Return two things: a dict of the variables, and the bytes behind the packet.")
        found, rest = answer
        if found != variables:
            raise NotYet("packet", "The variables that came out are not those that went in.")
        if expect_bytes(rest, "what is behind the packet") != content:
            raise NotYet("content", "The content begins where the block ends. Are those bytes still there?")
    _refuses_http(decode_packet, dice)


def _says_something(decode_packet: Callable[[bytes], Any]) -> None:
    """Ask with a packet whose size reads the same from both ends: None is no answer to that."""
    even = _packet({"A": "x" * (257 - len(_packet({"A": ""})[4:]))})
    try:
        answer = decode_packet(even)
    except Exception:  # the packets that follow tell what is wrong
        return
    if answer is None:
        raise NotYet("blank", "A whole packet gave None.")


def _answer(decode_packet: Callable[[bytes], Any], data: bytes, otherwise: str) -> Any:
    """Return what the decoder says; an error of it tells an idea."""
    try:
        answer = decode_packet(data)
    except Exception as error:
        raise NotYet(otherwise, f"Bytes that are (the beginning of) a packet gave {type(error).__name__}. What if the "
                     "rest is still on its way?") from error  # fmt: skip
    whole = len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[1:3], "little")
    if whole and answer is None and len(data) < 4 + int.from_bytes(data[1:3], "big"):
        raise NotYet("big_endian", ENCODED["big_endian"])
    return answer


def _refuses_http(decode_packet: Callable[[bytes], Any], dice: random.Random) -> None:
    method, path = dice.choice(("GET", "POST", "PUT", "HEAD")), "x" * dice.randint(0, 30)
    try:
        answer = decode_packet(f"{method} /{path} HTTP/1.1\r\nHost: museum\r\n\r\n".encode())
    except ValueError:
        return
    if answer is None:
        raise NotYet("waits_for_http", "Here came HTTP, and this decoder waits for the rest of a packet that will "
                     "never come. Which byte could have told it?")  # fmt: skip
    raise NotYet("waits_for_http", "Here came HTTP, and it was taken for a packet. Which byte could have told?")


# -- packets as they must be, and as other ideas would have them -------------------------------------------------------


def _variables(dice: random.Random) -> dict[str, str]:
    names = dice.sample(NAMES, dice.randint(1, len(NAMES)))
    return {name: "".join(dice.choices(LETTERS, k=dice.choice((0, 1, 9, 40, 300)))) for name in names}


def _packet(variables: Mapping[str, str], idea: str = "") -> bytes:
    words = [word for pair in variables.items() for word in pair]
    block = b"".join(_size(word, idea) + word.encode() for word in words)
    if idea == "separated":
        block = b"".join(word.encode() + b"\0" for word in words)
    count = len(block) + (4 if idea == "header_counted" else 0)
    if idea == "characters":
        count = sum(2 + len(word) for word in words)
    return b"\0" + (count & MOST).to_bytes(2, "big" if idea == "big_endian" else "little") + b"\0" + block


def _size(word: str, idea: str) -> bytes:
    count = len(word) if idea == "characters" else len(word.encode())
    if idea == "one_byte":
        return bytes([count & 0xFF])
    return count.to_bytes(2, "big" if idea == "big_endian" else "little")
