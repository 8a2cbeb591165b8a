"""Work done once for values that keep coming back.

The lines of HTTP repeat: the next request brings the same Host, User-Agent and Accept as the last one, and the next
response the same Content-Type. So each line is looked up first, by all of its bytes; only an unknown one is parsed and
checked, and what was found good once need not be checked again. A hit is one dictionary lookup, in C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["ENTRIES_MAX", "KEY_MAX", "Memo"]

ENTRIES_MAX = 1024
"""Entries of one memo; then it starts anew. Lines that never repeat (ids) thus cost one clearing in 1024."""

KEY_MAX = 256
"""Bytes or characters of a key that is kept: with ENTRIES_MAX it bounds the memory, about half a megabyte a memo."""

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """A bounded dictionary that fills itself: `memo[key]` is `make(key)`, made at most once while it is kept.

    `size(key)` is what KEY_MAX is compared with; a key that holds a secret is given a size of more. Errors of `make`
    pass through and are not kept. Safe between threads: at worst a value is made twice.
    """

    __slots__ = ("_make", "_size")

    def __init__(self, make: Callable[[K], V], size: Callable[[K], int]) -> None:
        super().__init__()
        self._make = make
        self._size = size

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        if self._size(key) <= KEY_MAX:
            if len(self) >= ENTRIES_MAX:
                self.clear()
            self[key] = value
        return value
