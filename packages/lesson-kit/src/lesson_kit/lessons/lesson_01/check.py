"""Is a head found wherever the cuts fall? Forty requests for each seed, cut at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from lesson_kit.checking import NotYet, expect_bytes

__all__ = ["check_split_head"]

SPLITS = 40
BLANK_LINE = b"\r\n\r\n"
CONTENTS = (b"", b"a=1", b"two\n\nparagraphs", b"\r\n\r\n again", bytes(range(256)))
FIELDS = (b"Host: museum", b"Accept: */*", "X-Name: André".encode("latin-1"), b"X-Bytes: \xff\xfe", b"Cookie: a=b; c=d")


class Pieces:
    """What a socket gives when its bytes come in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self.after_end = 0

    def recv(self, size: int) -> bytes:
        """Return the next piece, no more than `size` bytes of it; b"" at the end."""
        if not self._pieces:
            self.after_end += 1
            if self.after_end > 3:
                raise NotYet("end_of_file", 'Once `recv` has returned b"", nothing will ever come: what then?')
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]


def check_split_head(split_head: Callable[[Any], Any], dice: random.Random) -> None:
    """Feed whole requests in random pieces, then a connection that says nothing, and one that ends too early."""
    _one(split_head, b"GET / HTTP/1.1\r\nHost: museum" + BLANK_LINE, b"", [], "in one piece")
    for _ in range(SPLITS):
        fields = dice.sample(FIELDS, dice.randint(1, len(FIELDS)))
        head = b"\r\n".join((b"POST /echo HTTP/1.1", *fields)) + BLANK_LINE
        content = dice.choice(CONTENTS)
        places = sorted(dice.sample(range(1, len(head) + len(content)), dice.choice((1, 2, 5, 20))))
        if dice.random() < 0.5:  # a cut within the blank line
            places = sorted({*places, len(head) - dice.randint(1, 3)})
        _one(split_head, head, content, places, f"in {len(places) + 1} pieces")
    for early in (b"", b"GET / HTTP/1.1\r\nHost"):
        answer = split_head(Pieces([early] if early else []))
        if answer is not None:
            raise NotYet("end_of_file", "A connection that closes before the head has ended has no request: say so "
                         "with the value that the task names.")  # fmt: skip


def _one(split_head: Callable[[Any], Any], head: bytes, content: bytes, places: list[int], how: str) -> None:
    whole = head + content
    pieces = [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
    given = Pieces(pieces)
    try:
        answer = split_head(given)
    except UnicodeError:
        raise NotYet("decode_first", "A byte was read as a letter of UTF-8, and is none. Does a head have to be text "
                     "before its end can be found?") from None  # fmt: skip
    if answer is None:
        idea = "blank" if not places else "seam"
        raise NotYet(idea, f"A request that came {how} and was whole gave None.")
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise NotYet("type", "Return two things: the head, and the bytes that came after it.")
    found, rest = expect_bytes(answer[0], "the head"), expect_bytes(answer[1], "the rest")
    if not found.endswith(BLANK_LINE) and (found.endswith(b"\n\n") or b"\n\n" in content):
        raise NotYet("lf_lf", "Some content has an empty line of its own. Which bytes end a line in HTTP?")
    if BLANK_LINE not in found:
        raise NotYet("one_recv", f"A request that came {how} was given back as if the first piece were all of it.")
    if found != head:
        raise NotYet("seam", f"Of a request that came {how}, the head was cut at another place than its empty line.")
    came = whole[: len(whole) - sum(map(len, given._pieces))]  # noqa: SLF001  # ours: what was not read yet
    if found + rest != came:
        raise NotYet("rest", "Bytes that had come after the head are gone, or were made up: the content begins there.")
